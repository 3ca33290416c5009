// SPDX-License-Identifier: MIT OR Apache-2.0
//! A packet that does not authenticate changes nothing: for every field of state, forgeries that would move it.

use super::harness::{Table, every_suite_and_path, key_set, master_key, rtcp, rtp, table};
use crate::{KeySet, Kind, MasterKey, Path, ReceiveContext, Reject, SendContext, Suite};
use culvert_secret::Secret;

const SSRC: u32 = 0x1234_5678;

/// A receiver with everything that can be lost: a stream in its third cycle, SRTCP, a second stream, two key sets held.
struct Victim {
    table: Table,
    suite: Suite,
    /// The last packet of the stream, which has been received.
    last: Vec<u8>,
    /// The same for SRTCP.
    last_rtcp: Vec<u8>,
    /// The next packet, which has not.
    next: Vec<u8>,
    next_rtcp: Vec<u8>,
}

fn keys(suite: Suite, path: Path, seed: u8, mkis: &[&[u8]]) -> Secret<KeySet> {
    let masters: Vec<MasterKey> =
        mkis.iter().zip(seed..).map(|(mki, seed)| master_key(suite, seed, mki)).collect();
    key_set(suite, path, &masters)
}

impl Victim {
    fn new(suite: Suite, path: Path, mkis: &[&[u8]]) -> Victim {
        let mut table = table(|| keys(suite, path, 1, mkis));
        let mut sequence = 1_u16;
        let pass = |table: &mut Table, kind, packet: &[u8]| {
            let (protected, index) = table.protect(0, kind, packet).unwrap();
            assert_eq!(table.unprotect(0, kind, &protected), Ok((packet.to_vec(), index)));
            (protected, index)
        };
        for _ in 0..9 {
            pass(&mut table, Kind::Rtp, &rtp(SSRC, sequence, 0, None, &[7; 40]));
            sequence = sequence.wrapping_add(0x4000);
        }
        pass(&mut table, Kind::Rtp, &rtp(1, 9, 0, None, &[8; 20]));
        pass(&mut table, Kind::Rtcp, &rtcp(1, 3));
        let set = |seed| keys(suite, path, seed, mkis);
        table.send[0].rekey(set(50));
        assert!(table.receive[0].rekey(set(50)).is_none());
        assert!(!table.receive[0].rekeyed());
        let (last, index) = pass(&mut table, Kind::Rtp, &rtp(SSRC, sequence, 1, Some(1), &[9; 40]));
        assert_eq!(index, 0x2_4001);
        let (last_rtcp, _) = pass(&mut table, Kind::Rtcp, &rtcp(SSRC, 3));
        let (next, _) = table.protect(0, Kind::Rtp, &rtp(SSRC, sequence + 1, 0, None, &[3; 40])).unwrap();
        let (next_rtcp, _) = table.protect(0, Kind::Rtcp, &rtcp(SSRC, 4)).unwrap();
        Victim { table, suite, last, last_rtcp, next, next_rtcp }
    }

    /// Gives a forgery to the receiver, twice, and holds the state before it against the state after it.
    fn refuses(&mut self, kind: Kind, forgery: &[u8], expected: Reject) {
        let before = self.table.receive[0].snapshot();
        for _ in 0..2 {
            assert_eq!(self.table.unprotect(0, kind, forgery), Err(expected), "{}", self.suite);
        }
        assert_eq!(self.table.receive[0].snapshot(), before, "{} {expected}", self.suite);
    }

    /// As [`refuses`](Self::refuses) where the reason is not the point.
    fn refuses_somehow(&mut self, kind: Kind, forgery: &[u8]) {
        let before = self.table.receive[0].snapshot();
        assert!(self.table.unprotect(0, kind, forgery).is_err(), "{}", self.suite);
        assert_eq!(self.table.receive[0].snapshot(), before, "{}", self.suite);
    }

    /// The stream has suffered nothing.
    fn goes_on(&mut self) {
        let (next, next_rtcp) = (self.next.clone(), self.next_rtcp.clone());
        assert!(self.table.unprotect(0, Kind::Rtp, &next).is_ok(), "{}", self.suite);
        assert!(self.table.unprotect(0, Kind::Rtcp, &next_rtcp).is_ok(), "{}", self.suite);
    }
}

fn every_victim(mut attack: impl FnMut(&mut Victim)) {
    every_suite_and_path(|suite, path| {
        for mkis in [&[&[][..]][..], &[&[0, 1], &[0, 2]]] {
            let mut victim = Victim::new(suite, path, mkis);
            attack(&mut victim);
            victim.goes_on();
        }
    });
}

