// SPDX-License-Identifier: MIT OR Apache-2.0
//! The frames to be sent.

use crate::TrafficError;
use crate::layout::SLOT;
use crate::mapping::Mapping;

/// Frames in memory that the generator sends from.
///
/// A frame that is rewritten while the generator may be sending it goes out half old and half new: see
/// [`crate::Meter::offer`].
#[derive(Debug)]
pub struct Pool {
    memory: Mapping,
    frames: u32,
}

impl Pool {
    pub(crate) fn new(memory: Mapping, frames: u32) -> Pool {
        Pool { memory, frames }
    }

    /// Places there are.
    pub fn frames(&self) -> u32 {
        self.frames
    }

    /// All places in order, each with the room that its slots have for a frame of `length` bytes: [`crate::Run::length`] must
    /// be of as many slots of 256 bytes.
    pub fn places_mut(&mut self, length: usize) -> impl Iterator<Item = &mut [u8]> {
        let frames = self.frames as usize;
        self.memory.bytes_mut().chunks_exact_mut(length.max(1).next_multiple_of(SLOT)).take(frames)
    }

    /// One place, as above.
    pub fn place_mut(&mut self, place: u32, length: usize) -> Option<&mut [u8]> {
        let room = length.max(1).next_multiple_of(SLOT);
        let start = (place < self.frames).then_some(place as usize * room)?;
        self.memory.bytes_mut().get_mut(start..start + room)
    }

    /// Puts a frame into its place.
    ///
    /// # Errors
    /// [`TrafficError::Frame`].
    pub fn set(&mut self, place: u32, frame: &[u8]) -> Result<(), TrafficError> {
        let (frames, length) = (self.frames, frame.len());
        let room = self.memory.bytes_mut().len() / frames as usize;
        let bytes = self.place_mut(place, length).and_then(|bytes| bytes.get_mut(..length));
        bytes.ok_or(TrafficError::Frame { place, length, frames, room })?.copy_from_slice(frame);
        Ok(())
    }
}
