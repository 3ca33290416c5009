// SPDX-License-Identifier: MIT OR Apache-2.0
//! Tools from crates.io, in versions that are known to work with the pinned toolchain.

use super::Group;
use crate::failure::Failure;
use crate::step::{self, cargo, program};

struct Tool {
    group: Group,
    name: &'static str,
    version: &'static str,
    /// Says that it is there.
    probe: (&'static str, &'static [&'static str]),
    options: &'static [&'static str],
    environment: &'static [(&'static str, &'static str)],
}

const TOOLS: &[Tool] = &[
    Tool {
        group: Group::Build,
        name: "bpf-linker",
        version: "0.13.0",
        probe: ("bpf-linker", &["--version"]),
        // The LLVM of Debian's rustc-web; the default feature wants a newer one.
        options: &["--no-default-features", "--features", "llvm-22"],
        environment: &[("LLVM_PREFIX", "/usr/lib/llvm-22")],
    },
    Tool {
        group: Group::Test,
        name: "cargo-nextest",
        version: "0.9.143",
        probe: ("cargo", &["nextest", "--version"]),
        options: &[],
        environment: &[],
    },
    Tool {
        group: Group::Test,
        name: "cargo-deny",
        version: "0.20.2",
        probe: ("cargo", &["deny", "--version"]),
        options: &[],
        environment: &[],
    },
];

pub(super) fn install(group: Group) -> Result<(), Failure> {
    for tool in TOOLS.iter().filter(|tool| group.needs(tool.group)) {
        let (name, arguments) = tool.probe;
        if step::succeeds(&mut program(name, arguments.iter().copied())) {
            continue;
        }
        println!("==> missing tool: {}", tool.name);
        let mut command = cargo(["install", "--locked", tool.name, "--version", tool.version]);
        command.args(tool.options).envs(tool.environment.iter().copied());
        // Our own target directory may be under another cargo's lock.
        command.env_remove("CARGO_TARGET_DIR");
        step::run(tool.name, &mut command)?;
    }
    Ok(())
}
