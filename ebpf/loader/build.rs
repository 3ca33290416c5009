// SPDX-License-Identifier: MIT OR Apache-2.0
//! Builds the XDP program.

use std::path::Path;

fn main() -> Result<(), culvert_ebpf_build::BuildError> {
    let sources = ["../abi/Cargo.toml", "../abi/src", "../../relay/wire/Cargo.toml", "../../relay/wire/src"];
    culvert_ebpf_build::build(Path::new("../program"), "culvert", &sources.map(Path::new)).map(drop)
}
