// SPDX-License-Identifier: MIT OR Apache-2.0
//! Session keys from a master key (RFC 3711 section 4.3), key derivation rate 0.

use zeroize::{Zeroize, ZeroizeOnDrop};

use crate::cipher::aes::CounterAes;
use crate::{MasterKey, Path};

/// Which protocol's session keys. The labels of RFC 3711 section 4.3.2 follow one another.
#[derive(Copy, Clone)]
pub(crate) enum Protocol {
    Srtp = 0,
    Srtcp = 3,
}

/// The session keys of one protocol before they are expanded. Suites take what they need: as much of the key as they
/// have, 12 bytes of the salt for GCM, no key for the NULL cipher.
#[derive(Zeroize, ZeroizeOnDrop)]
pub(crate) struct Material {
    pub(crate) key: [u8; 32],
    pub(crate) authentication: [u8; 20],
    pub(crate) salt: [u8; 14],
}

impl Material {
    /// `None` if the library of the path refuses the key.
    pub(crate) fn derive(path: Path, master: &MasterKey, protocol: Protocol) -> Option<Material> {
        let aes = CounterAes::new(path, &master.secret.key, master.suite.key_length())?;
        let label = protocol as u8;
        let mut material = Material { key: [0; 32], authentication: [0; 20], salt: [0; 14] };
        stream(&aes, &master.secret.salt, label, &mut material.key[..master.suite.key_length()]);
        stream(&aes, &master.secret.salt, label + 1, &mut material.authentication);
        stream(&aes, &master.secret.salt, label + 2, &mut material.salt[..master.suite.salt_length()]);
        Some(material)
    }
}

/// The keys that encrypt elements of header extensions (RFC 6904 section 3, labels 0x06 and 0x07) before they are
/// expanded. Both have the lengths of the suite's own key and salt, and then zeros.
#[derive(Zeroize, ZeroizeOnDrop)]
pub(crate) struct ExtensionMaterial {
    pub(crate) key: [u8; 32],
    pub(crate) salt: [u8; 14],
}

impl ExtensionMaterial {
    /// `None` if the library of the path refuses the key.
    pub(crate) fn derive(path: Path, master: &MasterKey) -> Option<ExtensionMaterial> {
        let aes = CounterAes::new(path, &master.secret.key, master.suite.key_length())?;
        let mut material = ExtensionMaterial { key: [0; 32], salt: [0; 14] };
        stream(&aes, &master.secret.salt, 6, &mut material.key[..master.suite.key_length()]);
        stream(&aes, &master.secret.salt, 7, &mut material.salt[..master.suite.salt_length()]);
        Some(material)
    }
}

/// Fills `out`, which holds zeros, with the key stream for a label. With a key derivation rate of 0 the label stands
/// alone, in byte 7 of the salt's 14.
fn stream(aes: &CounterAes, salt: &[u8; 14], label: u8, out: &mut [u8]) {
    let mut counter = [0; 16];
    counter[..14].copy_from_slice(salt);
    counter[7] ^= label;
    aes.apply_keystream(&counter, out);
    counter.zeroize();
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Suite;
    use crate::hex::hex;
    use crate::tests::harness::paths;

    /// The keys of SRTP, the same on every path.
    fn derive(suite: Suite, key: &str, salt: &str) -> Material {
        let master = MasterKey::new(suite, &hex(key), &hex(salt)).unwrap();
        let derived = |path| Material::derive(path, &master, Protocol::Srtp).unwrap();
        let material = derived(Path::Portable);
        for other in paths().map(derived) {
            assert_eq!(other.key, material.key);
            assert_eq!(other.authentication, material.authentication);
            assert_eq!(other.salt, material.salt);
        }
        material
    }

    #[test]
    fn rfc_3711_appendix_b_3() {
        let material = derive(
            Suite::AesCm128HmacSha1_80,
            "E1F97A0D3E018BE0D64FA32C06DE4139",
            "0EC675AD498AFEEBB6960B3AABE6",
        );
        assert_eq!(material.key[..16], hex("C61E7A93744F39EE10734AFE3FF7A087"));
        assert_eq!(material.salt[..], hex("30CBBC08863D8C85D49DB34A9AE1"));
        assert_eq!(material.authentication[..], hex("CEBE321F6FF7716B6FD4AB49AF256A156D38BAA4"));
    }

    #[test]
    fn rfc_6188_section_7_2() {
        let material = derive(
            Suite::AesCm256HmacSha1_80,
            "f0f04914b513f2763a1b1fa130f10e29 98f6f6e43e4309d1e622a0e332b9f1b6",
            "3b04803de51ee7c96423ab5b78d2",
        );
        let key = hex("5ba1064e30ec51613cad926c5a28ef73 1ec7fb397f70a960653caf06554cd8c4");
        assert_eq!(material.key[..], key);
        assert_eq!(material.salt[..], hex("fa31791685ca444a9e07c6c64e93"));
        assert_eq!(material.authentication[..], hex("fd9c32d39ed5fbb5a9dc96b30818454d1313dc05"));
    }

    #[test]
    fn rfc_6188_section_7_4() {
        let material = derive(
            Suite::AesCm192HmacSha1_80,
            "73edc66c4fa15776fb57f9505c171365 50ffda71f3e8e5f1",
            "c8522f3acd4ce86d5add78edbb11",
        );
        let key = hex("31874736a8f1143870c26e4857d8a5b2 c4a354407faadabb");
        assert_eq!(material.key[..24], key);
        assert_eq!(material.key[24..], [0; 8]);
        assert_eq!(material.salt[..], hex("2372b82d639b6d8503a47adc0a6c"));
        assert_eq!(material.authentication[..], hex("355b10973cd95b9eacf4061c7e1a7151e7cfbfcb"));
    }

    #[test]
    fn rfc_6904_appendix_a() {
        let (key, salt) = (hex("E1F97A0D3E018BE0D64FA32C06DE4139"), hex("0EC675AD498AFEEBB6960B3AABE6"));
        let master = MasterKey::new(Suite::AesCm128HmacSha1_80, &key, &salt).unwrap();
        for path in paths() {
            let material = ExtensionMaterial::derive(path, &master).unwrap();
            assert_eq!(material.key[..16], hex("549752054D6FB708622C4A2E596A1B93"));
            assert_eq!(material.key[16..], [0; 16]);
            assert_eq!(material.salt[..], hex("AB01818174C40D39A3781F7C2D27"));
        }
    }
}
