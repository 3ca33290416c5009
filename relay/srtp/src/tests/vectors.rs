// SPDX-License-Identifier: MIT OR Apache-2.0
//! Whole packets as the RFCs print them. Key streams and key derivation stand beside their modules.

use super::harness::{key_set, paths, table};
use crate::hex::hex;
use crate::kdf::Material;
use crate::kernel::Machine;
use crate::layout::Layout;
use crate::session::{Position, RtcpKeys, RtpKeys};
use crate::{KeySet, Kind, MasterKey, Suite};

/// The master key of RFC 3711 appendix B.3 over a packet that implementations share.
#[test]
fn a_packet_under_the_keys_of_rfc_3711_appendix_b_3() {
    let suite = Suite::AesCm128HmacSha1_80;
    let master =
        MasterKey::new(suite, &hex("E1F97A0D3E018BE0D64FA32C06DE4139"), &hex("0EC675AD498AFEEBB6960B3AABE6"))
            .unwrap();
    let plain = hex("800f1234decafbadcafebabe abababababababababababababababab");
    let protected = hex("800f1234decafbadcafebabe 4e55dc4ce79978d88ca4d215949d2402 b78d6acc99ea179b8dbb");
    for path in paths() {
        let mut table = table(|| key_set(suite, path, core::slice::from_ref(&master)));
        assert_eq!(table.protect(0, Kind::Rtp, &plain), Ok((protected.clone(), 0x1234)));
        assert_eq!(table.unprotect(0, Kind::Rtp, &protected), Ok((plain.clone(), 0x1234)));
    }
}

/// Session keys of RFC 7714 sections 16 and 17, which count up from 0, and the salt "Quid pro quo".
fn material(suite: Suite) -> Material {
    let mut material = Material { key: [0; 32], authentication: [0; 20], salt: [0; 14] };
    for (byte, number) in material.key[..suite.key_length()].iter_mut().zip(0..) {
        *byte = number;
    }
    material.salt[..12].copy_from_slice(b"Quid pro quo");
    material
}

#[test]
fn rfc_7714_section_16() {
    let plain = hex(
        "8040f17b 8041f8d3 5501a0b2 47616c6c 69612065 7374206f 6d6e6973 20646976 69736120 696e2070 61727465 73207472
         6573",
    );
    for (suite, protected) in [
        (
            Suite::AeadAes128Gcm,
            "8040f17b 8041f8d3 5501a0b2 f24de3a3 fb34de6c acba861c 9d7e4bca be633bd5 0d294e6f 42a5f47a 51c7d19b 36de3adf
             8833899d 7f27beb1 6a9152cf 765ee439 0cce",
        ),
        (
            Suite::AeadAes256Gcm,
            "8040f17b 8041f8d3 5501a0b2 32b1de78 a822fe12 ef9f78fa 332e33aa b1801238 9a58e2f3 b50b2a02 76ffae0f 1ba63799
             b87b7aa3 db36dfff d6b0f9bb 7878d7a7 6c13",
        ),
    ] {
        let protected = hex(protected);
        for path in paths() {
            let machine = Machine::of(path);
            let keys = RtpKeys::new(suite, path, &material(suite)).unwrap();
            let at = Layout::of_nothing(suite, 0, Kind::Rtp).around(12, plain.len()).unwrap();
            let mut packet = plain.clone();
            packet.resize(at.end(), 0);
            keys.protect(machine, &mut packet, &at, Position { ssrc: 0x5501_a0b2, index: 0xf17b });
            assert_eq!(packet, protected, "{suite} {path}");

            let set = || KeySet::from_material(suite, path, vec![([material(suite), material(suite)], None)]);
            let mut table = table(set);
            assert_eq!(table.unprotect(0, Kind::Rtp, &protected), Ok((plain.clone(), 0xf17b)), "{suite} {path}");
        }
    }
}

#[test]
fn rfc_7714_section_17() {
    let plain = hex(
        "81c8000d 4d617273 4e545031 4e545032 52545020 0000042a 0000e930 4c756e61 deadbeef deadbeef deadbeef deadbeef
         deadbeef",
    );
    for (suite, protected) in [
        (
            Suite::AeadAes128Gcm,
            "81c8000d 4d617273 63e94885 dcdab67c a727d766 2f6b7e99 7ff5c0f7 6c06f32d c676a5f1 730d6fda 4ce09b46 86303ded
             0bb9275b c84aa458 96cf4d2f c5abf872 45d9eade 800005d4",
        ),
        (
            Suite::AeadAes256Gcm,
            "81c8000d 4d617273 d50ae4d1 f5ce5d30 4ba297e4 7d470c28 2c3ece5d bffe0a50 a2eaa5c1 110555be 8415f658 c61de047
             6f1b6fad 1d1eb30c 4446839f 57ff6f6c b26ac3be 800005d4",
        ),
    ] {
        let protected = hex(protected);
        for path in paths() {
            let keys = RtcpKeys::new(suite, path, material(suite)).unwrap();
            let at = Layout::of_nothing(suite, 0, Kind::Rtcp).around(8, plain.len()).unwrap();
            let mut packet = plain.clone();
            packet.resize(at.end(), 0);
            keys.protect(&mut packet, &at, Position { ssrc: 0x4d61_7273, index: 0x5d4 });
            assert_eq!(packet, protected, "{suite} {path}");

            let set = || KeySet::from_material(suite, path, vec![([material(suite), material(suite)], None)]);
            let mut table = table(set);
            assert_eq!(table.unprotect(0, Kind::Rtcp, &protected), Ok((plain.clone(), 0x5d4)), "{suite} {path}");
        }
    }
}
