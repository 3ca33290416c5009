// SPDX-License-Identifier: MIT OR Apache-2.0
//! Random packets through this crate and through libsrtp, every suite, both ways: equal bytes and equal verdicts.

mod bursts;

use super::harness::{Table, every_suite_and_path, key_set, rtcp, rtp, table};
use super::libsrtp::{Direction, Key, Session, Status};
use crate::kdf::{Material, Protocol};
use crate::{KeySet, Kind, MasterKey, Mki, Path, Reject, Suite};
use culvert_secret::Secret;

/// xorshift64*: the runs are the same every time, and a failure names its suite, path and step.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 11
    }

    fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }

    fn bytes(&mut self, length: usize) -> Vec<u8> {
        (0..length).map(|_| self.next() as u8).collect()
    }

    fn rtp(&mut self, ssrc: u32, sequence: u16) -> Vec<u8> {
        let longest = if self.below(10) == 0 { 1400 } else { 200 };
        let length = self.below(longest) as usize;
        let payload = self.bytes(length);
        let csrcs = if self.below(4) == 0 { self.below(16) as u8 } else { 0 };
        let extension = (self.below(4) == 0).then(|| self.below(20) as u16);
        let mut packet = rtp(ssrc, sequence, csrcs, extension, &payload);
        if length > 0 && self.below(5) == 0 {
            packet[0] |= 0x20;
            *packet.last_mut().unwrap() = 1 + self.below(length.min(255) as u64) as u8;
        }
        packet
    }
}

/// The keys of a session, for both implementations.
struct Keys {
    suite: Suite,
    masters: Vec<MasterKey>,
    theirs: Vec<Key>,
}

impl Keys {
    fn new(suite: Suite, random: &mut Random, mkis: &[&[u8]]) -> Keys {
        let (mut masters, mut theirs) = (Vec::new(), Vec::new());
        for mki in mkis {
            let key = random.bytes(suite.key_length());
            let salt = random.bytes(suite.salt_length());
            let master = MasterKey::new(suite, &key, &salt).unwrap();
            masters.push(if mki.is_empty() { master } else { master.with_mki(Mki::new(mki).unwrap()) });
            theirs.push(Key { key_and_salt: [key, salt].concat(), mki: mki.to_vec() });
        }
        Keys { suite, masters, theirs }
    }

    fn ours(&self, path: Path) -> Table {
        table(|| self.set(path))
    }

    /// libsrtp derives the keys of AES-192 by AES-256, from a master key that takes in the start of the salt; RFC 6188
    /// section 3 wants AES-192. Its packets are those of the RFC once both have the same session keys.
    fn set(&self, path: Path) -> Secret<KeySet> {
        if self.suite.key_length() != 24 {
            return key_set(self.suite, path, &self.masters);
        }
        let keys = self.theirs.iter().zip(&self.masters).map(|(theirs, master)| {
            let mut padded = theirs.key_and_salt.clone();
            padded.resize(46, 0);
            let wide = MasterKey::new(Suite::AesCm256HmacSha1_80, &padded[..32], &padded[32..]).unwrap();
            let materials =
                [Protocol::Srtp, Protocol::Srtcp].map(|p| Material::derive(path, &wide, p).unwrap());
            (materials, master.mki().cloned())
        });
        KeySet::from_material(self.suite, path, keys.collect())
    }

    fn theirs(&self, direction: Direction) -> Session {
        Session::new(self.suite, direction, &self.theirs)
    }
}

fn seeded(mut run: impl FnMut(Suite, Path, &mut Random)) {
    every_suite_and_path(|suite, path| run(suite, path, &mut Random(0x9e37_79b9_7f4a_7c15 ^ suite as u64)));
}

