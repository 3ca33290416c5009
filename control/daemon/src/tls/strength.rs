// SPDX-License-Identifier: MIT OR Apache-2.0
//! Keys that are too short to prove anything. Signature algorithms need no such check: rustls knows no weak ones.

use x509_parser::{
    prelude::{FromDer as _, X509Certificate},
    public_key::PublicKey,
};

/// NIST SP 800-131A revision 2, section 3: 112 bits of security.
const LEAST_RSA: usize = 2048;
const LEAST_EC: usize = 224;

/// The key of a certificate is too short.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("its {kind} key has {bits} bits; make one with at least {least}")]
pub struct Weakness {
    /// "RSA" or "EC".
    pub kind: &'static str,
    /// So many bits it has.
    pub bits: usize,
    /// So many it needs.
    pub least: usize,
}

/// What is weak about the key of a DER certificate. One that cannot be read is for others to refuse.
pub(super) fn weakness(certificate: &[u8]) -> Option<Weakness> {
    let (_, parsed) = X509Certificate::from_der(certificate).ok()?;
    let key = parsed.public_key().parsed().ok()?;
    let (kind, least) = match key {
        PublicKey::RSA(_) => ("RSA", LEAST_RSA),
        PublicKey::EC(_) => ("EC", LEAST_EC),
        _ => return None,
    };
    let bits = key.key_size();
    (bits < least).then_some(Weakness { kind, bits, least })
}
