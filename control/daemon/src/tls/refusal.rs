// SPDX-License-Identifier: MIT OR Apache-2.0
//! Why handshakes fail.

use std::io;

use rustls::{CertificateError, Error, OtherError, PeerIncompatible};

use super::Weakness;

/// Why a connection to the control interface was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Refusal {
    /// The client showed no certificate.
    NoCertificate,
    /// No known authority signed the client's certificate.
    UnknownAuthority,
    /// The client's certificate has expired.
    Expired,
    /// The client's certificate is not valid yet: look at the clocks.
    NotYetValid,
    /// The certificate is not for clients (extended key usage).
    WrongPurpose,
    /// An authority has revoked the client's certificate, or one between it and the client.
    Revoked,
    /// Revocation lists are configured, but none that has not expired tells about the certificate.
    RevocationUnknown,
    /// The certificate has a key that is too short, or a signature of an algorithm that is not trusted, such as SHA-1.
    WeakCertificate,
    /// The certificate has no DNS name, URI or e-mail address in its SAN.
    NoIdentity,
    /// The certificate is unusable in some other way.
    BadCertificate,
    /// The client gave up, most often because it does not trust the relay's certificate.
    RefusedByClient,
    /// The client speaks no version of TLS that is spoken here.
    UnsupportedVersion,
    /// No cipher suite or key exchange group in common.
    NoCommonSuite,
    /// Something else is not in common, such as the application protocol.
    Incompatible,
    /// What came was not TLS.
    NotTls,
    /// The handshake took too long.
    Timeout,
    /// There are as many authenticated connections as are allowed.
    TooMany,
    /// The connection broke.
    Closed,
}

impl Refusal {
    /// All of them.
    pub const ALL: [Refusal; 18] = [
        Refusal::NoCertificate,
        Refusal::UnknownAuthority,
        Refusal::Expired,
        Refusal::NotYetValid,
        Refusal::WrongPurpose,
        Refusal::Revoked,
        Refusal::RevocationUnknown,
        Refusal::WeakCertificate,
        Refusal::NoIdentity,
        Refusal::BadCertificate,
        Refusal::RefusedByClient,
        Refusal::UnsupportedVersion,
        Refusal::NoCommonSuite,
        Refusal::Incompatible,
        Refusal::NotTls,
        Refusal::Timeout,
        Refusal::TooMany,
        Refusal::Closed,
    ];

    /// As metrics and logs name it.
    pub const fn name(self) -> &'static str {
        match self {
            Refusal::NoCertificate => "no_certificate",
            Refusal::UnknownAuthority => "unknown_ca",
            Refusal::Expired => "expired",
            Refusal::NotYetValid => "not_yet_valid",
            Refusal::WrongPurpose => "wrong_purpose",
            Refusal::Revoked => "revoked",
            Refusal::RevocationUnknown => "revocation_unknown",
            Refusal::WeakCertificate => "weak_certificate",
            Refusal::NoIdentity => "no_identity",
            Refusal::BadCertificate => "bad_certificate",
            Refusal::RefusedByClient => "refused_by_client",
            Refusal::UnsupportedVersion => "unsupported_version",
            Refusal::NoCommonSuite => "no_common_suite",
            Refusal::Incompatible => "incompatible",
            Refusal::NotTls => "bad_protocol",
            Refusal::Timeout => "timeout",
            Refusal::TooMany => "too_many",
            Refusal::Closed => "closed",
        }
    }

    /// What a failed handshake's error means.
    pub(super) fn of(error: &io::Error) -> Refusal {
        match error.get_ref().and_then(|inner| inner.downcast_ref::<Error>()) {
            Some(error) => Refusal::of_tls(error),
            None => Refusal::Closed,
        }
    }

    /// As [`Refusal::of`] for what rustls says.
    pub(super) fn of_tls(error: &Error) -> Refusal {
        match error {
            Error::NoCertificatesPresented => Refusal::NoCertificate,
            Error::InvalidCertificate(error) => Refusal::of_certificate(error),
            // A list that its authority did not sign tells nothing.
            Error::InvalidCertRevocationList(_) => Refusal::RevocationUnknown,
            Error::AlertReceived(_) => Refusal::RefusedByClient,
            // TLS 1.2 brought the extension for signature algorithms. rustls misses it before it looks at the version.
            Error::PeerIncompatible(
                PeerIncompatible::Tls12NotOffered
                | PeerIncompatible::Tls12NotOfferedOrEnabled
                | PeerIncompatible::SupportedVersionsExtensionRequired
                | PeerIncompatible::SignatureAlgorithmsExtensionRequired,
            ) => Refusal::UnsupportedVersion,
            Error::PeerIncompatible(
                PeerIncompatible::NoCipherSuitesInCommon | PeerIncompatible::NoKxGroupsInCommon,
            ) => Refusal::NoCommonSuite,
            Error::PeerIncompatible(_) | Error::NoApplicationProtocol => Refusal::Incompatible,
            _ => Refusal::NotTls,
        }
    }

    fn of_certificate(error: &CertificateError) -> Refusal {
        match error {
            CertificateError::UnknownIssuer | CertificateError::BadSignature => Refusal::UnknownAuthority,
            CertificateError::Expired | CertificateError::ExpiredContext { .. } => Refusal::Expired,
            CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
                Refusal::NotYetValid
            }
            CertificateError::InvalidPurpose | CertificateError::InvalidPurposeContext { .. } => {
                Refusal::WrongPurpose
            }
            CertificateError::Revoked => Refusal::Revoked,
            CertificateError::UnknownRevocationStatus
            | CertificateError::ExpiredRevocationList
            | CertificateError::ExpiredRevocationListContext { .. } => Refusal::RevocationUnknown,
            CertificateError::UnsupportedSignatureAlgorithmContext { .. }
            | CertificateError::UnsupportedSignatureAlgorithmForPublicKeyContext { .. } => {
                Refusal::WeakCertificate
            }
            CertificateError::Other(OtherError(other)) if other.is::<Weakness>() => Refusal::WeakCertificate,
            _ => Refusal::BadCertificate,
        }
    }
}
