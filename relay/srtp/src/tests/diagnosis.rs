// SPDX-License-Identifier: MIT OR Apache-2.0
//! What a packet that was refused turns out to be, and that looking changes nothing.

use super::harness::{Table, every_suite_and_path, key_set, master_key, rtcp, rtp, table};
use crate::{Authentic, Depth, Effort, Kind, MkiFit, Path, ReceiveContext, Reject, SendContext, Suite};

const SSRC: u32 = 0x0102_0304;
const ENOUGH: Effort = Effort(10_000);

fn sender(suite: Suite, path: Path, seed: u8, mki: &[u8]) -> Table {
    let keys = key_set(suite, path, &[master_key(suite, seed, mki)]);
    Table { receive: Vec::new(), send: vec![SendContext::new(keys, 8)] }
}

fn receiver(suite: Suite, path: Path, seed: u8, mki: &[u8]) -> Table {
    let keys = key_set(suite, path, &[master_key(suite, seed, mki)]);
    Table { receive: vec![ReceiveContext::new(keys, 8)], send: Vec::new() }
}

/// What the receiver finds out about a packet that it has refused as `expected`, with its state untouched.
fn found(receiver: &mut Table, kind: Kind, packet: &[u8], expected: Reject) -> Option<Authentic> {
    let before = receiver.receive[0].snapshot();
    assert_eq!(receiver.unprotect(0, kind, packet), Err(expected));
    let context = &receiver.receive[0];
    let roll_over_counter = context.expected_roll_over_counter(packet);
    let found = context.diagnose(kind, packet, roll_over_counter, Depth::Full, &mut ENOUGH.clone());
    assert_eq!(context.snapshot(), before);
    found
}

fn plain(suite: Suite) -> Authentic {
    Authentic { previous: false, suite, mki: MkiFit::Agreed, roll_over_counter: 0, unencrypted: false }
}

#[test]
fn a_sender_in_another_cycle_is_found_with_its_roll_over_counter() {
    every_suite_and_path(|suite, path| {
        for (counter, expected) in [(1, Some(1)), (3, Some(3)), (15, Some(15)), (16, None)] {
            let (mut sender, mut receiver) = (sender(suite, path, 1, &[]), receiver(suite, path, 1, &[]));
            sender.protect(0, Kind::Rtp, &rtp(SSRC, 1, 0, None, &[7; 40])).unwrap();
            sender.send[0].jump(SSRC, counter << 16 | 10, 0);
            let (packet, index) = sender.protect(0, Kind::Rtp, &rtp(SSRC, 11, 1, Some(1), &[7; 40])).unwrap();
            assert_eq!(index, counter << 16 | 11);
            let found = found(&mut receiver, Kind::Rtp, &packet, Reject::AuthenticationFailed);
            let expected = expected.map(|roll_over_counter| Authentic { roll_over_counter, ..plain(suite) });
            assert_eq!(found, expected, "{suite} {path} {counter}");
        }
    });
}

#[test]
fn a_sender_that_started_again_is_behind_and_a_late_one_ahead() {
    every_suite_and_path(|suite, path| {
        for (held, sent) in [(2_u64, 0_u64), (40, 37), (40, 43), (40, 0), (40, 9)] {
            let (mut sender, mut receiver) = (sender(suite, path, 1, &[]), receiver(suite, path, 1, &[]));
            let (first, _) = sender.protect(0, Kind::Rtp, &rtp(SSRC, 1, 0, None, &[7; 40])).unwrap();
            receiver.unprotect(0, Kind::Rtp, &first).unwrap();
            receiver.receive[0].jump(SSRC, held << 16 | 100);
            sender.send[0].jump(SSRC, sent << 16 | 900, 0);
            let (packet, _) = sender.protect(0, Kind::Rtp, &rtp(SSRC, 901, 0, None, &[7; 40])).unwrap();
            assert_eq!(receiver.receive[0].expected_roll_over_counter(&packet), held as u32);
            let found = found(&mut receiver, Kind::Rtp, &packet, Reject::AuthenticationFailed);
            let expected = Authentic { roll_over_counter: sent as u32, ..plain(suite) };
            assert_eq!(found, Some(expected), "{suite} {path} {held} {sent}");
        }
    });
}

#[test]
fn another_key_is_not_ours_and_its_own_context_knows_it() {
    every_suite_and_path(|suite, path| {
        for kind in [Kind::Rtp, Kind::Rtcp] {
            let (mut sender, mut receiver) = (sender(suite, path, 2, &[]), receiver(suite, path, 1, &[]));
            let plain_packet =
                if kind == Kind::Rtp { rtp(SSRC, 1, 0, None, &[7; 40]) } else { rtcp(SSRC, 3) };
            let (packet, _) = sender.protect(0, kind, &plain_packet).unwrap();
            let found = found(&mut receiver, kind, &packet, Reject::AuthenticationFailed);
            assert_eq!(found, None, "{suite} {path}");
            let before = sender.send[0].snapshot();
            let own = sender.send[0].diagnose(kind, &packet, 0, Depth::Brief, &mut Effort(1));
            assert_eq!(own, Some(plain(suite)), "{suite} {path}");
            assert_eq!(sender.send[0].snapshot(), before);
        }
    });
}