#[test]
fn protects_to_the_same_bytes() {
    seeded(|suite, path, random| {
        for mki in [&[][..], &[1], &[0xde, 0xad, 0xbe, 0xef]] {
            let keys = Keys::new(suite, random, &[mki]);
            let (mut ours, mut theirs) = (keys.ours(path), keys.theirs(Direction::Send));
            let mut sequence = random.next() as u16;
            for step in 0..300 {
                sequence = sequence.wrapping_add(1 + random.below(3) as u16);
                let ssrc = [0xdead_beef, 7, 0xffff_ffff][random.below(3) as usize];
                let packet = random.rtp(ssrc, sequence);
                let expected = theirs.protect(Kind::Rtp, &packet, 0).unwrap();
                let (protected, _) = ours.protect(0, Kind::Rtp, &packet).unwrap();
                assert_eq!(protected, expected, "{suite} {path} step {step}");
            }
        }
    });
}

/// libsrtp numbers SRTCP packets from 1, RFC 3711 and this crate from 0: the first packet is sent alone.
#[test]
fn protects_rtcp_to_the_same_bytes() {
    seeded(|suite, path, random| {
        for mki in [&[][..], &[1], &[0xde, 0xad, 0xbe, 0xef]] {
            let keys = Keys::new(suite, random, &[mki]);
            let (mut ours, mut theirs) = (keys.ours(path), keys.theirs(Direction::Send));
            for ssrc in [0xdead_beef, 7] {
                ours.protect(0, Kind::Rtcp, &rtcp(ssrc, 0)).unwrap();
                for step in 0..60 {
                    let packet = rtcp(ssrc, random.below(250) as u8);
                    let expected = theirs.protect(Kind::Rtcp, &packet, 0).unwrap();
                    let (protected, index) = ours.protect(0, Kind::Rtcp, &packet).unwrap();
                    assert_eq!(protected, expected, "{suite} {path} step {step}");
                    assert_eq!(index, step + 1);
                }
            }
        }
    });
}

/// What libsrtp says of a packet in our words.
fn verdict(result: Result<Vec<u8>, Status>) -> Result<Vec<u8>, Reject> {
    result.map_err(|status| match status {
        Status::AuthenticationFailed => Reject::AuthenticationFailed,
        Status::Replayed => Reject::Replayed,
        Status::TooOld => Reject::TooOld,
        Status::UnknownMki => Reject::UnknownMki,
        Status::KeyExpired => Reject::KeyExpired,
        Status::Other(code) => panic!("libsrtp's status {code}"),
    })
}

/// Loss, reordering, repeats and corruption, over several roll-overs of the sequence number.
#[test]
fn judges_a_bad_network_alike() {
    seeded(|suite, path, random| {
        let keys = Keys::new(suite, random, &[&[]]);
        let (mut ours, mut receiver) = (keys.ours(path), keys.theirs(Direction::Receive));
        let mut sender = keys.theirs(Direction::Send);
        let (mut sequence, mut sent) = (0xff00_u16, Vec::<Vec<u8>>::new());
        let (mut accepted, mut rejected) = (0, [0; Reject::ALL.len()]);
        for step in 0..3000 {
            // Steps of up to a thousand take the sequence number round about twenty times.
            let ahead = if random.below(20) == 0 { random.below(10_000) } else { 1 + random.below(4) };
            sequence = sequence.wrapping_add(ahead as u16);
            let plain = random.rtp(9, sequence);
            sent.push(sender.protect(Kind::Rtp, &plain, 0).unwrap());

            let back = match random.below(10) {
                0 => random.below(300) as usize,
                1 | 2 => random.below(20) as usize,
                _ => 0,
            };
            let mut packet = sent[sent.len().saturating_sub(1 + back)].clone();
            if random.below(10) == 0 {
                let position = random.below(packet.len() as u64) as usize;
                // Not the version, and not the lengths, where the order of checks decides the verdict.
                if position > 1 && (position < 12 || packet[0] & 0x1f == 0) {
                    packet[position] ^= 1 << random.below(8);
                }
            }
            let theirs = verdict(receiver.unprotect(Kind::Rtp, &packet));
            let result = ours.unprotect(0, Kind::Rtp, &packet).map(|(plain, _)| plain);
            match result {
                Ok(_) => accepted += 1,
                Err(reject) => rejected[reject as usize] += 1,
            }
            assert_eq!(result, theirs, "{suite} {path} step {step}");
        }
        assert!(accepted > 1500, "{accepted}");
        for reject in [Reject::AuthenticationFailed, Reject::Replayed, Reject::TooOld] {
            assert!(rejected[reject as usize] > 10, "{suite} {path}: {reject} {rejected:?}");
        }
    });
}

