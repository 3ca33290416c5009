// SPDX-License-Identifier: MIT OR Apache-2.0
//! Carrying out `culvert doctor`. No relay takes part.

use std::io::Write;

use culvert_doctor::{Intent, Linux, Verdict, diagnose};

use crate::arguments::Doctor;
use crate::error::CliError;
use crate::output::{doctor, json};

pub(crate) fn run(arguments: Doctor, as_json: bool, out: &mut impl Write) -> Result<(), CliError> {
    let mut intent = match &arguments.config {
        Some(path) => Intent::load(path)?,
        None => Intent::default(),
    };
    if !arguments.interfaces.is_empty() {
        intent.interfaces = arguments.interfaces;
    }
    let checks = diagnose(&Linux, &intent);
    if as_json { json::answer(out, &checks) } else { doctor::text(out, &checks) }?;
    match checks.iter().filter(|check| check.verdict == Verdict::Problem).count() {
        0 => Ok(()),
        count => Err(CliError::Problems(count)),
    }
}
