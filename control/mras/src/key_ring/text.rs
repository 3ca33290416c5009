// SPDX-License-Identifier: MIT OR Apache-2.0
//! A key ring as the file that a fleet shares. A line says what it is; one per epoch follows, oldest first:
//!
//! ```text
//! culvert-mras-keys 1
//! <number> <begins, in Unix seconds> <secret: 64 bytes in base64>
//! ```
//!
//! It is kept as any private key: readable by the relay alone. Errors never quote it.

use std::fmt::Write;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use zeroize::Zeroizing;

use super::epoch::SECRET;
use super::{Epoch, KeyRing, MAX_EPOCHS};
use crate::Secret;
use crate::crypto::CryptoError;

const FIRST_LINE: &str = "culvert-mras-keys 1";
/// `u32`, `u64`, base64, two spaces, a line end.
const LONGEST_LINE: usize = 10 + 20 + SECRET.div_ceil(3) * 4 + 3;

/// What is wrong with the text of a key ring.
#[derive(Copy, Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum KeyRingTextError {
    /// Another file, or a later version of this one.
    #[error("line 1 is not {FIRST_LINE:?}; give the file that this version of the relay wrote")]
    FirstLine,
    /// No epoch at all.
    #[error("there is no epoch after line 1")]
    Empty,
    /// More epochs than a key ring holds.
    #[error("line {line}: a key ring holds at most {MAX_EPOCHS} epochs")]
    TooMany {
        /// From 1.
        line: usize,
    },
    /// Not three fields with a space between them.
    #[error("line {line}: not a number, a time and a secret with one space between them")]
    Fields {
        /// From 1.
        line: usize,
    },
    /// Not a number above the one before.
    #[error("line {line}: the epoch's number is not a decimal above the number of the line before")]
    Number {
        /// From 1.
        line: usize,
    },
    /// Not a time, or earlier than the one before.
    #[error("line {line}: the time is not in Unix seconds, or earlier than that of the line before")]
    Time {
        /// From 1.
        line: usize,
    },
    /// Not 64 bytes in base64.
    #[error("line {line}: the secret is not {SECRET} bytes in base64")]
    Secret {
        /// From 1.
        line: usize,
    },
    /// See [`CryptoError`].
    #[error(transparent)]
    Cryptography(#[from] CryptoError),
}

impl KeyRing {
    /// Reads what [`to_text`](KeyRing::to_text) has written, and nothing else.
    ///
    /// # Errors
    /// See [`KeyRingTextError`].
    pub fn parse(text: &str) -> Result<KeyRing, KeyRingTextError> {
        let mut lines = text.strip_suffix('\n').unwrap_or(text).split('\n').zip(1..);
        if lines.next().is_none_or(|(line, _)| line != FIRST_LINE) {
            return Err(KeyRingTextError::FirstLine);
        }
        let mut epochs: Vec<Epoch> = Vec::new();
        for (text, line) in lines {
            if epochs.len() == MAX_EPOCHS {
                return Err(KeyRingTextError::TooMany { line });
            }
            let epoch = epoch(text, line, epochs.last())?;
            epochs.push(epoch);
        }
        if epochs.is_empty() { Err(KeyRingTextError::Empty) } else { Ok(KeyRing { epochs }) }
    }

    /// For the file that a fleet shares.
    pub fn to_text(&self) -> Zeroizing<String> {
        // Of its full size from the beginning: a string that grows leaves copies behind.
        let mut text =
            Zeroizing::new(String::with_capacity(FIRST_LINE.len() + 1 + self.epochs.len() * LONGEST_LINE));
        text.push_str(FIRST_LINE);
        text.push('\n');
        for epoch in &self.epochs {
            // Writing to a string does not fail.
            let _ = write!(text, "{} {} ", epoch.number(), epoch.created());
            BASE64_STANDARD.encode_string(epoch.secret().expose(), &mut text);
            text.push('\n');
        }
        text
    }
}

fn epoch(text: &str, line: usize, before: Option<&Epoch>) -> Result<Epoch, KeyRingTextError> {
    let mut fields = text.split(' ');
    let (Some(number), Some(created), Some(secret), None) =
        (fields.next(), fields.next(), fields.next(), fields.next())
    else {
        return Err(KeyRingTextError::Fields { line });
    };
    let number = decimal(number)
        .and_then(|number| u32::try_from(number).ok())
        .filter(|number| before.is_none_or(|before| *number > before.number()))
        .ok_or(KeyRingTextError::Number { line })?;
    let created = decimal(created)
        .filter(|created| before.is_none_or(|before| *created >= before.created()))
        .ok_or(KeyRingTextError::Time { line })?;
    let wrong = KeyRingTextError::Secret { line };
    if secret.len() != SECRET.div_ceil(3) * 4 {
        return Err(wrong);
    }
    // The decoder asks for room in whole groups of four characters.
    let mut bytes = Zeroizing::new([0; SECRET.div_ceil(3) * 3]);
    let length = BASE64_STANDARD.decode_slice(secret, bytes.as_mut_slice()).map_err(|_| wrong)?;
    let bytes = bytes.get(..length).filter(|bytes| bytes.len() == SECRET).ok_or(wrong)?;
    let secret = Secret::fill(|out| {
        out.copy_from_slice(bytes);
        Ok::<_, CryptoError>(())
    })?;
    Ok(Epoch::new(number, created, secret)?)
}

fn decimal(text: &str) -> Option<u64> {
    crate::decimal::parse(text)
}
