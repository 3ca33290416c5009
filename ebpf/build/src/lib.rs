// SPDX-License-Identifier: MIT OR Apache-2.0
//! Builds a BPF program from a build script.
//!
//! The BPF target has no prebuilt `core` in rustup. Two compilers can help: one with a prebuilt `core` for
//! `bpfel-unknown-none` (Debian's `libstd-rust-web-dev-bpf`), or a nightly with the `rust-src` component, which
//! builds it. Either needs `bpf-linker`.

mod error;
mod toolchain;

use std::path::{Path, PathBuf};
use std::process::Command;

pub use error::BuildError;
use toolchain::{Compiler, Toolchain};

const TARGET: &str = "bpfel-unknown-none";

/// Builds the binary `name` of the package in `package`, and copies the object to `$OUT_DIR/<name>`.
///
/// `sources` are directories outside the package whose change makes a new build necessary. To be called from a
/// build script; it prints the `rerun-if-changed` lines that cargo reads.
///
/// # Errors
/// When no suitable compiler or linker is found, or when the build fails; the sentence says what to do.
pub fn build(package: &Path, name: &str, sources: &[&Path]) -> Result<PathBuf, BuildError> {
    let out = PathBuf::from(variable("OUT_DIR")?);
    for path in ["Cargo.toml", "Cargo.lock", "src"] {
        watch(&package.join(path));
    }
    sources.iter().for_each(|path| watch(path));
    watch_variable(toolchain::RUSTC_VARIABLE);

    let toolchain = Toolchain::find()?;
    let target_directory = out.join("target");
    let mut command = cargo(&toolchain)?;
    command
        .current_dir(package)
        .args(["build", "--release", "--locked", "--target", TARGET, "--bin", name, "--target-dir"])
        .arg(&target_directory)
        .env("CARGO_TARGET_BPFEL_UNKNOWN_NONE_LINKER", &toolchain.linker);
    let status = command.status().map_err(|source| BuildError::Run { name: name.into(), source })?;
    if !status.success() {
        return Err(BuildError::Failed { name: name.into(), status });
    }

    let object = out.join(name);
    let built = target_directory.join(TARGET).join("release").join(name);
    std::fs::copy(&built, &object).map_err(|source| BuildError::Copy { path: built, source })?;
    Ok(object)
}

fn cargo(toolchain: &Toolchain) -> Result<Command, BuildError> {
    let mut command = match &toolchain.compiler {
        Compiler::Prebuilt(rustc) => {
            let mut command = Command::new(variable("CARGO")?);
            // aya-ebpf's inline assembly for BPF is behind a feature gate.
            command.env("RUSTC", rustc).env("RUSTC_BOOTSTRAP", "1");
            command
        }
        Compiler::Nightly => {
            let mut command = Command::new("rustup");
            command.args(["run", "nightly", "cargo", "-Zbuild-std=core"]).env_remove("RUSTC");
            command
        }
    };
    // The outer build's wrappers (clippy), flags (coverage, sanitizers) and toolchain are not for this target.
    for name in [
        "RUSTC_WRAPPER",
        "RUSTC_WORKSPACE_WRAPPER",
        "RUSTFLAGS",
        "CARGO_ENCODED_RUSTFLAGS",
        "RUSTUP_TOOLCHAIN",
        "CARGO_BUILD_TARGET",
    ] {
        command.env_remove(name);
    }
    Ok(command)
}

fn variable(name: &'static str) -> Result<std::ffi::OsString, BuildError> {
    watch_variable(name);
    std::env::var_os(name).ok_or(BuildError::NotABuildScript { variable: name })
}

#[expect(clippy::print_stdout, reason = "cargo reads a build script's standard output")]
fn watch(path: &Path) {
    println!("cargo::rerun-if-changed={}", path.display());
}

#[expect(clippy::print_stdout, reason = "cargo reads a build script's standard output")]
fn watch_variable(name: &str) {
    if name != "OUT_DIR" && name != "CARGO" {
        println!("cargo::rerun-if-env-changed={name}");
    }
}
