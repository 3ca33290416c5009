// SPDX-License-Identifier: MIT OR Apache-2.0
use culvert_secret::Secret;
use zeroize::Zeroizing;

use super::{Position, equal, gcm_salt, write_tag};
use crate::cipher::aes::PortableAes;
use crate::cipher::gcm::PortableGcm;
use crate::cipher::hmac::HmacKey;
use crate::cipher::module::ModuleKeys;
use crate::kdf::Material;
use crate::kernel::{CounterKey, GcmKey, Machine, prefetch};
use crate::layout::Layout;
use crate::suite::Transform;
use crate::{Path, Suite};

/// Keys of SRTP, which has a packet every few milliseconds: expanded once. Each in a slot of its own, because they differ in size by
/// some hundred bytes.
pub(crate) enum RtpKeys {
    CounterMode(Secret<CounterKey>),
    Gcm(Secret<GcmKey>),
    Null(Secret<HmacKey>),
    PortableCounterMode(Secret<(PortableAes, HmacKey, Zeroizing<[u8; 14]>)>),
    PortableGcm(Secret<(PortableGcm, Zeroizing<[u8; 12]>)>),
    Module(ModuleKeys),
}

impl RtpKeys {
    /// `None` if the library of the path refuses a key.
    pub(crate) fn new(suite: Suite, path: Path, material: &Material) -> Option<RtpKeys> {
        if path == Path::AwsLc {
            return ModuleKeys::new(suite, material).map(Self::Module);
        }
        let (key, length) = (&material.key, suite.key_length());
        let hmac = || HmacKey::new(&material.authentication);
        Some(match (suite.transform(), Machine::of(path)) {
            (Transform::Null, _) => Self::Null(Secret::build(hmac)),
            (Transform::CounterMode, Some(machine)) => Self::CounterMode(Secret::build(|| {
                machine.counter_key(&key[..length], hmac(), material.salt)
            })),
            (Transform::CounterMode, None) => Self::PortableCounterMode(Secret::build(|| {
                (PortableAes::new(key, length), hmac(), Zeroizing::new(material.salt))
            })),
            (Transform::Gcm, Some(machine)) => {
                Self::Gcm(Secret::build(|| machine.gcm_key(&key[..length], *gcm_salt(material))))
            }
            (Transform::Gcm, None) => {
                Self::PortableGcm(Secret::build(|| (PortableGcm::new(key, length), gcm_salt(material))))
            }
        })
    }

    /// The key of the HMAC, where there is one that takes many messages at once.
    #[inline]
    pub(crate) fn hmac(&self) -> Option<&HmacKey> {
        match self {
            Self::CounterMode(key) => Some(key.hmac()),
            Self::Null(hmac) => Some(hmac),
            Self::PortableCounterMode(keys) => Some(&keys.1),
            Self::Gcm(_) | Self::PortableGcm(_) | Self::Module(_) => None,
        }
    }

    /// Asks for the key ahead of time.
    #[inline]
    pub(crate) fn prefetch(&self) {
        match self {
            Self::CounterMode(key) => prefetch(&**key),
            Self::Gcm(key) => prefetch(&**key),
            Self::Null(key) => prefetch(&**key),
            Self::PortableCounterMode(_) | Self::PortableGcm(_) | Self::Module(_) => {}
        }
    }

    /// Whether a packet's tag is found on the way to its new key.
    #[inline]
    pub(crate) fn is_gcm(&self) -> bool {
        matches!(self, Self::Gcm(_))
    }

    /// The tag, of which HMAC uses the first bytes.
    fn tag(&self, machine: Option<Machine>, packet: &[u8], at: &Layout, position: Position) -> [u8; 20] {
        match self.hmac() {
            Some(hmac) => hmac.tag(&packet[..at.body()], position.roll_over_counter().to_be_bytes()),
            None => {
                let (header, payload) = packet[..at.body()].split_at(at.header());
                let mut padded = [0; 20];
                padded[..16].copy_from_slice(&self.gcm_tag(machine, header, payload, position));
                padded
            }
        }
    }

    /// GCM's tag; zeros where the tag is not GCM's.
    fn gcm_tag(
        &self,
        machine: Option<Machine>,
        header: &[u8],
        payload: &[u8],
        position: Position,
    ) -> [u8; 16] {
        match (self, machine) {
            (Self::Gcm(key), Some(machine)) => machine.gcm_tag(key, position, header, payload),
            (Self::PortableGcm(keys), _) => keys.0.tag(&position.nonce(&keys.1), header, payload),
            _ => [0; 16],
        }
    }

    /// Whether the packet carries the tag of these keys, compared in constant time.
    pub(crate) fn authenticates(
        &self,
        machine: Option<Machine>,
        packet: &[u8],
        at: &Layout,
        position: Position,
    ) -> bool {
        let Self::Module(module) = self else {
            return equal(&self.tag(machine, packet, at, position), at.tag(packet));
        };
        let (header, payload) = packet[..at.body()].split_at(at.header());
        match self.hmac_alone(&packet[..at.body()], position) {
            Some(tag) => equal(&tag, at.tag(packet)),
            None => module.opens(header, payload, at.tag(packet), position),
        }
    }

    /// The HMAC of a packet, where there is one that takes one message at a time.
    pub(crate) fn hmac_alone(&self, packet: &[u8], position: Position) -> Option<[u8; 20]> {
        let Self::Module(module) = self else { return None };
        module.hmac([packet, &position.roll_over_counter().to_be_bytes()])
    }

    /// Encrypts or decrypts the payload: both ciphers are key streams.
    pub(crate) fn apply_keystream(&self, machine: Option<Machine>, payload: &mut [u8], position: Position) {
        match (self, machine) {
            (Self::PortableCounterMode(keys), _) => {
                keys.0.apply_keystream(&position.counter(&keys.2), payload);
            }
            (Self::PortableGcm(keys), _) => keys.0.apply_keystream(&position.nonce(&keys.1), payload),
            (Self::Module(module), _) => module.apply_keystream(payload, position),
            (_, Some(machine)) => machine.xor((self, position), payload),
            (_, None) => {}
        }
    }

    /// Encrypts the payload. GCM's tag; zeros where the tag is not GCM's.
    pub(crate) fn encrypt(
        &self,
        machine: Option<Machine>,
        header: &[u8],
        payload: &mut [u8],
        position: Position,
    ) -> [u8; 16] {
        if let Self::Module(module) = self {
            return module.seal(header, payload, position);
        }
        self.apply_keystream(machine, payload, position);
        self.gcm_tag(machine, header, payload, position)
    }

    /// Encrypts the payload and writes the tag.
    pub(crate) fn protect(
        &self,
        machine: Option<Machine>,
        packet: &mut [u8],
        at: &Layout,
        position: Position,
    ) {
        let (header, payload) = packet[..at.body()].split_at_mut(at.header());
        let tag = self.encrypt(machine, header, payload, position);
        let protected = &packet[..at.body()];
        let hmac = match self.hmac() {
            Some(hmac) => Some(hmac.tag(protected, position.roll_over_counter().to_be_bytes())),
            None => self.hmac_alone(protected, position),
        };
        match hmac {
            Some(hmac) => write_tag(packet, at, &hmac),
            None => write_tag(packet, at, &tag),
        }
    }
}
