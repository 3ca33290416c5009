// SPDX-License-Identifier: MIT OR Apache-2.0
//! From leg to leg: what arrived on SRTP legs is opened, accepted and closed again in one operation, and what arrived
//! on plain legs is accepted in its place between.

use culvert_srtp::{Contexts, Onward, Packet, ReceiveContext, Relay, SendContext, rekey_burst};

use super::Progress;
use super::accept::accept;
use super::learn::Candidates;
use super::srtp::{Legs, Packets, reject};
use crate::burst::{FrameBuffer, PacketInfo};
use crate::clock::Nanos;
use crate::event::Direction;
use crate::state::WorkerState;

pub(super) fn relay<F: FrameBuffer>(
    frames: &mut [F],
    infos: &mut [PacketInfo],
    candidates: &Candidates,
    state: &mut WorkerState,
    now: Nanos,
) {
    let mut sealed = Packets::new();
    sealed.gather(frames, infos, Progress::Sealed);
    let Packets { packets, places } = &mut sealed;
    let mut burst = Between { legs: Legs(state), infos, places, seen: 0, candidates, now };
    rekey_burst(packets, &mut burst);
    burst.accept_plain(burst.infos.len());
    for (packet, place) in packets.iter().zip(places) {
        let Some(info) = infos.get_mut(usize::from(*place)) else { continue };
        match (packet.outcome, info.stage.progress) {
            (Ok(()), Progress::Onward) => {
                info.end = info.start + packet.length;
                info.stage.progress = Progress::Ready;
            }
            (Err(reason), Progress::Onward) => reject(info, state, reason, Direction::Send),
            (Err(reason), Progress::Sealed) => reject(info, state, reason, Direction::Receive),
            // Dropped while it was accepted.
            _ => {}
        }
    }
}

/// A burst between its legs.
struct Between<'b> {
    legs: Legs<'b>,
    infos: &'b mut [PacketInfo],
    /// Of the SRTP packets.
    places: &'b [u8],
    /// How far the burst has been looked through for plain packets.
    seen: usize,
    candidates: &'b Candidates,
    now: Nanos,
}

impl Between<'_> {
    /// Accepts what arrived on plain legs before that place: a source that it teaches may be where the packet at that
    /// place goes.
    fn accept_plain(&mut self, before: usize) {
        let from = std::mem::replace(&mut self.seen, before);
        let infos = self.infos.get_mut(from..before).unwrap_or_default();
        for (place, info) in (from..).zip(infos) {
            if info.stage.progress != Progress::Open {
                continue;
            }
            match accept(place, info, self.candidates, self.legs.0, self.now) {
                Onward::Protect => info.stage.progress = Progress::Bare,
                Onward::Clear => info.stage.progress = Progress::Ready,
                Onward::Nowhere => {}
            }
        }
    }
}

impl Relay for Between<'_> {
    fn accept(&mut self, place: usize, _: &Packet<'_>) -> Onward {
        let Some(place) = self.places.get(place).copied().map(usize::from) else { return Onward::Nowhere };
        self.accept_plain(place);
        let Some(info) = self.infos.get_mut(place) else { return Onward::Nowhere };
        let onward = accept(place, info, self.candidates, self.legs.0, self.now);
        if onward != Onward::Nowhere {
            info.stage.progress = Progress::Onward;
        }
        onward
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
