// SPDX-License-Identifier: MIT OR Apache-2.0
//! What an armed probe sees of a burst: its packets as they came, and what became of them.

use arrayvec::ArrayVec;
use culvert_srtp::Effort;

use super::Part;
use crate::burst::{BURST, Burst, FrameBuffer, Verdict};
use crate::probe::{Seen, TAGS_PER_BURST};
use crate::state::WorkerState;

/// Packets of probed flows, in order.
pub(super) type AllSeen = ArrayVec<Seen, BURST>;

/// Looks at the packets of probed flows, whose flows are known and whose bytes are still as they came.
#[cold]
pub(super) fn look<F: FrameBuffer>(part: &Part<'_, F>, state: &WorkerState) -> AllSeen {
    let packets = part.frames.iter().zip(part.infos.iter()).enumerate();
    packets
        .filter_map(|(place, (frame, info))| {
            state.seen(place, info.flow?, info.source, (info.start, info.end), frame.as_ref())
        })
        .collect()
}

/// Notes what became of them.
#[cold]
pub(super) fn note<F: FrameBuffer>(burst: &Burst<F>, seen: &AllSeen, state: &mut WorkerState) {
    // For one packet.
    let mut effort = Some(Effort(TAGS_PER_BURST));
    for seen in seen {
        let (Some(frame), Some(info)) = (burst.frames.get(seen.place), burst.infos.get(seen.place)) else {
            continue;
        };
        let dropped = match info.verdict {
            Verdict::Send => None,
            Verdict::Drop(reason) => Some(reason),
            Verdict::Pending | Verdict::HandOver(_) => continue,
        };
        state.note(*seen, dropped, frame.as_ref(), &mut effort);
    }
}
