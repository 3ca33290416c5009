// SPDX-License-Identifier: MIT OR Apache-2.0
use core::fmt;

use culvert_secret::Secret;
use thiserror::Error;
use zeroize::ZeroizeOnDrop;

use crate::{Path, Suite};

/// The most packets that one master key may protect (RFC 3711 section 9.2).
pub const MAX_LIFETIME: u64 = 1 << 48;

/// The most master keys of one [`KeySet`](crate::KeySet).
pub const MAX_KEYS: usize = 16;

/// Why key material was refused. No variant carries any of it.
#[derive(Clone, Debug, Error, Eq, PartialEq)]
#[non_exhaustive]
pub enum KeyError {
    /// The master key has the wrong length.
    #[error("{suite} takes a master key of {} bytes, not {got}", .suite.key_length())]
    KeyLength {
        /// The suite it was given for.
        suite: Suite,
        /// Its length in bytes.
        got: usize,
    },
    /// The master salt has the wrong length.
    #[error("{suite} takes a master salt of {} bytes, not {got}", .suite.salt_length())]
    SaltLength {
        /// The suite it was given for.
        suite: Suite,
        /// Its length in bytes.
        got: usize,
    },
    /// A lifetime of 0, or above [`MAX_LIFETIME`].
    #[error("a master key's lifetime is 1 to 2^48 packets, not {got}")]
    Lifetime {
        /// The lifetime given, in packets.
        got: u64,
    },
    /// An MKI of 0 bytes, or above [`Mki::MAX_LENGTH`].
    #[error("an MKI has 1 to 128 bytes, not {got}")]
    MkiLength {
        /// Its length in bytes.
        got: usize,
    },
    /// No master key, or more than [`MAX_KEYS`].
    #[error("a key set has 1 to 16 master keys, not {got}")]
    KeyCount {
        /// The number of keys given.
        got: usize,
    },
    /// A master key was made for another suite than the set's.
    #[error("master key {position} is for {got}, but the key set is for {expected}")]
    SuiteMismatch {
        /// Position of the key in the set, from 0.
        position: usize,
        /// The set's suite.
        expected: Suite,
        /// The key's suite.
        got: Suite,
    },
    /// Of several master keys one has no MKI, or one of another length.
    #[error(
        "master key {position} does not have an MKI of the first key's length: \
         give every key of a set an MKI of one length"
    )]
    MkiMismatch {
        /// Position of the key in the set, from 0.
        position: usize,
    },
    /// Two master keys have one MKI.
    #[error("master key {position} has the MKI of an earlier key of its set")]
    DuplicateMki {
        /// Position of the later key in the set, from 0.
        position: usize,
    },
    /// This machine lacks the instructions of the path asked for.
    #[error("this processor does not have what the {path} path needs")]
    PathUnavailable {
        /// The path asked for.
        path: Path,
    },
}

/// A master key identifier: 1 to 128 bytes that follow the payload and name the master key in use. Not a secret.
#[derive(Clone, Debug, Eq, PartialEq, Hash)]
pub struct Mki(Box<[u8]>);

impl Mki {
    /// The longest MKI that RFC 4568 section 6.1 lets SDES signal.
    pub const MAX_LENGTH: usize = 128;

    /// Takes the bytes as they appear in packets.
    ///
    /// # Errors
    /// [`KeyError::MkiLength`] unless there are 1 to 128 of them.
    pub fn new(bytes: &[u8]) -> Result<Mki, KeyError> {
        if bytes.is_empty() || bytes.len() > Self::MAX_LENGTH {
            return Err(KeyError::MkiLength { got: bytes.len() });
        }
        Ok(Self(bytes.into()))
    }

