// SPDX-License-Identifier: MIT OR Apache-2.0
//! Copies what the build script has made to the directory that it is given.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

fn main() -> ExitCode {
    let Some(to) = std::env::args_os().nth(1).map(PathBuf::from) else {
        eprintln!("error: name the directory for the shared objects");
        return ExitCode::FAILURE;
    };
    match copy(Path::new(env!("OUT_DIR")), &to) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: cannot copy the shared objects to {}: {error}", to.display());
            ExitCode::FAILURE
        }
    }
}

fn copy(from: &Path, to: &Path) -> std::io::Result<()> {
    std::fs::create_dir_all(to)?;
    for entry in from.read_dir()? {
        let path = entry?.path();
        if let Some(name) = path.file_name().filter(|_| path.extension().is_some_and(|end| end == "so")) {
            std::fs::copy(&path, to.join(name))?;
        }
    }
    Ok(())
}
