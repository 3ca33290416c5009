// SPDX-License-Identifier: MIT OR Apache-2.0
//! Carrying out `culvert key`. No relay takes part.

use std::fs::File;
use std::io::{self, Read, Write};
use std::path::Path;
use std::time::SystemTime;

use culvert_mras::container::{self, MAX_CONTAINER, OpenError};

use crate::arguments::Open;
use crate::error::CliError;
use crate::output::{json, keys::Opened};

/// A container and the white space around it.
const MAX_FILE: u64 = 2 * MAX_CONTAINER as u64;

pub(crate) fn open(arguments: &Open, as_json: bool, out: &mut impl Write) -> Result<(), CliError> {
    let stdin = arguments.file == Path::new("-");
    if stdin && arguments.passwords.read_stdin() {
        let reason = "standard input cannot give the container and its password; name a file for one of them";
        return Err(CliError::value("-", reason));
    }
    let passwords = arguments.passwords.read(1)?;
    let password = passwords.first().ok_or(OpenError)?;
    let mut text = Vec::new();
    let outcome = if stdin {
        io::stdin().take(MAX_FILE).read_to_end(&mut text)
    } else {
        File::open(&arguments.file).and_then(|file| file.take(MAX_FILE).read_to_end(&mut text))
    };
    outcome.map_err(|source| CliError::Read {
        what: "container",
        path: arguments.file.display().to_string(),
        source,
    })?;
    let text = str::from_utf8(&text).map_err(|_| OpenError)?.trim();
    let keys = container::open(password, text, SystemTime::now())?;
    let (_, expiry) = container::peek(text)?;
    let opened = Opened::new(&keys, expiry);
    Ok(if as_json { json::answer(out, &opened) } else { opened.text(out) }?)
}
