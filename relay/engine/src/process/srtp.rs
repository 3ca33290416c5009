// SPDX-License-Identifier: MIT OR Apache-2.0
//! Packets and flows as the SRTP crate takes them.

use arrayvec::ArrayVec;
use culvert_srtp::{Contexts, Kind, Packet, ReceiveContext, Reject, SendContext};

use super::{Note, Progress, refuse};
use crate::burst::{BURST, FrameBuffer, PacketInfo};
use crate::event::{Direction, Event};
use crate::flow::{Component, Flow, FlowSlot};
use crate::state::WorkerState;

/// Some packets of a burst.
pub(super) struct Packets<'b> {
    pub(super) packets: ArrayVec<Packet<'b>, BURST>,
    /// Where in the burst each of them is.
    pub(super) places: ArrayVec<u8, BURST>,
}

impl<'b> Packets<'b> {
    pub(super) fn new() -> Packets<'b> {
        Packets { packets: ArrayVec::new(), places: ArrayVec::new() }
    }

    /// Adds the packets that have come as far as `progress`.
    pub(super) fn gather<F: FrameBuffer>(
        &mut self,
        frames: &'b mut [F],
        infos: &[PacketInfo],
        notes: &[Note],
        progress: Progress,
    ) {
        let noted = infos.iter().zip(notes);
        for (place, (frame, (info, note))) in frames.iter_mut().zip(noted).enumerate() {
            if note.progress != progress {
                continue;
            }
            let Some(slot) = info.flow else { continue };
            let kind = match note.component {
                Component::Rtp => Kind::Rtp,
                Component::Rtcp => Kind::Rtcp,
            };
            // No back end makes a packet that is not within its frame. An empty one is refused.
            let buffer = frame.as_mut().get_mut(info.start..).unwrap_or_default();
            let length = info.end.saturating_sub(info.start);
            self.packets.push(Packet::new(buffer, length, kind, slot.0));
            self.places.push(place as u8);
        }
    }
}

/// Drops a packet that SRTP has rejected, and reports once that a key is used up: after the warning, which may be due for
/// an earlier packet of the burst.
#[cold]
pub(super) fn reject(
    info: &mut PacketInfo,
    note: &mut Note,
    state: &mut WorkerState,
    reject: Reject,
    direction: Direction,
) {
    let Some(slot) = info.flow else { return };
    let Some(flow) = state.flows.get_mut(slot.0 as usize).and_then(Option::as_deref_mut) else { return };
    refuse(info, note, &flow.counters, reject.into());
    let reported = &mut flow.state.key_expiry_reported[direction as usize];
    if reject == Reject::KeyExpired && !*reported {
        *reported = true;
        let warning = match direction {
            Direction::Receive => flow.opened(),
            Direction::Send => flow.closed(),
        };
        if let Some(packets_left) = warning {
            state.events.inform(Event::KeyExpiring { slot, direction, packets_left });
        }
        state.events.inform(Event::KeyExpired { slot, direction });
    }
}

/// The contexts of the flows, by slot.
pub(super) struct Legs<'s>(pub(super) &'s mut WorkerState);

impl Contexts for Legs<'_> {
    #[inline]
    fn receive(&self, id: u32) -> Option<&ReceiveContext> {
        self.0.flow(FlowSlot(id))?.receive().context()
    }

    #[inline]
    fn receive_mut(&mut self, id: u32) -> Option<&mut ReceiveContext> {
        self.0.flow_mut(FlowSlot(id)).and_then(Flow::receive_context_mut)
    }

    #[inline]
    fn send(&self, id: u32) -> Option<&SendContext> {
        self.0.flow(FlowSlot(id))?.send().context()
    }

    #[inline]
    fn send_mut(&mut self, id: u32) -> Option<&mut SendContext> {
        self.0.flow_mut(FlowSlot(id)).and_then(Flow::send_context_mut)
    }
}
