// SPDX-License-Identifier: MIT OR Apache-2.0
//! PEM files and the TLS configuration made of them.

use std::{
    io,
    path::{Path, PathBuf},
    sync::Arc,
};

use rustls::{
    RootCertStore, ServerConfig,
    crypto::{CryptoProvider, aws_lc_rs},
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _},
    server::WebPkiClientVerifier,
    version::{TLS12, TLS13},
};
use zeroize::Zeroizing;

use crate::config::Tls;

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
}

impl TlsError {
    /// Which key of `[control.tls]` it is about.
    pub fn key(&self) -> &'static str {
        match self {
            TlsError::Read { key, .. } | TlsError::Empty { key, .. } | TlsError::Certificate { key, .. } => {
                key
            }
            TlsError::KeyMismatch { .. } => "key",
            TlsError::Authorities { .. } => "client_ca",
        }
    }
}

/// As [`load_all`], with the first error only.
pub fn server_config(files: &Tls) -> Result<Arc<ServerConfig>, TlsError> {
    load_all(files).map_err(|mut errors| errors.swap_remove(0))
}

/// TLS 1.2 and 1.3 for gRPC, with a client certificate demanded and checked against the authorities. All that is wrong with
/// the files is returned, at least one error.
pub fn load_all(files: &Tls) -> Result<Arc<ServerConfig>, Vec<TlsError>> {
    let provider = Arc::new(aws_lc_rs::default_provider());
    let mut errors = Vec::new();
    let mut keep = |error| errors.push(error);
    let chain = certificates("certificate", &files.certificate).map_err(&mut keep).ok();
    let key = private_key(&files.key).map_err(&mut keep).ok();
    let roots = certificates("client_ca", &files.client_ca)
        .and_then(|authorities| roots(&files.client_ca, authorities))
        .map_err(&mut keep)
        .ok();
    match (chain, key, roots) {
        (Some(chain), Some(key), Some(roots)) => {
            build(files, provider, chain, key, roots).map_err(|error| vec![error])
        }
        _ => Err(errors),
    }
}

fn build(
    files: &Tls,
    provider: Arc<CryptoProvider>,
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
    roots: RootCertStore,
) -> Result<Arc<ServerConfig>, TlsError> {
    let authorities = |message| TlsError::Authorities { path: files.client_ca.clone(), message };
    let verifier = WebPkiClientVerifier::builder_with_provider(roots.into(), provider.clone())
        .build()
        .map_err(|error| authorities(error.to_string()))?;
    let mismatch = |source| TlsError::KeyMismatch {
        certificate: files.certificate.clone(),
        key: files.key.clone(),
        source,
    };
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&TLS13, &TLS12])
        .map_err(|error| authorities(error.to_string()))?
        .with_client_cert_verifier(verifier)
        .with_single_cert(chain, key)
        .map_err(mismatch)?;
    config.alpn_protocols = vec![b"h2".to_vec()];
    Ok(Arc::new(config))
}

fn roots(path: &Path, authorities: Vec<CertificateDer<'static>>) -> Result<RootCertStore, TlsError> {
    let mut roots = RootCertStore::empty();
    for authority in authorities {
        let failed = |source| TlsError::Certificate { key: "client_ca", path: path.to_owned(), source };
        roots.add(authority).map_err(failed)?;
    }
    Ok(roots)
}

fn certificates(key: &'static str, path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let bytes =
        std::fs::read(path).map_err(|source| TlsError::Read { key, path: path.to_owned(), source })?;
    let empty = || TlsError::Empty { key, path: path.to_owned(), what: "certificate" };
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&bytes).collect();
    found.ok().filter(|found| !found.is_empty()).ok_or_else(empty)
}

fn private_key(path: &Path) -> Result<PrivateKeyDer<'static>, TlsError> {
    let read = |source| TlsError::Read { key: "key", path: path.to_owned(), source };
    let bytes = Zeroizing::new(std::fs::read(path).map_err(read)?);
    let empty = || TlsError::Empty { key: "key", path: path.to_owned(), what: "unencrypted private key" };
    PrivateKeyDer::from_pem_slice(&bytes).map_err(|_| empty())
}
