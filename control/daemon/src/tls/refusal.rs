// SPDX-License-Identifier: MIT OR Apache-2.0
//! Why handshakes fail.

use std::io;

use prometheus_client::{
    encoding::EncodeLabelSet,
    metrics::{counter::Counter, family::Family},
    registry::Registry,
};
use rustls::{CertificateError, Error};

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
    /// The certificate has no DNS name, URI or e-mail address in its SAN.
    NoIdentity,
    /// The certificate is unusable in some other way.
    BadCertificate,
    /// The client gave up, most often because it does not trust the relay's certificate.
    RefusedByClient,
    /// Neither TLS 1.2 nor 1.3, or nothing else in common.
    Incompatible,
    /// What came was not TLS.
    NotTls,
    /// The handshake took too long.
    Timeout,
    /// The connection broke.
    Closed,
}

impl Refusal {
    /// All of them.
    pub const ALL: [Refusal; 12] = [
        Refusal::NoCertificate,
        Refusal::UnknownAuthority,
        Refusal::Expired,
        Refusal::NotYetValid,
        Refusal::WrongPurpose,
        Refusal::NoIdentity,
        Refusal::BadCertificate,
        Refusal::RefusedByClient,
        Refusal::Incompatible,
        Refusal::NotTls,
        Refusal::Timeout,
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
            Refusal::NoIdentity => "no_identity",
            Refusal::BadCertificate => "bad_certificate",
            Refusal::RefusedByClient => "refused_by_client",
            Refusal::Incompatible => "incompatible",
            Refusal::NotTls => "bad_protocol",
            Refusal::Timeout => "timeout",
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

    fn of_tls(error: &Error) -> Refusal {
        match error {
            Error::NoCertificatesPresented => Refusal::NoCertificate,
            Error::InvalidCertificate(error) => match error {
                CertificateError::UnknownIssuer | CertificateError::BadSignature => Refusal::UnknownAuthority,
                CertificateError::Expired | CertificateError::ExpiredContext { .. } => Refusal::Expired,
                CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
                    Refusal::NotYetValid
                }
                CertificateError::InvalidPurpose | CertificateError::InvalidPurposeContext { .. } => {
                    Refusal::WrongPurpose
                }
                _ => Refusal::BadCertificate,
            },
            Error::AlertReceived(_) => Refusal::RefusedByClient,
            Error::PeerIncompatible(_) | Error::NoApplicationProtocol => Refusal::Incompatible,
            _ => Refusal::NotTls,
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Reason {
    reason: &'static str,
}

/// Counts of handshakes. Clones share them.
#[derive(Debug, Clone, Default)]
pub struct HandshakeMetrics {
    accepted: Counter,
    refused: Family<Reason, Counter>,
}

impl HandshakeMetrics {
    /// Counters at zero, all reasons shown from the start.
    pub fn new() -> HandshakeMetrics {
        let metrics = HandshakeMetrics::default();
        for refusal in Refusal::ALL {
            drop(metrics.refused.get_or_create(&Reason { reason: refusal.name() }));
        }
        metrics
    }

    /// Shows them as `control_handshakes_accepted_total` and `control_handshakes_refused_total{reason="..."}`.
    pub fn register(&self, registry: &mut Registry) {
        let accepted = "Control connections whose client certificate was accepted";
        registry.register("control_handshakes_accepted", accepted, self.accepted.clone());
        let refused = "Control connections refused before any request, by reason";
        registry.register("control_handshakes_refused", refused, self.refused.clone());
    }

    /// So many were accepted.
    pub fn accepted(&self) -> u64 {
        self.accepted.get()
    }

    /// So many were refused for this reason.
    pub fn refused(&self, refusal: Refusal) -> u64 {
        self.refused.get_or_create(&Reason { reason: refusal.name() }).get()
    }

    pub(super) fn count_accepted(&self) {
        self.accepted.inc();
    }

    pub(super) fn count_refused(&self, refusal: Refusal) {
        self.refused.get_or_create(&Reason { reason: refusal.name() }).inc();
    }
}
