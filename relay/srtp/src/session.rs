// SPDX-License-Identifier: MIT OR Apache-2.0
//! The session keys of one protocol: what judges, decrypts and protects the bytes of one packet.

use ghash::GHash;
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use crate::cipher::aes::{Aes, CipherKey, PortableAes};
use crate::cipher::counter_mode;
use crate::cipher::gcm::{Gcm, nonce};
use crate::cipher::hmac::HmacKey;
use crate::kdf::Material;
use crate::layout::Layout;
use crate::suite::Transform;
use crate::{Path, Suite};

/// The bit beside the SRTCP index that says that the packet is encrypted.
pub(crate) const E_BIT: u32 = 1 << 31;

/// Which packet: what a cipher's nonce is made of.
#[derive(Copy, Clone, Debug)]
pub(crate) struct Position {
    pub(crate) ssrc: u32,
    pub(crate) index: u64,
}

impl Position {
    fn counter(self, salt: &[u8; 14]) -> [u8; 16] {
        counter_mode::counter(salt, self.ssrc, self.index)
    }

    fn nonce(self, salt: &[u8; 12]) -> [u8; 12] {
        nonce(salt, self.ssrc, self.index)
    }

    /// What SRTP's HMAC covers behind the packet.
    fn roll_over_counter(self) -> [u8; 4] {
        ((self.index >> 16) as u32).to_be_bytes()
    }
}

/// Keys of SRTP, which has a packet every few milliseconds: expanded once.
pub(crate) enum RtpKeys {
    CounterMode { aes: Aes, salt: Zeroizing<[u8; 14]>, hmac: HmacKey },
    Gcm { gcm: Gcm, salt: Zeroizing<[u8; 12]> },
    Null { hmac: HmacKey },
}

impl RtpKeys {
    pub(crate) fn new(suite: Suite, path: Path, material: &Material) -> RtpKeys {
        let key = CipherKey::new(suite, &material.key);
        match suite.transform() {
            Transform::CounterMode => Self::CounterMode {
                aes: Aes::new(path, &key),
                salt: Zeroizing::new(material.salt),
                hmac: HmacKey::new(&material.authentication),
            },
            Transform::Gcm => Self::Gcm { gcm: Gcm::new(path, &key), salt: gcm_salt(material) },
            Transform::Null => Self::Null { hmac: HmacKey::new(&material.authentication) },
        }
    }

    /// Whether the packet carries the tag of these keys, compared in constant time.
    pub(crate) fn authenticates(&self, packet: &[u8], at: &Layout, position: Position) -> bool {
        match self {
            Self::CounterMode { hmac, .. } | Self::Null { hmac } => {
                let tag = hmac.tag(&packet[..at.body], position.roll_over_counter());
                equal(&tag, at.tag(packet))
            }
            Self::Gcm { gcm, salt } => {
                let (header, ciphertext) = packet[..at.body].split_at(at.header);
                equal(&gcm.tag(&position.nonce(salt), header, ciphertext), at.tag(packet))
            }
        }
    }

    pub(crate) fn decrypt(&self, packet: &mut [u8], at: &Layout, position: Position) {
        let payload = &mut packet[at.header..at.body];
        match self {
            Self::CounterMode { aes, salt, .. } => aes.apply_keystream(&position.counter(salt), payload),
            Self::Gcm { gcm, salt } => gcm.apply_keystream(&position.nonce(salt), payload),
            Self::Null { .. } => {}
        }
    }

    /// Encrypts the payload and writes the tag.
    pub(crate) fn protect(&self, packet: &mut [u8], at: &Layout, position: Position) {
        // Both ciphers are key streams: encrypting is decrypting.
        self.decrypt(packet, at, position);
        match self {
            Self::CounterMode { hmac, .. } | Self::Null { hmac } => {
                let tag = hmac.tag(&packet[..at.body], position.roll_over_counter());
                write_tag(packet, at, &tag);
            }
            Self::Gcm { gcm, salt } => {
                let (header, ciphertext) = packet[..at.body].split_at(at.header);
                let tag = gcm.tag(&position.nonce(salt), header, ciphertext);
                write_tag(packet, at, &tag);
            }
        }
    }
}

/// Keys of SRTCP, which has a packet every few seconds: ciphers are expanded for each packet, on the stack, and a context
/// keeps no schedule for them.
pub(crate) struct RtcpKeys {
    path: Path,
    keys: RtcpTransform,
}

enum RtcpTransform {
    CounterMode { key: CipherKey, salt: Zeroizing<[u8; 14]>, hmac: HmacKey },
    Gcm { key: CipherKey, salt: Zeroizing<[u8; 12]> },
    Null { hmac: HmacKey },
}