fn with_sequence(packet: &[u8], sequence: u16) -> Vec<u8> {
    let mut forged = packet.to_vec();
    forged[2..4].copy_from_slice(&sequence.to_be_bytes());
    forged
}

fn with_ssrc(kind: Kind, packet: &[u8], ssrc: u32) -> Vec<u8> {
    let mut forged = packet.to_vec();
    let at = if kind == Kind::Rtp { 8 } else { 4 };
    forged[at..at + 4].copy_from_slice(&ssrc.to_be_bytes());
    forged
}

/// What ends a stream where index and roll-over counter move before the tag is checked.
#[test]
fn twelve_forged_packets_do_not_end_a_stream() {
    every_suite_and_path(|suite, path| {
        let mut table = table(|| keys(suite, path, 1, &[&[]]));
        let mut sequence = 0xfe00_u16;
        let mut send = |table: &mut Table, count: usize| {
            for _ in 0..count {
                let packet = rtp(SSRC, sequence, 0, None, &[1; 30]);
                sequence = sequence.wrapping_add(1);
                let (protected, index) = table.protect(0, Kind::Rtp, &packet).unwrap();
                assert_eq!(table.unprotect(0, Kind::Rtp, &protected), Ok((packet, index)), "{suite} {path}");
            }
            sequence
        };
        let at = send(&mut table, 0x300);
        assert_eq!(at, 0x100, "the roll-over counter is 1");
        let before = table.receive[0].snapshot();
        for forged in 1..=12_u16 {
            let packet = rtp(SSRC, at.wrapping_add(forged.wrapping_mul(0x1500)), 0, None, &[0xbd; 46]);
            let reject = table.unprotect(0, Kind::Rtp, &packet).unwrap_err();
            assert!(
                matches!(reject, Reject::AuthenticationFailed | Reject::TooOld),
                "{suite} {path} {reject}"
            );
        }
        assert_eq!(table.receive[0].snapshot(), before);
        send(&mut table, 0x300);
    });
}

#[test]
fn roll_over_counter_and_highest_index() {
    every_victim(|victim| {
        let (last, next) = (victim.last.clone(), victim.next.clone());
        for step in 0..=64_u16 {
            let sequence = 0x4001_u16.wrapping_add(step.wrapping_mul(0x0400));
            if sequence != 0x4001 {
                victim.refuses_somehow(Kind::Rtp, &with_sequence(&last, sequence));
            }
            if sequence != 0x4002 {
                victim.refuses_somehow(Kind::Rtp, &with_sequence(&next, sequence));
            }
        }
    });
}

#[test]
fn replay_window() {
    every_victim(|victim| {
        let (last, next) = (victim.last.clone(), victim.next.clone());
        victim.refuses(Kind::Rtp, &last, Reject::Replayed);
        for behind in 1..128 {
            victim.refuses(Kind::Rtp, &with_sequence(&next, 0x4001 - behind), Reject::AuthenticationFailed);
        }
        for behind in 128..200 {
            victim.refuses(Kind::Rtp, &with_sequence(&next, 0x4001 - behind), Reject::TooOld);
        }
        for ahead in 2..200 {
            victim.refuses(Kind::Rtp, &with_sequence(&next, 0x4001 + ahead), Reject::AuthenticationFailed);
        }
    });
}

#[test]
fn rtcp_index_and_window() {
    every_victim(|victim| {
        let (last, next) = (victim.last_rtcp.clone(), victim.next_rtcp.clone());
        victim.refuses(Kind::Rtcp, &last, Reject::Replayed);
        for position in 0..next.len() {
            let mut forged = next.clone();
            forged[position] ^= 0x10;
            victim.refuses_somehow(Kind::Rtcp, &forged);
        }
    });
}

#[test]
fn list_of_ssrcs() {
    every_victim(|victim| {
        for kind in [Kind::Rtp, Kind::Rtcp] {
            let next = if kind == Kind::Rtp { victim.next.clone() } else { victim.next_rtcp.clone() };
            for ssrc in 100..120 {
                victim.refuses(kind, &with_ssrc(kind, &next, ssrc), Reject::AuthenticationFailed);
            }
        }
    });
}

