// SPDX-License-Identifier: MIT OR Apache-2.0
//! A burst's way through the flows.
//!
//! ```text
//! parse -> admit -> relay (unprotect, accept, protect) -> close (protect what came plain) -> emit
//! ```
//!
//! Each stage passes over the whole burst, so that ciphers see many packets at once. Relay is one operation of the SRTP
//! crate, in which packets are accepted as soon as they have authenticated. What a packet finds must nevertheless be
//! what it would have found had its predecessors been relayed before it came. Replay lists and roll-over counters are
//! safe, since packets keep their order; where packets go is safe, since all of a burst, plain ones too, are accepted
//! in order. A source that is still to be learnt is not: whether a second source is refused depends on whether the
//! first one's packet authenticates, and refusing it later would have moved the replay list already. So a burst is cut
//! into sub-bursts, each of which holds packets of at most one source for every port that has yet to learn its own.

mod accept;
mod admit;
mod close;
mod emit;
mod learn;
mod observe;
mod parse;
mod relay;
mod srtp;

use arrayvec::ArrayVec;

use crate::burst::{BURST, Burst, FrameBuffer, PacketInfo, Verdict};
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
struct Note {
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

impl Note {
    fn new(info: &PacketInfo) -> Note {
        Note {
            progress: Progress::New,
            port: Port::Rtp,
            component: Component::Rtp,
            learning: false,
            headers: info.start,
            rtp: RtpFields::default(),
            hop: None,
        }
    }
}

/// Consecutive packets of a burst: as many frames as infos as notes.
struct Part<'b, F> {
    frames: &'b mut [F],
    infos: &'b mut [PacketInfo],
    notes: &'b mut [Note],
}

impl<'b, F> Part<'b, F> {
    fn iter_mut(&mut self) -> impl Iterator<Item = (&mut F, &mut PacketInfo, &mut Note)> {
        let noted = self.infos.iter_mut().zip(self.notes.iter_mut());
        self.frames.iter_mut().zip(noted).map(|(frame, (info, note))| (frame, info, note))
    }

    fn split_at_mut(self, place: usize) -> (Part<'b, F>, Part<'b, F>) {
        let (frames, later_frames) = self.frames.split_at_mut(place);
        let (infos, later_infos) = self.infos.split_at_mut(place);
        let (notes, later_notes) = self.notes.split_at_mut(place);
        let later = Part { frames: later_frames, infos: later_infos, notes: later_notes };
        (Part { frames, infos, notes }, later)
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
/// set, or with [`Verdict::Drop`], counted, or, where the flow is another worker's, with [`Verdict::HandOver`]. No
/// input or output, no clock, no allocation.
///
/// The outcome is that of processing the packets one by one, in order.
pub fn process<F: FrameBuffer>(burst: &mut Burst<F>, state: &mut WorkerState, now: Nanos) {
    if burst.is_empty() {
        return;
    }
    state.counters.burst(burst.len());
    let mut notes: ArrayVec<Note, BURST> = burst.infos.iter().map(Note::new).collect();
    let mut rest = Part { frames: &mut burst.frames, infos: &mut burst.infos, notes: &mut notes };
    parse::parse(&mut rest, state);
    let seen = state.is_probing().then(|| observe::look(&rest, state));
    while !rest.infos.is_empty() {
        let mut candidates = Candidates::new();
        let admitted = admit::admit(&mut rest, &mut candidates, state);
        let (mut part, later) = rest.split_at_mut(admitted);
        relay::relay(&mut part, &candidates, state, now);
        close::close(&mut part, state);
        emit::emit(&mut part, state);
        rest = later;
    }
    if let Some(seen) = seen {
        observe::note(burst, &seen, state);
    }
}

/// Ends a packet's way. Dropping changes nothing but the counter.
fn refuse(info: &mut PacketInfo, note: &mut Note, counters: &FlowCounters, reason: DropReason) {
    info.verdict = Verdict::Drop(reason);
    note.progress = Progress::Decided;
    counters.drop_packet(reason);
}
