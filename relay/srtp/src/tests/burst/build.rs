// SPDX-License-Identifier: MIT OR Apache-2.0
//! A scenario's contexts and packets.

use super::scenario::{Arrival, Damage, Keys, Leg, STREAMS, Scenario, Step};
use crate::index::{MAX_INDEX, MAX_RTCP_INDEX};
use crate::tests::harness::{Table, key_set, master_key, rtcp, rtp};
use crate::{KeySet, Kind, MasterKey, Onward, Packet, Path, ReceiveContext, Reject, SendContext};
use culvert_secret::Secret;

/// What lies around buffers.
const CANARY: u8 = 0xc9;
/// Bytes of it before and behind.
const MARGIN: usize = 128;

/// A packet in its buffer, and what was said of it.
#[derive(Clone, Debug)]
pub(super) struct Arrived {
    memory: Vec<u8>,
    start: usize,
    end: usize,
    pub(super) length: usize,
    pub(super) kind: Kind,
    pub(super) context: u32,
    pub(super) outcome: Result<(), Reject>,
    pub(super) ssrc: u32,
    pub(super) index: u64,
    pub(super) onward: Onward,
    /// What was protected, whatever has become of it since.
    pub(super) plain: Vec<u8>,
}

impl Arrived {
    pub(super) fn packet(&mut self) -> Packet<'_> {
        let mut packet =
            Packet::new(&mut self.memory[self.start..self.end], self.length, self.kind, self.context);
        packet.outcome = self.outcome;
        packet
    }

    pub(super) fn bytes(&self) -> &[u8] {
        &self.memory[self.start..(self.start + self.length).min(self.end)]
    }

    /// Whether no byte differs, and the length neither.
    pub(super) fn is_untouched(&self, before: &Arrived) -> bool {
        self.memory == before.memory && self.length == before.length
    }

    /// Whether no byte behind `length`, nor one before the packet, differs.
    pub(super) fn is_untouched_from(&self, length: usize, before: &Arrived) -> bool {
        let behind = (self.start + length).min(self.end);
        self.memory[..self.start] == before.memory[..self.start]
            && self.memory[behind..] == before.memory[behind..]
    }
}

pub(super) fn ssrc(stream: usize) -> u32 {
    0x5050_0000 + stream as u32
}

/// What is never encrypted.
pub(super) fn header_length(kind: Kind, packet: &[u8]) -> usize {
    match kind {
        Kind::Rtp => culvert_wire::rtp::Header::parse(packet).unwrap().header_length,
        Kind::Rtcp => 8,
    }
}

fn master(keys: &Keys, n: usize) -> MasterKey {
    // A master key of the NULL cipher would have the HMACs of AES-128's packets.
    let suite = if keys.suite.encrypts() { 0 } else { 100 };
    let n = n as u8;
    let master = master_key(keys.suite, suite + 2 * keys.seed + n, &vec![0x40 + n; keys.mki_length]);
    match keys.lifetime {
        Some(packets) => master.with_lifetime(packets).unwrap(),
        None => master,
    }
}

fn set(keys: &Keys, path: Path) -> Secret<KeySet> {
    let masters: Vec<MasterKey> = (0..keys.count).map(|n| master(keys, n)).collect();
    key_set(keys.suite, path, &masters)
}

fn receive(leg: &Leg, path: Path) -> ReceiveContext {
    let mut sets = leg.receive.iter().rev();
    let mut context = ReceiveContext::new(set(sets.next().unwrap(), path), leg.room[0]);
    for keys in sets {
        context.rekey(set(keys, path));
    }
    for (n, stream) in leg.streams.iter().enumerate().take(leg.room[0] - 1).filter(|(_, stream)| stream.heard)
    {
        context.jump(ssrc(n), stream.index);
    }
    context
}

fn send(leg: &Leg, path: Path) -> SendContext {
    let mut context = SendContext::new(set(&leg.send, path), leg.room[1]);
    for (n, stream) in leg.streams.iter().enumerate().take(leg.room[1] - 1) {
        if let Some(away) = stream.sent {
            let highest = stream.index.saturating_add_signed(away).min(MAX_INDEX);
            for behind in [0, 1, 3, 4, 7] {
                context.jump(ssrc(n), highest.saturating_sub(behind), stream.rtcp as u32);
            }
        }
    }
    context
}

/// Fresh contexts. Those of one id may be on two paths.
pub(super) fn table(scenario: &Scenario, receive_on: Path, send_on: Path) -> Table {
    Table {
        receive: scenario.legs.iter().map(|leg| receive(leg, receive_on)).collect(),
        send: scenario.legs.iter().map(|leg| send(leg, send_on)).collect(),
    }
}

/// The highest index of every stream so far, apart for RTP and RTCP.
struct Senders(Vec<[[u64; 2]; STREAMS]>);

impl Senders {
    fn of(scenario: &Scenario) -> Senders {
        let starts = |leg: &Leg| leg.streams.each_ref().map(|stream| [stream.index, stream.rtcp]);
        Senders(scenario.legs.iter().map(starts).collect())
    }

