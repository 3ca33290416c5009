// SPDX-License-Identifier: MIT OR Apache-2.0
//! Days of sequence numbers through a relay, against a model that counts to 2^64: two voices of 50 packets a second and a
//! video of 1,000, with loss, reordering, duplicates, long gaps and re-keys. The clock is simulated.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use culvert_secret::Secret;
use culvert_srtp::{
    Contexts, KeySet, Kind, MasterKey, Onward, Packet, ReceiveContext, Reject, Relay, SendContext, Suite,
    protect_burst, rekey_burst, unprotect_burst,
};

const SUITE: Suite = Suite::AesCm128HmacSha1_80;
/// One step of the clock.
const STEP_MS: u64 = 60;
/// Packets of each stream in a step: two voices and a video.
const STREAMS: [usize; 3] = [3, 3, 60];
/// Steps between re-keys of one leg and the next.
const REKEYS: u64 = 97;
const PLAIN: usize = 12 + 20;
/// Below half of the sequence space by more than a step's packets.
const LONGEST_GAP: u64 = 0x7f00;

/// Contexts of one place, by stream.
struct Place {
    receive: Vec<ReceiveContext>,
    send: Vec<SendContext>,
}

impl Contexts for Place {
    fn receive(&self, id: u32) -> Option<&ReceiveContext> {
        self.receive.get(id as usize)
    }

    fn receive_mut(&mut self, id: u32) -> Option<&mut ReceiveContext> {
        self.receive.get_mut(id as usize)
    }

    fn send(&self, id: u32) -> Option<&SendContext> {
        self.send.get(id as usize)
    }

    fn send_mut(&mut self, id: u32) -> Option<&mut SendContext> {
        self.send.get_mut(id as usize)
    }
}

impl Relay for Place {
    fn accept(&mut self, _: usize, _: &Packet<'_>) -> Onward {
        Onward::Protect
    }
}

/// Of a leg of a stream, in its so many-th re-key.
fn keys(leg: u8, stream: usize, generation: u64) -> Secret<KeySet> {
    let mut key = [leg; 16];
    key[1] = stream as u8;
    key[8..].copy_from_slice(&generation.to_be_bytes());
    KeySet::new(SUITE, &[MasterKey::new(SUITE, &key, &[leg; 14]).unwrap()]).unwrap()
}

/// A packet on its way: its stream, its true index, and its bytes.
#[derive(Clone)]
struct Sent {
    stream: usize,
    index: u64,
    bytes: Vec<u8>,
}

/// Xorshift: what the network does is the same in every run.
struct Chance(u64);

impl Chance {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % bound
    }
}

/// Of all numbers that end in `sequence`, the nearest to the highest so far: what RFC 3711 section 3.3.1 is about, without
/// its arithmetic.
fn nearest(highest: u64, sequence: u16) -> u64 {
    let cycle = highest & !0xffff | u64::from(sequence);
    [Some(cycle), cycle.checked_sub(1 << 16), Some(cycle + (1 << 16))]
        .into_iter()
        .flatten()
        .min_by_key(|index| index.abs_diff(highest))
        .unwrap()
}

