// SPDX-License-Identifier: MIT OR Apache-2.0
//! Keys of a session, which are its own and random.

use culvert_api::v1;
use culvert_secret::{Secret, SecretBytes};
use culvert_srtp::{KeySet, MasterKey, Suite};

use crate::LoadError;

/// A master key and its salt.
pub(crate) struct Key {
    suite: Suite,
    key: SecretBytes,
    salt: SecretBytes,
}

/// Those of a leg, by who sends.
pub(crate) struct LegKeys {
    /// Under which the generator sends.
    pub(crate) ours: Key,
    /// Under which the relay does.
    pub(crate) relays: Key,
}

impl LegKeys {
    pub(crate) fn random(suite: Suite) -> Result<LegKeys, LoadError> {
        Ok(LegKeys { ours: Key::random(suite)?, relays: Key::random(suite)? })
    }

    /// As the relay is told: what it receives is what the generator sends.
    pub(crate) fn message(&self) -> v1::SrtpKeys {
        v1::SrtpKeys {
            suite: self.ours.suite.name().to_owned(),
            receive: vec![self.ours.message()],
            send: vec![self.relays.message()],
        }
    }
}

impl Key {
    fn random(suite: Suite) -> Result<Key, LoadError> {
        let bytes = |length| -> Result<SecretBytes, LoadError> {
            let mut bytes = SecretBytes::zeroed(length);
            aws_lc_rs::rand::fill(&mut bytes).map_err(|_| LoadError::Random)?;
            Ok(bytes)
        };
        Ok(Key { suite, key: bytes(suite.key_length())?, salt: bytes(suite.salt_length())? })
    }

    /// The request's copy lies in the heap of its library, as that of every front end does.
    fn message(&self) -> v1::MasterKey {
        v1::MasterKey { key: self.key.to_vec(), salt: self.salt.to_vec(), mki: Vec::new(), lifetime: 0 }
    }

    /// The session keys that it derives to.
    pub(crate) fn set(&self) -> Result<Secret<KeySet>, LoadError> {
        let key = MasterKey::new(self.suite, &self.key, &self.salt)?;
        Ok(KeySet::new(self.suite, &[key])?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_differ_and_the_relay_gets_them_crosswise() {
        for suite in Suite::ALL {
            let keys = LegKeys::random(suite).unwrap();
            let message = keys.message();
            assert_eq!(message.suite, suite.name());
            assert_eq!(message.receive[0].key, *keys.ours.key);
            assert_eq!(message.send[0].salt, *keys.relays.salt);
            assert_ne!(message.receive[0].key, message.send[0].key);
            assert_ne!(*keys.ours.key, *LegKeys::random(suite).unwrap().ours.key);
            keys.ours.set().unwrap();
        }
    }
}
