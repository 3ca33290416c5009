// SPDX-License-Identifier: MIT OR Apache-2.0
//! The token of MRAS, in its two versions. Numbers are big-endian.
//!
//! ```text
//! version 1:  01 00 | 0020 | expiry, low 4B | expiry, high 4B | client id 20B               | HMAC-SHA1(K1, all before)
//! version 2:  02 00 | 0024 | expiry, low 4B | expiry, high 4B | client id 20B | flags 4B: 0 | HMAC-SHA1(K1, all before)
//! client id = HMAC-SHA1(K0, identity)      password = HMAC-SHA1(K2, the bytes of the token)
//! ```
//!
//! Username and password are base64 of these bytes. The expiry is a Windows FILETIME: units of 100 ns since 1601. A 64-bit
//! number whose low half comes first is that structure's, and no server but the issuer reads it.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use zeroize::Zeroizing;

use super::{IssueError, Kind, OpenError, Opened, Pair, check, fits};
use crate::{Bounds, Claims, Epoch, Identity, KeyRing, Subject, crypto};

/// Seconds from 1601 to 1970.
const EPOCH_1601: u64 = 11_644_473_600;
const PER_SECOND: u64 = 10_000_000;
const TAG: usize = 20;

#[derive(Copy, Clone, Eq, PartialEq)]
pub(crate) enum Version {
    V1,
    V2,
}

impl Version {
    /// Version, reserved byte, and the length of all but the tag.
    const fn header(self) -> [u8; 4] {
        match self {
            Version::V1 => [1, 0, 0, 0x20],
            Version::V2 => [2, 0, 0, 0x24],
        }
    }

    const fn flags(self) -> &'static [u8] {
        match self {
            Version::V1 => &[],
            Version::V2 => &[0; 4],
        }
    }

    const fn kind(self) -> Kind {
        match self {
            Version::V1 => Kind::MrasV1,
            Version::V2 => Kind::MrasV2,
        }
    }
}

/// What an identity looks like in the tokens of an epoch.
pub(crate) fn client_id(epoch: &Epoch, identity: &Identity) -> [u8; 20] {
    let tag = crypto::hmac_sha1(epoch.mras_key::<0>(), identity.folded().as_bytes());
    let mut id = [0; 20];
    for (byte, hashed) in id.iter_mut().zip(tag.as_ref()) {
        *byte = *hashed;
    }
    id
}

pub(crate) fn issue(epoch: &Epoch, version: Version, claims: &Claims) -> Result<Pair, IssueError> {
    if let Some(field) = claims.bounds.first() {
        return Err(IssueError::Unsupported(field));
    }
    let client = match &claims.subject {
        Subject::Known(identity) => client_id(epoch, identity),
        Subject::Hidden(client) => *client,
    };
    let expires = filetime(claims.expires).ok_or(IssueError::Unsupported("duration"))?;
    let (low, high) = (expires & u64::from(u32::MAX), expires >> 32);
    let mut token = Vec::with_capacity(0x24 + TAG);
    token.extend(version.header());
    // Both halves fit: one was masked, the other shifted.
    token.extend((low as u32).to_be_bytes());
    token.extend((high as u32).to_be_bytes());
    token.extend(client);
    token.extend(version.flags());
    let tag = crypto::hmac_sha1(epoch.mras_key::<1>(), &token);
    token.extend(tag.as_ref());
    let username = fits(BASE64_STANDARD.encode(&token))?;
    Ok(Pair { username, password: password(epoch, &token) })
}

pub(crate) fn open(keys: &KeyRing, username: &str, given: &str) -> Result<Opened, OpenError> {
    let token = BASE64_STANDARD.decode(username).map_err(|_| OpenError::Username)?;
    let (version, expires, client) = parse(&token).ok_or(OpenError::Username)?;
    let (signed, tag) = token.split_last_chunk::<TAG>().ok_or(OpenError::Username)?;
    // The token does not say which epoch.
    let epoch = keys
        .epochs()
        .find(|epoch| crypto::equal(crypto::hmac_sha1(epoch.mras_key::<1>(), signed).as_ref(), tag))
        .ok_or(OpenError::Username)?;
    check(given, &password(epoch, &token))?;
    let subject = Subject::Hidden(client);
    let claims = Claims { subject, location: None, issued: None, expires, bounds: Bounds::default() };
    Ok(Opened { claims, epoch: Some(epoch.number()), kind: version.kind() })
}

/// Version, expiry in Unix seconds, client id.
fn parse(token: &[u8]) -> Option<(Version, u64, [u8; 20])> {
    let (header, rest) = token.split_first_chunk::<4>()?;
    let version = [Version::V1, Version::V2].into_iter().find(|version| version.header() == *header)?;
    let (low, rest) = rest.split_first_chunk()?;
    let (high, rest) = rest.split_first_chunk()?;
    let (client, rest) = rest.split_first_chunk()?;
    let (flags, _) = rest.split_last_chunk::<TAG>()?;
    if flags != version.flags() {
        return None;
    }
    let expires = u64::from(u32::from_be_bytes(*high)) << 32 | u64::from(u32::from_be_bytes(*low));
    Some((version, (expires / PER_SECOND).checked_sub(EPOCH_1601)?, *client))
}

fn filetime(unix: u64) -> Option<u64> {
    unix.checked_add(EPOCH_1601)?.checked_mul(PER_SECOND)
}

fn password(epoch: &Epoch, token: &[u8]) -> Zeroizing<String> {
    Zeroizing::new(BASE64_STANDARD.encode(crypto::hmac_sha1(epoch.mras_key::<2>(), token)))
}
