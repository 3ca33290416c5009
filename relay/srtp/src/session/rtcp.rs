// SPDX-License-Identifier: MIT OR Apache-2.0
use subtle::ConstantTimeEq;

use super::{E_BIT, Position, equal, gcm_salt, write_tag};
use crate::cipher::aes::PortableAes;
use crate::cipher::gcm::PortableGcm;
use crate::cipher::hmac::HmacKey;
use crate::cipher::module::ModuleKeys;
use crate::kdf::Material;
use crate::layout::Layout;
use crate::suite::Transform;
use crate::{Path, Suite};

/// Keys of SRTCP, which has a packet every few seconds: ciphers are expanded for each packet, on the stack, and a context
/// keeps nothing but the keys.
pub(crate) struct RtcpKeys {
    suite: Suite,
    material: Material,
    /// For the path whose keys take memory from the heap, and are therefore made once all the same.
    module: Option<ModuleKeys>,
}

impl RtcpKeys {
    /// `None` if the library of the path refuses a key.
    pub(crate) fn new(suite: Suite, path: Path, material: Material) -> Option<RtcpKeys> {
        let module = match path {
            Path::AwsLc => Some(ModuleKeys::new(suite, &material)?),
            _ => None,
        };
        Some(RtcpKeys { suite, material, module })
    }

    fn gcm(&self) -> PortableGcm {
        PortableGcm::new(&self.material.key, self.suite.key_length())
    }

    /// Whether the packet carries the tag of these keys, compared in constant time.
    pub(crate) fn authenticates(&self, packet: &[u8], at: &Layout, position: Position) -> bool {
        let Some(module) = &self.module else {
            return equal(&self.tag(packet, at, position)[..at.tag_range().len()], at.tag(packet));
        };
        match module.hmac([&packet[..at.body() + 4], &[]]) {
            Some(tag) => equal(&tag, at.tag(packet)),
            None => module.opens(&aad(packet, at), &packet[at.header()..at.body()], at.tag(packet), position),
        }
    }

    /// The tag, of which HMAC uses the first bytes. It covers the SRTCP index as it stands in the packet.
    fn tag(&self, packet: &[u8], at: &Layout, position: Position) -> [u8; 20] {
        match self.suite.transform() {
            Transform::CounterMode | Transform::Null => {
                HmacKey::new(&self.material.authentication).tag(&packet[..at.body() + 4], [])
            }
            Transform::Gcm => {
                let nonce = position.nonce(&gcm_salt(&self.material));
                let tag = self.gcm().tag(&nonce, &aad(packet, at), &packet[at.header()..at.body()]);
                let mut padded = [0; 20];
                padded[..16].copy_from_slice(&tag);
                padded
            }
        }
    }

    pub(crate) fn decrypt(&self, packet: &mut [u8], at: &Layout, position: Position) {
        let body = &mut packet[at.header()..at.body()];
        if let Some(module) = &self.module {
            return module.apply_keystream(body, position);
        }
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
        let encrypted = if self.suite.encrypts() { E_BIT } else { 0 };
        let word = encrypted | position.index as u32;
        packet[at.index_range()].copy_from_slice(&word.to_be_bytes());
        let Some(module) = &self.module else {
            self.decrypt(packet, at, position);
            let tag = self.tag(packet, at, position);
            return write_tag(packet, at, &tag);
        };
        let aad = aad(packet, at);
        let tag = module.seal(&aad, &mut packet[at.header()..at.body()], position);
        match module.hmac([&packet[..at.body() + 4], &[]]) {
            Some(tag) => write_tag(packet, at, &tag),
            None => write_tag(packet, at, &tag),
        }
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

/// What GCM covers beside the payload (RFC 7714 section 9.2): the first header, and the word of E bit and index.
fn aad(packet: &[u8], at: &Layout) -> [u8; 12] {
    let mut aad = [0; 12];
    aad[..8].copy_from_slice(&packet[..8]);
    aad[8..].copy_from_slice(&packet[at.index_range()]);
    aad
}
