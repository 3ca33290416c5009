// SPDX-License-Identifier: MIT OR Apache-2.0
//! Where a packet comes from, where it goes to, and whose it is.

use culvert_wire::Headers;

use super::{Progress, Stage};
use crate::burst::{FrameBuffer, Link, PacketInfo, Verdict};
use crate::reason::DropReason;
use crate::state::WorkerState;

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
            Some(target) => {
                info.flow = Some(target.slot);
                info.stage.port = target.port;
                info.stage.progress = Progress::Found;
            }
            None => refuse(info, state, DropReason::UnknownDestination),
        }
    }
}

/// Back ends refuse only what came truncated.
fn arrived_as(verdict: Verdict) -> DropReason {
    match verdict {
        Verdict::Drop(reason) => reason,
        Verdict::Pending | Verdict::Send => DropReason::MalformedHeaders,
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
