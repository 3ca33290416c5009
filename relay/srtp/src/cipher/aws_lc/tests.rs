// SPDX-License-Identifier: MIT OR Apache-2.0
use std::os::unix::fs::FileExt as _;

use super::*;
use crate::Path;
use crate::cipher::aes::PortableAes;
use crate::cipher::gcm::{self, PortableGcm};
use crate::cipher::hmac::HmacKey;
use crate::tests::harness::noise;

const POSITION: Position = Position { ssrc: 0xcafe_babe, index: 0x1234_5678_9abc };

fn material() -> Material {
    let bytes = noise(66, 9);
    Material {
        key: bytes[..32].try_into().unwrap(),
        authentication: bytes[32..52].try_into().unwrap(),
        salt: bytes[52..].try_into().unwrap(),
    }
}

fn keys(suite: Suite) -> ModuleKeys {
    ModuleKeys::new(suite, &material()).unwrap()
}

#[test]
fn the_module_is_in_fips_mode() {
    assert_eq!(aws_lc_rs::try_fips_mode(), Ok(()));
    assert!(Path::AwsLc.is_available());
}

#[test]
fn key_streams_are_those_of_the_portable_path() {
    let material = material();
    for suite in Suite::ALL {
        let portable = PortableAes::new(&material.key, suite.key_length());
        for length in [0, 1, 15, 16, 17, 160, 1500, 65_000] {
            let plain = noise(length, 3);
            let (mut expected, mut got) = (plain.clone(), plain.clone());
            match suite.transform() {
                Transform::CounterMode => {
                    portable.apply_keystream(&POSITION.counter(&material.salt), &mut expected);
                }
                Transform::Gcm => PortableGcm::new(&material.key, suite.key_length())
                    .apply_keystream(&POSITION.nonce(&gcm_salt(&material)), &mut expected),
                Transform::Null => {}
            }
            keys(suite).apply_keystream(&mut got, POSITION);
            assert!(got == expected, "{suite} {length}");
            let mut sealed = plain;
            keys(suite).seal(b"header", &mut sealed, POSITION);
            assert!(sealed == expected, "{suite} {length}");
        }
    }
}

#[test]
fn gcm_tags_are_those_of_the_portable_path_and_cover_everything() {
    let material = material();
    for suite in [Suite::AeadAes128Gcm, Suite::AeadAes256Gcm] {
        let (keys, portable) = (keys(suite), PortableGcm::new(&material.key, suite.key_length()));
        for length in [0, 1, 16, 160, SCRATCH] {
            let mut data = noise(length, 4);
            let tag = keys.seal(b"header", &mut data, POSITION);
            let nonce = gcm::nonce(&gcm_salt(&material), POSITION.ssrc, POSITION.index);
            assert_eq!(tag, portable.tag(&nonce, b"header", &data), "{suite} {length}");
            let before = data.clone();
            assert!(keys.opens(b"header", &data, &tag, POSITION), "{suite} {length}");
            assert!(data == before);
            assert!(!keys.opens(b"Header", &data, &tag, POSITION));
            assert!(!keys.opens(b"header", &data, &tag, Position { index: 0, ..POSITION }));
            assert!(!keys.opens(b"header", &data, &[tag[0] ^ 1; 16], POSITION));
            // A prefix of the tag is no tag, and neither is none.
            for short in [0, 4, 12, 15] {
                assert!(!keys.opens(b"header", &data, &tag[..short], POSITION), "{short}");
            }
            if let Some(last) = data.last_mut() {
                *last ^= 0x80;
                assert!(!keys.opens(b"header", &data, &tag, POSITION));
            }
        }
        // What is too long to be a packet is not authentic, whatever its tag.
        let mut data = noise(SCRATCH + 1, 4);
        let tag = keys.seal(b"header", &mut data, POSITION);
        assert!(!keys.opens(b"header", &data, &tag, POSITION));
        assert_eq!(keys.hmac([b"header", &[]]), None);
    }
}

#[test]
fn nothing_of_a_judged_packet_stays() {
    let keys = keys(Suite::AeadAes256Gcm);
    let mut data = [0x5a; 300];
    let tag = keys.seal(b"header", &mut data, POSITION);
    for tag in [tag, [0; 16]] {
        keys.opens(b"header", &data, &tag, POSITION);
        JUDGED.with(|scratch| assert!(scratch.borrow().iter().all(|byte| *byte == 0)));
    }
}

#[test]
fn hmacs_are_those_of_the_portable_path() {
    let material = material();
    for suite in Suite::ALL.into_iter().filter(|suite| suite.transform() != Transform::Gcm) {
        let (keys, portable) = (keys(suite), HmacKey::new(&material.authentication));
        for length in [0, 1, 55, 56, 63, 64, 65, 172, 1500] {
            let message = noise(length, 5);
            let expected = portable.tag(&message, [1, 2, 3, 4]);
            assert_eq!(keys.hmac([&message, &[1, 2, 3, 4]]), Some(expected), "{length}");
            assert_eq!(keys.hmac([&message, &[]]), Some(portable.tag(&message, [])), "{length}");
            assert!(!keys.opens(b"header", &message, &expected[..16], POSITION));
        }
    }
}

#[test]
fn a_key_of_a_length_that_aes_lacks_is_refused() {
    for length in [0, 15, 17, 31, 33] {
        assert!(ModuleAes::new(&[7; 32], length).is_none(), "{length}");
    }
}

/// The schedules of a short key leave room, in which the stack would stay as it was.
#[test]
fn nothing_of_the_stack_is_kept_with_a_key() {
    #[inline(never)]
    fn leave() {
        std::hint::black_box([0xa5_u8; 16 << 10]);
    }
    for length in [16, 24, 32] {
        leave();
        let aes = ModuleAes::new(&[7; 32], length).unwrap();
        let mut kept = [0; size_of::<EncryptingKey>()];
        let memory = std::fs::File::open("/proc/self/mem").unwrap();
        memory.read_exact_at(&mut kept, (&raw const *aes.0).addr() as u64).unwrap();
        // The key itself is there.
        assert!(kept.windows(length).any(|window| window == &[7; 32][..length]));
        assert!(!kept.windows(8).any(|window| window == [0xa5; 8]), "{length}: {kept:x?}");
    }
}
