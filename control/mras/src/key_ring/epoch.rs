// SPDX-License-Identifier: MIT OR Apache-2.0
use std::fmt;

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use zeroize::Zeroizing;

use crate::Secret;
use crate::crypto::{self, CryptoError};

/// Bytes of the secret that all keys of an epoch are derived from.
pub(super) const SECRET: usize = 64;

/// One generation of keys.
pub struct Epoch {
    number: u32,
    created: u64,
    secret: Secret<SECRET>,
    claims: Secret<32>,
    password: Secret<32>,
    turn_rest: Secret<32>,
    mras: [Secret<32>; 3],
}

impl Epoch {
    pub(super) fn generate(number: u32, created: u64) -> Result<Epoch, CryptoError> {
        Epoch::new(number, created, Secret::generate()?)
    }

    pub(super) fn new(number: u32, created: u64, secret: Secret<SECRET>) -> Result<Epoch, CryptoError> {
        let key = |label: &str| {
            Secret::fill(|out| crypto::hkdf_sha256(b"culvert mras 1", secret.expose(), label.as_bytes(), out))
        };
        Ok(Epoch {
            number,
            created,
            claims: key("claims")?,
            password: key("password")?,
            turn_rest: key("turn rest")?,
            mras: [key("mras k0")?, key("mras k1")?, key("mras k2")?],
            secret,
        })
    }

    /// Ascends from one epoch to the next.
    pub fn number(&self) -> u32 {
        self.number
    }

    /// When it began, or begins, to sign, in Unix seconds.
    pub fn created(&self) -> u64 {
        self.created
    }

    /// The shared secret of TURN REST that belongs to this epoch, as text: what `static-auth-secret` of another TURN server
    /// is set to. Its bytes are the HMAC key.
    pub fn turn_rest_secret(&self) -> Zeroizing<String> {
        Zeroizing::new(BASE64_URL_SAFE_NO_PAD.encode(self.turn_rest.expose()))
    }

    pub(super) fn secret(&self) -> &Secret<SECRET> {
        &self.secret
    }

    pub(crate) fn claims_key(&self) -> &[u8; 32] {
        self.claims.expose()
    }

    pub(crate) fn password_key(&self) -> &[u8; 32] {
        self.password.expose()
    }

    /// K0 hides identities, K1 authenticates usernames, K2 makes passwords.
    pub(crate) fn mras_key<const K: usize>(&self) -> &[u8; 32] {
        const { assert!(K < 3) };
        self.mras[K].expose()
    }
}

impl fmt::Debug for Epoch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Epoch")
            .field("number", &self.number)
            .field("created", &self.created)
            .finish_non_exhaustive()
    }
}
