// SPDX-License-Identifier: MIT OR Apache-2.0
//! The set of files that a demo or a developer needs.

use std::fs;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use crate::{Authority, DevCertsError, FRONT_END, Issued, METRICS, OPERATOR, Validity};

/// Development certificates die soon, so that none gets old in somebody's deployment.
const VALIDITY: Validity = Validity::Days(30);

/// Where a certificate and its key were written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pair {
    /// PEM certificate.
    pub certificate: PathBuf,
    /// PEM private key, mode 0600.
    pub key: PathBuf,
}

/// What [`write_directory`] wrote.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Files {
    /// The authority; its certificate is what both sides trust.
    pub authority: Pair,
    /// culvertd's own.
    pub server: Pair,
    /// The client [`FRONT_END`].
    pub front_end: Pair,
    /// The client [`OPERATOR`].
    pub operator: Pair,
    /// The client [`METRICS`].
    pub metrics: Pair,
}

/// Makes the directory and writes into it an authority, a server certificate for `localhost`, 127.0.0.1, ::1 and
/// `extra_names`, and the three clients, all valid for 30 days. Files of an earlier run are replaced.
///
/// # Errors
/// When a name is not fit for a certificate or a file cannot be written.
pub fn write_directory(directory: &Path, extra_names: &[&str]) -> Result<Files, DevCertsError> {
    fs::create_dir_all(directory)
        .map_err(|source| DevCertsError::Write { path: directory.to_owned(), source })?;
    let authority = Authority::new("Culvert development authority", VALIDITY)?;
    let mut names = vec!["localhost", "127.0.0.1", "::1"];
    names.extend(extra_names);

    let client = |identity: &str| authority.client(identity, VALIDITY);
    let authority_files = Issued {
        certificate_pem: authority.certificate_pem().to_owned(),
        key_pem: authority.key_pem(),
        serial: authority.serial(),
    };
    Ok(Files {
        authority: write_pair(directory, "ca", &authority_files)?,
        server: write_pair(directory, "server", &authority.server(&names, VALIDITY)?)?,
        front_end: write_pair(directory, "front-end", &client(FRONT_END)?)?,
        operator: write_pair(directory, "operator", &client(OPERATOR)?)?,
        metrics: write_pair(directory, "metrics", &client(METRICS)?)?,
    })
}

fn write_pair(directory: &Path, stem: &str, issued: &Issued) -> Result<Pair, DevCertsError> {
    let pair = Pair {
        certificate: directory.join(format!("{stem}.pem")),
        key: directory.join(format!("{stem}.key")),
    };
    write_file(&pair.certificate, &issued.certificate_pem, 0o644)?;
    write_file(&pair.key, &issued.key_pem, 0o600)?;
    Ok(pair)
}

/// A new file takes the place of an old one: its mode then holds from the first byte on.
fn write_file(path: &Path, text: &str, mode: u32) -> Result<(), DevCertsError> {
    let failed = |source| DevCertsError::Write { path: path.to_owned(), source };
    match fs::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(failed(error)),
        _ => {}
    }
    let mut file =
        fs::OpenOptions::new().write(true).create_new(true).mode(mode).open(path).map_err(failed)?;
    file.write_all(text.as_bytes()).map_err(failed)
}
