// SPDX-License-Identifier: MIT OR Apache-2.0
//! Unprotecting what arrived on SRTP legs.

use arrayvec::ArrayVec;
use culvert_srtp::{Reject, unprotect_burst};

use super::{FlowContexts, Progress, refuse};
use crate::burst::{BURST, FrameBuffer, PacketInfo};
use crate::event::{Direction, Event};
use crate::flow::Component;
use crate::state::WorkerState;

pub(super) fn open<F: FrameBuffer>(frames: &mut [F], infos: &mut [PacketInfo], state: &mut WorkerState) {
    let mut packets: ArrayVec<culvert_srtp::Packet<'_>, BURST> = ArrayVec::new();
    for (frame, info) in frames.iter_mut().zip(infos.iter()) {
        if info.stage.progress == Progress::Sealed {
            packets.extend(srtp_packet(frame, info));
        }
    }
    if packets.is_empty() {
        return;
    }
    unprotect_burst(&mut packets, &mut FlowContexts(&mut state.flows));
    let sealed = infos.iter_mut().filter(|info| info.stage.progress == Progress::Sealed);
    for (packet, info) in packets.iter().zip(sealed) {
        match packet.outcome {
            Ok(()) => {
                info.end = info.start + packet.length;
                info.stage.progress = Progress::Opened;
            }
            Err(reject) => reject_packet(info, state, reject, Direction::Receive),
        }
    }
}

/// A packet as the SRTP crate takes it. The same number of packets must come out as went in, so one whose range is
/// not within its frame, which no back end makes, becomes an empty one.
pub(super) fn srtp_packet<'b, F: FrameBuffer>(
    frame: &'b mut F,
    info: &PacketInfo,
) -> Option<culvert_srtp::Packet<'b>> {
    let kind = match info.stage.component {
        Component::Rtp => culvert_srtp::Kind::Rtp,
        Component::Rtcp => culvert_srtp::Kind::Rtcp,
    };
    let buffer = frame.as_mut().get_mut(info.start..).unwrap_or_default();
    let length = info.end.saturating_sub(info.start);
    info.flow.map(|slot| culvert_srtp::Packet::new(buffer, length, kind, slot.0))
}

/// Drops a packet that SRTP has rejected, and reports once that a key is used up.
pub(super) fn reject_packet(
    info: &mut PacketInfo,
    state: &mut WorkerState,
    reject: Reject,
    direction: Direction,
) {
    let Some(slot) = info.flow else { return };
    let Some(flow) = state.flows.get_mut(slot.0 as usize).and_then(Option::as_deref_mut) else { return };
    refuse(info, &flow.counters, reject.into());
    let reported = &mut flow.state.key_expiry_reported[direction as usize];
    if reject == Reject::KeyExpired && !*reported {
        *reported = true;
        state.events.inform(Event::KeyExpired { slot, direction });
    }
}
