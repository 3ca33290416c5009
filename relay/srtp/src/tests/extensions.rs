// SPDX-License-Identifier: MIT OR Apache-2.0
//! Packets with encrypted header extension elements (RFC 6904) through this crate and through libsrtp, every suite that
//! encrypts, both ways.

use core::num::NonZeroU8;

use culvert_wire::rtp;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use super::harness::{every_suite_and_path, master_key, table};
use super::libsrtp::{Direction, Key, Session};
use crate::extension::ExtensionIds;
use crate::extension_keys::ExtensionKeys;
use crate::kdf::{ExtensionMaterial, Material, Protocol};
use crate::{KeySet, Kind, MasterKey, Suite};

const SSRC: u32 = 0xdead_beef;

/// An extension whose elements follow one another. libsrtp does not count padding between elements for the key stream and
/// reads padding before the first as an element, so there is none but at the end.
fn extension() -> impl Strategy<Value = (u16, Vec<u8>)> {
    let element = (1..15_u8, vec(any::<u8>(), 1..=16));
    (any::<bool>(), 0..16_u16, vec(element, 1..12), 0..3_usize).prop_map(
        |(one_byte, low, elements, words)| {
            let mut data = Vec::new();
            for (id, value) in elements {
                match one_byte {
                    true => data.push(id << 4 | (value.len() - 1) as u8),
                    false => data.extend([id, value.len() as u8]),
                }
                data.extend(value);
            }
            data.resize(data.len().next_multiple_of(4) + 4 * words, 0);
            (if one_byte { 0xbede } else { 0x1000 | low }, data)
        },
    )
}

fn packet(sequence: u16, csrcs: u8, profile: u16, data: &[u8], payload: &[u8]) -> Vec<u8> {
    let mut packet = vec![0x90 | csrcs, 96];
    packet.extend(sequence.to_be_bytes());
    packet.extend([0; 4]);
    packet.extend(SSRC.to_be_bytes());
    packet.extend((0..csrcs).flat_map(|i| [0xc5, 0xc5, i, i]));
    packet.extend(profile.to_be_bytes());
    packet.extend(((data.len() / 4) as u16).to_be_bytes());
    packet.extend([data, payload].concat());
    packet
}

/// libsrtp derives all keys of AES-192 by AES-256, from a master key that takes in the start of the salt; RFC 6188 section
/// 3 wants AES-192.
fn as_libsrtp_derives(master: &MasterKey) -> MasterKey {
    let mut wide = master.clone();
    if master.suite().key_length() == 24 {
        wide.suite = Suite::AesCm256HmacSha1_80;
        wide.key[24..].copy_from_slice(&master.salt[..8]);
        wide.salt.copy_within(8.., 0);
        wide.salt[6..].fill(0);
    }
    wide
}

fn apply(keys: &ExtensionKeys, ids: &ExtensionIds, packet: &mut [u8], index: u64) {
    let header = rtp::Header::parse(packet).unwrap();
    keys.apply(ids, packet, &header, index);
}

#[test]
fn encrypts_and_decrypts_as_libsrtp_does() {
    every_suite_and_path(|suite, path| {
        let master = master_key(suite, 3, &[]);
        let derived = as_libsrtp_derives(&master);
        let material = ExtensionMaterial::derive(path, &derived);
        let Some(keys) = ExtensionKeys::new(suite, path, &material) else { return };
        let theirs = Key {
            key_and_salt: [&master.key[..suite.key_length()], &master.salt[..suite.salt_length()]].concat(),
            mki: Vec::new(),
        };
        let strategy = (vec(1..15_u8, 1..6), vec((extension(), 0..16_u8, vec(any::<u8>(), 0..60)), 1..20));
        let mut runner = TestRunner::new(Config { cases: 64, ..Config::default() });
        runner
            .run(&strategy, |(chosen, packets)| {
                let session = |direction| {
                    Session::with_encrypted_extensions(
                        suite,
                        direction,
                        core::slice::from_ref(&theirs),
                        &chosen,
                    )
                };
                let (mut sender, mut receiver) = (session(Direction::Send), session(Direction::Receive));
                let ids: ExtensionIds = chosen.iter().filter_map(|id| NonZeroU8::new(*id)).collect();
                let mut ours = table(|| {
                    let materials =
                        [Protocol::Srtp, Protocol::Srtcp].map(|p| Material::derive(path, &derived, p));
                    Box::new(KeySet::from_material(suite, path, vec![(materials, None)]))
                });
                for (step, ((profile, data), csrcs, payload)) in packets.iter().enumerate() {
                    // From one roll-over counter into the next.
                    let sequence = 0xfff8_u16.wrapping_add(step as u16);
                    let plain = packet(sequence, *csrcs, *profile, data, payload);
                    let mut packet = plain.clone();
                    apply(&keys, &ids, &mut packet, 0xfff8 + step as u64);
                    let (protected, index) = ours.protect(0, Kind::Rtp, &packet).unwrap();
                    prop_assert_eq!(index, 0xfff8 + step as u64);
                    prop_assert_eq!(&protected, &sender.protect(Kind::Rtp, &plain, 0).unwrap());
                    prop_assert_eq!(&receiver.unprotect(Kind::Rtp, &protected).unwrap(), &plain);
                    let (mut received, index) = ours.unprotect(0, Kind::Rtp, &protected).unwrap();
                    apply(&keys, &ids, &mut received, index);
                    prop_assert_eq!(&received, &plain);
                }
                Ok(())
            })
            .unwrap();
    });
}
