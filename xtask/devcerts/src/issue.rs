// SPDX-License-Identifier: MIT OR Apache-2.0
//! The authority and what it signs.

use std::sync::atomic::{AtomicU64, Ordering};

use rcgen::{
    BasicConstraints, CertificateParams, CertificateRevocationListParams, DnType, ExtendedKeyUsagePurpose,
    IsCa, Issuer, KeyIdMethod, KeyPair, KeyUsagePurpose, PKCS_ECDSA_P256_SHA256, PKCS_ECDSA_P384_SHA384,
    PKCS_ED25519, PKCS_RSA_SHA256, RevokedCertParams, SanType, SerialNumber,
};
use time::{Duration, OffsetDateTime};

use crate::DevCertsError;

/// When a certificate is valid, or from when to when a revocation list is the current one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Validity {
    /// From five minutes ago (clocks differ) for so many days.
    Days(u32),
    /// Ended yesterday. For tests of refusals.
    Expired,
    /// Begins tomorrow. For tests of refusals.
    Future,
}

impl Validity {
    fn window(self) -> (OffsetDateTime, OffsetDateTime) {
        let now = OffsetDateTime::now_utc();
        match self {
            Self::Days(days) => (now - Duration::minutes(5), now + Duration::days(i64::from(days))),
            Self::Expired => (now - Duration::days(2), now - Duration::days(1)),
            Self::Future => (now + Duration::days(1), now + Duration::days(2)),
        }
    }

    fn apply(self, parameters: &mut CertificateParams) {
        (parameters.not_before, parameters.not_after) = self.window();
    }
}

/// What a certificate is for (extended key usage).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// TLS server authentication.
    Server,
    /// TLS client authentication.
    Client,
}

/// What kind of key a certificate has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyKind {
    /// ECDSA on P-256.
    P256,
    /// ECDSA on P-384.
    P384,
    /// Ed25519.
    Ed25519,
    /// RSA with a modulus of 2048 bits.
    Rsa2048,
}

impl KeyKind {
    fn generate(self) -> Result<KeyPair, rcgen::Error> {
        KeyPair::generate_for(match self {
            KeyKind::P256 => &PKCS_ECDSA_P256_SHA256,
            KeyKind::P384 => &PKCS_ECDSA_P384_SHA384,
            KeyKind::Ed25519 => &PKCS_ED25519,
            KeyKind::Rsa2048 => &PKCS_RSA_SHA256,
        })
    }
}

/// What a certificate is to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Request<'a> {
    /// DNS names, IP addresses and URIs (with "://") for the SAN. The first is also the common name.
    pub names: &'a [&'a str],
    /// What it is for.
    pub purpose: Purpose,
    /// When it is valid.
    pub validity: Validity,
    /// Its key.
    pub key: KeyKind,
}

/// A certificate and its private key, both PEM.
pub struct Issued {
    /// The certificate.
    pub certificate_pem: String,
    /// PKCS #8 private key.
    pub key_pem: String,
    /// Its serial number: what a revocation list names it by.
    pub serial: u64,
}

impl std::fmt::Debug for Issued {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Issued")
            .field("certificate_pem", &self.certificate_pem)
            .field("serial", &self.serial)
            .finish_non_exhaustive()
    }
}

/// A certificate authority that lives as long as this value, and in the files it is written to.
pub struct Authority {
    issuer: Issuer<'static, KeyPair>,
    certificate_pem: String,
    serial: u64,
    next_serial: AtomicU64,
}

impl Authority {
    /// A new authority with a new P-256 key.
    ///
    /// # Errors
    /// When the system has no randomness or the library refuses the parameters.
    pub fn new(name: &str, validity: Validity) -> Result<Self, DevCertsError> {
        let (parameters, serial) = Self::parameters(name, validity, 1);
        Self::make(name, parameters, serial, |parameters, key| parameters.self_signed(key))
    }

    /// An authority below this one. What it issues is shown with its own certificate behind it.
    ///
    /// # Errors
    /// As [`Authority::new`].
    pub fn intermediate(&self, name: &str, validity: Validity) -> Result<Self, DevCertsError> {
        let (mut parameters, _) = Self::parameters(name, validity, 0);
        let serial = self.take_serial();
        parameters.serial_number = Some(SerialNumber::from(serial));
        parameters.use_authority_key_identifier_extension = true;
        Self::make(name, parameters, serial, |parameters, key| parameters.signed_by(key, &self.issuer))
    }

