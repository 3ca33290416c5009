// SPDX-License-Identifier: MIT OR Apache-2.0
//! From leg to leg: what arrived on SRTP legs is opened, accepted and closed again in one operation, and what arrived
//! on plain legs is accepted in its place between.

use culvert_srtp::{Contexts, Onward, Packet, ReceiveContext, Relay, SendContext, rekey_burst};

use super::accept::accept;
use super::learn::Candidates;
use super::srtp::{Legs, Packets, reject};
use super::{Note, Part, Progress};
use crate::burst::{FrameBuffer, PacketInfo};
use crate::clock::Nanos;
use crate::event::Direction;
use crate::state::WorkerState;

pub(super) fn relay<F: FrameBuffer>(
    part: &mut Part<'_, F>,
    candidates: &Candidates,
    state: &mut WorkerState,
    now: Nanos,
) {
    let Part { frames, infos, notes } = part;
    let mut sealed = Packets::new();
    sealed.gather(frames, infos, notes, Progress::Sealed);
    let Packets { packets, places } = &mut sealed;
    let mut between = Between { legs: Legs(state), infos, notes, places, seen: 0, candidates, now };
    rekey_burst(packets, &mut between);
    between.accept_plain(between.infos.len());
    for (packet, place) in packets.iter().zip(places) {
        let place = usize::from(*place);
        let (Some(info), Some(note)) = (infos.get_mut(place), notes.get_mut(place)) else { continue };
        match (packet.outcome, note.progress) {
            (Ok(()), Progress::Onward) => {
                info.end = info.start + packet.length;
                note.progress = Progress::Ready;
            }
            (Err(reason), Progress::Onward) => reject(info, note, state, reason, Direction::Send),
            (Err(reason), Progress::Sealed) => reject(info, note, state, reason, Direction::Receive),
            // Dropped while it was accepted.
            _ => {}
        }
    }
}

/// Packets between their legs.
struct Between<'b> {
    legs: Legs<'b>,
    infos: &'b mut [PacketInfo],
    notes: &'b mut [Note],
    /// Of the SRTP packets.
    places: &'b [u8],
    /// How far the packets have been looked through for plain ones.
    seen: usize,
    candidates: &'b Candidates,
    now: Nanos,
}

impl Between<'_> {
    /// Accepts what arrived on plain legs before that place: a source that it teaches may be where the packet at that
    /// place goes.
    fn accept_plain(&mut self, before: usize) {
        for place in self.seen..before {
            if self.notes.get(place).is_some_and(|note| note.progress == Progress::Open) {
                self.accept_at(place, [Progress::Bare, Progress::Ready]);
            }
        }
        self.seen = before;
    }

    /// Accepts a packet. If it goes on, it has come as far as the first of `progress` when it is to be protected, and
    /// else as far as the second.
    fn accept_at(&mut self, place: usize, progress: [Progress; 2]) -> Onward {
        let (Some(info), Some(note)) = (self.infos.get_mut(place), self.notes.get_mut(place)) else {
            return Onward::Nowhere;
        };
        let onward = accept(place, info, note, self.candidates, self.legs.0, self.now);
        match onward {
            Onward::Protect => note.progress = progress[0],
            Onward::Clear => note.progress = progress[1],
            Onward::Nowhere => {}
        }
        onward
    }
}

impl Relay for Between<'_> {
    fn accept(&mut self, place: usize, _: &Packet<'_>) -> Onward {
        let Some(place) = self.places.get(place).copied().map(usize::from) else { return Onward::Nowhere };
        self.accept_plain(place);
        self.accept_at(place, [Progress::Onward; 2])
    }
}

impl Contexts for Between<'_> {
    fn receive(&self, id: u32) -> Option<&ReceiveContext> {
        self.legs.receive(id)
    }

    fn receive_mut(&mut self, id: u32) -> Option<&mut ReceiveContext> {
        self.legs.receive_mut(id)
    }

    fn send(&self, id: u32) -> Option<&SendContext> {
        self.legs.send(id)
    }

    fn send_mut(&mut self, id: u32) -> Option<&mut SendContext> {
        self.legs.send_mut(id)
    }
}
