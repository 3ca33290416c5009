// SPDX-License-Identifier: MIT OR Apache-2.0
//! Re-keys of a running leg: nothing lost, nothing replayed, no index used twice.

use super::harness::{Table, every_suite_and_path, key_set, master_key, rtcp, rtp, table};
use crate::{KeySet, Kind, Path, Reject, SendContext, Suite};
use culvert_secret::Secret;

const SSRC: u32 = 0xaabb_ccdd;

fn keys(suite: Suite, path: Path, seed: u8) -> Secret<KeySet> {
    key_set(suite, path, &[master_key(suite, seed, &[])])
}

fn packet(sequence: u16) -> Vec<u8> {
    rtp(SSRC, sequence, 0, None, &[0x42; 50])
}

/// Protects the sequence numbers one by one.
fn protect(table: &mut Table, sequences: impl IntoIterator<Item = u16>) -> Vec<Vec<u8>> {
    sequences.into_iter().map(|sequence| table.protect(0, Kind::Rtp, &packet(sequence)).unwrap().0).collect()
}

fn unprotect(table: &mut Table, packet: &[u8]) -> Result<u64, Reject> {
    table.unprotect(0, Kind::Rtp, packet).map(|(_, index)| index)
}

/// A new endpoint under keys of `seed`: its index starts at a roll-over counter of 0.
fn fresh_sender(table: &mut Table, suite: Suite, path: Path, seed: u8) {
    table.send[0] = SendContext::new(keys(suite, path, seed), 8);
}

#[test]
fn packets_of_both_sets_arrive_in_any_order() {
    every_suite_and_path(|suite, path| {
        let mut table = table(|| keys(suite, path, 1));
        let old = protect(&mut table, 65500..65530);
        table.send[0].rekey(keys(suite, path, 2));
        let new = protect(&mut table, (65530..=65535).chain(0..30));
        for packet in &old[..10] {
            assert!(unprotect(&mut table, packet).is_ok());
        }
        // The receiver hears of the new keys before, between or after the packets under them.
        assert_eq!(unprotect(&mut table, &new[0]), Err(Reject::AuthenticationFailed));
        assert!(table.receive[0].rekey(keys(suite, path, 2)).is_none());
        assert!(!table.receive[0].rekeyed());
        let mixed = old[10..].iter().rev().zip(&new).flat_map(|(old, new)| [new, old]);
        for packet in mixed.chain(&new[20..]) {
            assert!(unprotect(&mut table, packet).is_ok(), "{suite} {path}");
        }
        assert!(table.receive[0].rekeyed());
        for packet in old.iter().chain(&new) {
            assert_eq!(unprotect(&mut table, packet), Err(Reject::Replayed), "{suite} {path}");
        }
    });
}

#[test]
fn the_overlap_ends() {
    every_suite_and_path(|suite, path| {
        let mut table = table(|| keys(suite, path, 1));
        let old = protect(&mut table, 1..4);
        assert!(unprotect(&mut table, &old[0]).is_ok());
        let first: *const KeySet = table.receive[0].keys();
        assert!(table.receive[0].retire_previous().is_none());
        table.receive[0].rekey(keys(suite, path, 2));
        let second: *const KeySet = table.receive[0].keys();
        assert!(unprotect(&mut table, &old[1]).is_ok());

        let retired = table.receive[0].rekey(keys(suite, path, 3)).unwrap();
        assert_eq!(core::ptr::from_ref(&*retired), first);
        assert_eq!(unprotect(&mut table, &old[2]), Err(Reject::AuthenticationFailed));
        let retired = table.receive[0].retire_previous().unwrap();
        assert_eq!(core::ptr::from_ref(&*retired), second);
        assert!(table.receive[0].retire_previous().is_none());

        let current: *const KeySet = table.send[0].keys();
        let retired = table.send[0].rekey(keys(suite, path, 3));
        assert_eq!(core::ptr::from_ref(&*retired), current);
        let new = protect(&mut table, 4..6);
        assert_eq!(unprotect(&mut table, &new[0]), Ok(4));
    });
}

#[test]
fn sending_never_repeats_an_index() {
    every_suite_and_path(|suite, path| {
        let mut table = table(|| keys(suite, path, 1));
        protect(&mut table, 100..110);
        assert_eq!(table.protect(0, Kind::Rtcp, &rtcp(SSRC, 1)).unwrap().1, 0);
        // The same keys again, other keys, and the first ones once more.
        for seed in [1, 2, 1] {
            table.send[0].rekey(keys(suite, path, seed));
            for sequence in 100..110 {
                assert_eq!(table.protect(0, Kind::Rtp, &packet(sequence)), Err(Reject::IndexReused));
            }
        }
        assert_eq!(table.protect(0, Kind::Rtcp, &rtcp(SSRC, 1)).unwrap().1, 1);
        assert_eq!(table.protect(0, Kind::Rtp, &packet(110)).unwrap().1, 110);
    });
}

