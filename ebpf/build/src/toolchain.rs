// SPDX-License-Identifier: MIT OR Apache-2.0

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::{BuildError, TARGET};

/// Names a compiler with a prebuilt `core` for BPF, in place of the usual places.
pub(crate) const RUSTC_VARIABLE: &str = "CULVERT_BPF_RUSTC";

pub(crate) enum Compiler {
    /// Has `core` for the BPF target in its library directory.
    Prebuilt(PathBuf),
    /// Builds `core` from `rust-src`.
    Nightly,
}

pub(crate) struct Toolchain {
    pub(crate) compiler: Compiler,
    pub(crate) linker: PathBuf,
}

impl Toolchain {
    pub(crate) fn find() -> Result<Self, BuildError> {
        let compiler = find_prebuilt().map(Compiler::Prebuilt).or_else(find_nightly);
        let compiler = compiler.ok_or(BuildError::NoCompiler)?;
        Ok(Self { compiler, linker: find_linker().ok_or(BuildError::NoLinker)? })
    }
}

fn find_prebuilt() -> Option<PathBuf> {
    let named = std::env::var_os(RUSTC_VARIABLE).map(PathBuf::from);
    let usual = ["/usr/bin/rustc", "/usr/local/bin/rustc"].map(PathBuf::from);
    named.into_iter().chain(usual).find(|rustc| {
        let directory = output(Command::new(rustc).args(["--print", "target-libdir", "--target", TARGET]));
        directory.is_some_and(|directory| holds_core(Path::new(&directory)))
    })
}

fn holds_core(directory: &Path) -> bool {
    let Ok(entries) = directory.read_dir() else { return false };
    entries.flatten().any(|entry| entry.file_name().to_string_lossy().starts_with("libcore-"))
}

fn find_nightly() -> Option<Compiler> {
    let mut command = Command::new("rustup");
    command.args(["run", "nightly", "rustc", "--print", "sysroot"]).env_remove("RUSTUP_TOOLCHAIN");
    let sysroot = PathBuf::from(output(&mut command)?);
    sysroot.join("lib/rustlib/src/rust/library/core").is_dir().then_some(Compiler::Nightly)
}

fn find_linker() -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let home = std::env::var_os("CARGO_HOME")
        .map(PathBuf::from)
        .or_else(|| Some(PathBuf::from(std::env::var_os("HOME")?).join(".cargo")));
    std::env::split_paths(&path)
        .chain(home.map(|home| home.join("bin")))
        .map(|directory| directory.join("bpf-linker"))
        .find(|file| file.is_file())
}

/// Standard output without the final newline; `None` when the command is missing or fails.
fn output(command: &mut Command) -> Option<String> {
    let output = command.output().ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
}
