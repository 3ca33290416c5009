// SPDX-License-Identifier: MIT OR Apache-2.0
//! A burst's way through the flows.
//!
//! ```text
//! parse -> admit -> relay: unprotect -> accept -> protect -> close (what came plain) -> emit
//! ```
//!
//! Each stage passes over the whole burst, so that ciphers see many packets at once; relay, one operation of the SRTP
//! crate in which the packets are accepted, takes every payload from key to key in one go. What a packet finds must
//! nevertheless be what it would have found had its predecessors been relayed before it came. Replay lists and
//! roll-over counters are safe, since packets keep their order. So are sources that were learnt, since packets are
//! accepted in the order in which they came, plain or not. A source that is still to be
//! learnt is not: whether a second source is refused depends on whether the first one's packet authenticates, and
//! refusing it later would have moved the replay list already. So a burst is cut into sub-bursts, each of which
//! holds packets of at most one source for every port that has yet to learn its own.

mod accept;
mod admit;
mod close;
mod emit;
mod learn;
mod parse;
mod relay;
mod srtp;

use crate::burst::{Burst, FrameBuffer, PacketInfo, Verdict};
use crate::clock::Nanos;
use crate::counters::FlowCounters;
use crate::flow::{Component, NextHop};
use crate::reason::DropReason;
use crate::state::WorkerState;
use crate::table::Port;
use admit::RtpFields;
use learn::Candidates;

/// What the stages note about a packet.
#[derive(Copy, Clone, Debug)]
pub(crate) struct Stage {
    progress: Progress,
    /// What may arrive where it arrived.
    port: Port,
    /// What it is.
    component: Component,
    /// Whether its source is to be learnt, once it is accepted.
    learning: bool,
    /// Where its link-layer header starts in the frame.
    headers: usize,
    /// Of RTP.
    rtp: RtpFields,
    /// Where it goes.
    hop: Option<NextHop>,
}

impl Default for Stage {
    fn default() -> Stage {
        Stage {
            progress: Progress::New,
            port: Port::Rtp,
            component: Component::Rtp,
            learning: false,
            headers: 0,
            rtp: RtpFields::default(),
            hop: None,
        }
    }
}

/// How far a packet has come.
#[derive(Copy, Clone, Debug, Eq, PartialEq)]
enum Progress {
    /// Not looked at.
    New,
    /// Its flow is known.
    Found,
    /// Admitted on an SRTP leg: to be authenticated.
    Sealed,
    /// Authenticated and accepted, to leave as its flow's send side has it.
    Onward,
    /// Admitted on a plain leg: to be accepted.
    Open,
    /// Arrived plain and accepted, to leave by an SRTP leg: to be protected.
    Bare,
    /// As it may leave: protected, or accepted for a plain leg.
    Ready,
    /// Has its verdict.
    Decided,
}

/// Takes every packet of a burst through its flow: each leaves with [`Verdict::Send`], headers written and addresses
/// set, or with [`Verdict::Drop`], counted, or, where the flow is another worker's, with [`Verdict::HandOver`]. No input or output, no clock, no allocation.
///
/// The outcome is that of processing the packets one by one, in order.
pub fn process<F: FrameBuffer>(burst: &mut Burst<F>, state: &mut WorkerState, now: Nanos) {
    if burst.is_empty() {
        return;
    }
    state.counters.burst(burst.len());
    let (mut frames, mut infos) = (burst.frames.as_mut_slice(), burst.infos.as_mut_slice());
    parse::parse(frames, infos, state);
    while !infos.is_empty() {
        let mut candidates = Candidates::new();
        let admitted = admit::admit(frames, infos, &mut candidates, state);
        let (now_frames, later_frames) = frames.split_at_mut(admitted);
        let (now_infos, later_infos) = infos.split_at_mut(admitted);
        relay::relay(now_frames, now_infos, &candidates, state, now);
        close::close(now_frames, now_infos, state);
        emit::emit(now_frames, now_infos, state);
        (frames, infos) = (later_frames, later_infos);
    }
}

/// Ends a packet's way. Dropping changes nothing but the counter.
fn refuse(info: &mut PacketInfo, counters: &FlowCounters, reason: DropReason) {
    info.verdict = Verdict::Drop(reason);
    info.stage.progress = Progress::Decided;
    counters.drop_packet(reason);
}
