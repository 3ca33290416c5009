// SPDX-License-Identifier: MIT OR Apache-2.0
//! The keys that credentials are made and verified with, which a fleet of relays shares.

mod epoch;
mod text;

use std::time::{Duration, SystemTime};

use crate::clock::{ClockError, unix};
use crate::crypto::CryptoError;

pub use epoch::Epoch;
pub use text::KeyRingTextError;

/// Epochs of the largest key ring: a daily rotation under the longest duration, and some.
pub const MAX_EPOCHS: usize = 256;

/// Epochs, oldest first. The newest that has begun signs; each verifies what it has signed until it is dropped.
#[derive(Debug)]
pub struct KeyRing {
    /// Never empty; numbers ascend.
    epochs: Vec<Epoch>,
}

/// Why a key ring was not made or rotated. It is as it was.
#[derive(Copy, Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum KeyRingError {
    /// See [`ClockError`].
    #[error(transparent)]
    Clock(#[from] ClockError),
    /// See [`CryptoError`].
    #[error(transparent)]
    Cryptography(#[from] CryptoError),
    /// No epoch may be dropped yet.
    #[error(
        "the key ring holds {MAX_EPOCHS} epochs, and credentials of each may be live; rotate less often, or shorten the maximum duration"
    )]
    Full,
    /// Epoch numbers are used up.
    #[error("epoch {} is the last number; make a new key ring", u32::MAX)]
    Numbers,
    /// The newest epoch has not begun, so that one after it would begin before it.
    #[error("epoch {number} begins at {begins} (Unix seconds), which is to come; rotate after that")]
    Ahead {
        /// The newest epoch.
        number: u32,
        /// When it begins.
        begins: u64,
    },
}

impl KeyRing {
    /// With one new epoch, number 1.
    ///
    /// # Errors
    /// See [`KeyRingError`].
    pub fn generate(now: SystemTime) -> Result<KeyRing, KeyRingError> {
        Ok(KeyRing { epochs: vec![Epoch::generate(1, unix(now)?)?] })
    }

    /// Adds an epoch that signs from now on, and drops those whose credentials have all expired. An epoch stopped signing
    /// when its successor began, so its last credential expires `maximum` later: the longest duration that any relay of the
    /// fleet grants, or has granted to credentials that are to hold. Two epochs are always kept.
    ///
    /// # Errors
    /// See [`KeyRingError`].
    pub fn rotate(&mut self, now: SystemTime, maximum: Duration) -> Result<u32, KeyRingError> {
        let now = unix(now)?;
        let newest = self.newest();
        let number = newest.number().checked_add(1).ok_or(KeyRingError::Numbers)?;
        if newest.created() > now {
            return Err(KeyRingError::Ahead { number: newest.number(), begins: newest.created() });
        }
        let over = self
            .epochs
            .windows(2)
            .take_while(|pair| pair[1].created().saturating_add(maximum.as_secs()) <= now)
            .count();
        // With the new one, what is left after `over` is two at least: `over` never counts the newest.
        if self.epochs.len() - over >= MAX_EPOCHS {
            return Err(KeyRingError::Full);
        }
        let epoch = Epoch::generate(number, now)?;
        self.epochs.drain(..over);
        self.epochs.push(epoch);
        Ok(number)
    }

    /// The one that signs at `now`: the newest that has begun. When none has, as with a clock that is behind, the oldest.
    pub fn active(&self, now: u64) -> &Epoch {
        self.epochs.iter().rfind(|epoch| epoch.created() <= now).unwrap_or_else(|| self.oldest())
    }

    /// The epoch of that number.
    pub fn epoch(&self, number: u32) -> Option<&Epoch> {
        self.epochs.iter().find(|epoch| epoch.number() == number)
    }

    /// Newest first.
    pub fn epochs(&self) -> impl Iterator<Item = &Epoch> {
        self.epochs.iter().rev()
    }

    fn oldest(&self) -> &Epoch {
        &self.epochs[0]
    }

    fn newest(&self) -> &Epoch {
        &self.epochs[self.epochs.len() - 1]
    }
}

#[cfg(test)]
mod tests;
