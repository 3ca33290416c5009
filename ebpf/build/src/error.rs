// SPDX-License-Identifier: MIT OR Apache-2.0

use std::io;
use std::path::PathBuf;
use std::process::ExitStatus;

/// Why a BPF program was not built.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BuildError {
    /// Called outside a build script.
    #[error("{variable} is not set: call this from a build script, which cargo runs")]
    NotABuildScript {
        /// The variable that cargo sets.
        variable: &'static str,
    },
    /// Neither compiler was found.
    #[error(
        "no Rust compiler for the BPF target: run `cargo xtask setup`, or install Debian's rustc-web and \
         libstd-rust-web-dev-bpf, or a nightly with `rustup component add rust-src --toolchain nightly`"
    )]
    NoCompiler,
    /// `bpf-linker` was not found.
    #[error(
        "bpf-linker is neither in PATH nor in ~/.cargo/bin: run `cargo xtask setup`, or `cargo install bpf-linker`"
    )]
    NoLinker,
    /// cargo could not be started.
    #[error("cannot run cargo to build the BPF program {name}: {source}")]
    Run {
        /// The program's name.
        name: String,
        /// What the system said.
        source: io::Error,
    },
    /// cargo ran and failed; its own messages stand above this one.
    #[error("building the BPF program {name} failed ({status}); see the compiler's messages above")]
    Failed {
        /// The program's name.
        name: String,
        /// cargo's exit status.
        status: ExitStatus,
    },
    /// The object could not be copied.
    #[error("cannot copy the BPF object {}: {source}", path.display())]
    Copy {
        /// Where the object should have been.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}
