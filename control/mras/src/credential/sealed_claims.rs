// SPDX-License-Identifier: MIT OR Apache-2.0
//! Claims that only the key ring opens.
//!
//! ```text
//! base64url( version 1B | epoch 4B | salt 16B | nonce 12B | AES-256-GCM of the claims | tag 16B )
//! ```
//!
//! Each token has a key of its own, derived from the epoch's with the salt. Under one key for all, random nonces of 96 bits
//! would end at 2^32 tokens for the epoch and the whole fleet together (NIST SP 800-38D section 8.3).

use aws_lc_rs::aead::{AES_256_GCM, Aad, Nonce, RandomizedNonceKey};
use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use zeroize::Zeroizing;

use super::IssueError;
use crate::claims::{self, Claims};
use crate::crypto::{self, CryptoError};
use crate::{Epoch, KeyRing};

const VERSION: u8 = 1;
const SALT: usize = 16;
const NONCE: usize = 12;
const HEADER: usize = 1 + 4 + SALT;

/// What a token was made for: one made for one is not opened as the other.
#[derive(Copy, Clone)]
pub(super) enum Purpose {
    Culvert,
    TurnRest,
}

impl Purpose {
    const fn label(self) -> &'static [u8] {
        match self {
            Purpose::Culvert => b"culvert token",
            Purpose::TurnRest => b"turn rest token",
        }
    }
}

pub(super) fn seal(purpose: Purpose, epoch: &Epoch, claims: &Claims) -> Result<String, IssueError> {
    let mut token = Vec::with_capacity(super::MAX_USERNAME);
    token.push(VERSION);
    token.extend(epoch.number().to_be_bytes());
    let mut salt = [0; SALT];
    crypto::random(&mut salt)?;
    token.extend(salt);
    // Room for the nonce, which the library chooses.
    token.extend([0; NONCE]);
    claims::encode(claims, &mut token).ok_or(IssueError::Unsupported("identity"))?;
    let key = key(purpose, epoch, &salt)?;
    let (header, rest) = token.split_at_mut(HEADER);
    let (nonce, body) = rest.split_at_mut(NONCE);
    let (chosen, tag) =
        key.seal_in_place_separate_tag(Aad::from(&*header), body).map_err(|_| IssueError::Cryptography)?;
    nonce.copy_from_slice(chosen.as_ref());
    token.extend(tag.as_ref());
    Ok(BASE64_URL_SAFE_NO_PAD.encode(token))
}

/// The claims, and the epoch that sealed them. `None` for whatever the key ring has not sealed for that purpose.
pub(super) fn open<'a>(purpose: Purpose, keys: &'a KeyRing, token: &str) -> Option<(Claims, &'a Epoch)> {
    let mut token = BASE64_URL_SAFE_NO_PAD.decode(token).ok()?;
    let (header, rest) = token.split_at_mut_checked(HEADER)?;
    let (nonce, body) = rest.split_at_mut_checked(NONCE)?;
    let (&[version, a, b, c, d], salt) = header.split_first_chunk()?;
    if version != VERSION {
        return None;
    }
    let epoch = keys.epoch(u32::from_be_bytes([a, b, c, d]))?;
    let key = key(purpose, epoch, salt).ok()?;
    let nonce = Nonce::try_assume_unique_for_key(nonce).ok()?;
    let claims = key.open_in_place(nonce, Aad::from(&*header), body).ok()?;
    Some((claims::decode(claims)?, epoch))
}

fn key(purpose: Purpose, epoch: &Epoch, salt: &[u8]) -> Result<RandomizedNonceKey, CryptoError> {
    let mut key = Zeroizing::new([0; 32]);
    crypto::hkdf_sha256(salt, epoch.claims_key(), purpose.label(), key.as_mut_slice())?;
    RandomizedNonceKey::new(&AES_256_GCM, key.as_slice()).map_err(|_| CryptoError)
}