    /// The bytes as they appear in packets.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

/// A master key and its salt, as signalling gives them, in the memory for keys. Erased on drop; `Debug` shows neither.
#[derive(Clone)]
pub struct MasterKey {
    pub(crate) suite: Suite,
    pub(crate) secret: Secret<KeyAndSalt>,
    pub(crate) mki: Option<Mki>,
    pub(crate) lifetime: Option<u64>,
}

/// What is secret of a master key.
#[derive(Clone, Default)]
pub(crate) struct KeyAndSalt {
    /// As many bytes as the suite's key has, then zeros.
    pub(crate) key: [u8; 32],
    /// As many bytes as the suite's salt has, then zeros: RFC 7714 section 11 pads a 96-bit salt so for the key
    /// derivation of RFC 3711.
    pub(crate) salt: [u8; 14],
}

impl ZeroizeOnDrop for MasterKey {}

impl MasterKey {
    /// Copies `key` and `salt`.
    ///
    /// # Errors
    /// [`KeyError::KeyLength`] and [`KeyError::SaltLength`] unless they have the suite's
    /// [`key_length`](Suite::key_length) and [`salt_length`](Suite::salt_length).
    pub fn new(suite: Suite, key: &[u8], salt: &[u8]) -> Result<MasterKey, KeyError> {
        if key.len() != suite.key_length() {
            return Err(KeyError::KeyLength { suite, got: key.len() });
        }
        if salt.len() != suite.salt_length() {
            return Err(KeyError::SaltLength { suite, got: salt.len() });
        }
        let secret = Secret::<KeyAndSalt>::filled(|secret| {
            secret.key[..key.len()].copy_from_slice(key);
            secret.salt[..salt.len()].copy_from_slice(salt);
        });
        Ok(Self { suite, secret, mki: None, lifetime: None })
    }

    /// Names the key: packets carry these bytes.
    #[must_use]
    pub fn with_mki(mut self, mki: Mki) -> MasterKey {
        self.mki = Some(mki);
        self
    }

    /// Limits the key to so many SRTP packets and as many SRTCP packets, counted apart (RFC 4568 section 6.1). SRTCP
    /// never gets more than 2^31 (RFC 3711 section 9.2).
    ///
    /// # Errors
    /// [`KeyError::Lifetime`] unless it is 1 to 2^48.
    pub fn with_lifetime(mut self, packets: u64) -> Result<MasterKey, KeyError> {
        if packets == 0 || packets > MAX_LIFETIME {
            return Err(KeyError::Lifetime { got: packets });
        }
        self.lifetime = Some(packets);
        Ok(self)
    }

    /// The suite the key is for.
    pub fn suite(&self) -> Suite {
        self.suite
    }

    /// The key's name in packets.
    pub fn mki(&self) -> Option<&Mki> {
        self.mki.as_ref()
    }

    /// The key's limit in packets, where signalling gave one.
    pub fn lifetime(&self) -> Option<u64> {
        self.lifetime
    }
}

impl fmt::Debug for MasterKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MasterKey")
            .field("suite", &self.suite)
            .field("mki", &self.mki)
            .field("lifetime", &self.lifetime)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_are_checked_per_suite() {
        for suite in Suite::ALL {
            let (key, salt) = (vec![1; suite.key_length()], vec![2; suite.salt_length()]);
            assert!(MasterKey::new(suite, &key, &salt).is_ok());
            assert_eq!(
                MasterKey::new(suite, &key[1..], &salt).err(),
                Some(KeyError::KeyLength { suite, got: key.len() - 1 })
            );
            assert_eq!(
                MasterKey::new(suite, &key, &salt[1..]).err(),
                Some(KeyError::SaltLength { suite, got: salt.len() - 1 })
            );
        }
    }

    #[test]
    fn errors_name_what_is_wrong() {
        let error = MasterKey::new(Suite::AeadAes256Gcm, &[0; 16], &[0; 12]).unwrap_err();
        assert_eq!(error.to_string(), "AEAD_AES_256_GCM takes a master key of 32 bytes, not 16");
    }

    #[test]
    fn mki_and_lifetime_have_bounds() {
        assert_eq!(Mki::new(&[]).err(), Some(KeyError::MkiLength { got: 0 }));
        assert_eq!(Mki::new(&[0; 129]).err(), Some(KeyError::MkiLength { got: 129 }));
        assert_eq!(Mki::new(&[7; 128]).unwrap().as_bytes(), [7; 128]);
        let key = || MasterKey::new(Suite::NullHmacSha1_80, &[0; 16], &[0; 14]).unwrap();
        assert_eq!(key().with_lifetime(0).err(), Some(KeyError::Lifetime { got: 0 }));
        assert_eq!(
            key().with_lifetime(MAX_LIFETIME + 1).err(),
            Some(KeyError::Lifetime { got: MAX_LIFETIME + 1 })
        );
        assert_eq!(key().with_lifetime(MAX_LIFETIME).unwrap().lifetime(), Some(MAX_LIFETIME));
    }

    #[test]
    fn debug_shows_no_key() {
        let key = MasterKey::new(Suite::AesCm128HmacSha1_80, &[0xa5; 16], &[0x5a; 14]).unwrap();
        assert_eq!(
            format!("{key:?}"),
            "MasterKey { suite: AesCm128HmacSha1_80, mki: None, lifetime: None, .. }"
        );
    }
}
