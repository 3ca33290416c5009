// SPDX-License-Identifier: MIT OR Apache-2.0
//! Session keys, sealed under the password of a credential: a compact JWE (RFC 7516) that any JOSE library opens.
//!
//! ```text
//! alg  PBES2-HS256+A128KW (RFC 7518 section 4.8)      enc  A256GCM (section 5.3)
//! p2c  1000     p2s  16 random bytes     exp  Unix seconds     kid  the credential's identifier
//! cty  vnd.culvert.session-keys+json     typ  JOSE
//! ```
//!
//! `p2c`, the iteration count, is the least that RFC 7518 section 4.8.1.2 and NIST SP 800-132 recommend. Iterations make it
//! slow to guess what people choose. These passwords are HMAC outputs of 160 bits or more: nobody guesses the first of
//! 2^159, at whatever speed, and the relay seals one container for each participant of each session.
//!
//! `exp` is authenticated as all of the header is, but JOSE libraries leave it to their caller to look at it.

mod header;
mod pbes2;
mod session_keys;
#[cfg(test)]
mod tests;

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use aws_lc_rs::aead::{AES_256_GCM, Aad, Nonce, RandomizedNonceKey};
use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD as BASE64URL;
use zeroize::Zeroizing;

use crate::clock::unix;
use crate::crypto::{self, CryptoError};
use crate::{CredentialId, Secret};
use header::Header;

pub use session_keys::{
    KeyAndSalt, KeyLengthError, MAX_MEDIA, MAX_NAME, MediaKeys, SessionKeys, SessionKeysError,
};

/// Bytes of the longest container.
pub const MAX_CONTAINER: usize = 32 * 1024;

const SALT: usize = 16;
const NONCE: usize = 12;
const TAG: usize = 16;

/// The container cannot be opened: the password is wrong, it was changed, or its time is over. Which of them is not said.
#[derive(Copy, Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("the container cannot be opened; ask for new session keys")]
pub struct OpenError;

/// Why no container was made.
#[derive(Copy, Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum SealError {
    /// The keys are not of a form that [`open`] takes.
    #[error(transparent)]
    Keys(#[from] SessionKeysError),
    /// See [`CryptoError`].
    #[error(transparent)]
    Cryptography(#[from] CryptoError),
}

/// Seals session keys under the password of a credential.
///
/// # Errors
/// See [`SealError`].
pub fn seal(
    password: &str,
    credential: CredentialId,
    keys: &SessionKeys,
    expires: u64,
) -> Result<String, SealError> {
    let mut content = keys.to_json()?;
    let mut salt = [0; SALT];
    crypto::random(&mut salt)?;
    let content_key = Secret::<32>::generate()?;
    let wrapped = pbes2::wrap(password, &salt, header::ITERATIONS, content_key.expose())?;
    let header = BASE64URL.encode(header::write(&salt, credential, expires));
    let key = RandomizedNonceKey::new(&AES_256_GCM, content_key.expose()).map_err(|_| CryptoError)?;
    let (nonce, tag) = key
        .seal_in_place_separate_tag(Aad::from(header.as_bytes()), &mut content)
        .map_err(|_| CryptoError)?;
    let mut container = header;
    for part in [wrapped.as_slice(), nonce.as_ref(), &content, tag.as_ref()] {
        container.push('.');
        BASE64URL.encode_string(part, &mut container);
    }
    if container.len() > MAX_CONTAINER {
        return Err(SessionKeysError::Size.into());
    }
    Ok(container)
}

/// Opens what [`seal`], or another JOSE implementation, has sealed.
///
/// # Errors
/// See [`OpenError`].
pub fn open(password: &str, container: &str, now: SystemTime) -> Result<SessionKeys, OpenError> {
    try_open(password, container, now).ok_or(OpenError)
}

/// What the header says, without any key and so without any proof: which credential's password opens it, and its end.
///
/// # Errors
/// When it is no container.
pub fn peek(container: &str) -> Result<(Option<CredentialId>, SystemTime), OpenError> {
    let header = parts(container).and_then(|[header, ..]| header::parse(header)).ok_or(OpenError)?;
    let expires = UNIX_EPOCH.checked_add(Duration::from_secs(header.expires)).ok_or(OpenError)?;
    Ok((header.credential, expires))
}

fn try_open(password: &str, container: &str, now: SystemTime) -> Option<SessionKeys> {
    let [encoded_header, wrapped, nonce, content, tag] = parts(container)?;
    let Header { salt, iterations, expires, credential: _ } = header::parse(encoded_header)?;
    if unix(now).ok()? >= expires {
        return None;
    }
    let wrapped: [u8; pbes2::WRAPPED] = exactly(wrapped)?;
    let nonce: [u8; NONCE] = exactly(nonce)?;
    let tag: [u8; TAG] = exactly(tag)?;
    let mut sealed = Zeroizing::new(BASE64URL.decode(content).ok()?);
    sealed.extend(tag);
    let content_key = pbes2::unwrap(password, &salt, iterations, &wrapped)?;
    let key = RandomizedNonceKey::new(&AES_256_GCM, content_key.expose()).ok()?;
    let aad = Aad::from(encoded_header.as_bytes());
    let content = key.open_in_place(Nonce::assume_unique_for_key(nonce), aad, &mut sealed).ok()?;
    SessionKeys::from_json(content)
}

/// Five, and no longer than a container may be.
fn parts(container: &str) -> Option<[&str; 5]> {
    if container.len() > MAX_CONTAINER {
        return None;
    }
    let mut parts = container.split('.');
    let five = [parts.next()?, parts.next()?, parts.next()?, parts.next()?, parts.next()?];
    parts.next().is_none().then_some(five)
}

fn exactly<const N: usize>(text: &str) -> Option<[u8; N]> {
    if text.len() > N.div_ceil(3) * 4 {
        return None;
    }
    BASE64URL.decode(text).ok()?.try_into().ok()
}
