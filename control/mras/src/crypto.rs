// SPDX-License-Identifier: MIT OR Apache-2.0
//! What this crate takes from the cryptographic library, in one shape.

use aws_lc_rs::{constant_time, digest, hkdf, hmac, rand};

/// The cryptographic library failed: it had no randomness, or refused an algorithm. Nothing was issued.
#[derive(Copy, Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("the cryptographic library failed; try again, and restart the relay if it goes on")]
pub struct CryptoError;

pub(crate) fn random(out: &mut [u8]) -> Result<(), CryptoError> {
    rand::fill(out).map_err(|_| CryptoError)
}

/// RFC 5869, all of `out`.
pub(crate) fn hkdf_sha256(
    salt: &[u8],
    secret: &[u8],
    info: &[u8],
    out: &mut [u8],
) -> Result<(), CryptoError> {
    struct Length(usize);
    impl hkdf::KeyType for Length {
        fn len(&self) -> usize {
            self.0
        }
    }
    let length = Length(out.len());
    hkdf::Salt::new(hkdf::HKDF_SHA256, salt)
        .extract(secret)
        .expand(&[info], length)
        .and_then(|okm| okm.fill(out))
        .map_err(|_| CryptoError)
}

pub(crate) fn hmac_sha256(key: &[u8], data: &[u8]) -> hmac::Tag {
    hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), data)
}

/// The token of MRAS and the password of TURN REST are defined by it. As a MAC it is sound, whatever became of SHA-1's
/// collision resistance.
pub(crate) fn hmac_sha1(key: &[u8], data: &[u8]) -> hmac::Tag {
    hmac::sign(&hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, key), data)
}

pub(crate) fn sha256(data: &[u8]) -> digest::Digest {
    digest::digest(&digest::SHA256, data)
}

/// In a time that tells the lengths apart and nothing else.
pub(crate) fn equal(a: &[u8], b: &[u8]) -> bool {
    constant_time::verify_slices_are_equal(a, b).is_ok()
}
