// SPDX-License-Identifier: MIT OR Apache-2.0
//! Protecting what arrived on plain legs and leaves by SRTP legs.

use culvert_srtp::protect_burst;

use super::Progress;
use super::srtp::{Legs, Packets, reject};
use crate::burst::{FrameBuffer, PacketInfo};
use crate::event::Direction;
use crate::state::WorkerState;

pub(super) fn close<F: FrameBuffer>(frames: &mut [F], infos: &mut [PacketInfo], state: &mut WorkerState) {
    let mut bare = Packets::new();
    bare.gather(frames, infos, Progress::Bare);
    protect_burst(&mut bare.packets, &mut Legs(state));
    for (packet, place) in bare.packets.iter().zip(&bare.places) {
        let Some(info) = infos.get_mut(usize::from(*place)) else { continue };
        match packet.outcome {
            Ok(()) => {
                info.end = info.start + packet.length;
                info.stage.progress = Progress::Ready;
            }
            Err(reason) => reject(info, state, reason, Direction::Send),
        }
    }
}
