// SPDX-License-Identifier: MIT OR Apache-2.0
//! Setup, demo, test and bench of the workspace.

fn main() {}
