// SPDX-License-Identifier: MIT OR Apache-2.0
//! PBES2-HS256+A128KW (RFC 7518 section 4.8): PBKDF2 makes a key of the password, AES Key Wrap (RFC 3394) hides the content
//! key under it.

use std::num::NonZeroU32;

use aws_lc_rs::key_wrap::{AES_128, AesKek, KeyWrap};
use aws_lc_rs::pbkdf2;

use super::header::ALGORITHM;
use crate::Secret;
use crate::crypto::CryptoError;

/// Bytes of a wrapped content key.
pub(super) const WRAPPED: usize = 32 + 8;

pub(super) fn wrap(
    password: &str,
    salt: &[u8],
    iterations: NonZeroU32,
    content_key: &[u8; 32],
) -> Result<[u8; WRAPPED], CryptoError> {
    let key = derive(password, salt, iterations)?;
    let mut wrapped = [0; WRAPPED];
    AesKek::new(&AES_128, key.expose())
        .and_then(|kek| kek.wrap(content_key, &mut wrapped).map(|_| ()))
        .map_err(|_| CryptoError)?;
    Ok(wrapped)
}

pub(super) fn unwrap(
    password: &str,
    salt: &[u8],
    iterations: NonZeroU32,
    wrapped: &[u8; WRAPPED],
) -> Option<Secret<32>> {
    let key = derive(password, salt, iterations).ok()?;
    Secret::fill(|out| {
        let kek = AesKek::new(&AES_128, key.expose())?;
        kek.unwrap(wrapped, out).map(|_| ())
    })
    .ok()
}

pub(super) fn derive(password: &str, salt: &[u8], iterations: NonZeroU32) -> Result<Secret<16>, CryptoError> {
    let salted = [ALGORITHM.as_bytes(), &[0], salt].concat();
    Secret::fill(|out| {
        pbkdf2::derive(pbkdf2::PBKDF2_HMAC_SHA256, iterations, &salted, password.as_bytes(), out);
        Ok(())
    })
}
