// SPDX-License-Identifier: MIT OR Apache-2.0
//! One set of certificates, key, authorities and revocation lists, fit to serve with.

use std::{path::Path, sync::Arc};

use rustls::{
    RootCertStore, ServerConfig,
    pki_types::{CertificateDer, CertificateRevocationListDer, PrivateKeyDer, UnixTime},
    server::{NoServerSessionStorage, VerifierBuilderError},
};
use x509_parser::prelude::{CertificateRevocationList, FromDer as _, X509Certificate};

use super::{
    Policy, TlsError,
    certificates::{certificates, private_key, revocation_lists},
    identity, provider,
    strength::weakness,
    verifier::ClientVerifier,
};
use crate::config::Tls;

/// A set that fits together. It does not change: a reload makes another.
#[derive(Debug)]
pub struct Material {
    config: ServerConfig,
    verifier: Arc<ClientVerifier>,
    subject: Arc<str>,
    serial: String,
    not_after: i64,
    next_update: Option<i64>,
}

impl Material {
    /// The relay's name in its certificate: the first of its SAN, else its distinguished name.
    pub fn subject(&self) -> &Arc<str> {
        &self.subject
    }

    /// The serial number of the relay's certificate, as `openssl x509 -serial` shows it.
    pub fn serial(&self) -> &str {
        &self.serial
    }

    /// When the relay's certificate ends, in seconds after 1970-01-01.
    pub fn not_after(&self) -> i64 {
        self.not_after
    }

    /// When the first of the revocation lists ends, in seconds after 1970-01-01. `None` without any that ends.
    pub fn next_update(&self) -> Option<i64> {
        self.next_update
    }

    /// Whether all of it is done by a FIPS 140 module in its approved mode.
    pub fn fips(&self) -> bool {
        self.config.fips()
    }

    /// TLS for a protocol.
    pub(super) fn server_config(&self, alpn: &[&[u8]]) -> Arc<ServerConfig> {
        let mut config = self.config.clone();
        config.alpn_protocols = alpn.iter().map(|protocol| protocol.to_vec()).collect();
        Arc::new(config)
    }

    /// Which files say that their time is over, by key of `[control.tls]`: they can be used, but not for much.
    pub fn expired(&self) -> impl Iterator<Item = (&'static str, &'static str)> {
        let now = UnixTime::now().as_secs() as i64;
        let certificate = (self.not_after < now)
            .then_some(("certificate", "the relay's certificate has expired: clients refuse it; renew it"));
        let list = self.next_update.is_some_and(|next| next < now).then_some((
            "client_crl",
            "a revocation list has expired: clients of its authority are refused; get the next one",
        ));
        certificate.into_iter().chain(list)
    }

    pub(super) fn verifier(&self) -> &ClientVerifier {
        &self.verifier
    }
}

/// Reads the files. All that is wrong with them is returned, at least one error.
pub fn load_all(files: &Tls, policy: Policy) -> Result<Material, Vec<TlsError>> {
    let mut errors = Vec::new();
    let mut keep = |error| errors.push(error);
    let chain = certificates("certificate", &files.certificate).map_err(&mut keep).ok();
    let key = private_key(&files.key).map_err(&mut keep).ok();
    let roots = certificates("client_ca", &files.client_ca)
        .and_then(|authorities| roots(&files.client_ca, authorities))
        .map_err(&mut keep)
        .ok();
    let lists = files.client_crl.as_deref().map_or(Ok(Lists::default()), lists).map_err(&mut keep).ok();
    match (chain, key, roots, lists) {
        (Some(chain), Some(key), Some(roots), Some(lists)) => {
            build(files, policy, chain, key, roots, lists).map_err(|error| vec![error])
        }
        _ => Err(errors),
    }
}

#[derive(Default)]
struct Lists {
    newest_first: Vec<CertificateRevocationListDer<'static>>,
    next_update: Option<i64>,
}

fn build(
    files: &Tls,
    policy: Policy,
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
    roots: RootCertStore,
    lists: Lists,
) -> Result<Material, TlsError> {
    let provider = provider();
    let own = own_certificate(&files.certificate, &chain)?;
    let verifier =
        ClientVerifier::new(roots, lists.newest_first, &provider).map_err(|error| match error {
            VerifierBuilderError::InvalidCrl(_) => revocation_list(files.client_crl.as_deref(), error),
            _ => TlsError::Authorities { path: files.client_ca.clone(), message: error.to_string() },
        })?;
    let verifier = Arc::new(verifier);
    let mismatch = |source| TlsError::KeyMismatch {
        certificate: files.certificate.clone(),
        key: files.key.clone(),
        source,
    };
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(policy.versions())
        .map_err(|source| TlsError::Certificate {
            key: "certificate",
            path: files.certificate.clone(),
            source,
        })?
        .with_client_cert_verifier(verifier.clone())
        .with_single_cert(chain, key)
        .map_err(mismatch)?;
    // A resumed session would not show its certificate again, which may have been revoked or have expired since.
    config.session_storage = Arc::new(NoServerSessionStorage {});
    config.send_tls13_tickets = 0;
    config.require_ems |= policy.fips;
    if policy.fips && !config.fips() {
        return Err(TlsError::NotFips);
    }
    let Own { subject, serial, not_after } = own;
    Ok(Material { config, verifier, subject, serial, not_after, next_update: lists.next_update })
}

struct Own {
    subject: Arc<str>,
    serial: String,
    not_after: i64,
}

fn own_certificate(path: &Path, chain: &[CertificateDer<'_>]) -> Result<Own, TlsError> {
    let end_entity = chain.first().and_then(|first| X509Certificate::from_der(first).ok());
    let (_, parsed) = end_entity.ok_or_else(|| TlsError::Certificate {
        key: "certificate",
        path: path.to_owned(),
        source: rustls::CertificateError::BadEncoding.into(),
    })?;
    let name = chain.first().and_then(identity::first_name);
    Ok(Own {
        subject: name.unwrap_or_else(|| parsed.subject().to_string()).into(),
        serial: identity::serial(&parsed),
        not_after: parsed.validity().not_after.timestamp(),
    })
}

fn roots(path: &Path, authorities: Vec<CertificateDer<'static>>) -> Result<RootCertStore, TlsError> {
    let mut roots = RootCertStore::empty();
    for authority in authorities {
        if let Some(weakness) = weakness(&authority) {
            return Err(TlsError::Weak { key: "client_ca", path: path.to_owned(), weakness });
        }
        let failed = |source| TlsError::Certificate { key: "client_ca", path: path.to_owned(), source };
        roots.add(authority).map_err(failed)?;
    }
    Ok(roots)
}

/// Of two lists of one authority the first is asked: it has to be the newer one.
fn lists(path: &Path) -> Result<Lists, TlsError> {
    let mut dated = Vec::new();
    let mut next_update = None::<i64>;
    for list in revocation_lists(path)? {
        let (_, parsed) =
            CertificateRevocationList::from_der(&list).map_err(|error| revocation_list(Some(path), error))?;
        let updates = (parsed.last_update().timestamp(), parsed.next_update().map(|time| time.timestamp()));
        next_update = next_update.into_iter().chain(updates.1).min();
        dated.push((updates.0, list));
    }
    dated.sort_by_key(|(update, _)| std::cmp::Reverse(*update));
    Ok(Lists { newest_first: dated.into_iter().map(|(_, list)| list).collect(), next_update })
}

fn revocation_list(path: Option<&Path>, error: impl ToString) -> TlsError {
    TlsError::RevocationList {
        path: path.map(Path::to_owned).unwrap_or_default(),
        message: error.to_string(),
    }
}
