// SPDX-License-Identifier: MIT OR Apache-2.0
//! What a container holds:
//!
//! ```text
//! {"version":1,"session":"..","participant":"..","media":[
//!   {"index":0,"suite":"AES_CM_128_HMAC_SHA1_80","kid":"..","send":"inline:<base64>","receive":"inline:<base64>"}]}
//! ```
//!
//! `send` and `receive` are the participant's: under which it sends, and under which it receives. They are key and salt as
//! RFC 4568 section 6.1 writes them, so that they can be put into an `a=crypto` line.

use std::fmt;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use culvert_secret::SecretBytes;
use culvert_srtp::Suite;
use serde::Deserialize;
use zeroize::Zeroizing;

use super::MAX_CONTAINER;
use crate::crypto::{self, CryptoError};

/// Media of one container.
pub const MAX_MEDIA: usize = 32;
/// Bytes of a session's, a participant's or a key's name.
pub const MAX_NAME: usize = 256;

const INLINE: &str = "inline:";
/// Of key and salt.
const LONGEST: usize = 46;

/// An SRTP master key and its salt.
pub struct KeyAndSalt {
    suite: Suite,
    /// Key, then salt. In one place of the memory for keys.
    bytes: SecretBytes,
}

/// Key or salt have another length than the suite's.
#[derive(Copy, Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("{suite} takes a key of {} and a salt of {} bytes", .suite.key_length(), .suite.salt_length())]
pub struct KeyLengthError {
    /// The suite.
    pub suite: Suite,
}

impl KeyAndSalt {
    /// Fresh ones.
    ///
    /// # Errors
    /// When the library has no randomness.
    pub fn generate(suite: Suite) -> Result<KeyAndSalt, CryptoError> {
        let mut made = KeyAndSalt::zero(suite);
        crypto::random(&mut made.bytes)?;
        Ok(made)
    }

    /// Those.
    ///
    /// # Errors
    /// See [`KeyLengthError`].
    pub fn new(suite: Suite, key: &[u8], salt: &[u8]) -> Result<KeyAndSalt, KeyLengthError> {
        if (key.len(), salt.len()) != (suite.key_length(), suite.salt_length()) {
            return Err(KeyLengthError { suite });
        }
        let mut made = KeyAndSalt::zero(suite);
        let (to_key, to_salt) = made.bytes.split_at_mut(key.len());
        to_key.copy_from_slice(key);
        to_salt.copy_from_slice(salt);
        Ok(made)
    }

    fn zero(suite: Suite) -> KeyAndSalt {
        let length = suite.key_length() + suite.salt_length();
        KeyAndSalt { suite, bytes: SecretBytes::zeroed(length) }
    }

    /// The suite that they are for.
    pub fn suite(&self) -> Suite {
        self.suite
    }

    /// The master key.
    pub fn key(&self) -> &[u8] {
        self.bytes.split_at(self.suite.key_length()).0
    }

    /// The master salt.
    pub fn salt(&self) -> &[u8] {
        self.bytes.split_at(self.suite.key_length()).1
    }

    /// `inline:` and base64, as in an `a=crypto` line.
    pub fn inline(&self) -> Zeroizing<String> {
        let mut text = Zeroizing::new(String::with_capacity(INLINE.len() + LONGEST.div_ceil(3) * 4));
        self.write_inline(&mut text);
        text
    }

    fn write_inline(&self, text: &mut String) {
        text.push_str(INLINE);
        BASE64_STANDARD.encode_string(&*self.bytes, text);
    }

    fn parse_inline(suite: Suite, text: &str) -> Option<KeyAndSalt> {
        let text = text.strip_prefix(INLINE)?;
        // The decoder asks for room in whole groups of four characters.
        let mut bytes = Zeroizing::new([0; LONGEST.div_ceil(3) * 3]);
        let length = BASE64_STANDARD.decode_slice(text, bytes.as_mut_slice()).ok()?;
        let (key, salt) = bytes.get(..length)?.split_at_checked(suite.key_length())?;
        KeyAndSalt::new(suite, key, salt).ok()
    }
}

impl Clone for KeyAndSalt {
    fn clone(&self) -> KeyAndSalt {
        KeyAndSalt { suite: self.suite, bytes: SecretBytes::copy_of(&self.bytes) }
    }
}

impl PartialEq for KeyAndSalt {
    fn eq(&self, other: &KeyAndSalt) -> bool {
        self.suite == other.suite && crypto::equal(&self.bytes, &other.bytes)
    }
}

impl Eq for KeyAndSalt {}

impl fmt::Debug for KeyAndSalt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KeyAndSalt({}, ..)", self.suite)
    }
}