#[test]
fn an_endpoint_may_start_its_index_afresh() {
    every_suite_and_path(|suite, path| {
        let mut table = table(|| keys(suite, path, 1));
        let old = protect(&mut table, [40_000, 60_000, 10_000, 30_000, 50_000, 4000, 4001, 4002]);
        for packet in &old[..7] {
            assert!(unprotect(&mut table, packet).is_ok());
        }
        table.receive[0].rekey(keys(suite, path, 2));
        fresh_sender(&mut table, suite, path, 2);
        let new = protect(&mut table, 700..760);
        assert_eq!(unprotect(&mut table, &new[1]), Ok(701), "{suite} {path}");
        assert_eq!(unprotect(&mut table, &new[0]), Ok(700), "{suite} {path}");
        assert!(table.receive[0].rekeyed());
        for packet in &new[2..] {
            assert!(unprotect(&mut table, packet).is_ok());
        }
        for packet in &new {
            assert_eq!(unprotect(&mut table, packet), Err(Reject::Replayed), "{suite} {path}");
        }
        // What the list no longer covers is dead, whether it had been received or not.
        for packet in &old {
            assert!(unprotect(&mut table, packet).is_err(), "{suite} {path}");
        }
        assert_eq!(unprotect(&mut table, &old[7]), Err(Reject::AuthenticationFailed), "{suite} {path}");
        // Another SSRC still has its old list and with it its old key.
        fresh_sender(&mut table, suite, path, 1);
        let other = table.protect(0, Kind::Rtp, &rtp(5, 5, 0, None, b"other")).unwrap().0;
        assert!(unprotect(&mut table, &other).is_ok());
    });
}

/// Two re-keys in a row: the set between them is on its way out, and no longer starts anything.
#[test]
fn only_the_newest_set_starts_an_index_afresh() {
    every_suite_and_path(|suite, path| {
        let mut table = table(|| keys(suite, path, 1));
        for packet in protect(&mut table, [40_000, 60_000, 10_000, 30_000, 50_000, 4000]) {
            assert!(unprotect(&mut table, &packet).is_ok());
        }
        table.receive[0].rekey(keys(suite, path, 2));
        table.receive[0].rekey(keys(suite, path, 3));
        table.send[0].rekey(keys(suite, path, 2));
        let going_on = protect(&mut table, 4001..4003);
        assert_eq!(unprotect(&mut table, &going_on[0]), Ok(0x2_0000 + 4001), "{suite} {path}");
        table.receive[0].rekey(keys(suite, path, 4));
        table.receive[0].rekey(keys(suite, path, 5));
        fresh_sender(&mut table, suite, path, 4);
        let afresh = protect(&mut table, [700, 4005]);
        assert_eq!(unprotect(&mut table, &afresh[0]), Err(Reject::TooOld), "{suite} {path}");
        assert_eq!(unprotect(&mut table, &afresh[1]), Err(Reject::AuthenticationFailed), "{suite} {path}");
        fresh_sender(&mut table, suite, path, 5);
        let afresh = protect(&mut table, [700]);
        assert_eq!(unprotect(&mut table, &afresh[0]), Ok(700), "{suite} {path}");
    });
}

/// The new index may fall on one that the old set used, or just behind the highest. Only one ahead of the highest goes
/// on from it, and leaves what is still in flight its place in the list.
#[test]
fn a_fresh_index_may_lie_in_the_old_window() {
    every_suite_and_path(|suite, path| {
        for (start, in_flight) in [
            (1, Err(Reject::AuthenticationFailed)),
            (900, Err(Reject::AuthenticationFailed)),
            (1000, Err(Reject::AuthenticationFailed)),
            (1020, Err(Reject::Replayed)),
            (1048, Err(Reject::AuthenticationFailed)),
            (1049, Ok(1020)),
            (30_000, Err(Reject::TooOld)),
        ] {
            let mut table = table(|| keys(suite, path, 1));
            let old = protect(&mut table, 1000..1049);
            for packet in old.iter().filter(|packet| packet[3] != 1020_u16 as u8) {
                assert!(unprotect(&mut table, packet).is_ok());
            }
            table.receive[0].rekey(keys(suite, path, 2));
            fresh_sender(&mut table, suite, path, 2);
            let new = protect(&mut table, start..start + 100);
            assert_eq!(unprotect(&mut table, &new[0]), Ok(u64::from(start)), "{suite} {path} {start}");
            let late = unprotect(&mut table, &old[20]);
            assert_eq!(late, in_flight, "{suite} {path} {start}");
            for packet in &new[1..] {
                assert!(unprotect(&mut table, packet).is_ok(), "{suite} {path} {start}");
            }
            for packet in old.iter().chain(&new) {
                assert!(unprotect(&mut table, packet).is_err(), "{suite} {path} {start}");
            }
        }
    });
}

