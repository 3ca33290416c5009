// SPDX-License-Identifier: MIT OR Apache-2.0
//! The Culvert media relay daemon.

fn main() {}
