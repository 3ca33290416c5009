// SPDX-License-Identifier: MIT OR Apache-2.0
//! TURN REST (draft-uberti-behave-turn-rest): the username is `<expiry in Unix seconds>:<user>`, the password base64 of
//! HMAC-SHA1 of it under a secret that a TURN server shares.
//!
//! The user is the identity. Claims with bounds, which no TURN server would look for, stand there sealed, behind `~`. An
//! identity that begins with `~` is sealed as well, so that `~` always means a token.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use zeroize::Zeroizing;

use super::sealed_claims::{self, Purpose};
use super::{IssueError, Kind, OpenError, Opened, Pair, check, fits};
use crate::service::TurnRestSecret;
use crate::{Bounds, Claims, Epoch, Identity, KeyRing, Subject, crypto, decimal};

const SEALED: char = '~';

/// `secret` is the operator's; without one the epoch's is used.
pub(crate) fn issue(
    epoch: &Epoch,
    secret: Option<&TurnRestSecret>,
    claims: &Claims,
) -> Result<Pair, IssueError> {
    let identity = claims.subject.identity().ok_or(IssueError::Unsupported("identity"))?;
    let expires = claims.expires;
    let username = if claims.bounds.is_empty() && !identity.as_str().starts_with(SEALED) {
        format!("{expires}:{identity}")
    } else {
        format!("{expires}:{SEALED}{}", sealed_claims::seal(Purpose::TurnRest, epoch, claims)?)
    };
    let username = fits(username)?;
    let password = match secret {
        Some(secret) => password(secret.as_bytes(), &username),
        None => password(epoch.turn_rest_secret().as_bytes(), &username),
    };
    Ok(Pair { username, password })
}

pub(crate) fn open(
    keys: &KeyRing,
    secret: Option<&TurnRestSecret>,
    username: &str,
    given: &str,
) -> Result<Opened, OpenError> {
    let (expires, user) = username.split_once(':').ok_or(OpenError::Username)?;
    let expires = decimal::parse(expires).ok_or(OpenError::Username)?;
    let opened = |claims, epoch| Opened { claims, epoch, kind: Kind::TurnRest };
    if let Some(token) = user.strip_prefix(SEALED) {
        let (claims, epoch) = sealed_claims::open(Purpose::TurnRest, keys, token)
            .filter(|(claims, _)| claims.expires == expires)
            .ok_or(OpenError::Username)?;
        match secret {
            Some(secret) => check(given, &password(secret.as_bytes(), username))?,
            None => check(given, &password(epoch.turn_rest_secret().as_bytes(), username))?,
        }
        return Ok(opened(claims, Some(epoch.number())));
    }
    let identity = Identity::new(user).map_err(|_| OpenError::Username)?;
    let subject = Subject::Known(identity);
    let claims = Claims { subject, location: None, issued: None, expires, bounds: Bounds::default() };
    if let Some(secret) = secret {
        check(given, &password(secret.as_bytes(), username))?;
        return Ok(opened(claims, None));
    }
    // The username does not say which epoch.
    let epoch = keys
        .epochs()
        .find(|epoch| check(given, &password(epoch.turn_rest_secret().as_bytes(), username)).is_ok())
        .ok_or(OpenError::Password)?;
    Ok(opened(claims, Some(epoch.number())))
}

fn password(secret: &[u8], username: &str) -> Zeroizing<String> {
    Zeroizing::new(BASE64_STANDARD.encode(crypto::hmac_sha1(secret, username.as_bytes())))
}
