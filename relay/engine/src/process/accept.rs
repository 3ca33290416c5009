// SPDX-License-Identifier: MIT OR Apache-2.0
//! What an authentic packet changes, and where it is to go.

use culvert_wire::{Endpoint, Headers, VlanTag};

use super::admit::{Standing, governing, standing};
use super::{Progress, refuse};
use crate::burst::{FrameBuffer, Link, PacketInfo};
use crate::clock::Nanos;
use crate::event::{Direction, Event};
use crate::flow::{Component, Flow, FlowSlot, NextHop, Receive, Send, SourceRule, Via};
use crate::reason::DropReason;
use crate::state::WorkerState;
use crate::table::Port;

pub(super) fn accept<F: FrameBuffer>(
    frames: &[F],
    infos: &mut [PacketInfo],
    state: &mut WorkerState,
    now: Nanos,
) {
    for (frame, info) in frames.iter().zip(infos.iter_mut()) {
        if info.stage.progress != Progress::Opened {
            continue;
        }
        let Some(slot) = info.flow else { continue };
        if let Err(reason) =
            commit(frame.as_ref(), info, slot, state, now).and_then(|()| route(info, slot, state))
            && let Some(flow) = state.flow(slot)
        {
            refuse(info, &flow.counters, reason);
        }
    }
}

/// Everything that only an accepted packet may change: statistics, the time it was last seen, the source.
fn commit(
    frame: &[u8],
    info: &PacketInfo,
    slot: FlowSlot,
    state: &mut WorkerState,
    now: Nanos,
) -> Result<(), DropReason> {
    let Some(flow) = state.flows.get_mut(slot.0 as usize).and_then(Option::as_deref_mut) else {
        return Err(DropReason::UnknownDestination);
    };
    let plain = matches!(flow.receive, Receive::Plain);
    let governing = governing(info.stage.port, info.stage.component);
    let standing = standing(&flow.ingress[governing.index()], info.source, plain);
    if standing == Standing::Stranger {
        return Err(DropReason::WrongSource);
    }
    if info.stage.component == Component::Rtp {
        let fields = RtpFields::read(frame.get(info.start..).unwrap_or_default())?;
        let stream = flow.counters.stream(fields.ssrc).ok_or(DropReason::TooManySsrcs)?;
        stream.record(fields.ssrc, fields.sequence, fields.timestamp, now, flow.clock_rate);
    }
    flow.counters.seen(now);
    if flow.state.rekey_pending
        && let Receive::Srtp(context) = &flow.receive
        && context.rekeyed()
    {
        flow.state.rekey_pending = false;
        state.events.inform(Event::RekeyDone { slot, direction: Direction::Receive });
    }
    if standing == Standing::Candidate {
        flow.ingress[governing.index()].source = SourceRule::Learnt(info.source);
        let peer = flow.peer;
        state.events.inform(Event::AddressLearnt { slot, component: governing, source: info.source });
        let back = reverse_path(frame, info, &state.interface_mtus);
        if let Some(peer) = peer.and_then(|peer| state.flow_mut(peer)).filter(|peer| peer.peer == Some(slot))
        {
            answer_to(peer, governing, info, back);
        }
    }
    Ok(())
}

/// The fields of an RTP header that statistics need. They are never encrypted.
struct RtpFields {
    sequence: u16,
    timestamp: u32,
    ssrc: u32,
}

impl RtpFields {
    fn read(packet: &[u8]) -> Result<RtpFields, DropReason> {
        let [_, _, q0, q1, t0, t1, t2, t3, s0, s1, s2, s3] =
            *packet.first_chunk::<12>().ok_or(DropReason::MalformedRtp)?;
        Ok(RtpFields {
            sequence: u16::from_be_bytes([q0, q1]),
            timestamp: u32::from_be_bytes([t0, t1, t2, t3]),
            ssrc: u32::from_be_bytes([s0, s1, s2, s3]),
        })
    }
}

/// The way back to where a packet came from. `None` behind tags that the engine does not write.
fn reverse_path(frame: &[u8], info: &PacketInfo, mtus: &[u16]) -> Option<NextHop> {
    if info.link == Link::Datagram {
        return None;
    }
    let headers = Headers::parse(frame.get(info.stage.headers..info.end)?).ok()?;
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
fn answer_to(peer: &mut Flow, learnt: Component, info: &PacketInfo, back: Option<NextHop>) {
    for component in Component::ALL {
        if component != learnt && info.stage.port != Port::Both {
            continue;
        }
        let egress = &mut peer.egress[component.index()];
        let known = egress.remote.replace(info.source);
        egress.via = via_to(info.source, known, egress.via, back);
    }
}

/// Control's next hop stays if it was for the same address; for any other, only the way back is known to be right.
fn via_to(source: Endpoint, known: Option<Endpoint>, via: Via, back: Option<NextHop>) -> Via {
    match via {
        Via::Table(_) if known.is_some_and(|known| known.address == source.address) => via,
        _ => back.map_or(Via::Unresolved, Via::ReversePath),
    }
}

/// Decides where an accepted packet goes, and whether it does.
fn route(info: &mut PacketInfo, slot: FlowSlot, state: &WorkerState) -> Result<(), DropReason> {
    let flow = state.flow(slot).ok_or(DropReason::UnknownDestination)?;
    if flow.held {
        return Err(DropReason::Held);
    }
    let progress = match flow.send {
        Send::NotReady => return Err(DropReason::NotReady),
        Send::Plain => Progress::Ready,
        Send::Srtp(_) => Progress::Bare,
    };
    let egress = &flow.egress[info.stage.component.index()];
    let remote = egress.remote.ok_or(DropReason::NoRemote)?;
    if info.link == Link::Ethernet {
        let hop = match egress.via {
            Via::Unresolved => None,
            Via::Table(id) => WorkerState::next_hop(&state.next_hops, id),
            Via::ReversePath(hop) => Some(hop),
        };
        let hop = hop.ok_or(DropReason::NextHopUnresolved)?;
        info.interface = hop.interface;
        info.stage.hop = Some(hop);
    }
    info.source = egress.local;
    info.destination = remote;
    info.traffic_class = flow.dscp.apply(info.traffic_class);
    info.stage.progress = progress;
    Ok(())
}
