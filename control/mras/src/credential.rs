// SPDX-License-Identifier: MIT OR Apache-2.0
//! Credentials as text. Each kind has a module with `issue`, which makes username and password of claims, and `open`, which
//! takes them apart again. `open` answers with claims only for a username and a password that were issued together; whether
//! they have expired or were revoked is decided above.

pub(crate) mod culvert;
pub(crate) mod mras_token;
mod sealed_claims;
#[cfg(test)]
mod tests;
pub(crate) mod turn_rest;

use std::fmt;
use std::str::FromStr;

use zeroize::Zeroizing;

use crate::Claims;
use crate::crypto::{self, CryptoError};

/// Bytes of the longest username (RFC 8489 section 14.3).
pub const MAX_USERNAME: usize = 508;

/// The form of a credential on the wire.
///
/// | | identity | location, issue time | bounds | password, bits |
/// |---|---|---|---|---|
/// | `Culvert` | sealed | yes | yes | 256 |
/// | `TurnRest` without bounds | in clear | no | – | 160 |
/// | `TurnRest` with bounds | sealed | yes | yes | 160 |
/// | `MrasV1`, `MrasV2` | as a keyed hash | no | no | 160 |
///
/// All carry when they expire.
#[derive(Copy, Clone, Debug, Eq, PartialEq, Hash)]
pub enum Kind {
    /// Claims under AES-256-GCM.
    Culvert,
    /// draft-uberti-behave-turn-rest: other TURN servers accept it too.
    TurnRest,
    /// The token of MRAS, version 1.
    MrasV1,
    /// The token of MRAS, version 2.
    MrasV2,
}

impl Kind {
    /// Every kind.
    pub const ALL: [Kind; 4] = [Kind::Culvert, Kind::TurnRest, Kind::MrasV1, Kind::MrasV2];

    /// Its name in configurations, counters and logs.
    pub const fn name(self) -> &'static str {
        match self {
            Kind::Culvert => "culvert",
            Kind::TurnRest => "turn-rest",
            Kind::MrasV1 => "mras-v1",
            Kind::MrasV2 => "mras-v2",
        }
    }

    /// Whether it can be used with nothing but what FIPS 140-3 approves. Of the others' passwords clients make the key of
    /// STUN's MESSAGE-INTEGRITY by MD5 (RFC 8489 section 9.2.2).
    pub const fn is_fips_approved(self) -> bool {
        matches!(self, Kind::Culvert)
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Not a kind of credential.
#[derive(Copy, Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("the kind of a credential is culvert, turn-rest, mras-v1 or mras-v2")]
pub struct KindError;

impl FromStr for Kind {
    type Err = KindError;

    fn from_str(text: &str) -> Result<Kind, KindError> {
        Kind::ALL.into_iter().find(|kind| kind.name() == text).ok_or(KindError)
    }
}

/// Names a credential without saying whose it is: the first 16 bytes of SHA-256 of its username, shown in hexadecimal.
#[derive(Copy, Clone, Eq, PartialEq, Hash, Ord, PartialOrd)]
pub struct CredentialId([u8; 16]);

impl CredentialId {
    /// That of a username.
    pub fn of(username: &str) -> CredentialId {
        let mut id = [0; 16];
        for (byte, hashed) in id.iter_mut().zip(crypto::sha256(username.as_bytes()).as_ref()) {
            *byte = *hashed;
        }
        CredentialId(id)
    }
}

impl fmt::Display for CredentialId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for CredentialId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Not a credential's identifier.
#[derive(Copy, Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("a credential's identifier is 32 hexadecimal digits")]
pub struct CredentialIdError;

impl FromStr for CredentialId {
    type Err = CredentialIdError;

    fn from_str(text: &str) -> Result<CredentialId, CredentialIdError> {
        if text.len() != 32 || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err(CredentialIdError);
        }
        u128::from_str_radix(text, 16).map(|id| CredentialId(id.to_be_bytes())).map_err(|_| CredentialIdError)
    }
}

/// A username and its password.
pub(crate) struct Pair {
    pub(crate) username: String,
    pub(crate) password: Zeroizing<String>,
}

/// Why claims cannot become a credential.
#[derive(Copy, Clone, Debug, Eq, PartialEq)]
pub(crate) enum IssueError {
    /// The kind has no room for this field.
    Unsupported(&'static str),
    /// The username would be longer than [`MAX_USERNAME`].
    TooLong(usize),
    Cryptography,
}

impl From<CryptoError> for IssueError {
    fn from(_: CryptoError) -> IssueError {
        IssueError::Cryptography
    }
}

/// Why a username and a password are no credential.
#[derive(Copy, Clone, Debug, Eq, PartialEq)]
pub(crate) enum OpenError {
    /// Nobody who has the keys made this username.
    Username,
    /// Another password belongs to it.
    Password,
}

/// What a credential was opened to.
pub(crate) struct Opened {
    pub(crate) claims: Claims,
    /// The epoch that signed it. None if the operator's shared secret did.
    pub(crate) epoch: Option<u32>,
    pub(crate) kind: Kind,
}

fn fits(username: String) -> Result<String, IssueError> {
    if username.len() <= MAX_USERNAME { Ok(username) } else { Err(IssueError::TooLong(username.len())) }
}

/// As text, so that a password has one form.
fn check(given: &str, expected: &str) -> Result<(), OpenError> {
    if crypto::equal(given.as_bytes(), expected.as_bytes()) { Ok(()) } else { Err(OpenError::Password) }
}
