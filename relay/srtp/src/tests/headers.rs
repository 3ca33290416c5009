// SPDX-License-Identifier: MIT OR Apache-2.0
//! Legs that encrypt headers: between themselves, with legs that do not, and with forged packets.

use core::num::NonZeroU8;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use proptest::test_runner::{Config, TestRunner};

use super::harness::{ROOM, Table, every_suite_and_path, master_key, paths, rtcp, rtp};
use crate::{
    Cryptex, HeaderProtection, KeySet, Kind, Packet, Path, ReceiveContext, Reject, SendContext, Suite,
    rekey_burst,
};
use culvert_secret::Secret;

const SSRC: u32 = 0x0102_0304;
const CLEAR: HeaderProtection =
    HeaderProtection { cryptex: Cryptex::Off, encrypted_extensions: crate::ExtensionIds::NONE };
const REQUIRED: HeaderProtection = HeaderProtection { cryptex: Cryptex::Required, ..CLEAR };
const ALLOWED: HeaderProtection = HeaderProtection { cryptex: Cryptex::Allowed, ..CLEAR };

fn elements(cryptex: Cryptex, ids: &[u8]) -> HeaderProtection {
    let encrypted_extensions = ids.iter().filter_map(|id| NonZeroU8::new(*id)).collect();
    HeaderProtection { cryptex, encrypted_extensions }
}

/// One side of a leg.
#[derive(Copy, Clone, Debug)]
struct Leg {
    suite: Suite,
    path: Path,
    mki: &'static [u8],
    seed: u8,
    protection: HeaderProtection,
}

impl Leg {
    fn keys(&self) -> Secret<KeySet> {
        self.keys_with_another(false)
    }

    /// The keys, behind one that no packet names.
    fn keys_with_another(&self, other: bool) -> Secret<KeySet> {
        let key = |seed, mki: &[u8]| master_key(self.suite, seed, mki);
        let mut keys = vec![key(self.seed, self.mki)];
        if other && !self.mki.is_empty() {
            keys.insert(0, key(self.seed + 1, &[0x4d; 4][..self.mki.len()]));
        }
        KeySet::with_extension_keys(self.suite, &keys, self.path).unwrap()
    }

    fn receive(&self) -> ReceiveContext {
        ReceiveContext::new(self.keys_with_another(true), 8).with_header_protection(self.protection)
    }

    fn send(&self) -> SendContext {
        SendContext::new(self.keys(), 8).with_header_protection(self.protection)
    }
}

fn table(receive: Leg, send: Leg) -> Table {
    Table { receive: vec![receive.receive()], send: vec![send.send()] }
}

/// Every packet's bytes and verdict, all in one burst.
fn rekey(table: &mut Table, packets: &[Vec<u8>]) -> Vec<Result<Vec<u8>, Reject>> {
    let mut buffers: Vec<_> = packets.iter().map(|packet| [&packet[..], &[0xee; ROOM]].concat()).collect();
    let mut burst: Vec<_> = (buffers.iter_mut().zip(packets))
        .map(|(buffer, packet)| Packet::new(buffer, packet.len(), Kind::Rtp, 0))
        .collect();
    rekey_burst(&mut burst, table);
    (burst.iter().zip(packets))
        .map(|(packet, before)| {
            if packet.outcome.is_err() {
                assert!(packet.bytes() == before, "a refused packet has its bytes as they came");
                assert!(packet.buffer[before.len()..].iter().all(|byte| *byte == 0xee));
            }
            packet.outcome.map(|()| packet.bytes().to_vec())
        })
        .collect()
}

/// Extensions of every kind: elements of both forms and whole, elements that are cut off, and others.
fn extension() -> impl Strategy<Value = Option<(u16, Vec<u8>)>> {
    let element = (1..15_u8, vec(any::<u8>(), 1..=16));
    let form = select(vec![0xbede_u16, 0x1000, 0x1001, 0x100f]);
    let of_elements = (form, vec(element, 0..8), 0..2_usize).prop_map(|(profile, elements, words)| {
        let mut data = Vec::new();
        for (id, value) in elements {
            match profile {
                0xbede => data.push(id << 4 | (value.len() - 1) as u8),
                _ => data.extend([id, value.len() as u8]),
            }
            data.extend(value);
        }
        data.resize(data.len().next_multiple_of(4) + 4 * words, 0);
        Some((profile, data))
    });
    let profile = select(vec![0xbede_u16, 0x1000, 0x100e, 0xabac, 0xc0de, 0xc2de]);
    let other =
        (profile, vec(any::<[u8; 4]>(), 0..6)).prop_map(|(profile, data)| Some((profile, data.concat())));
    prop_oneof![2 => Just(None), 5 => of_elements, 1 => other]
}