#[test]
fn judges_a_bad_network_of_rtcp_alike() {
    seeded(|suite, path, random| {
        let keys = Keys::new(suite, random, &[&[]]);
        let (mut ours, mut receiver) = (keys.ours(path), keys.theirs(Direction::Receive));
        let mut sender = keys.theirs(Direction::Send);
        let mut sent = Vec::<Vec<u8>>::new();
        let mut rejected = [0; Reject::ALL.len()];
        for step in 0..1500 {
            for _ in 0..1 + random.below(3) {
                sent.push(sender.protect(Kind::Rtcp, &rtcp(9, random.below(30) as u8), 0).unwrap());
            }
            let back = match random.below(10) {
                0 => random.below(300) as usize,
                1..4 => random.below(20) as usize,
                _ => 0,
            };
            let mut packet = sent[sent.len().saturating_sub(1 + back)].clone();
            if random.below(10) == 0 {
                let position = 4 + random.below(packet.len() as u64 - 4) as usize;
                packet[position] ^= 1 << random.below(8);
            }
            let theirs = receiver.unprotect(Kind::Rtcp, &packet);
            let result = ours.unprotect(0, Kind::Rtcp, &packet).map(|(plain, _)| plain);
            if let Err(reject) = result {
                rejected[reject as usize] += 1;
            }
            // libsrtp cannot check a packet whose E bit is not what its policy says. Its window for SRTCP is 128 wide.
            match theirs {
                Err(Status::Other(14)) => assert!(result.is_err(), "{suite} {path} step {step}"),
                theirs => assert_eq!(result, verdict(theirs), "{suite} {path} step {step}"),
            }
        }
        for reject in [Reject::AuthenticationFailed, Reject::Replayed, Reject::TooOld] {
            assert!(rejected[reject as usize] > 10, "{suite} {path}: {reject} {rejected:?}");
        }
    });
}

#[test]
fn they_understand_what_we_protect() {
    seeded(|suite, path, random| {
        // libsrtp looks for the MKI of SRTCP where the tag length of SRTP would put it.
        let mki: &[u8] = if suite.rtp_tag_length() == suite.rtcp_tag_length() { &[0x0a, 0x0b] } else { &[] };
        let keys = Keys::new(suite, random, &[mki]);
        let (mut ours, mut receiver) = (keys.ours(path), keys.theirs(Direction::Receive));
        let mut sequence = 0xfff0_u16;
        for step in 0..1000 {
            sequence = sequence.wrapping_add(1 + random.below(500) as u16);
            // Every other packet overtakes its predecessor.
            let packets = [random.rtp(3, sequence.wrapping_add(1)), random.rtp(3, sequence)];
            sequence = sequence.wrapping_add(1);
            for packet in packets {
                let (protected, _) = ours.protect(0, Kind::Rtp, &packet).unwrap();
                assert_eq!(
                    receiver.unprotect(Kind::Rtp, &protected),
                    Ok(packet),
                    "{suite} {path} step {step}"
                );
            }
            let packet = rtcp(3, random.below(40) as u8);
            let (protected, _) = ours.protect(0, Kind::Rtcp, &packet).unwrap();
            assert_eq!(receiver.unprotect(Kind::Rtcp, &protected), Ok(packet), "{suite} {path} step {step}");
        }
    });
}

