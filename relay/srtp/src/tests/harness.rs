// SPDX-License-Identifier: MIT OR Apache-2.0
//! One context at a time, packets as byte vectors.

use crate::kernel::Machine;
use crate::{
    Contexts, KeySet, Kind, MasterKey, Mki, Onward, Packet, Path, ReceiveContext, Reject, Relay, SendContext,
    Suite, protect_burst, unprotect_burst,
};
#[cfg(target_arch = "x86_64")]
use culvert_secret::Secret;

/// Contexts by position, the same id for both directions.
#[derive(Default)]
pub(crate) struct Table {
    pub(crate) receive: Vec<ReceiveContext>,
    pub(crate) send: Vec<SendContext>,
}

impl Contexts for Table {
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

impl Relay for Table {
    fn accept(&mut self, _place: usize, _packet: &Packet<'_>) -> Onward {
        Onward::Protect
    }
}

/// Every suite on every path that this machine has.
pub(crate) fn every_suite_and_path(mut run: impl FnMut(Suite, Path)) {
    for suite in Suite::ALL {
        for path in paths() {
            run(suite, path);
        }
    }
}

/// A packet and its index once it has gone through.
pub(crate) type Outcome = Result<(Vec<u8>, u64), Reject>;

/// Room behind packets: the longest tag, index and MKI.
pub(crate) const ROOM: usize = 16 + 4 + 128;

impl Table {
    pub(crate) fn unprotect(&mut self, id: u32, kind: Kind, packet: &[u8]) -> Outcome {
        self.run(id, kind, packet, ROOM, unprotect_burst)
    }

    pub(crate) fn protect(&mut self, id: u32, kind: Kind, packet: &[u8]) -> Outcome {
        self.protect_with_room(id, kind, packet, ROOM)
    }

    pub(crate) fn protect_with_room(&mut self, id: u32, kind: Kind, packet: &[u8], room: usize) -> Outcome {
        self.run(id, kind, packet, room, protect_burst)
    }

    fn run(
        &mut self,
        id: u32,
        kind: Kind,
        bytes: &[u8],
        room: usize,
        burst: impl FnOnce(&mut [Packet<'_>], &mut Table),
    ) -> Outcome {
        let mut buffer = bytes.to_vec();
        buffer.resize(bytes.len() + room, 0xee);
        let untouched = buffer.clone();
        let mut packet = Packet::new(&mut buffer, bytes.len(), kind, id);
        burst(core::slice::from_mut(&mut packet), self);
        let (outcome, length, index) = (packet.outcome, packet.length, packet.index);
        if outcome.is_err() {
            assert_eq!(length, bytes.len(), "a rejected packet keeps its length");
            assert!(buffer == untouched, "a rejected packet keeps its bytes");
        }
        outcome.map(|()| {
            buffer.truncate(length);
            (buffer, index)
        })
    }
}

/// A receiver and a sender, each with a set that `keys` gives, for up to eight SSRCs.
pub(crate) fn table(keys: impl Fn() -> Secret<KeySet>) -> Table {
    Table { receive: vec![ReceiveContext::new(keys(), 8)], send: vec![SendContext::new(keys(), 8)] }
}

/// Packets of a burst, each with its kind, in buffers that have [`ROOM`] behind them.
pub(crate) struct Burst {
    buffers: Vec<Vec<u8>>,
    kinds: Vec<Kind>,
}

impl Burst {
    pub(crate) fn of<'b>(packets: impl IntoIterator<Item = (Kind, &'b [u8])>) -> Burst {
        let (kinds, buffers) =
            packets.into_iter().map(|(kind, bytes)| (kind, [bytes, &[0xee; ROOM]].concat())).unzip();
        Burst { buffers, kinds }
    }

    /// Gives all packets to `run` in one call, under the contexts of id 0.
    pub(crate) fn run(mut self, run: impl FnOnce(&mut [Packet<'_>])) -> Vec<Outcome> {
        let before = self.buffers.clone();
        let mut packets: Vec<_> = (self.buffers.iter_mut().zip(&self.kinds))
            .map(|(buffer, kind)| {
                let length = buffer.len() - ROOM;
                Packet::new(buffer, length, *kind, 0)
            })
            .collect();
        run(&mut packets);
        (packets.iter().zip(before))
            .map(|(packet, before)| {
                if packet.outcome.is_err() {
                    assert_eq!(packet.length, before.len() - ROOM, "a rejected packet keeps its length");
                    assert!(packet.buffer == before, "a rejected packet keeps its bytes");
                }
                packet.outcome.map(|()| (packet.bytes().to_vec(), packet.index))
            })
            .collect()
    }
}

/// The paths that this machine has.
pub(crate) fn paths() -> impl Iterator<Item = Path> {
    Path::ALL.into_iter().filter(|path| path.is_available())
}

/// The paths with kernels that this machine has.
#[cfg(target_arch = "x86_64")]
pub(crate) fn machines() -> impl Iterator<Item = (Path, Machine)> {
    paths().filter_map(|path| Some((path, Machine::of(path)?)))
}

/// Bytes that follow from `seed` and look like nothing.
pub(crate) fn noise(length: usize, seed: u64) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut next = || {
        state ^= state >> 12;
        state ^= state << 25;
        state ^= state >> 27;
        (state.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 56) as u8
    };
    (0..length).map(|_| next()).collect()
}

/// A master key whose bytes follow from `seed`.
pub(crate) fn master_key(suite: Suite, seed: u8, mki: &[u8]) -> MasterKey {
    let bytes = |offset: u8, length: usize| -> Vec<u8> {
        (0..length as u8).map(|i| i.wrapping_mul(37).wrapping_add(seed.wrapping_mul(101)) ^ offset).collect()
    };
    let key =
        MasterKey::new(suite, &bytes(0x11, suite.key_length()), &bytes(0x77, suite.salt_length())).unwrap();
    if mki.is_empty() { key } else { key.with_mki(Mki::new(mki).unwrap()) }
}

pub(crate) fn key_set(suite: Suite, path: Path, keys: &[MasterKey]) -> Secret<KeySet> {
    KeySet::with_path(suite, keys, path).unwrap()
}

/// An RTP packet with as many CSRCs, header extension words and payload bytes as asked for.
pub(crate) fn rtp(ssrc: u32, sequence: u16, csrcs: u8, extension: Option<u16>, payload: &[u8]) -> Vec<u8> {
    let mut packet = vec![0x80 | csrcs | if extension.is_some() { 0x10 } else { 0 }, 0x60];
    packet.extend(sequence.to_be_bytes());
    packet.extend((u32::from(sequence) * 160).to_be_bytes());
    packet.extend(ssrc.to_be_bytes());
    packet.extend((0..csrcs).flat_map(|i| [0xc5, 0xc5, i, i]));
    if let Some(words) = extension {
        packet.extend([0xbe, 0xde]);
        packet.extend(words.to_be_bytes());
        packet.extend((0..words).flat_map(|i| [0x10, i as u8, 0, 0]));
    }
    packet.extend(payload);
    packet
}

/// A receiver report without blocks, and a source description of `words` words behind it.
pub(crate) fn rtcp(ssrc: u32, words: u8) -> Vec<u8> {
    let mut packet = vec![0x80, 201, 0, 1];
    packet.extend(ssrc.to_be_bytes());
    packet.extend([0x81, 202, 0, words]);
    packet.extend((0..words).flat_map(|i| [i, 0x5d, 0xe5, i]));
    packet
}