#[test]
fn a_full_list_of_ssrcs() {
    every_suite_and_path(|suite, path| {
        let mut table = Table {
            receive: vec![ReceiveContext::new(keys(suite, path, 1, &[&[]]), 2)],
            send: vec![SendContext::new(keys(suite, path, 1, &[&[]]), 3)],
        };
        for ssrc in [1, 2] {
            let (protected, _) = table.protect(0, Kind::Rtp, &rtp(ssrc, 1, 0, None, b"one")).unwrap();
            assert!(table.unprotect(0, Kind::Rtp, &protected).is_ok());
        }
        let before = table.receive[0].snapshot();
        // Even an authentic packet finds no room, and takes none from the others.
        for kind in [Kind::Rtp, Kind::Rtcp] {
            let plain = if kind == Kind::Rtp { rtp(3, 1, 0, None, b"three") } else { rtcp(3, 1) };
            let (protected, _) = table.protect(0, kind, &plain).unwrap();
            assert_eq!(table.unprotect(0, kind, &protected), Err(Reject::TooManySsrcs));
        }
        assert_eq!(table.receive[0].snapshot(), before);
        let (protected, _) = table.protect(0, Kind::Rtp, &rtp(2, 2, 0, None, b"two")).unwrap();
        assert!(table.unprotect(0, Kind::Rtp, &protected).is_ok());
    });
}

#[test]
fn malformed_and_truncated_packets() {
    every_victim(|victim| {
        for kind in [Kind::Rtp, Kind::Rtcp] {
            let next = if kind == Kind::Rtp { victim.next.clone() } else { victim.next_rtcp.clone() };
            for length in 0..next.len() {
                victim.refuses_somehow(kind, &next[..length]);
            }
            for version in [0x00, 0x40, 0xc0] {
                let mut forged = next.clone();
                forged[0] = forged[0] & 0x3f | version;
                victim.refuses(kind, &forged, Reject::Malformed);
            }
        }
        // A header extension that ends behind the packet.
        let mut forged = rtp(SSRC, 0x4002, 0, Some(2), &[0; 40]);
        forged[14..16].copy_from_slice(&[0xff, 0xff]);
        victim.refuses(Kind::Rtp, &forged, Reject::Malformed);
    });
}

/// What counts a key's packets, and what says that the re-key is done.
#[test]
fn key_usage_and_the_end_of_a_rekey() {
    every_suite_and_path(|suite, path| {
        let mut table = table(|| keys(suite, path, 1, &[&[]]));
        let packet = |sequence| rtp(SSRC, sequence, 0, None, &[5; 33]);
        let (protected, _) = table.protect(0, Kind::Rtp, &packet(1)).unwrap();
        assert!(table.unprotect(0, Kind::Rtp, &protected).is_ok());
        let (in_flight, _) = table.protect(0, Kind::Rtp, &packet(2)).unwrap();
        let set = || keys(suite, path, 9, &[&[]]);
        table.receive[0].rekey(set());
        table.send[0].rekey(set());
        let (under_new, _) = table.protect(0, Kind::Rtp, &packet(3)).unwrap();

        let before = table.receive[0].snapshot();
        for forgery in [&in_flight, &under_new] {
            for position in 8..forgery.len() {
                let mut forged = forgery.clone();
                forged[position] ^= 1;
                assert!(table.unprotect(0, Kind::Rtp, &forged).is_err());
            }
        }
        assert_eq!(table.unprotect(0, Kind::Rtp, &protected), Err(Reject::Replayed));
        assert_eq!(table.receive[0].snapshot(), before, "{suite} {path}");
        assert!(!table.receive[0].rekeyed());

        assert!(table.unprotect(0, Kind::Rtp, &in_flight).is_ok());
        assert!(!table.receive[0].rekeyed());
        assert!(table.unprotect(0, Kind::Rtp, &under_new).is_ok());
        assert!(table.receive[0].rekeyed());
    });
}