fn packets() -> impl Strategy<Value = Vec<Vec<u8>>> {
    let csrcs = prop_oneof![2 => Just(0_u8), 1 => 1..16_u8];
    vec((csrcs, extension(), vec(any::<u8>(), 0..150)), 1..24).prop_map(|packets| {
        let sequences = 0xfff8_u16..=0xffff;
        (sequences.chain(0..).zip(packets))
            .map(|(sequence, (csrcs, extension, payload))| {
                let mut packet = rtp(SSRC, sequence, csrcs, None, &[]);
                if let Some((profile, data)) = extension {
                    packet[0] |= 0x10;
                    packet.extend(profile.to_be_bytes());
                    packet.extend(((data.len() / 4) as u16).to_be_bytes());
                    packet.extend(data);
                }
                packet.extend(payload);
                packet
            })
            .collect()
    })
}

fn protection() -> impl Strategy<Value = HeaderProtection> {
    let cryptex = select(vec![Cryptex::Off, Cryptex::Off, Cryptex::Allowed, Cryptex::Required]);
    let ids = prop_oneof![Just(Vec::new()), vec(1..15_u8, 1..10)];
    (cryptex, ids).prop_map(|(cryptex, ids)| elements(cryptex, &ids))
}

fn leg(path: Path, seed: u8) -> impl Strategy<Value = Leg> {
    let mki = select(vec![&[][..], &[7], &[1, 2, 3, 4]]);
    (select(Suite::ALL.to_vec()), mki, protection()).prop_map(move |(suite, mki, protection)| Leg {
        suite,
        path,
        mki,
        seed,
        protection,
    })
}

/// What a receiver makes of a packet that was given an empty extension to carry its CSRCs.
fn with_extension(plain: &[u8]) -> Vec<u8> {
    let csrcs = usize::from(plain[0] & 15);
    let mut packet = plain.to_vec();
    if packet[0] & 0x10 == 0 && csrcs > 0 {
        packet[0] |= 0x10;
        packet.splice(12 + 4 * csrcs..12 + 4 * csrcs, [0xbe, 0xde, 0, 0]);
    }
    packet
}

/// A burst from leg to leg is its packets one by one from the first leg to a plain one and from there to the second, and
/// the far ends have what was sent.
#[test]
fn from_leg_to_leg() {
    for path in paths() {
        let strategy = (leg(path, 1), leg(path, 9), packets());
        let mut runner = TestRunner::new(Config { cases: 400, ..Config::default() });
        runner
            .run(&strategy, |(from, to, packets)| {
                let (mut sender, mut receiver) = (table(from, from), table(to, to));
                let (mut relay, mut by_halves) = (table(from, to), table(from, to));
                let mut sent: Vec<_> =
                    packets.iter().map(|packet| sender.protect(0, Kind::Rtp, packet)).collect();
                for (plain, sent) in packets.iter().zip(&sent) {
                    prop_assert!(
                        sent.is_ok() || *sent == Err(Reject::HeaderUnprotected),
                        "{plain:x?} {sent:?}"
                    );
                }
                sent.retain(Result::is_ok);
                let wire: Vec<_> =
                    sent.into_iter().filter_map(Result::ok).map(|(packet, _)| packet).collect();
                let arrived = rekey(&mut relay, &wire);
                let mut of_sender = table(from, from);
                for (wire, arrived) in wire.iter().zip(arrived) {
                    let (plain, index) = by_halves.unprotect(0, Kind::Rtp, wire).unwrap();
                    prop_assert_eq!(of_sender.unprotect(0, Kind::Rtp, wire), Ok((plain.clone(), index)));
                    let original = packets.iter().find(|packet| packet[2..4] == wire[2..4]).unwrap();
                    prop_assert!(plain == *original || plain == with_extension(original));
                    let expected = by_halves.protect(0, Kind::Rtp, &plain).map(|(packet, _)| packet);
                    prop_assert_eq!(&arrived, &expected);
                    if let Ok(packet) = arrived {
                        let received = receiver.unprotect(0, Kind::Rtp, &packet).unwrap().0;
                        prop_assert!(received == plain || received == with_extension(&plain));
                    }
                }
                prop_assert_eq!(relay.receive[0].state(), by_halves.receive[0].state());
                prop_assert_eq!(relay.send[0].snapshot(), by_halves.send[0].snapshot());
                Ok(())
            })
            .unwrap();
    }
}

