// SPDX-License-Identifier: MIT OR Apache-2.0
//! PEM files, and what can be wrong with them.

use std::{
    io,
    path::{Path, PathBuf},
};

use rustls::pki_types::{CertificateDer, CertificateRevocationListDer, PrivateKeyDer, pem::PemObject};
use zeroize::Zeroizing;

use super::Weakness;

/// Why the control interface cannot be served. None of them shows what is in a key file.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TlsError {
    /// A file cannot be read.
    #[error("cannot read {}: {source}", path.display())]
    Read {
        /// The key of the configuration that names it.
        key: &'static str,
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// A file has no PEM section of the kind that belongs there.
    #[error("{} has no {what} in PEM form", path.display())]
    Empty {
        /// The key of the configuration that names it.
        key: &'static str,
        /// The file.
        path: PathBuf,
        /// What it should have.
        what: &'static str,
    },
    /// A certificate cannot be used.
    #[error("{} has a certificate that cannot be used: {source}", path.display())]
    Certificate {
        /// The key of the configuration that names it.
        key: &'static str,
        /// The file.
        path: PathBuf,
        /// What is wrong.
        source: rustls::Error,
    },
    /// The private key is not the certificate's, or of no use.
    #[error("the private key {} does not go with the certificate {}: {source}", key.display(), certificate.display())]
    KeyMismatch {
        /// The certificate's file.
        certificate: PathBuf,
        /// The key's file.
        key: PathBuf,
        /// What is wrong.
        source: rustls::Error,
    },
    /// The authorities cannot be used to check clients.
    #[error("{} cannot be used to check clients: {message}", path.display())]
    Authorities {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        message: String,
    },
    /// The revocation lists cannot be used.
    #[error("{} has a revocation list that cannot be used: {message}", path.display())]
    RevocationList {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        message: String,
    },
    /// A certificate has a key that is too short.
    #[error("{} has a certificate that proves nothing: {weakness}", path.display())]
    Weak {
        /// The key of the configuration that names it.
        key: &'static str,
        /// The file.
        path: PathBuf,
        /// What is wrong.
        weakness: Weakness,
    },
    /// TLS was to be done by a FIPS module.
    #[error(
        "the cryptographic library of this program is not a FIPS 140 module in its approved mode; use a build with it"
    )]
    NotFips,
}

impl TlsError {
    /// Which key of the configuration it is about.
    pub fn key(&self) -> String {
        let key = match self {
            TlsError::Read { key, .. }
            | TlsError::Empty { key, .. }
            | TlsError::Certificate { key, .. }
            | TlsError::Weak { key, .. } => key,
            TlsError::KeyMismatch { .. } => "key",
            TlsError::Authorities { .. } => "client_ca",
            TlsError::RevocationList { .. } => "client_crl",
            TlsError::NotFips => return "node.fips".into(),
        };
        format!("control.tls.{key}")
    }
}

pub(super) fn certificates(key: &'static str, path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    sections(key, path, "certificate")
}

pub(super) fn revocation_lists(path: &Path) -> Result<Vec<CertificateRevocationListDer<'static>>, TlsError> {
    sections("client_crl", path, "revocation list")
}

/// All sections of a kind. One that is broken off makes the whole file of no use: others may be missing after it.
fn sections<T: PemObject>(key: &'static str, path: &Path, what: &'static str) -> Result<Vec<T>, TlsError> {
    let bytes =
        std::fs::read(path).map_err(|source| TlsError::Read { key, path: path.to_owned(), source })?;
    let empty = || TlsError::Empty { key, path: path.to_owned(), what };
    let found: Result<Vec<_>, _> = T::pem_slice_iter(&bytes).collect();
    found.ok().filter(|found| !found.is_empty()).ok_or_else(empty)
}

pub(super) fn private_key(path: &Path) -> Result<PrivateKeyDer<'static>, TlsError> {
    let read = |source| TlsError::Read { key: "key", path: path.to_owned(), source };
    let bytes = Zeroizing::new(std::fs::read(path).map_err(read)?);
    let empty = || TlsError::Empty { key: "key", path: path.to_owned(), what: "unencrypted private key" };
    PrivateKeyDer::from_pem_slice(&bytes).map_err(|_| empty())
}
