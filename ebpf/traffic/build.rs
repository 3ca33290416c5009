// SPDX-License-Identifier: MIT OR Apache-2.0
//! Builds the load generator.

use std::path::Path;

fn main() -> Result<(), culvert_ebpf_build::BuildError> {
    culvert_ebpf_build::build(Path::new("../generator"), "generator", &[]).map(drop)
}
