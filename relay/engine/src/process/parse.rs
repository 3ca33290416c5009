// SPDX-License-Identifier: MIT OR Apache-2.0
//! Where a packet comes from, where it goes to, and whose it is.

use arrayvec::ArrayVec;
use culvert_wire::Headers;

use super::{Note, Part, Progress};
use crate::burst::{BURST, FrameBuffer, Link, PacketInfo, Verdict};
use crate::flow::Flow;
use crate::reason::DropReason;
use crate::state::WorkerState;
use crate::table::Target;

/// Reads the headers of every packet and finds its flow. Afterwards `start..end` is the UDP payload.
///
/// Between these come short loops that touch what will be read of tables and flows. The touches of different packets
/// do not depend on each other, so that the processor waits for all of them at once and not for each in turn.
pub(super) fn parse<F: FrameBuffer>(part: &mut Part<'_, F>, state: &WorkerState) {
    for (frame, info, note) in part.iter_mut() {
        let headers = match info.link {
            _ if info.verdict != Verdict::Pending => Err(arrived_as(info.verdict)),
            Link::Ethernet => read_headers(frame.as_ref(), info),
            Link::Datagram => Ok(()),
        };
        if let Err(reason) = headers {
            refuse(info, note, state, reason);
        }
    }
    let mut homes: ArrayVec<usize, BURST> = ArrayVec::new();
    let mut touched = 0;
    for info in part.infos.iter() {
        let home = state.endpoints.home(&info.destination);
        touched ^= state.endpoints.touch(home);
        homes.push(home);
    }
    for ((_, info, note), home) in part.iter_mut().zip(homes) {
        if note.progress == Progress::New {
            find_flow(info, note, home, state);
        }
    }
    for info in part.infos.iter() {
        touched ^= u32::from(flow_of(info, state).is_some());
    }
    for info in part.infos.iter() {
        touched ^= flow_of(info, state).map_or(0, Flow::touch);
    }
    for info in part.infos.iter() {
        touched ^= flow_of(info, state).map_or(0, |flow| flow.counters.touch());
    }
    std::hint::black_box(touched);
}

fn find_flow(info: &mut PacketInfo, note: &mut Note, home: usize, state: &WorkerState) {
    match state.endpoints.find(home, &info.destination) {
        Some(Target::Flow { slot, port }) => {
            info.flow = Some(slot);
            note.port = port;
            note.progress = Progress::Found;
        }
        Some(Target::Worker(worker)) => {
            // As it came: the owner reads the headers again.
            info.start = note.headers;
            info.verdict = Verdict::HandOver(worker);
            note.progress = Progress::Decided;
        }
        None => refuse(info, note, state, DropReason::UnknownDestination),
    }
}

fn flow_of<'s>(info: &PacketInfo, state: &'s WorkerState) -> Option<&'s Flow> {
    state.flow(info.flow?)
}

/// Back ends refuse only what came truncated.
fn arrived_as(verdict: Verdict) -> DropReason {
    match verdict {
        Verdict::Drop(reason) => reason,
        Verdict::Pending | Verdict::Send | Verdict::HandOver(_) => DropReason::MalformedHeaders,
    }
}

fn read_headers(frame: &[u8], info: &mut PacketInfo) -> Result<(), DropReason> {
    let packet = frame.get(info.start..info.end).ok_or(DropReason::MalformedHeaders)?;
    let headers = Headers::parse(packet).map_err(|_| DropReason::NotUdp)?;
    let payload = headers.payload(packet).map_err(|_| DropReason::MalformedHeaders)?;
    info.source = headers.source;
    info.destination = headers.destination;
    info.traffic_class = headers.traffic_class;
    info.end = info.start + payload.end;
    info.start += payload.start;
    Ok(())
}

fn refuse(info: &mut PacketInfo, note: &mut Note, state: &WorkerState, reason: DropReason) {
    info.verdict = Verdict::Drop(reason);
    note.progress = Progress::Decided;
    state.counters.drop_packet(reason);
}