    fn parameters(name: &str, validity: Validity, below: u8) -> (CertificateParams, u64) {
        let mut parameters = CertificateParams::default();
        parameters.distinguished_name.push(DnType::CommonName, name);
        parameters.is_ca = IsCa::Ca(BasicConstraints::Constrained(below));
        parameters.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        validity.apply(&mut parameters);
        let serial = first_serial();
        parameters.serial_number = Some(SerialNumber::from(serial));
        (parameters, serial)
    }

    fn make(
        name: &str,
        parameters: CertificateParams,
        serial: u64,
        sign: impl FnOnce(&CertificateParams, &KeyPair) -> Result<rcgen::Certificate, rcgen::Error>,
    ) -> Result<Self, DevCertsError> {
        let failed = |source| DevCertsError::Issue { name: name.to_owned(), source };
        let key = KeyPair::generate().map_err(failed)?;
        let certificate = sign(&parameters, &key).map_err(failed)?;
        Ok(Self {
            certificate_pem: certificate.pem(),
            issuer: Issuer::new(parameters, key),
            serial,
            next_serial: AtomicU64::new(first_serial()),
        })
    }

    fn take_serial(&self) -> u64 {
        self.next_serial.fetch_add(1, Ordering::Relaxed)
    }

    /// The serial number of the authority's own certificate.
    pub fn serial(&self) -> u64 {
        self.serial
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
        self.issue(Request { names, purpose: Purpose::Server, validity, key: KeyKind::P256 })
    }

    /// A client certificate whose SAN is this identity: a URI when it has "://", else a DNS name.
    ///
    /// # Errors
    /// As [`Authority::server`].
    pub fn client(&self, identity: &str, validity: Validity) -> Result<Issued, DevCertsError> {
        self.issue(Request { names: &[identity], purpose: Purpose::Client, validity, key: KeyKind::P256 })
    }

    /// A certificate as it was asked for.
    ///
    /// # Errors
    /// As [`Authority::server`].
    pub fn issue(&self, request: Request<'_>) -> Result<Issued, DevCertsError> {
        let Request { names, purpose, validity, key } = request;
        let common_name = names.first().copied().unwrap_or_default();
        let failed = |source| DevCertsError::Issue { name: common_name.to_owned(), source };
        let serial = self.take_serial();
        let mut parameters = CertificateParams::default();
        parameters.serial_number = Some(SerialNumber::from(serial));
        parameters.distinguished_name.push(DnType::CommonName, common_name);
        parameters.subject_alt_names =
            names.iter().map(|name| subject_name(name)).collect::<Result<_, _>>()?;
        parameters.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        parameters.extended_key_usages = vec![match purpose {
            Purpose::Server => ExtendedKeyUsagePurpose::ServerAuth,
            Purpose::Client => ExtendedKeyUsagePurpose::ClientAuth,
        }];
        parameters.use_authority_key_identifier_extension = true;
        validity.apply(&mut parameters);
        let key = key.generate().map_err(failed)?;
        let certificate = parameters.signed_by(&key, &self.issuer).map_err(failed)?;
        Ok(Issued { certificate_pem: certificate.pem(), key_pem: key.serialize_pem(), serial })
    }

    /// A revocation list (CRL, RFC 5280 section 5), PEM, of certificates that this authority issued.
    ///
    /// # Errors
    /// When the library refuses the parameters.
    pub fn revoke(&self, serials: &[u64], validity: Validity) -> Result<String, DevCertsError> {
        let failed = |source| DevCertsError::Issue { name: "revocation list".to_owned(), source };
        let (this_update, next_update) = validity.window();
        let revoked = serials.iter().map(|serial| RevokedCertParams {
            serial_number: SerialNumber::from(*serial),
            revocation_time: this_update,
            reason_code: None,
            invalidity_date: None,
        });
        let parameters = CertificateRevocationListParams {
            this_update,
            next_update,
            crl_number: SerialNumber::from(self.take_serial()),
            issuing_distribution_point: None,
            revoked_certs: revoked.collect(),
            key_identifier_method: KeyIdMethod::Sha256,
        };
        parameters.signed_by(&self.issuer).and_then(|list| list.pem()).map_err(failed)
    }
}

/// Of the clock, so that authorities of one name made one after the other do not repeat each other's.
fn first_serial() -> u64 {
    // Until the year 2262 the upper bit stays clear, which keeps the number positive in DER.
    u64::try_from(OffsetDateTime::now_utc().unix_timestamp_nanos()).unwrap_or(1)
}

fn subject_name(name: &str) -> Result<SanType, DevCertsError> {
    if let Ok(address) = name.parse() {
        return Ok(SanType::IpAddress(address));
    }
    let text = name.try_into().map_err(|source| DevCertsError::Name { name: name.to_owned(), source })?;
    Ok(if name.contains("://") { SanType::URI(text) } else { SanType::DnsName(text) })
}