impl RtcpKeys {
    pub(crate) fn new(suite: Suite, path: Path, material: &Material) -> RtcpKeys {
        let key = CipherKey::new(suite, &material.key);
        let keys = match suite.transform() {
            Transform::CounterMode => RtcpTransform::CounterMode {
                key,
                salt: Zeroizing::new(material.salt),
                hmac: HmacKey::new(&material.authentication),
            },
            Transform::Gcm => RtcpTransform::Gcm { key, salt: gcm_salt(material) },
            Transform::Null => RtcpTransform::Null { hmac: HmacKey::new(&material.authentication) },
        };
        RtcpKeys { path, keys }
    }

    fn gcm(&self, key: &CipherKey) -> Gcm<PortableAes, GHash> {
        Gcm::new(self.path, key)
    }

    /// Whether the packet carries the tag of these keys, compared in constant time.
    pub(crate) fn authenticates(&self, packet: &[u8], at: &Layout, position: Position) -> bool {
        equal(&self.tag(packet, at, position)[..at.tag_length], at.tag(packet))
    }

    /// The tag, of which HMAC uses the first bytes. It covers the SRTCP index as it stands in the packet.
    fn tag(&self, packet: &[u8], at: &Layout, position: Position) -> [u8; 20] {
        match &self.keys {
            RtcpTransform::CounterMode { hmac, .. } | RtcpTransform::Null { hmac } => {
                hmac.tag(&packet[..at.body + 4], [])
            }
            RtcpTransform::Gcm { key, salt } => {
                let mut aad = [0; 12];
                aad[..8].copy_from_slice(&packet[..8]);
                aad[8..].copy_from_slice(&packet[at.index..at.index + 4]);
                let tag = self.gcm(key).tag(&position.nonce(salt), &aad, &packet[at.header..at.body]);
                let mut padded = [0; 20];
                padded[..16].copy_from_slice(&tag);
                padded
            }
        }
    }

    pub(crate) fn decrypt(&self, packet: &mut [u8], at: &Layout, position: Position) {
        let body = &mut packet[at.header..at.body];
        match &self.keys {
            RtcpTransform::CounterMode { key, salt, .. } => {
                let aes: Aes<PortableAes> = Aes::new(self.path, key);
                aes.apply_keystream(&position.counter(salt), body);
            }
            RtcpTransform::Gcm { key, salt } => self.gcm(key).apply_keystream(&position.nonce(salt), body),
            RtcpTransform::Null { .. } => {}
        }
    }

    /// Encrypts all but the first header, writes E bit, index and tag.
    pub(crate) fn protect(&self, packet: &mut [u8], at: &Layout, position: Position) {
        self.decrypt(packet, at, position);
        let encrypted = if matches!(self.keys, RtcpTransform::Null { .. }) { 0 } else { E_BIT };
        let word = encrypted | position.index as u32;
        packet[at.index..at.index + 4].copy_from_slice(&word.to_be_bytes());
        let tag = self.tag(packet, at, position);
        write_tag(packet, at, &tag);
    }

    /// Whether a key of either is a key of both.
    pub(crate) fn shares_key_with(&self, other: &RtcpKeys) -> bool {
        let ciphers = match (self.cipher_key(), other.cipher_key()) {
            (Some(one), Some(two)) => bool::from(one.as_bytes().ct_eq(two.as_bytes())),
            _ => false,
        };
        let hmacs = match (self.hmac(), other.hmac()) {
            (Some(one), Some(two)) => one.same_key(two),
            _ => false,
        };
        ciphers || hmacs
    }

    fn cipher_key(&self) -> Option<&CipherKey> {
        match &self.keys {
            RtcpTransform::CounterMode { key, .. } | RtcpTransform::Gcm { key, .. } => Some(key),
            RtcpTransform::Null { .. } => None,
        }
    }

    fn hmac(&self) -> Option<&HmacKey> {
        match &self.keys {
            RtcpTransform::CounterMode { hmac, .. } | RtcpTransform::Null { hmac } => Some(hmac),
            RtcpTransform::Gcm { .. } => None,
        }
    }
}

fn gcm_salt(material: &Material) -> Zeroizing<[u8; 12]> {
    Zeroizing::new(core::array::from_fn(|i| material.salt[i]))
}

/// Compares the start of a computed tag with the whole of a received one.
fn equal(computed: &[u8], received: &[u8]) -> bool {
    computed.get(..received.len()).is_some_and(|computed| computed.ct_eq(received).into())
}

fn write_tag(packet: &mut [u8], at: &Layout, tag: &[u8]) {
    packet[at.tag..at.tag + at.tag_length].copy_from_slice(&tag[..at.tag_length]);
}
