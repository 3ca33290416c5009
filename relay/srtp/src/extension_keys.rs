// SPDX-License-Identifier: MIT OR Apache-2.0
//! The keys of RFC 6904.

use culvert_secret::Secret;
use culvert_wire::rtp;
use zeroize::Zeroizing;

use crate::cipher::aes::CounterAes;
use crate::cipher::counter_mode;
use crate::extension::{self, ExtensionIds};
use crate::kdf::ExtensionMaterial;
use crate::{MasterKey, Path, Suite};

/// Keys that encrypt elements of header extensions, expanded once. No kernel is used for them whatever the path of their set
/// is: extensions are a few blocks.
///
/// The cipher is AES in counter mode whatever encrypts the payload: RFC 7714 section 8.3 has the AEAD suites use it too.
pub(crate) struct ExtensionKeys(Secret<(CounterAes, Zeroizing<[u8; 14]>)>);

impl ExtensionKeys {
    /// The keys that a master key derives to. `None` for the NULL cipher, which leaves extensions as readable as payloads,
    /// and if the library of the path refuses a key.
    pub(crate) fn derive(path: Path, master: &MasterKey) -> Option<ExtensionKeys> {
        Self::new(path, master.suite, &ExtensionMaterial::derive(path, master)?)
    }

    /// As [`derive`](Self::derive), from keys that are derived already.
    pub(crate) fn new(path: Path, suite: Suite, material: &ExtensionMaterial) -> Option<ExtensionKeys> {
        let aes = suite.encrypts().then(|| CounterAes::new(path, &material.key, suite.key_length()))??;
        Some(Self(Secret::build(|| (aes, Zeroizing::new(material.salt)))))
    }

    /// Encrypts or decrypts, in place, the elements that `ids` names in the packet of 48-bit `index` that begins with
    /// `header`. Bytes that `header` does not fit are left alone.
    ///
    /// A sender encrypts before it authenticates, a receiver decrypts what has authenticated (RFC 6904 section 3). The
    /// profiles of Cryptex are not of RFC 8285: a packet never goes through both (RFC 9335 section 5) as long as `header`
    /// is that of the packet on the wire.
    pub(crate) fn apply(&self, ids: &ExtensionIds, packet: &mut [u8], header: &rtp::Header, index: u64) {
        let Some(rtp::Extension { profile, length }) = header.extension else { return };
        let data = header.header_length.checked_sub(length).map(|start| start..header.header_length);
        let Some(data) = data.and_then(|range| packet.get_mut(range)) else { return };
        let (aes, salt) = &*self.0;
        let first = counter_mode::counter(salt, header.ssrc, index);
        extension::apply_keystream(ids, profile, data, |block, window| {
            let mut counter = first;
            // The longest extension has 2^14 blocks.
            counter[14..].copy_from_slice(&(block as u16).to_be_bytes());
            aes.apply_keystream(&counter, window);
        });
    }
}

#[cfg(test)]
mod tests {
    use core::num::NonZeroU8;

    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;
    use crate::cipher::aes::PortableAes;
    use crate::hex::hex;
    use crate::tests::harness::{master_key, paths};

    /// A packet with that extension, without payload.
    fn packet(profile: u16, data: &[u8]) -> Vec<u8> {
        let mut packet = hex("900f1234 decafbad cafebabe");
        packet.extend(profile.to_be_bytes());
        packet.extend(((data.len() / 4) as u16).to_be_bytes());
        packet.extend(data);
        packet
    }

    fn ids(ids: &[u8]) -> ExtensionIds {
        ids.iter().map(|id| NonZeroU8::new(*id).unwrap()).collect()
    }

