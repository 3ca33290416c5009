// SPDX-License-Identifier: MIT OR Apache-2.0
//! A rival as a contender.

use std::time::{Duration, Instant};

use crate::crypto::contender::Contender;
use crate::crypto::frames::{Frames, Slot};
use crate::crypto::library::Session;

/// Its contexts.
#[derive(Debug)]
pub struct Rival(Session);

impl Rival {
    /// With contexts for both ways.
    pub fn new(session: Session) -> Rival {
        Rival(session)
    }
}

impl Contender for Rival {
    fn run(&mut self, frames: &mut Frames, slots: &mut [Slot], burst: usize) -> Duration {
        let mut batch = self.0.batch(frames, slots);
        let start = Instant::now();
        batch.rekey(burst);
        let elapsed = start.elapsed();
        for (slot, length) in slots.iter_mut().zip(batch.lengths()) {
            slot.length = length;
        }
        elapsed
    }
}