/// Each bit of each packet, once.
#[test]
fn forged_packets_change_nothing() {
    every_suite_and_path(|suite, path| {
        for protection in [REQUIRED, ALLOWED, elements(Cryptex::Off, &[1]), elements(Cryptex::Allowed, &[1])]
        {
            let leg = Leg { suite, path, mki: &[3], seed: 5, protection };
            let (mut receiver, mut relay) = (table(leg, leg), table(leg, leg));
            let plain = [
                rtp(SSRC, 1, 2, Some(2), &[7; 9]),
                rtp(SSRC, 2, 3, None, &[8; 9]),
                rtp(SSRC, 3, 0, Some(1), &[9; 9]),
                rtp(SSRC, 4, 0, None, &[6; 9]),
            ];
            for plain in plain {
                let Ok((packet, index)) = receiver.protect(0, Kind::Rtp, &plain) else {
                    assert!(!suite.encrypts() && protection == REQUIRED);
                    continue;
                };
                let (before, sending) = (receiver.receive[0].snapshot(), relay.send[0].snapshot());
                for bit in 0..8 * packet.len() {
                    let mut forged = packet.clone();
                    forged[bit / 8] ^= 1 << (bit % 8);
                    assert!(receiver.unprotect(0, Kind::Rtp, &forged).is_err(), "{suite} {path} {bit}");
                    assert!(rekey(&mut relay, &[forged])[0].is_err(), "{suite} {path} {bit}");
                }
                assert_eq!(receiver.receive[0].snapshot(), before);
                assert_eq!(relay.send[0].snapshot(), sending);
                let received = receiver.unprotect(0, Kind::Rtp, &packet).unwrap();
                assert!(received == (plain.clone(), index) || received == (with_extension(&plain), index));
                assert_eq!(receiver.unprotect(0, Kind::Rtp, &packet), Err(Reject::Replayed));
                assert!(rekey(&mut relay, &[packet])[0].is_ok());
            }
        }
    });
}

#[test]
fn what_is_required_is_never_in_the_clear() {
    every_suite_and_path(|suite, path| {
        let leg = |protection| Leg { suite, path, mki: &[], seed: 1, protection };
        let refused = Err(Reject::HeaderUnprotected);
        let with = |profile: [u8; 2]| {
            let mut packet = rtp(SSRC, 9, 1, Some(1), b"payload");
            packet[16..18].copy_from_slice(&profile);
            packet
        };
        let mut required = table(leg(REQUIRED), leg(REQUIRED));
        for profile in [[0x10, 1], [0xab, 0xac], [0xc0, 0xde], [0xc2, 0xde]] {
            assert_eq!(required.protect(0, Kind::Rtp, &with(profile)), refused, "{suite} {path}");
        }
        let mut clear = table(leg(CLEAR), leg(CLEAR));
        let mut packet = |packet: &[u8]| clear.protect(0, Kind::Rtp, packet).unwrap().0;
        assert_eq!(required.unprotect(0, Kind::Rtp, &packet(&with([0xbe, 0xde]))), refused);
        assert_eq!(required.unprotect(0, Kind::Rtp, &packet(&rtp(SSRC, 10, 1, None, &[]))), refused);
        // There is nothing to encrypt.
        assert!(required.unprotect(0, Kind::Rtp, &packet(&rtp(SSRC, 11, 0, None, &[]))).is_ok());

        // What says that it is encrypted goes to no leg that would believe it.
        let mut relay = table(leg(CLEAR), leg(ALLOWED));
        assert_eq!(rekey(&mut relay, &[packet(&rtp(SSRC, 12, 0, Some(1), &[]))]).len(), 1);
        let ambiguous = packet(&{
            let mut packet = with([0xc0, 0xde]);
            packet[3] = 13;
            packet
        });
        assert_eq!(rekey(&mut relay, &[ambiguous])[0], Err(Reject::HeaderUnprotected));
    });
}

/// Elements would leave in the clear under keys that are made without those of extensions, or where they cannot be found.
#[test]
fn elements_are_never_in_the_clear() {
    every_suite_and_path(|suite, path| {
        let protection = elements(Cryptex::Off, &[1]);
        let leg = Leg { suite, path, mki: &[], seed: 1, protection };
        let expected = |result: Result<(), Reject>| match suite.encrypts() {
            true => assert_eq!(result, Err(Reject::HeaderUnprotected), "{suite} {path}"),
            false => assert_eq!(result, Ok(()), "{suite} {path}"),
        };
        let mut both = table(leg, leg);
        let mut cut_off = rtp(SSRC, 1, 0, Some(1), b"payload");
        cut_off[16] = 0x1f;
        expected(both.protect(0, Kind::Rtp, &cut_off).map(|_| ()));
        let whole = rtp(SSRC, 2, 0, Some(1), b"payload");
        let (packet, _) = both.protect(0, Kind::Rtp, &whole).unwrap();
        assert_eq!(packet[17] != whole[17], suite.encrypts());

        let keys = || KeySet::with_path(suite, &[master_key(suite, 1, &[])], path).unwrap();
        both.send[0].rekey(keys());
        expected(both.protect(0, Kind::Rtp, &rtp(SSRC, 3, 0, Some(1), &[])).map(|_| ()));
        let receive = ReceiveContext::new(keys(), 8).with_header_protection(protection);
        let mut without = Table { receive: vec![receive], send: Vec::new() };
        expected(without.unprotect(0, Kind::Rtp, &packet).map(|_| ()));
        // From a leg with Cryptex, a packet that cannot go on is encrypted again.
        let cryptex = Leg { protection: REQUIRED, seed: 3, ..leg };
        if suite.encrypts() {
            let (wire, _) = table(cryptex, cryptex).protect(0, Kind::Rtp, &cut_off).unwrap();
            assert_eq!(rekey(&mut table(cryptex, leg), &[wire]), [Err(Reject::HeaderUnprotected)]);
        }
    });
}

