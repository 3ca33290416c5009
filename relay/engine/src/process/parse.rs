// SPDX-License-Identifier: MIT OR Apache-2.0
//! Where a packet comes from, where it goes to, and whose it is.

use culvert_wire::Headers;

use super::{Progress, Stage};
use crate::burst::{FrameBuffer, Link, PacketInfo, Verdict};
use crate::flow::{Receive, Send};
use crate::reason::DropReason;
use crate::state::WorkerState;
use crate::table::Target;

/// Reads the headers of every packet and finds its flow. Afterwards `start..end` is the UDP payload.
pub(super) fn parse<F: FrameBuffer>(frames: &[F], infos: &mut [PacketInfo], state: &WorkerState) {
    for (frame, info) in frames.iter().zip(infos.iter_mut()) {
        info.stage = Stage { headers: info.start, ..Stage::default() };
        let headers = match info.link {
            _ if info.verdict != Verdict::Pending => Err(arrived_as(info.verdict)),
            Link::Ethernet => read_headers(frame.as_ref(), info),
            Link::Datagram => Ok(()),
        };
        if let Err(reason) = headers {
            refuse(info, state, reason);
        }
    }
    for info in infos.iter_mut().filter(|info| info.stage.progress == Progress::New) {
        match state.endpoints.get(&info.destination) {
            Some(Target::Flow { slot, port }) => {
                info.flow = Some(slot);
                info.stage.port = port;
                info.stage.progress = Progress::Found;
            }
            Some(Target::Worker(worker)) => {
                // As it came: the owner reads the headers again.
                info.start = info.stage.headers;
                info.verdict = Verdict::HandOver(worker);
                info.stage.progress = Progress::Decided;
            }
            None => refuse(info, state, DropReason::UnknownDestination),
        }
    }
    warm(infos, state);
}

/// Reads a little of everything that the stages will need of each flow. The reads of different packets do not depend
/// on each other, so that the processor waits for all of them at once, where the stages would wait for each in turn.
fn warm(infos: &[PacketInfo], state: &WorkerState) {
    let mut read = 0u32;
    for info in infos {
        if let Some(flow) = info.flow.and_then(|slot| state.flow(slot)) {
            read ^= u32::from(flow.ingress[0].local.port) ^ u32::from(flow.ingress[1].local.port);
            read ^= u32::from(flow.egress[0].local.port) ^ u32::from(flow.egress[1].local.port);
            read ^= flow.clock_rate;
            if let Receive::Srtp(context) = &flow.receive {
                read ^= u32::from(context.keys().suite().encrypts());
            }
            if let Send::Srtp(context) = &flow.send {
                read ^= u32::from(context.keys().suite().encrypts());
            }
            read ^= flow.counters.warm();
        }
    }
    std::hint::black_box(read);
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

fn refuse(info: &mut PacketInfo, state: &WorkerState, reason: DropReason) {
    info.verdict = Verdict::Drop(reason);
    info.stage.progress = Progress::Decided;
    state.counters.drop_packet(reason);
}
