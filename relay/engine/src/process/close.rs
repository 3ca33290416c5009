// SPDX-License-Identifier: MIT OR Apache-2.0
//! Protecting what leaves by SRTP legs.

use arrayvec::ArrayVec;
use culvert_srtp::protect_burst;

use super::open::{reject_packet, srtp_packet};
use super::{FlowContexts, Progress};
use crate::burst::{BURST, FrameBuffer, PacketInfo};
use crate::event::Direction;
use crate::state::WorkerState;

pub(super) fn close<F: FrameBuffer>(frames: &mut [F], infos: &mut [PacketInfo], state: &mut WorkerState) {
    let mut packets: ArrayVec<culvert_srtp::Packet<'_>, BURST> = ArrayVec::new();
    for (frame, info) in frames.iter_mut().zip(infos.iter()) {
        if info.stage.progress == Progress::Bare {
            packets.extend(srtp_packet(frame, info));
        }
    }
    if packets.is_empty() {
        return;
    }
    protect_burst(&mut packets, &mut FlowContexts(&mut state.flows));
    let bare = infos.iter_mut().filter(|info| info.stage.progress == Progress::Bare);
    for (packet, info) in packets.iter().zip(bare) {
        match packet.outcome {
            Ok(()) => {
                info.end = info.start + packet.length;
                info.stage.progress = Progress::Ready;
            }
            Err(reject) => reject_packet(info, state, reject, Direction::Send),
        }
    }
}
