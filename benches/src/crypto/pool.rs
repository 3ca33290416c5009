// SPDX-License-Identifier: MIT OR Apache-2.0
//! Packets for everybody, protected under leg A's keys by the reference. They never repeat, as a replay is refused.

use std::sync::Arc;

use crate::crypto::case::Case;
use crate::crypto::error::CryptoError;
use crate::crypto::frames::{Frames, PART, Slot};
use crate::crypto::library::{Library, Session};
use crate::fixture::Leg;
use crate::streams::scattered;

/// Parts of 64 packets, and what makes them.
#[derive(Debug)]
pub struct Pool {
    reference: Session,
    name: String,
    case: Case,
    next: u32,
    frames: Box<Frames>,
    bytes: Vec<u8>,
    slots: Vec<[Slot; PART]>,
    stride: usize,
}

impl Pool {
    /// Sequence numbers of every stream begin a little before they roll over.
    const FIRST_SEQUENCE: u32 = 65_500;

    /// Without packets.
    ///
    /// # Errors
    /// When the reference refuses a key.
    pub fn new(reference: &Arc<Library>, case: Case) -> Result<Pool, CryptoError> {
        Ok(Pool {
            reference: reference.sender(case, Leg::A)?,
            name: reference.name().into(),
            case,
            next: Self::FIRST_SEQUENCE * case.streams,
            frames: Box::default(),
            bytes: Vec::new(),
            slots: Vec::new(),
            stride: 0,
        })
    }

    /// The packets are to have another length from now on; streams, keys and sequence numbers go on.
    pub fn set_payload(&mut self, payload: usize) {
        self.case.payload = payload;
    }

    /// What packets are made for.
    pub fn case(&self) -> Case {
        self.case
    }

    /// Replaces all packets by new ones.
    ///
    /// # Errors
    /// When the reference cannot protect one.
    pub fn refill(&mut self, parts: usize) -> Result<(), CryptoError> {
        self.slots.clear();
        self.bytes.clear();
        for _ in 0..parts {
            let mut slots = write_plain(&mut self.frames, self.case, self.next);
            self.next = self.next.wrapping_add(PART as u32);
            protect(&mut self.reference, &self.name, &mut self.frames, &mut slots)?;
            self.stride = slots[0].length.next_multiple_of(64);
            for number in 0..PART {
                self.bytes.extend_from_slice(self.frames.packet(number, self.stride));
            }
            self.slots.push(slots);
        }
        Ok(())
    }

    /// How many parts there are.
    pub fn parts(&self) -> usize {
        self.slots.len()
    }

    /// Puts a part into frames.
    pub fn load(&self, part: usize, frames: &mut Frames) -> [Slot; PART] {
        let slots = self.slots[part];
        let bytes = self.bytes.chunks_exact(self.stride).skip(part * PART);
        for ((buffer, slot), bytes) in frames.buffers().zip(&slots).zip(bytes) {
            buffer[..slot.length].copy_from_slice(&bytes[..slot.length]);
        }
        slots
    }

    /// The number of a part's first packet, for [`write_plain`].
    pub fn first(&self, part: usize) -> u32 {
        self.next.wrapping_sub(((self.slots.len() - part) * PART) as u32)
    }
}

/// Writes packets as they were before protection, from packet `first` on.
pub fn write_plain(frames: &mut Frames, case: Case, first: u32) -> [Slot; PART] {
    let mut slots = [Slot::default(); PART];
    for ((buffer, slot), number) in frames.buffers().zip(&mut slots).zip(0..) {
        let (stream, rtp) = scattered(first.wrapping_add(number), case.streams);
        *slot = Slot { length: rtp.write(buffer, case.payload), stream };
    }
    slots
}

/// Protects packets in their frames.
///
/// # Errors
/// When one cannot be.
pub fn protect(
    session: &mut Session,
    name: &str,
    frames: &mut Frames,
    slots: &mut [Slot],
) -> Result<(), CryptoError> {
    let mut batch = session.batch(frames, slots);
    if !batch.protect() {
        return Err(CryptoError::Reference(name.into()));
    }
    for (slot, length) in slots.iter_mut().zip(batch.lengths()) {
        slot.length = length;
    }
    Ok(())
}
