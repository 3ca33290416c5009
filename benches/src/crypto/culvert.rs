// SPDX-License-Identifier: MIT OR Apache-2.0
//! Culvert as a contender. What it calls is [`rekey`], as the engine would.

use std::time::{Duration, Instant};

use culvert_srtp::{KeyError, Kind, Packet, Path};

use crate::crypto::case::Case;
use crate::crypto::contender::Contender;
use crate::crypto::frames::{Frames, PART, Slot};
use crate::streams::{Side, rekey};

/// Its contexts.
#[derive(Debug)]
pub struct Culvert(Side);

impl Culvert {
    /// On a path of our choice.
    ///
    /// # Errors
    /// When the suite refuses a key.
    pub fn new(path: Path, case: Case) -> Result<Culvert, KeyError> {
        Side::relay_on(path, case.suite, case.streams).map(Culvert)
    }
}

impl Contender for Culvert {
    fn run(&mut self, frames: &mut Frames, slots: &mut [Slot], burst: usize) -> Duration {
        let mut packets = Vec::with_capacity(PART);
        for (buffer, slot) in frames.buffers().zip(slots.iter()) {
            packets.push(Packet::new(buffer, slot.length, Kind::Rtp, slot.stream));
        }
        let start = Instant::now();
        for packets in packets.chunks_mut(burst) {
            rekey(packets, &mut self.0);
        }
        let elapsed = start.elapsed();
        for (slot, packet) in slots.iter_mut().zip(&packets) {
            slot.length = if packet.outcome.is_ok() { packet.length } else { 0 };
        }
        elapsed
    }
}