/// The first packet that a receiver hears sets its counter to 0; libsrtp can be told another, and ours reaches it by
/// hearing packets.
#[test]
fn follows_a_far_roll_over_counter() {
    seeded(|suite, path, random| {
        let keys = Keys::new(suite, random, &[&[]]);
        let (mut ours, mut sender) = (keys.ours(path), keys.theirs(Direction::Send));
        let mut sequence = 1_u16;
        for cycle in 0..40_u64 {
            for _ in 0..3 {
                let plain = random.rtp(5, sequence);
                let protected = sender.protect(Kind::Rtp, &plain, 0).unwrap();
                let index = cycle << 16 | u64::from(sequence);
                assert_eq!(ours.unprotect(0, Kind::Rtp, &protected), Ok((plain, index)), "{suite} {path}");
                sequence = sequence.wrapping_add(0x5555);
            }
            sequence = sequence.wrapping_add(1);
        }
        sender.set_roll_over_counter(5, 77);
        let protected = sender.protect(Kind::Rtp, &random.rtp(5, sequence), 0).unwrap();
        assert_eq!(ours.unprotect(0, Kind::Rtp, &protected), Err(Reject::AuthenticationFailed));
    });
}

#[test]
fn picks_the_master_key_by_mki() {
    seeded(|suite, path, random| {
        for length in [1, 2, 4, 100] {
            let mkis: Vec<Vec<u8>> = (0..16).map(|i| vec![i; length]).collect();
            let mkis: Vec<&[u8]> = mkis.iter().map(Vec::as_slice).collect();
            let keys = Keys::new(suite, random, &mkis);
            let (mut ours, mut sender) = (keys.ours(path), keys.theirs(Direction::Send));
            for sequence in 0..64 {
                let key = random.below(16) as u32;
                for (kind, plain) in [(Kind::Rtp, random.rtp(1, sequence)), (Kind::Rtcp, rtcp(1, 5))] {
                    let protected = sender.protect(kind, &plain, key).unwrap();
                    let (unprotected, _) = ours.unprotect(0, kind, &protected).unwrap();
                    assert_eq!(unprotected, plain, "{suite} {path} key {key}");
                }
            }
            let mut protected = sender.protect(Kind::Rtp, &random.rtp(1, 64), 3).unwrap();
            let end = protected.len();
            let mki = if suite.rtp_tag_length() == 16 {
                end - length
            } else {
                end - length - suite.rtp_tag_length()
            };
            assert_eq!(protected[mki..mki + length], vec![3; length]);
            protected[mki] = 0x99;
            assert_eq!(ours.unprotect(0, Kind::Rtp, &protected), Err(Reject::UnknownMki));
            protected[mki..mki + length].fill(4);
            assert_eq!(ours.unprotect(0, Kind::Rtp, &protected), Err(Reject::AuthenticationFailed));
            protected[mki..mki + length].fill(3);
            assert!(ours.unprotect(0, Kind::Rtp, &protected).is_ok());
        }
    });
}

#[test]
fn corruption_of_any_byte_is_noticed() {
    seeded(|suite, path, random| {
        let keys = Keys::new(suite, random, &[&[]]);
        let mut ours = keys.ours(path);
        let mut sender = keys.theirs(Direction::Send);
        let plain = rtp(8, 100, 2, Some(1), &random.bytes(50));
        for (kind, plain) in [(Kind::Rtp, plain), (Kind::Rtcp, rtcp(8, 9))] {
            let protected = sender.protect(kind, &plain, 0).unwrap();
            for position in 0..protected.len() {
                for bit in 0..8 {
                    let mut corrupt = protected.clone();
                    corrupt[position] ^= 1 << bit;
                    assert!(
                        ours.unprotect(0, kind, &corrupt).is_err(),
                        "{suite} {path} byte {position} bit {bit}"
                    );
                }
            }
            for length in 0..protected.len() {
                assert!(
                    ours.unprotect(0, kind, &protected[..length]).is_err(),
                    "{suite} {path} length {length}"
                );
            }
            let (unprotected, _) = ours.unprotect(0, kind, &protected).unwrap();
            assert_eq!(unprotected, plain);
            assert_eq!(ours.unprotect(0, kind, &protected), Err(Reject::Replayed));
        }
    });
}