#[test]
fn the_length_of_the_tag_tells_suites_of_one_key_apart() {
    let pairs = [
        (Suite::AesCm128HmacSha1_80, Suite::AesCm128HmacSha1_32),
        (Suite::AesCm192HmacSha1_80, Suite::AesCm192HmacSha1_32),
        (Suite::AesCm256HmacSha1_80, Suite::AesCm256HmacSha1_32),
    ];
    let both = pairs.into_iter().flat_map(|(long, short)| [(long, short), (short, long)]);
    for (agreed, used) in both {
        for path in super::harness::paths() {
            let (mut sender, mut receiver) = (sender(used, path, 1, &[]), receiver(agreed, path, 1, &[]));
            let (packet, _) = sender.protect(0, Kind::Rtp, &rtp(SSRC, 9, 0, None, &[7; 40])).unwrap();
            let found = found(&mut receiver, Kind::Rtp, &packet, Reject::AuthenticationFailed);
            assert_eq!(found, Some(plain(used)), "{agreed} {used} {path}");
        }
    }
}

#[test]
fn an_mki_too_many_or_too_few_is_told() {
    every_suite_and_path(|suite, path| {
        let cases: [(&[u8], &[u8], MkiFit, Reject); 4] = [
            (&[1, 2], &[], MkiFit::Missing, Reject::UnknownMki),
            (&[], &[9], MkiFit::Unexpected(1), Reject::AuthenticationFailed),
            (&[], &[0, 0, 0, 1], MkiFit::Unexpected(4), Reject::AuthenticationFailed),
            (&[1, 2], &[1, 3], MkiFit::Other, Reject::UnknownMki),
        ];
        for (agreed, used, mki, reject) in cases {
            let (mut sender, mut receiver) = (sender(suite, path, 1, used), receiver(suite, path, 1, agreed));
            let (packet, _) = sender.protect(0, Kind::Rtp, &rtp(SSRC, 9, 0, None, &[7; 40])).unwrap();
            let found = found(&mut receiver, Kind::Rtp, &packet, reject);
            assert_eq!(found, Some(Authentic { mki, ..plain(suite) }), "{suite} {path}");
        }
    });
}

#[test]
fn keys_before_the_last_are_told_as_such_while_they_are_held() {
    every_suite_and_path(|suite, path| {
        let mut both = table(|| key_set(suite, path, &[master_key(suite, 1, &[])]));
        let packet = |both: &mut Table, sequence| {
            both.protect(0, Kind::Rtp, &rtp(SSRC, sequence, 0, None, &[7; 40])).unwrap().0
        };
        let first = packet(&mut both, 1);
        both.unprotect(0, Kind::Rtp, &first).unwrap();
        both.receive[0].rekey(key_set(suite, path, &[master_key(suite, 2, &[])]));
        // One that starts afresh under the new key ends the old one for its SSRC.
        let mut restarted = sender(suite, path, 2, &[]);
        let (restart, _) = restarted.protect(0, Kind::Rtp, &rtp(SSRC, 1, 0, None, &[7; 40])).unwrap();
        both.unprotect(0, Kind::Rtp, &restart).unwrap();
        let late = packet(&mut both, 2);
        let expected = Authentic { previous: true, ..plain(suite) };
        assert_eq!(found(&mut both, Kind::Rtp, &late, Reject::AuthenticationFailed), Some(expected));
        both.receive[0].retire_previous();
        assert_eq!(found(&mut both, Kind::Rtp, &late, Reject::AuthenticationFailed), None);
    });
}

#[test]
fn srtcp_that_is_not_encrypted_is_told() {
    for suite in Suite::ALL.into_iter().filter(|suite| suite.encrypts() && suite.salt_length() == 14) {
        let mut receiver = receiver(suite, Path::Portable, 1, &[]);
        let report = rtcp(SSRC, 3);
        // What RFC 3711 section 3.4 makes of a packet that is authenticated alone.
        let mut sender = sender(suite, Path::Portable, 1, &[]);
        let (mut packet, _) = sender.protect(0, Kind::Rtcp, &report).unwrap();
        let body = report.len();
        packet[..body].copy_from_slice(&report);
        packet[body] &= 0x7f;
        let tag = {
            use crate::kdf::{Material, Protocol};
            let master = master_key(suite, 1, &[]);
            let material = Material::derive(Path::Portable, &master, Protocol::Srtcp).unwrap();
            crate::cipher::hmac::HmacKey::new(&material.authentication).tag(&packet[..body + 4], [])
        };
        packet[body + 4..].copy_from_slice(&tag[..10]);
        let found = found(&mut receiver, Kind::Rtcp, &packet, Reject::AuthenticationFailed);
        assert_eq!(found, Some(Authentic { unencrypted: true, ..plain(suite) }));
    }
}

#[test]
fn effort_is_spent_and_never_exceeded() {
    let suite = Suite::AesCm128HmacSha1_80;
    let mut receiver = receiver(suite, Path::Portable, 1, &[]);
    let mut sender = sender(suite, Path::Portable, 2, &[]);
    let (packet, _) = sender.protect(0, Kind::Rtp, &rtp(SSRC, 9, 0, None, &[7; 40])).unwrap();
    let context = &mut receiver.receive[0];
    for (depth, tags) in [(Depth::Brief, 1), (Depth::Full, 16 + 1 + 3)] {
        for given in [0, 1, tags, tags + 7] {
            let mut effort = Effort(given);
            assert_eq!(context.diagnose(Kind::Rtp, &packet, 0, depth, &mut effort), None);
            assert_eq!(effort, Effort(given.saturating_sub(tags)), "{depth:?}");
        }
    }
}

#[test]
fn nothing_is_read_beyond_a_packet() {
    every_suite_and_path(|suite, path| {
        let receiver = receiver(suite, path, 1, &[]);
        for kind in [Kind::Rtp, Kind::Rtcp] {
            for length in 0..64 {
                let packet = vec![0x9f; length];
                let context = &receiver.receive[0];
                context.expected_roll_over_counter(&packet);
                let found = context.diagnose(kind, &packet, u32::MAX, Depth::Full, &mut ENOUGH.clone());
                assert_eq!(found, None, "{suite} {path} {length}");
            }
        }
    });
}
