// SPDX-License-Identifier: MIT OR Apache-2.0
//! Development certificates, made by a program of their own: cryptography is not for everybody's first compilation.

use std::path::Path;

use crate::failure::Failure;
use crate::step;

pub(crate) fn run(directory: &Path, names: &[String]) -> Result<(), Failure> {
    // Cargo runs the program in the workspace; the path is meant from where the caller stands.
    let directory = std::path::absolute(directory)
        .map_err(|error| Failure::new(format!("{}: {error}", directory.display())))?;
    let mut command = step::cargo(["run", "--quiet", "--package", "culvert-devcerts", "--"]);
    step::run("development certificates", command.arg(directory).args(names))
}
