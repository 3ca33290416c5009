// SPDX-License-Identifier: MIT OR Apache-2.0
//! Bursts of many packets in one call, and what libsrtp makes of the packets one by one.

use super::super::harness::{Burst, Table, paths, rtcp};
use super::super::libsrtp::{Direction, Session, Status};
use super::{Keys, Random, verdict};
use crate::{
    Kind, Path, ReceiveContext, Reject, SendContext, Suite, protect_burst, rekey_burst, unprotect_burst,
};

const SSRCS: [u32; 2] = [9, 0xfedc_ba98];

/// A sender, and both legs of a relay between keys, as libsrtp has them.
struct Theirs {
    sender: Session,
    receiver: Session,
    onward: Session,
}

/// The same as this crate has them.
struct Ours {
    sender: Table,
    relay: Table,
    receiver: Table,
}

impl Ours {
    /// libsrtp numbers SRTCP packets from 1, this crate from 0.
    fn new(from: &Keys, to: &Keys, path: Path) -> Ours {
        let receive = || vec![ReceiveContext::new(from.set(path), 4)];
        let sender = |keys: &Keys| {
            let mut table = Table { receive: receive(), send: vec![SendContext::new(keys.set(path), 4)] };
            for ssrc in SSRCS {
                table.protect(0, Kind::Rtcp, &rtcp(ssrc, 0)).unwrap();
            }
            table
        };
        Ours { sender: sender(from), relay: sender(to), receiver: Table { receive: receive(), send: vec![] } }
    }
}

/// What a bad network does to what was sent.
fn network(sent: &[(Kind, Vec<u8>)], random: &mut Random) -> (Kind, Vec<u8>) {
    let back = match random.below(10) {
        0 => random.below(200) as usize,
        1 | 2 => random.below(20) as usize,
        _ => 0,
    };
    let (kind, mut packet) = sent[sent.len().saturating_sub(1 + back)].clone();
    if random.below(10) == 0 {
        let position = random.below(packet.len() as u64) as usize;
        // Not the lengths, where the order of checks decides the verdict.
        let plain = kind == Kind::Rtcp && position > 3;
        if plain || kind == Kind::Rtp && position > 1 && (position < 12 || packet[0] & 0x1f == 0) {
            packet[position] ^= 1 << random.below(8);
        }
    }
    (kind, packet)
}

fn parts(packets: &[(Kind, Vec<u8>)]) -> Burst {
    Burst::of(packets.iter().map(|(kind, packet)| (*kind, &packet[..])))
}

fn check(from: Suite, to: Suite, path: Path, rejected: &mut [u32]) {
    let random = &mut Random(0x9e37_79b9_7f4a_7c15 ^ (from as u64 * 16 + to as u64));
    let [from, to] = [from, to].map(|suite| Keys::new(suite, random, &[&[]]));
    let mut theirs = Theirs {
        sender: from.theirs(Direction::Send),
        receiver: from.theirs(Direction::Receive),
        onward: to.theirs(Direction::Send),
    };
    let mut ours = Ours::new(&from, &to, path);
    let name = format!("{} to {} on {path}", from.suite, to.suite);
    let (mut sequences, mut sent) = ([0xff80_u16, 0xfff0], Vec::new());
    for burst in 0..4 {
        let what = format!("{name} burst {burst}");
        let (mut plain, mut came) = (Vec::new(), Vec::new());
        for _ in 0..1 + random.below(150) {
            let stream = random.below(2) as usize;
            if random.below(8) == 0 {
                plain.push((Kind::Rtcp, rtcp(SSRCS[stream], random.below(40) as u8)));
            } else {
                let ahead = if random.below(30) == 0 { random.below(10_000) } else { 1 + random.below(3) };
                sequences[stream] = sequences[stream].wrapping_add(ahead as u16);
                plain.push((Kind::Rtp, random.rtp(SSRCS[stream], sequences[stream])));
            }
            let (kind, packet) = plain.last().unwrap();
            sent.push((*kind, theirs.sender.protect(*kind, packet, 0).unwrap()));
            came.push(network(&sent, random));
        }

        let protected = parts(&plain).run(|packets| protect_burst(packets, &mut ours.sender));
        for (place, (got, (_, expected))) in
            protected.iter().zip(&sent[sent.len() - plain.len()..]).enumerate()
        {
            assert_eq!(got.as_ref().map(|(bytes, _)| bytes), Ok(expected), "{what} packet {place}");
        }

        let opened = parts(&came).run(|packets| unprotect_burst(packets, &mut ours.receiver));
        let relayed = parts(&came).run(|packets| rekey_burst(packets, &mut ours.relay));
        for (place, (((kind, packet), opened), relayed)) in came.iter().zip(opened).zip(relayed).enumerate() {
            let what = format!("{what} packet {place}");
            let expected = theirs.receiver.unprotect(*kind, packet);
            // It cannot check a packet whose E bit is not what its policy says.
            let expected = match expected {
                Err(Status::Other(14)) => Err(Reject::AuthenticationFailed),
                other => verdict(other),
            };
            if let Err(reject) = &expected {
                rejected[*reject as usize] += 1;
            }
            assert_eq!(opened.map(|(bytes, _)| bytes), expected, "{what}");
            let onward = expected.map(|plain| theirs.onward.protect(*kind, &plain, 0).unwrap());
            assert_eq!(relayed.map(|(bytes, _)| bytes), onward, "{what}");
        }
    }
}

#[test]
fn bursts_are_what_libsrtp_makes_of_their_packets() {
    for path in paths() {
        let mut rejected = [0; Reject::ALL.len()];
        for from in Suite::ALL {
            for to in Suite::ALL {
                check(from, to, path, &mut rejected);
            }
        }
        for reject in [Reject::AuthenticationFailed, Reject::Replayed, Reject::TooOld] {
            assert!(rejected[reject as usize] > 100, "{path}: {reject} {rejected:?}");
        }
    }
}
