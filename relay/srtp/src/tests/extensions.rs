// SPDX-License-Identifier: MIT OR Apache-2.0
//! Packets with encrypted header extension elements (RFC 6904) through this crate and through libsrtp, every suite that
//! encrypts, both ways.

use core::num::NonZeroU8;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use super::harness::{Table, every_suite_and_path, master_key, paths};
use super::libsrtp::{Direction, Key, Session};
use crate::hex::hex;
use crate::kdf::{ExtensionMaterial, Material, Protocol};
use crate::{Cryptex, HeaderProtection, KeySet, Kind, MasterKey, ReceiveContext, SendContext, Suite};
use culvert_secret::Secret;

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
        wide.secret.key[24..].copy_from_slice(&master.secret.salt[..8]);
        wide.secret.salt.copy_within(8.., 0);
        wide.secret.salt[6..].fill(0);
    }
    wide
}

fn table(ids: &[u8], keys: impl Fn() -> Secret<KeySet>) -> Table {
    let encrypted_extensions = ids.iter().filter_map(|id| NonZeroU8::new(*id)).collect();
    let protection = HeaderProtection { cryptex: Cryptex::Off, encrypted_extensions };
    Table {
        receive: vec![ReceiveContext::new(keys(), 8).with_header_protection(protection)],
        send: vec![SendContext::new(keys(), 8).with_header_protection(protection)],
    }
}

/// The extension that RFC 6904 prints, in a whole packet.
fn check(suite: Suite, salt: &str, encrypted: &str) {
    let master = MasterKey::new(suite, &hex("E1F97A0D3E018BE0D64FA32C06DE4139"), &hex(salt)).unwrap();
    let packet =
        |extension: &str| hex(&["900f1234 decafbad cafebabe bede0006", extension, "abababab"].concat());
    let plain = packet("17414273A475262748220000C8308E4655996386B395FB00");
    for path in paths() {
        let master = core::slice::from_ref(&master);
        let mut table = table(&[1, 3, 4], || KeySet::with_extension_keys(suite, master, path).unwrap());
        let (protected, index) = table.protect(0, Kind::Rtp, &plain).unwrap();
        assert_eq!(protected[..40], packet(encrypted)[..40], "{path}");
        assert_eq!(table.unprotect(0, Kind::Rtp, &protected), Ok((plain.clone(), index)), "{path}");
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
fn encrypts_and_decrypts_as_libsrtp_does() {
    every_suite_and_path(|suite, path| {
        let master = master_key(suite, 3, &[]);
        let derived = as_libsrtp_derives(&master);
        if !suite.encrypts() {
            return;
        }
        let theirs = Key {
            key_and_salt: [
                &master.secret.key[..suite.key_length()],
                &master.secret.salt[..suite.salt_length()],
            ]
            .concat(),
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
                let mut ours = table(&chosen, || {
                    let materials = [Protocol::Srtp, Protocol::Srtcp]
                        .map(|p| Material::derive(path, &derived, p).unwrap());
                    let mut set = KeySet::from_material(suite, path, vec![(materials, None)]);
                    set.add_extension_material(path, &[ExtensionMaterial::derive(path, &derived).unwrap()]);
                    set
                });
                for (step, ((profile, data), csrcs, payload)) in packets.iter().enumerate() {
                    // From one roll-over counter into the next.
                    let sequence = 0xfff8_u16.wrapping_add(step as u16);
                    let plain = packet(sequence, *csrcs, *profile, data, payload);
                    let (protected, index) = ours.protect(0, Kind::Rtp, &plain).unwrap();
                    prop_assert_eq!(index, 0xfff8 + step as u64);
                    prop_assert_eq!(&protected, &sender.protect(Kind::Rtp, &plain, 0).unwrap());
                    prop_assert_eq!(&receiver.unprotect(Kind::Rtp, &protected).unwrap(), &plain);
                    prop_assert_eq!(ours.unprotect(0, Kind::Rtp, &protected), Ok((plain, index)));
                }
                Ok(())
            })
            .unwrap();
    });
}