/// The keys of one media, as one participant has them.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct MediaKeys {
    /// Which media of the session, from 0.
    pub index: u32,
    /// Names the pair in logs and receipts.
    pub kid: String,
    /// What the participant sends under.
    pub send: KeyAndSalt,
    /// What the participant receives under. Of the same suite.
    pub receive: KeyAndSalt,
}

/// What a participant needs to know of a session.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct SessionKeys {
    /// The session's identifier.
    pub session: String,
    /// The participant's, within the session.
    pub participant: String,
    /// Of each media.
    pub media: Vec<MediaKeys>,
}

/// Why session keys cannot be put into a container.
#[derive(Copy, Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum SessionKeysError {
    /// None, or too many.
    #[error("media: 1 to {MAX_MEDIA} fit into a container, not {count}")]
    Media {
        /// How many there were.
        count: usize,
    },
    /// A name is empty or too long.
    #[error("{field}: not 1 to {MAX_NAME} bytes")]
    Name {
        /// `session`, `participant` or `kid`.
        field: &'static str,
    },
    /// The names make it too long.
    #[error("the container would be longer than {MAX_CONTAINER} bytes; use shorter names, or fewer media")]
    Size,
    /// The two directions of a media have different suites.
    #[error("media[{position}]: send and receive have different suites")]
    Suites {
        /// From 0.
        position: usize,
    },
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Json<'a> {
    version: u32,
    session: String,
    participant: String,
    #[serde(borrow)]
    media: Vec<MediaJson<'a>>,
}

/// Keys are borrowed from what is erased afterwards. A text with escapes cannot be; base64 has none.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct MediaJson<'a> {
    index: u32,
    suite: &'a str,
    kid: String,
    send: &'a str,
    receive: &'a str,
}

impl SessionKeys {
    fn check(&self) -> Result<(), SessionKeysError> {
        if !(1..=MAX_MEDIA).contains(&self.media.len()) {
            return Err(SessionKeysError::Media { count: self.media.len() });
        }
        let kids = self.media.iter().map(|media| ("kid", &media.kid));
        for (field, name) in
            [("session", &self.session), ("participant", &self.participant)].into_iter().chain(kids)
        {
            if !(1..=MAX_NAME).contains(&name.len()) {
                return Err(SessionKeysError::Name { field });
            }
        }
        match self.media.iter().position(|media| media.send.suite != media.receive.suite) {
            Some(position) => Err(SessionKeysError::Suites { position }),
            None => Ok(()),
        }
    }

    pub(super) fn to_json(&self) -> Result<Zeroizing<Vec<u8>>, SessionKeysError> {
        self.check()?;
        // Of its full size from the beginning: a string that grows leaves copies behind. A control character takes six bytes.
        let fixed = 128 + (self.session.len() + self.participant.len()) * 6;
        let media = self.media.iter().map(|media| 256 + media.kid.len() * 6).sum::<usize>();
        let mut json = String::with_capacity(fixed + media);
        json.push_str("{\"version\":1,\"session\":");
        string(&self.session, &mut json);
        json.push_str(",\"participant\":");
        string(&self.participant, &mut json);
        json.push_str(",\"media\":[");
        for (position, media) in self.media.iter().enumerate() {
            let comma = if position == 0 { "" } else { "," };
            let MediaKeys { index, kid, send, receive } = media;
            json.push_str(&format!("{comma}{{\"index\":{index},\"suite\":\"{}\",\"kid\":", send.suite));
            string(kid, &mut json);
            json.push_str(",\"send\":\"");
            send.write_inline(&mut json);
            json.push_str("\",\"receive\":\"");
            receive.write_inline(&mut json);
            json.push_str("\"}");
        }
        json.push_str("]}");
        Ok(Zeroizing::new(json.into_bytes()))
    }

    pub(super) fn from_json(json: &[u8]) -> Option<SessionKeys> {
        let Json { version, session, participant, media } = serde_json::from_slice(json).ok()?;
        if version != 1 || media.len() > MAX_MEDIA {
            return None;
        }
        let media = media.into_iter().map(|media| {
            let suite = Suite::from_name(media.suite)?;
            Some(MediaKeys {
                index: media.index,
                kid: media.kid,
                send: KeyAndSalt::parse_inline(suite, media.send)?,
                receive: KeyAndSalt::parse_inline(suite, media.receive)?,
            })
        });
        let keys = SessionKeys { session, participant, media: media.collect::<Option<_>>()? };
        keys.check().is_ok().then_some(keys)
    }
}

/// As JSON, with quotes.
fn string(text: &str, json: &mut String) {
    json.push_str(&serde_json::Value::from(text).to_string());
}
