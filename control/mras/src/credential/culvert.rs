// SPDX-License-Identifier: MIT OR Apache-2.0
//! Culvert's own kind: the username is the sealed claims, the password HMAC-SHA256 of it.

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use zeroize::Zeroizing;

use super::sealed_claims::{self, Purpose};
use super::{IssueError, Kind, OpenError, Opened, Pair, check, fits};
use crate::crypto;
use crate::{Claims, Epoch, KeyRing};

pub(crate) fn issue(epoch: &Epoch, claims: &Claims) -> Result<Pair, IssueError> {
    let username = fits(sealed_claims::seal(Purpose::Culvert, epoch, claims)?)?;
    let password = password(epoch, &username);
    Ok(Pair { username, password })
}

pub(crate) fn open(keys: &KeyRing, username: &str, given: &str) -> Result<Opened, OpenError> {
    let (claims, epoch) = sealed_claims::open(Purpose::Culvert, keys, username).ok_or(OpenError::Username)?;
    check(given, &password(epoch, username))?;
    Ok(Opened { claims, epoch: Some(epoch.number()), kind: Kind::Culvert })
}

fn password(epoch: &Epoch, username: &str) -> Zeroizing<String> {
    let tag = crypto::hmac_sha256(epoch.password_key(), username.as_bytes());
    Zeroizing::new(BASE64_URL_SAFE_NO_PAD.encode(tag))
}