/// A burst has packets of several legs, of RTP and of RTCP, of which some protect headers.
#[test]
fn legs_of_every_kind_share_a_burst() {
    every_suite_and_path(|suite, path| {
        let protections = [CLEAR, ALLOWED, elements(Cryptex::Off, &[1])];
        let leg = |protection, seed| Leg { suite, path, mki: &[], seed, protection };
        let pairs =
            || protections.into_iter().flat_map(|from| protections.map(|to| (leg(from, 1), leg(to, 9))));
        let mut relay = Table {
            receive: pairs().map(|(from, _)| from.receive()).collect(),
            send: pairs().map(|(_, to)| to.send()).collect(),
        };
        let mut ends: Vec<_> = pairs()
            .map(|(from, to)| Table { receive: vec![to.receive()], send: vec![from.send()] })
            .collect();
        let mut packets = Vec::new();
        for sequence in 0..7 {
            for (id, end) in ends.iter_mut().enumerate() {
                let extension = [None, Some(2)][usize::from(sequence % 2)];
                let (kind, plain) = match sequence {
                    5 => (Kind::Rtcp, rtcp(SSRC, 4)),
                    _ => (Kind::Rtp, rtp(SSRC, sequence, sequence as u8 % 3, extension, &[7; 60])),
                };
                let (wire, _) = end.protect(0, kind, &plain).unwrap();
                packets.push((id, kind, plain, wire.len(), [&wire[..], &[0; ROOM]].concat()));
            }
        }
        let mut burst: Vec<_> = packets
            .iter_mut()
            .map(|(id, kind, _, length, buffer)| Packet::new(buffer, *length, *kind, *id as u32))
            .collect();
        rekey_burst(&mut burst, &mut relay);
        let results: Vec<_> = burst.iter().map(|packet| (packet.outcome, packet.bytes().to_vec())).collect();
        for ((id, kind, plain, ..), (outcome, bytes)) in packets.iter().zip(results) {
            assert_eq!(outcome, Ok(()), "{suite} {path} {id}");
            let (received, _) = ends[*id].unprotect(0, *kind, &bytes).unwrap();
            let given = *kind == Kind::Rtp && received == with_extension(plain);
            assert!(received == *plain || given, "{suite} {path} {id}");
        }
    });
}

/// Protection belongs to the context: it is the same under a new set, and under the one before.
#[test]
fn protection_outlasts_re_keys() {
    every_suite_and_path(|suite, path| {
        for protection in [REQUIRED, elements(Cryptex::Off, &[1])] {
            let leg = |suite, seed| Leg { suite, path, mki: &[], seed, protection };
            let mut table = table(leg(suite, 1), leg(suite, 1));
            let plain = |sequence| rtp(SSRC, sequence, 2, Some(2), b"payload");
            let protect = |table: &mut Table, sequence| table.protect(0, Kind::Rtp, &plain(sequence));
            if protect(&mut table, 1).is_err() {
                assert!(!suite.encrypts());
                continue;
            }
            let old: Vec<_> = (2..5).map(|n| protect(&mut table, n).unwrap().0).collect();
            // To a suite of another transform and tag, too.
            for (start, next) in [(10, suite), (20, Suite::AeadAes256Gcm), (30, Suite::AesCm192HmacSha1_32)] {
                table.send[0].rekey(leg(next, start as u8).keys());
                table.receive[0].rekey(leg(next, start as u8).keys());
                let new: Vec<_> = (start..start + 3).map(|n| protect(&mut table, n).unwrap().0).collect();
                for (sequence, packet) in (start..).zip(&new) {
                    let got = table.unprotect(0, Kind::Rtp, packet);
                    assert_eq!(got, Ok((plain(sequence), u64::from(sequence))), "{suite} {path}");
                }
                if start == 10 {
                    let late = table.unprotect(0, Kind::Rtp, &old[0]);
                    assert_eq!(late, Ok((plain(2), 2)), "{suite} {path}");
                }
            }
        }
    });
}
