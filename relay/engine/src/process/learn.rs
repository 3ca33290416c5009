// SPDX-License-Identifier: MIT OR Apache-2.0
//! Ports that have yet to learn their source.

use arrayvec::ArrayVec;
use culvert_wire::{Endpoint, Headers, VlanTag};

use crate::burst::{BURST, Link, PacketInfo};
use crate::event::Event;
use crate::flow::{Component, Egress, FlowSlot, NextHop, SourceRule, Via};
use crate::state::WorkerState;
use crate::table::Port;

/// A source that may become the one of a port, once its packet is accepted.
#[derive(Copy, Clone, Debug)]
pub(super) struct Candidate {
    /// Of the packet in its sub-burst.
    pub(super) place: usize,
    pub(super) slot: FlowSlot,
    pub(super) governing: Component,
    pub(super) source: Endpoint,
    /// Back the way the packet came.
    pub(super) back: Option<NextHop>,
}

/// Those of a sub-burst: for every port at most one source.
pub(super) type Candidates = ArrayVec<Candidate, BURST>;

impl Candidate {
    /// Whether an earlier candidate for the same port is another source.
    pub(super) fn has_rival(&self, earlier: &Candidates) -> bool {
        earlier.iter().any(|other| {
            other.slot == self.slot && other.governing == self.governing && other.source != self.source
        })
    }
}

/// Binds a port to the source of the packet at `place`, which was accepted, and makes the reverse flow send there.
#[cold]
pub(super) fn learn(place: usize, port: Port, candidates: &Candidates, state: &mut WorkerState) {
    let Some(candidate) = candidates.iter().find(|candidate| candidate.place == place) else { return };
    let Candidate { slot, governing, source, back, .. } = *candidate;
    let Some(flow) = state.flow_mut(slot) else { return };
    let rule = &mut flow.ingress[governing.index()].source;
    if *rule == SourceRule::Learnt(source) {
        // By an earlier packet of the sub-burst. It cannot be another source's: that would have ended the sub-burst.
        return;
    }
    *rule = SourceRule::Learnt(source);
    let peer = flow.peer;
    state.events.inform(Event::AddressLearnt { slot, component: governing, source });
    let peer = peer.and_then(|peer| state.flow_mut(peer)).filter(|peer| peer.peer == Some(slot));
    let Some(peer) = peer else { return };
    for component in Component::ALL {
        if component == governing || port == Port::Both {
            answer_to(source, &mut peer.egress[component.index()], back);
        }
    }
}

/// The way back to where a packet came from, whose headers start there. `None` behind tags that the engine does not write.
pub(super) fn reverse_path(frame: &[u8], start: usize, info: &PacketInfo, mtus: &[u16]) -> Option<NextHop> {
    if info.link == Link::Datagram {
        return None;
    }
    let headers = Headers::parse(frame.get(start..info.end)?).ok()?;
    let vlan = match (headers.vlan.outer, headers.vlan.inner) {
        (None, _) => None,
        (Some(tag), None) if tag.protocol == VlanTag::CUSTOMER => Some(tag.control),
        (Some(_), _) => return None,
    };
    Some(NextHop {
        interface: info.interface,
        source_mac: headers.destination_mac,
        destination_mac: headers.source_mac,
        vlan,
        mtu: *mtus.get(usize::from(info.interface.0))?,
    })
}

/// Makes the reverse flow send to a source that was learnt.
fn answer_to(source: Endpoint, egress: &mut Egress, back: Option<NextHop>) {
    let known = egress.remote.replace(source);
    egress.via = via_to(source, known, egress.via, back);
}

/// Control's next hop stays if it was for the same address; for any other, only the way back is known to be right.
fn via_to(source: Endpoint, known: Option<Endpoint>, via: Via, back: Option<NextHop>) -> Via {
    match via {
        Via::Table(_) if known.is_some_and(|known| known.address == source.address) => via,
        _ => back.map_or(Via::Unresolved, Via::ReversePath),
    }
}