    fn next(&mut self, arrival: &Arrival) -> u64 {
        let (kind, last) = if arrival.kind == Kind::Rtp { (0, MAX_INDEX) } else { (1, MAX_RTCP_INDEX) };
        let leg = arrival.leg.min(self.0.len() - 1);
        let highest = &mut self.0[leg][arrival.stream][kind];
        match arrival.step {
            Step::By(step) => {
                let index = highest.saturating_add_signed(step).min(last);
                *highest = (*highest).max(index);
                index
            }
            Step::Afresh(index) => {
                *highest = index;
                index
            }
            Step::Again(_) => *highest,
        }
    }
}

fn packet(arrival: &Arrival, index: u64) -> Vec<u8> {
    let shape = &arrival.shape;
    if arrival.kind == Kind::Rtcp {
        return rtcp(ssrc(arrival.stream), (shape.payload / 6) as u8);
    }
    let payload: Vec<u8> = (0..shape.payload).map(|n| (n as u8).wrapping_mul(7) ^ index as u8).collect();
    let mut packet = rtp(ssrc(arrival.stream), index as u16, shape.csrcs, shape.extension, &payload);
    if shape.padding {
        packet[0] |= 0x20;
    }
    packet
}

/// What a sender under key number `n` of the set makes of a packet.
fn protected(keys: &Keys, n: usize, kind: Kind, plain: &[u8], ssrc: u32, index: u64) -> Vec<u8> {
    let mut sender = SendContext::new(key_set(keys.suite, Path::Portable, &[master(keys, n)]), 1);
    match kind {
        Kind::Rtp if index == 0 => {}
        Kind::Rtp => sender.jump(ssrc, index - 1, 0),
        Kind::Rtcp => sender.jump(ssrc, 0, index as u32),
    }
    let mut table = Table { receive: vec![], send: vec![sender] };
    let (packet, at) = table.protect(0, kind, plain).unwrap();
    assert_eq!(at, index);
    packet
}

/// Changes what came: a packet whose plain form has `body` bytes, `header` of them header.
fn damaged(packet: &mut Vec<u8>, arrival: &Arrival, keys: &Keys, header: usize, body: usize) {
    let (tag_length, index_length) = match arrival.kind {
        Kind::Rtp => (keys.suite.rtp_tag_length(), 0),
        Kind::Rtcp => (keys.suite.rtcp_tag_length(), 4),
    };
    let (tag, index) = match keys.suite.rtp_tag_length() {
        16 => (body, body + tag_length),
        _ => (body + index_length + keys.mki_length, body),
    };
    let mki = if tag == body { index + index_length } else { body + index_length };
    let mut flip = |start: usize, length: usize, at: usize, bit: u8| {
        if length > 0 && start + length <= packet.len() {
            packet[start + at % length] ^= 1 << bit;
        }
    };
    match arrival.damage {
        Damage::None => {}
        Damage::Header(n, bit) => flip(0, header, n, bit),
        Damage::Payload(n, bit) => flip(header, body - header, n, bit),
        Damage::Tag(n, bit) => flip(tag, tag_length, n, bit),
        Damage::Mki(n, bit) => flip(mki, keys.mki_length, n, bit),
        Damage::Index(n, bit) => flip(index, index_length, n, bit),
        Damage::Cut(length) => packet.truncate(length),
        Damage::Short(missing) => packet.truncate(packet.len().saturating_sub(missing)),
        Damage::Long(more) => packet.resize(packet.len() + more, 0x3c),
    }
}

/// The packets of a scenario as they arrive, from a sender or, `plain`, from a leg in the clear.
pub(super) fn arrivals(scenario: &Scenario, plain: bool) -> Vec<Arrived> {
    let mut senders = Senders::of(scenario);
    let mut built: Vec<(Vec<u8>, Vec<u8>)> = Vec::new();
    let mut arrived = Vec::new();
    for arrival in &scenario.arrivals {
        let again = match arrival.step {
            Step::Again(back) => built.len().checked_sub(1 + back).map(|earlier| built[earlier].clone()),
            _ => None,
        };
        let (sent, packet) = again.unwrap_or_else(|| {
            let index = senders.next(arrival);
            let sent = packet(arrival, index);
            let leg = &scenario.legs[arrival.leg % scenario.legs.len()];
            let keys = &leg.receive[arrival.set % leg.receive.len()];
            let mut packet = match plain {
                true => sent.clone(),
                false => protected(
                    keys,
                    arrival.key % keys.count,
                    arrival.kind,
                    &sent,
                    ssrc(arrival.stream),
                    index,
                ),
            };
            damaged(&mut packet, arrival, keys, header_length(arrival.kind, &sent), sent.len());
            (sent, packet)
        });
        let start = MARGIN + arrival.buffer.offset;
        let end = start + packet.len().saturating_add_signed(arrival.buffer.room);
        let mut memory = vec![CANARY; end.max(start + packet.len()) + MARGIN];
        memory[start..start + packet.len()].copy_from_slice(&packet);
        arrived.push(Arrived {
            memory,
            start,
            end,
            length: packet.len(),
            kind: arrival.kind,
            context: arrival.leg as u32,
            outcome: arrival.refused.map_or(Ok(()), Err),
            ssrc: 0,
            index: 0,
            onward: arrival.onward,
            plain: sent.clone(),
        });
        built.push((sent, packet));
    }
    arrived
}