/// A new key may start the index afresh. Until then forgeries must not do it in the endpoint's place.
#[test]
fn the_start_of_an_index_space() {
    every_suite_and_path(|suite, path| {
        let mut table = table(|| keys(suite, path, 1, &[&[]]));
        let mut sequence = 1_u16;
        for _ in 0..12 {
            let (protected, _) =
                table.protect(0, Kind::Rtp, &rtp(SSRC, sequence, 0, None, &[5; 33])).unwrap();
            assert!(table.unprotect(0, Kind::Rtp, &protected).is_ok());
            sequence = sequence.wrapping_add(0x4000);
        }
        table.receive[0].rekey(keys(suite, path, 9, &[&[]]));
        let before = table.receive[0].snapshot();
        for step in 0..64_u16 {
            let forged = rtp(SSRC, step.wrapping_mul(0x0400), 0, None, &[0xbd; 64]);
            assert!(table.unprotect(0, Kind::Rtp, &forged).is_err());
            let mut forged = rtcp(SSRC, 9);
            forged.extend([0x80, 0, 0, step as u8, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
            assert!(table.unprotect(0, Kind::Rtcp, &forged).is_err());
        }
        assert_eq!(table.receive[0].snapshot(), before, "{suite} {path}");
        // The last packets of the old set, and the first of the new, in the index space that goes on.
        let (in_flight, index) =
            table.protect(0, Kind::Rtp, &rtp(SSRC, sequence, 0, None, &[6; 33])).unwrap();
        assert_eq!(table.unprotect(0, Kind::Rtp, &in_flight).unwrap().1, index);
        table.send[0].rekey(keys(suite, path, 9, &[&[]]));
        let (first, index) =
            table.protect(0, Kind::Rtp, &rtp(SSRC, sequence + 1, 0, None, &[7; 33])).unwrap();
        assert_eq!(index >> 16, 3);
        assert_eq!(table.unprotect(0, Kind::Rtp, &first).unwrap().1, index);
    });
}

#[test]
fn unknown_mki() {
    every_suite_and_path(|suite, path| {
        let mut victim = Victim::new(suite, path, &[&[0, 1], &[0, 2]]);
        for kind in [Kind::Rtp, Kind::Rtcp] {
            let mut forged = if kind == Kind::Rtp { victim.next.clone() } else { victim.next_rtcp.clone() };
            let tag = if suite.rtp_tag_length() == 16 {
                0
            } else if kind == Kind::Rtp {
                suite.rtp_tag_length()
            } else {
                suite.rtcp_tag_length()
            };
            let mki = forged.len() - tag - 2;
            assert_eq!(forged[mki..mki + 2], [0, 1]);
            forged[mki + 1] = 3;
            victim.refuses(kind, &forged, Reject::UnknownMki);
            forged[mki + 1] = 2;
            victim.refuses(kind, &forged, Reject::AuthenticationFailed);
        }
        victim.goes_on();
    });
}

/// An SRTCP packet whose E bit was flipped on its way.
#[test]
fn flipped_e_bit() {
    every_suite_and_path(|suite, path| {
        let mut victim = Victim::new(suite, path, &[&[]]);
        let mut forged = victim.next_rtcp.clone();
        let after = if suite.rtp_tag_length() == 16 { 0 } else { suite.rtcp_tag_length() };
        let word = forged.len() - after - 4;
        assert_eq!(forged[word] >> 7, u8::from(suite.encrypts()));
        forged[word] ^= 0x80;
        victim.refuses(Kind::Rtcp, &forged, Reject::AuthenticationFailed);
        victim.goes_on();
    });
}

/// On the sending side what is refused leaves no trace either: neither an index nor an SSRC is used up.
#[test]
fn a_packet_that_is_not_sent() {
    every_suite_and_path(|suite, path| {
        let set = || keys(suite, path, 1, &[&[]]);
        let mut table = Table { receive: vec![], send: vec![SendContext::new(set(), 1)] };
        table.protect(0, Kind::Rtp, &rtp(SSRC, 500, 0, None, &[1; 10])).unwrap();
        table.protect(0, Kind::Rtcp, &rtcp(SSRC, 1)).unwrap();
        let before = table.send[0].snapshot();
        for (kind, packet, expected) in [
            (Kind::Rtp, rtp(SSRC, 500, 0, None, &[2; 10]), Reject::IndexReused),
            (Kind::Rtp, rtp(SSRC, 500 - 128, 0, None, &[2; 10]), Reject::TooOld),
            (Kind::Rtp, rtp(7, 501, 0, None, &[2; 10]), Reject::TooManySsrcs),
            (Kind::Rtcp, rtcp(7, 1), Reject::TooManySsrcs),
            (Kind::Rtp, rtp(SSRC, 501, 0, None, &[])[..11].to_vec(), Reject::TooShort),
            (Kind::Rtcp, rtcp(SSRC, 1)[..7].to_vec(), Reject::TooShort),
            (Kind::Rtp, rtp(SSRC, 501, 0, Some(1), &[])[..17].to_vec(), Reject::Malformed),
        ] {
            assert_eq!(table.protect(0, kind, &packet), Err(expected), "{suite} {path}");
        }
        for kind in [Kind::Rtp, Kind::Rtcp] {
            let packet = if kind == Kind::Rtp { rtp(SSRC, 501, 0, None, &[2; 10]) } else { rtcp(SSRC, 1) };
            let room = table.send[0].keys().overhead(kind) - 1;
            assert_eq!(
                table.protect_with_room(0, kind, &packet, room),
                Err(Reject::NoRoom),
                "{suite} {path}"
            );
        }
        assert_eq!(table.send[0].snapshot(), before, "{suite} {path}");
        assert_eq!(table.protect(0, Kind::Rtp, &rtp(SSRC, 501, 0, None, &[2; 10])).unwrap().1, 501);
        assert_eq!(table.protect(0, Kind::Rtcp, &rtcp(SSRC, 1)).unwrap().1, 1);
    });
}