    fn check(suite: Suite, salt: &str, encrypted: &str) {
        let master = MasterKey::new(suite, &hex("E1F97A0D3E018BE0D64FA32C06DE4139"), &hex(salt)).unwrap();
        let plain = packet(0xbede, &hex("17414273A475262748220000C8308E4655996386B395FB00"));
        for path in paths() {
            let keys = ExtensionKeys::derive(path, &master).unwrap();
            let mut bytes = plain.clone();
            let header = rtp::Header::parse(&bytes).unwrap();
            keys.apply(&ids(&[1, 3, 4]), &mut bytes, &header, 0x1234);
            assert_eq!(bytes, packet(0xbede, &hex(encrypted)), "{path}");
            keys.apply(&ids(&[1, 3, 4]), &mut bytes, &header, 0x1234);
            assert_eq!(bytes, plain, "{path}");
        }
    }

    #[test]
    fn rfc_6904_appendix_a() {
        check(
            Suite::AesCm128HmacSha1_80,
            "0EC675AD498AFEEBB6960B3AABE6",
            "17588A9270F4E15E1C220000C8309546A994F0BC54789700",
        );
    }

    /// The same elements under a salt of 12 bytes, as libsrtp's test driver has them.
    #[test]
    fn libsrtp_with_gcm() {
        check(
            Suite::AeadAes128Gcm,
            "0EC675AD498AFEEBB6960B3A",
            "1712e0205bfa949b1C220000C830bb46732778d9929aab00",
        );
    }

    #[test]
    fn the_key_stream_is_that_of_the_index_and_runs_on_for_the_longest_extension() {
        let master = master_key(Suite::AesCm256HmacSha1_80, 1, &[]);
        let material = ExtensionMaterial::derive(Path::Portable, &master).unwrap();
        let data = [&[9, 255][..], &[0; 255]].concat().repeat(1020);
        assert_eq!(data.len(), 4 * 0xffff);
        let aes = PortableAes::new(&material.key, master.suite().key_length());
        let mut expected = vec![0; data.len()];
        let index = 0xffff_1234_5678;
        aes.apply_keystream(&counter_mode::counter(&material.salt, 0xcafe_babe, index), &mut expected);
        expected.chunks_mut(257).for_each(|element| element[..2].copy_from_slice(&[9, 255]));
        for path in paths() {
            let mut bytes = packet(0x1000, &data);
            let header = rtp::Header::parse(&bytes).unwrap();
            ExtensionKeys::derive(path, &master).unwrap().apply(&ids(&[9]), &mut bytes, &header, index);
            assert!(bytes[16..] == expected, "{path}");
        }
    }

    #[test]
    fn what_holds_keys_zeroizes_them() {
        fn zeroizes<T: zeroize::ZeroizeOnDrop>() {}
        zeroizes::<ExtensionMaterial>();
    }

    #[test]
    fn the_null_cipher_has_no_keys() {
        for suite in Suite::ALL {
            for path in paths() {
                let keys = ExtensionKeys::derive(path, &master_key(suite, 1, &[]));
                assert_eq!(keys.is_some(), suite.encrypts(), "{suite} {path}");
            }
        }
    }

    proptest! {
        #[test]
        fn bytes_that_are_not_those_of_the_header_do_no_harm(
            profile in prop_oneof![Just(0xbede_u16), Just(0x1000)],
            words in 0..20_usize,
            header_length in 0..200_usize,
            mut other in vec(any::<u8>(), 0..120),
        ) {
            let master = master_key(Suite::AesCm128HmacSha1_80, 1, &[]);
            let keys = ExtensionKeys::derive(Path::Portable, &master).unwrap();
            let extension = Some(rtp::Extension { profile, length: 4 * words });
            let header = rtp::Header::parse(&packet(profile, &[])).unwrap();
            let header = rtp::Header { extension, header_length, ..header };
            let before = other.clone();
            keys.apply(&ids(&[1, 2, 3, 4, 5, 6, 7]), &mut other, &header, 1);
            let start = header_length.saturating_sub(4 * words);
            prop_assert!(before[..start.min(before.len())] == other[..start.min(before.len())]);
            keys.apply(&ids(&[1, 2, 3, 4, 5, 6, 7]), &mut other, &header, 1);
            prop_assert_eq!(before, other);
        }
    }
}