/// Works on packets in bursts and says each one's verdict and index.
fn bursts(packets: &mut [Sent], mut work: impl FnMut(&mut [Packet<'_>])) -> Vec<(Result<(), Reject>, u64)> {
    let mut verdicts = Vec::with_capacity(packets.len());
    for burst in packets.chunks_mut(64) {
        let mut lengths = Vec::with_capacity(burst.len());
        let mut packets: Vec<Packet<'_>> = burst
            .iter_mut()
            .map(|sent| {
                let length = sent.bytes.len();
                sent.bytes.resize(length + 32, 0);
                Packet::new(&mut sent.bytes, length, Kind::Rtp, sent.stream as u32)
            })
            .collect();
        work(&mut packets);
        for packet in &packets {
            verdicts.push((packet.outcome, packet.index));
            lengths.push(packet.length);
        }
        drop(packets);
        burst.iter_mut().zip(lengths).for_each(|(sent, length)| sent.bytes.truncate(length));
    }
    verdicts
}

/// Runs for so long; in one of `gap_every` steps a stream skips up to half of the sequence space. Says how far each got.
fn run(milliseconds: u64, gap_every: u64) -> [u64; 3] {
    let contexts = |receive: Option<u8>, send: Option<u8>| Place {
        receive: (0..3)
            .filter_map(|stream| Some(ReceiveContext::new(keys(receive?, stream, 0), 1)))
            .collect(),
        send: (0..3).filter_map(|stream| Some(SendContext::new(keys(send?, stream, 0), 1))).collect(),
    };
    let (mut caller, mut relay, mut callee) =
        (contexts(None, Some(1)), contexts(Some(1), Some(2)), contexts(Some(2), None));
    let mut chance = Chance(0x9e37_79b9_7f4a_7c15);
    // Roll-overs are near from the start.
    let mut next = [65_400_u64, 1000, 65_000];
    let mut highest: [Option<u64>; 3] = [None; 3];
    for step in 0..milliseconds / STEP_MS {
        if step > 0 && step % REKEYS == 0 {
            rekey((step / REKEYS, step), [&mut caller, &mut relay, &mut callee]);
        }
        let mut packets = Vec::new();
        for (stream, (next, count)) in next.iter_mut().zip(STREAMS).enumerate() {
            if step > 0 && chance.below(gap_every) == 0 {
                *next += chance.below(LONGEST_GAP);
            }
            for _ in 0..count {
                let mut bytes = vec![0x55; PLAIN];
                bytes[..2].copy_from_slice(&[0x80, 0]);
                bytes[2..4].copy_from_slice(&(*next as u16).to_be_bytes());
                bytes[8..12].copy_from_slice(&(stream as u32 + 1).to_be_bytes());
                bytes[12..20].copy_from_slice(&next.to_be_bytes());
                packets.push(Sent { stream, index: *next, bytes });
                *next += 1;
            }
        }
        let sealed = bursts(&mut packets, |burst| protect_burst(burst, &mut caller));
        for (sent, sealed) in packets.iter().zip(sealed) {
            assert_eq!(sealed, (Ok(()), sent.index), "caller, stream {}", sent.stream);
        }
        let mut packets = network(packets, &mut chance, step == 0);
        // Which of them are the first of their kind.
        let mut seen = Vec::with_capacity(packets.len());
        let expected: Vec<Result<(), Reject>> = packets
            .iter()
            .map(|sent| {
                let known = seen.contains(&(sent.stream, sent.index));
                seen.push((sent.stream, sent.index));
                if known { Err(Reject::Replayed) } else { Ok(()) }
            })
            .collect();
        let relayed = bursts(&mut packets, |burst| rekey_burst(burst, &mut relay));
        for ((sent, expected), (verdict, index)) in packets.iter().zip(&expected).zip(relayed) {
            assert_eq!(verdict, *expected, "relay, stream {}, index {:#x}", sent.stream, sent.index);
            if verdict.is_ok() {
                assert_eq!(index, sent.index, "relay, stream {}", sent.stream);
            }
        }
        let mut expected = expected.into_iter();
        packets.retain(|_| expected.next().is_some_and(|verdict| verdict.is_ok()));
        let opened = bursts(&mut packets, |burst| unprotect_burst(burst, &mut callee));
        for (sent, opened) in packets.iter().zip(opened) {
            assert_eq!(opened, (Ok(()), sent.index), "callee, stream {}", sent.stream);
            assert_eq!(sent.bytes.len(), PLAIN);
            assert_eq!(sent.bytes[12..20], sent.index.to_be_bytes());
            let highest = &mut highest[sent.stream];
            if let Some(highest) = *highest {
                assert_eq!(nearest(highest, sent.index as u16), sent.index);
            }
            *highest = Some(highest.map_or(sent.index, |highest| highest.max(sent.index)));
        }
    }
    next
}

/// Changes the keys of one leg: first where packets arrive, then where they are sent.
fn rekey((turn, step): (u64, u64), [caller, relay, callee]: [&mut Place; 3]) {
    let (leg, from, to) = if turn % 2 == 1 { (1, caller, relay) } else { (2, relay, callee) };
    for (stream, (receive, send)) in to.receive.iter_mut().zip(&mut from.send).enumerate() {
        // The set before the last has had its time.
        drop(receive.rekey(keys(leg, stream, step)));
        drop(send.rekey(keys(leg, stream, step)));
    }
}

/// Loses one of 50, brings one of 100 twice, and mixes the order; not in the first step, which sets the index.
fn network(packets: Vec<Sent>, chance: &mut Chance, first: bool) -> Vec<Sent> {
    if first {
        return packets;
    }
    let mut arriving = Vec::with_capacity(packets.len() + 4);
    for sent in packets {
        if chance.below(50) == 0 {
            continue;
        }
        if chance.below(100) == 0 {
            arriving.push(sent.clone());
        }
        arriving.push(sent);
    }
    for _ in 0..8 {
        let (one, other) = (chance.below(arriving.len() as u64), chance.below(arriving.len() as u64));
        arriving.swap(one as usize, other as usize);
    }
    arriving
}

#[test]
fn minutes_with_many_gaps_have_the_roll_overs_of_a_day() {
    let [voice, other, video] = run(60_000, 8).map(|index| index >> 16);
    assert!(voice > 20 && other > 20 && video > 20, "{voice}, {other} and {video} roll-overs");
}

#[test]
#[ignore = "takes minutes, with --release: 24 hours of packets"]
fn a_day_of_voice_and_video() {
    const DAY: u64 = 24 * 3600 * 1000;
    let [voice, other, video] = run(DAY, 100_000).map(|index| index >> 16);
    // 4.32 million packets are 65.9 cycles, 86.4 million are 1318.4.
    assert!(voice >= 65 && other >= 65 && video >= 1318, "{voice}, {other} and {video} roll-overs");
}
