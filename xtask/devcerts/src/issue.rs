// SPDX-License-Identifier: MIT OR Apache-2.0
//! The authority and what it signs.

use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, SanType,
};
use time::{Duration, OffsetDateTime};

use crate::DevCertsError;

/// When a certificate is valid.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Validity {
    /// From five minutes ago (clocks differ) for so many days.
    Days(u32),
    /// Ended yesterday. For tests of refusals.
    Expired,
}

impl Validity {
    fn apply(self, parameters: &mut CertificateParams) {
        let now = OffsetDateTime::now_utc();
        (parameters.not_before, parameters.not_after) = match self {
            Self::Days(days) => (now - Duration::minutes(5), now + Duration::days(i64::from(days))),
            Self::Expired => (now - Duration::days(2), now - Duration::days(1)),
        };
    }
}

/// A certificate and its private key, both PEM.
pub struct Issued {
    /// The certificate.
    pub certificate_pem: String,
    /// PKCS #8 private key.
    pub key_pem: String,
}

impl std::fmt::Debug for Issued {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Issued")
            .field("certificate_pem", &self.certificate_pem)
            .finish_non_exhaustive()
    }
}

/// A certificate authority that lives as long as this value, and in the files it is written to.
pub struct Authority {
    issuer: Issuer<'static, KeyPair>,
    certificate_pem: String,
}

impl Authority {
    /// A new authority with a new P-256 key.
    ///
    /// # Errors
    /// When the system has no randomness or the library refuses the parameters.
    pub fn new(name: &str, validity: Validity) -> Result<Self, DevCertsError> {
        let failed = |source| DevCertsError::Issue { name: name.to_owned(), source };
        let mut parameters = CertificateParams::default();
        parameters.distinguished_name.push(DnType::CommonName, name);
        parameters.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        parameters.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        validity.apply(&mut parameters);
        let key = KeyPair::generate().map_err(failed)?;
        let certificate = parameters.self_signed(&key).map_err(failed)?;
        Ok(Self { certificate_pem: certificate.pem(), issuer: Issuer::new(parameters, key) })
    }

    /// The authority's own certificate, PEM: what the other side trusts.
    pub fn certificate_pem(&self) -> &str {
        &self.certificate_pem
    }

    /// The authority's private key, PKCS #8 PEM.
    pub fn key_pem(&self) -> String {
        self.issuer.key().serialize_pem()
    }

    /// A server certificate for these DNS names and IP addresses.
    ///
    /// # Errors
    /// [`DevCertsError::Name`] for a name that is neither; see [`Authority::new`] for the rest.
    pub fn server(&self, names: &[&str], validity: Validity) -> Result<Issued, DevCertsError> {
        self.issue(names, ExtendedKeyUsagePurpose::ServerAuth, validity)
    }

    /// A client certificate whose SAN is this identity: a URI when it has "://", else a DNS name.
    ///
    /// # Errors
    /// As [`Authority::server`].
    pub fn client(&self, identity: &str, validity: Validity) -> Result<Issued, DevCertsError> {
        self.issue(&[identity], ExtendedKeyUsagePurpose::ClientAuth, validity)
    }

    fn issue(
        &self,
        names: &[&str],
        purpose: ExtendedKeyUsagePurpose,
        validity: Validity,
    ) -> Result<Issued, DevCertsError> {
        let common_name = names.first().copied().unwrap_or_default();
        let failed = |source| DevCertsError::Issue { name: common_name.to_owned(), source };
        let mut parameters = CertificateParams::default();
        parameters.distinguished_name.push(DnType::CommonName, common_name);
        parameters.subject_alt_names =
            names.iter().map(|name| subject_name(name)).collect::<Result<_, _>>()?;
        parameters.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        parameters.extended_key_usages = vec![purpose];
        parameters.use_authority_key_identifier_extension = true;
        validity.apply(&mut parameters);
        let key = KeyPair::generate().map_err(failed)?;
        let certificate = parameters.signed_by(&key, &self.issuer).map_err(failed)?;
        Ok(Issued { certificate_pem: certificate.pem(), key_pem: key.serialize_pem() })
    }
}

fn subject_name(name: &str) -> Result<SanType, DevCertsError> {
    if let Ok(address) = name.parse() {
        return Ok(SanType::IpAddress(address));
    }
    let text = name.try_into().map_err(|source| DevCertsError::Name { name: name.to_owned(), source })?;
    Ok(if name.contains("://") { SanType::URI(text) } else { SanType::DnsName(text) })
}