/// Were the same key new again, everything under it could be replayed.
#[test]
fn the_same_key_again_opens_nothing() {
    every_suite_and_path(|suite, path| {
        let mut table = table(|| keys(suite, path, 1));
        let old = protect(&mut table, [40_000, 60_000, 10_000, 30_000, 50_000, 4000]);
        for packet in &old {
            assert!(unprotect(&mut table, packet).is_ok());
        }
        let replay_all = |table: &mut Table| {
            for packet in &old {
                assert!(unprotect(table, packet).is_err(), "{suite} {path}");
            }
        };
        table.receive[0].rekey(keys(suite, path, 1));
        replay_all(&mut table);
        // By way of another set, while the first is still held.
        table.receive[0].rekey(keys(suite, path, 2));
        replay_all(&mut table);
        table.receive[0].rekey(keys(suite, path, 1));
        replay_all(&mut table);
        let next = protect(&mut table, [4001]);
        assert!(unprotect(&mut table, &next[0]).is_ok());
    });
}

/// The newest set's limit is not that of the set before, although the key is the same.
#[test]
fn the_same_key_again_may_have_another_lifetime() {
    every_suite_and_path(|suite, path| {
        let set =
            |packets| key_set(suite, path, &[master_key(suite, 1, &[]).with_lifetime(packets).unwrap()]);
        let mut table = table(|| set(100));
        let packets = protect(&mut table, 1..6);
        assert_eq!(unprotect(&mut table, &packets[0]), Ok(1));
        table.receive[0].rekey(set(2));
        for (packet, index) in packets.iter().zip(1..).skip(1) {
            assert_eq!(unprotect(&mut table, packet), Ok(index), "{suite} {path}");
        }
        for packet in &packets {
            let before = table.receive[0].snapshot();
            assert_eq!(unprotect(&mut table, packet), Err(Reject::KeyExpired), "{suite} {path}");
            assert_eq!(table.receive[0].snapshot(), before, "{suite} {path}");
        }
    });
}

#[test]
fn rtcp_goes_on_or_starts_afresh() {
    every_suite_and_path(|suite, path| {
        for afresh in [false, true] {
            let mut table = table(|| keys(suite, path, 1));
            let report = |table: &mut Table| table.protect(0, Kind::Rtcp, &rtcp(SSRC, 2)).unwrap().0;
            let old: Vec<_> = (0..20).map(|_| report(&mut table)).collect();
            for packet in &old[..18] {
                assert!(table.unprotect(0, Kind::Rtcp, packet).is_ok());
            }
            table.receive[0].rekey(keys(suite, path, 2));
            assert!(table.unprotect(0, Kind::Rtcp, &old[18]).is_ok());
            if afresh {
                fresh_sender(&mut table, suite, path, 2);
            } else {
                table.send[0].rekey(keys(suite, path, 2));
            }
            for index in 0..30 {
                let packet = report(&mut table);
                let expected = if afresh { index } else { 20 + index };
                assert_eq!(table.unprotect(0, Kind::Rtcp, &packet).unwrap().1, expected, "{suite} {path}");
                assert_eq!(table.unprotect(0, Kind::Rtcp, &packet), Err(Reject::Replayed));
            }
            let late = table.unprotect(0, Kind::Rtcp, &old[19]).map(|(_, index)| index);
            assert_eq!(late, if afresh { Err(Reject::Replayed) } else { Ok(19) }, "{suite} {path}");
        }
    });
}

#[test]
fn a_rekey_may_change_suite_and_mki() {
    every_suite_and_path(|suite, path| {
        for other in Suite::ALL {
            let with_mki =
                || key_set(other, path, &[master_key(other, 7, &[9, 9]), master_key(other, 8, &[9, 8])]);
            let mut table = table(|| keys(suite, path, 1));
            let old = protect(&mut table, 1..20);
            assert!(unprotect(&mut table, &old[0]).is_ok());
            table.receive[0].rekey(with_mki());
            table.send[0].rekey(with_mki());
            let new = protect(&mut table, 20..40);
            for (old, new) in old[1..].iter().zip(&new) {
                assert!(unprotect(&mut table, new).is_ok(), "{suite} to {other} {path}");
                assert!(unprotect(&mut table, old).is_ok(), "{suite} to {other} {path}");
            }
        }
    });
}

/// Endpoints that name every key "1" make the MKI say nothing.
#[test]
fn a_new_key_may_have_the_old_mki() {
    every_suite_and_path(|suite, path| {
        let set = |seed| key_set(suite, path, &[master_key(suite, seed, &[1])]);
        let mut table = table(|| set(1));
        let old = protect(&mut table, 1..10);
        assert!(unprotect(&mut table, &old[0]).is_ok());
        table.receive[0].rekey(set(2));
        table.send[0].rekey(set(2));
        let new = protect(&mut table, 10..20);
        for packet in old[1..].iter().chain(&new) {
            assert!(unprotect(&mut table, packet).is_ok(), "{suite} {path}");
        }
    });
}
