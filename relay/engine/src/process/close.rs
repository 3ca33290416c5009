// SPDX-License-Identifier: MIT OR Apache-2.0
//! Protecting what arrived on plain legs and leaves by SRTP legs.

use culvert_srtp::protect_burst;

use super::srtp::{Legs, Packets, reject};
use super::{Part, Progress};
use crate::burst::FrameBuffer;
use crate::event::Direction;
use crate::state::WorkerState;

pub(super) fn close<F: FrameBuffer>(part: &mut Part<'_, F>, state: &mut WorkerState) {
    let mut bare = Packets::new();
    bare.gather(part.frames, part.infos, part.notes, Progress::Bare);
    protect_burst(&mut bare.packets, &mut Legs(state));
    for (packet, place) in bare.packets.iter().zip(&bare.places) {
        let place = usize::from(*place);
        let (Some(info), Some(note)) = (part.infos.get_mut(place), part.notes.get_mut(place)) else {
            continue;
        };
        match packet.outcome {
            Ok(()) => {
                info.end = info.start + packet.length;
                note.progress = Progress::Ready;
            }
            Err(reason) => reject(info, note, state, reason, Direction::Send),
        }
    }
}
