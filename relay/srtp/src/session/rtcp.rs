// SPDX-License-Identifier: MIT OR Apache-2.0
use subtle::ConstantTimeEq;

use super::{E_BIT, Position, equal, gcm_salt, write_tag};
use crate::Suite;
use crate::cipher::aes::PortableAes;
use crate::cipher::gcm::PortableGcm;
use crate::cipher::hmac::HmacKey;
use crate::kdf::Material;
use crate::layout::Layout;
use crate::suite::Transform;

/// Keys of SRTCP, which has a packet every few seconds: ciphers are expanded for each packet, on the stack, and a context
/// keeps nothing but the keys.
pub(crate) struct RtcpKeys {
    suite: Suite,
    material: Material,
}

impl RtcpKeys {
    pub(crate) fn new(suite: Suite, material: Material) -> RtcpKeys {
        RtcpKeys { suite, material }
    }

    fn gcm(&self) -> PortableGcm {
        PortableGcm::new(&self.material.key, self.suite.key_length())
    }

    /// Whether the packet carries the tag of these keys, compared in constant time.
    pub(crate) fn authenticates(&self, packet: &[u8], at: &Layout, position: Position) -> bool {
        equal(&self.tag(packet, at, position)[..at.tag_range().len()], at.tag(packet))
    }

    /// The tag, of which HMAC uses the first bytes. It covers the SRTCP index as it stands in the packet.
    fn tag(&self, packet: &[u8], at: &Layout, position: Position) -> [u8; 20] {
        match self.suite.transform() {
            Transform::CounterMode | Transform::Null => {
                HmacKey::new(&self.material.authentication).tag(&packet[..at.body() + 4], [])
            }
            Transform::Gcm => {
                let mut aad = [0; 12];
                aad[..8].copy_from_slice(&packet[..8]);
                aad[8..].copy_from_slice(&packet[at.index_range()]);
                let nonce = position.nonce(&gcm_salt(&self.material));
                let tag = self.gcm().tag(&nonce, &aad, &packet[at.header()..at.body()]);
                let mut padded = [0; 20];
                padded[..16].copy_from_slice(&tag);
                padded
            }
        }
    }

    pub(crate) fn decrypt(&self, packet: &mut [u8], at: &Layout, position: Position) {
        let body = &mut packet[at.header()..at.body()];
        match self.suite.transform() {
            Transform::CounterMode => {
                let aes = PortableAes::new(&self.material.key, self.suite.key_length());
                aes.apply_keystream(&position.counter(&self.material.salt), body);
            }
            Transform::Gcm => self.gcm().apply_keystream(&position.nonce(&gcm_salt(&self.material)), body),
            Transform::Null => {}
        }
    }

    /// Encrypts all but the first header, writes E bit, index and tag.
    pub(crate) fn protect(&self, packet: &mut [u8], at: &Layout, position: Position) {
        self.decrypt(packet, at, position);
        let encrypted = if self.suite.encrypts() { E_BIT } else { 0 };
        let word = encrypted | position.index as u32;
        packet[at.index_range()].copy_from_slice(&word.to_be_bytes());
        let tag = self.tag(packet, at, position);
        write_tag(packet, at, &tag);
    }

    /// Whether a key of either is a key of both, compared in constant time.
    pub(crate) fn shares_key_with(&self, other: &RtcpKeys) -> bool {
        let keys = |keys: &RtcpKeys| (keys.suite.key_length(), keys.suite.transform());
        let ((length, transform), (other_length, other_transform)) = (keys(self), keys(other));
        let ciphers = length == other_length
            && transform != Transform::Null
            && other_transform != Transform::Null
            && bool::from(self.material.key.ct_eq(&other.material.key));
        let hmacs = transform != Transform::Gcm
            && other_transform != Transform::Gcm
            && bool::from(self.material.authentication.ct_eq(&other.material.authentication));
        ciphers || hmacs
    }
}
