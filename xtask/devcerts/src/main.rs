// SPDX-License-Identifier: MIT OR Apache-2.0
//! `culvert-devcerts DIRECTORY [NAME...]`: what `cargo xtask certs` runs.

use std::io::Write;
use std::path::Path;
use std::process::ExitCode;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let mut output = std::io::stdout();
    let Some((directory, names)) = arguments.split_first() else {
        let _ = writeln!(std::io::stderr(), "usage: culvert-devcerts DIRECTORY [NAME...]");
        return ExitCode::from(2);
    };
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    match culvert_devcerts::write_directory(Path::new(directory), &names) {
        Ok(files) => {
            for pair in [files.authority, files.server, files.front_end, files.operator, files.metrics] {
                let _ = writeln!(output, "{} {}", pair.certificate.display(), pair.key.display());
            }
            ExitCode::SUCCESS
        }
        Err(error) => {
            let _ = writeln!(std::io::stderr(), "error: {error}");
            ExitCode::FAILURE
        }
    }
}
