// SPDX-License-Identifier: MIT OR Apache-2.0
//! Development certificates for demos and tests: an authority, servers, clients.
//!
//! Never for production: the authority's key lies beside the certificates, and whoever reads it can become any
//! front end.

mod directory;
mod issue;

pub use directory::{Files, Pair, write_directory};
pub use issue::{Authority, Issued, KeyKind, Purpose, Request, Validity};

use std::path::PathBuf;

/// Identity (DNS name in the SAN) of the front end that makes sessions.
pub const FRONT_END: &str = "front-end.culvert.test";
/// Identity of the operator who drains nodes and sees all sessions.
pub const OPERATOR: &str = "operator.culvert.test";
/// Identity of the collector that may read metrics and nothing else.
pub const METRICS: &str = "metrics.culvert.test";

/// Why certificates could not be made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DevCertsError {
    /// The name cannot stand in a certificate.
    #[error("\"{name}\" cannot stand in a certificate as a DNS name, IP address or URI: {source}")]
    Name {
        /// As it was given.
        name: String,
        /// What the encoder says.
        source: rcgen::Error,
    },
    /// Key generation or signing failed.
    #[error("making the certificate of \"{name}\" failed: {source}")]
    Issue {
        /// Common name of the certificate.
        name: String,
        /// What the cryptographic library says.
        source: rcgen::Error,
    },
    /// A file could not be written.
    #[error("cannot write {path}: {source}; choose a directory that you may write", path = path.display())]
    Write {
        /// The file or directory.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
}
