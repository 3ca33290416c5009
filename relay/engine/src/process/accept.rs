// SPDX-License-Identifier: MIT OR Apache-2.0
//! What an authentic packet changes, and where it is to go.

use culvert_srtp::Onward;
use culvert_wire::{IPV4_LENGTH, IPV6_LENGTH, UDP_LENGTH};

use super::learn::{Candidates, learn};
use super::{Note, refuse};
use crate::burst::{Link, PacketInfo};
use crate::clock::Nanos;
use crate::event::{Direction, Event};
use crate::flow::{Component, Flow, FlowSlot, Via};
use crate::reason::DropReason;
use crate::side::{Protection, Side};
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
    match commit(place, note, slot, candidates, state, now).and_then(|()| route(info, note, slot, state, now))
    {
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
    if let Some(packets_left) = flow.opened() {
        state.events.inform(Event::KeyExpiring { slot, direction: Direction::Receive, packets_left });
    }
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
    if let Some(context) = flow.receive().context()
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
    state: &mut WorkerState,
    now: Nanos,
) -> Result<Onward, DropReason> {
    let WorkerState { flows, next_hops, .. } = state;
    let flow = flows.get_mut(slot.0 as usize).and_then(Option::as_deref_mut);
    let flow = flow.ok_or(DropReason::UnknownDestination)?;
    if flow.held {
        return Err(DropReason::Held);
    }
    // The only place that lets a packet go on in the clear.
    let onward = match flow.send() {
        Side::Required(encrypted) if encrypted.context().is_some() => Onward::Protect,
        Side::Optional(Protection::Srtp(_)) => Onward::Protect,
        Side::Optional(Protection::Plain) => Onward::Clear,
        Side::Required(_) | Side::Optional(Protection::NotReady) => return Err(DropReason::NotReady),
    };
    let egress = &flow.egress[note.component.index()];
    let Some(remote) = egress.remote else { return Err(DropReason::NoRemote) };
    if info.link == Link::Ethernet {
        let hop = match &egress.via {
            Via::Unresolved => None,
            Via::Table(id) => next_hops.get(id.0 as usize).and_then(Option::as_ref),
            Via::ReversePath(hop) => Some(hop),
        };
        let Some(hop) = hop else { return Err(DropReason::NextHopUnresolved) };
        info.interface = hop.interface;
        note.hop = Some(*hop);
    }
    let local = egress.local;
    if let Some(rate) = &mut flow.rate
        && !rate.allow(arrived_length(info), now)
    {
        return Err(DropReason::OverBandwidth);
    }
    info.source = local;
    info.destination = remote;
    info.traffic_class = flow.dscp.apply(info.traffic_class);
    Ok(onward)
}

/// Bytes of the IP packet that came, less what options or extension headers it had.
fn arrived_length(info: &PacketInfo) -> usize {
    let ip = if info.source.address.is_ipv4() { IPV4_LENGTH } else { IPV6_LENGTH };
    ip + UDP_LENGTH + info.end.saturating_sub(info.start)
}
