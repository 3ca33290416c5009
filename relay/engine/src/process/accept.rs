// SPDX-License-Identifier: MIT OR Apache-2.0
//! What an authentic packet changes, and where it is to go.

use culvert_srtp::Onward;

use super::learn::{Candidates, learn};
use super::{Note, refuse};
use crate::burst::{Link, PacketInfo};
use crate::clock::Nanos;
use crate::event::{Direction, Event};
use crate::flow::{Component, Flow, FlowSlot, Receive, Send, Via};
use crate::reason::DropReason;
use crate::state::{Events, WorkerState};

/// Accepts the packet at `place`, which has authenticated or was admitted on a plain leg, and says where it goes:
/// [`Onward::Nowhere`] when it was dropped.
pub(super) fn accept(
    place: usize,
    info: &mut PacketInfo,
    note: &mut Note,
    candidates: &Candidates,
    state: &mut WorkerState,
    now: Nanos,
) -> Onward {
    let Some(slot) = info.flow else { return Onward::Nowhere };
    match commit(place, note, slot, candidates, state, now).and_then(|()| route(info, note, slot, state)) {
        Ok(onward) => onward,
        Err(reason) => {
            if let Some(flow) = state.flow(slot) {
                refuse(info, note, &flow.counters, reason);
            }
            Onward::Nowhere
        }
    }
}

/// Everything that only an accepted packet may change: statistics, the time it was last seen, the source.
fn commit(
    place: usize,
    note: &Note,
    slot: FlowSlot,
    candidates: &Candidates,
    state: &mut WorkerState,
    now: Nanos,
) -> Result<(), DropReason> {
    let Some(flow) = state.flows.get_mut(slot.0 as usize).and_then(Option::as_deref_mut) else {
        return Err(DropReason::UnknownDestination);
    };
    if note.component == Component::Rtp {
        let fields = &note.rtp;
        let stream = flow.counters.stream(fields.ssrc).ok_or(DropReason::TooManySsrcs)?;
        stream.record(fields.ssrc, fields.sequence, fields.timestamp, now, flow.clock_rate);
    }
    flow.counters.seen(now);
    if flow.state.rekey_pending {
        confirm_rekey(slot, flow, &mut state.events);
    }
    if note.learning {
        learn(place, note.port, candidates, state);
    }
    Ok(())
}

/// Tells once that new receive keys have opened a packet.
#[cold]
fn confirm_rekey(slot: FlowSlot, flow: &mut Flow, events: &mut Events) {
    if let Receive::Srtp(context) = &flow.receive
        && context.rekeyed()
    {
        flow.state.rekey_pending = false;
        events.inform(Event::RekeyDone { slot, direction: Direction::Receive });
    }
}

/// Decides where an accepted packet goes, and whether it does.
fn route(
    info: &mut PacketInfo,
    note: &mut Note,
    slot: FlowSlot,
    state: &WorkerState,
) -> Result<Onward, DropReason> {
    let flow = state.flow(slot).ok_or(DropReason::UnknownDestination)?;
    if flow.held {
        return Err(DropReason::Held);
    }
    // The only place that lets a packet go on in the clear.
    let onward = match flow.send {
        Send::NotReady => return Err(DropReason::NotReady),
        Send::Plain => Onward::Clear,
        Send::Srtp(_) => Onward::Protect,
    };
    let egress = &flow.egress[note.component.index()];
    let Some(remote) = &egress.remote else { return Err(DropReason::NoRemote) };
    if info.link == Link::Ethernet {
        let hop = match &egress.via {
            Via::Unresolved => None,
            Via::Table(id) => state.next_hop(*id),
            Via::ReversePath(hop) => Some(hop),
        };
        let Some(hop) = hop else { return Err(DropReason::NextHopUnresolved) };
        info.interface = hop.interface;
        note.hop = Some(*hop);
    }
    info.source = egress.local;
    info.destination = *remote;
    info.traffic_class = flow.dscp.apply(info.traffic_class);
    Ok(onward)
}
