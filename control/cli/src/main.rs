// SPDX-License-Identifier: MIT OR Apache-2.0
//! The operator's and the front end's command line.

fn main() {}
