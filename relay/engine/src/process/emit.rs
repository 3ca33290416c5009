// SPDX-License-Identifier: MIT OR Apache-2.0
//! The headers of what leaves.

use culvert_wire::emit::{HeaderSpec, header_length, write};
use culvert_wire::{ETHERNET_LENGTH, IPV4_LENGTH, IPV6_LENGTH, UDP_LENGTH, VLAN_LENGTH};

use super::{Note, Part, Progress, refuse};
use crate::burst::{FrameBuffer, Link, PacketInfo, Verdict};
use crate::event::{Direction, Event};
use crate::flow::Component;
use crate::reason::DropReason;
use crate::state::WorkerState;

/// The relay is a host of its own: what it sends starts with the recommended hop limit (RFC 1700).
const HOP_LIMIT: u8 = 64;

pub(super) fn emit<F: FrameBuffer>(part: &mut Part<'_, F>, state: &mut WorkerState) {
    for (frame, info, note) in part.iter_mut() {
        if note.progress != Progress::Ready {
            continue;
        }
        let Some(slot) = info.flow else { continue };
        let Some(flow) = state.flows.get_mut(slot.0 as usize).and_then(Option::as_deref_mut) else {
            continue;
        };
        if let Some(packets_left) = flow.closed() {
            state.events.inform(Event::KeyExpiring { slot, direction: Direction::Send, packets_left });
        }
        let length = info.end.saturating_sub(info.start);
        let written = match info.link {
            Link::Ethernet => write_headers(frame.as_mut(), info, note),
            Link::Datagram => check_length(info, length, state.datagram_mtu),
        };
        if let Err(reason) = written {
            refuse(info, note, &flow.counters, reason);
            continue;
        }
        info.verdict = Verdict::Send;
        note.progress = Progress::Decided;
        if !flow.send().encrypts() {
            flow.counters.relayed_plain(length);
        }
        if flow.counters.relayed(length, note.component == Component::Rtcp) {
            state.events.inform(Event::FirstMedia { slot });
        }
    }
}

fn check_length(info: &PacketInfo, payload: usize, mtu: u16) -> Result<(), DropReason> {
    let ip = if info.destination.address.is_ipv4() { IPV4_LENGTH } else { IPV6_LENGTH };
    if ip + UDP_LENGTH + payload > usize::from(mtu) {
        return Err(DropReason::ExceedsMtu);
    }
    if info.source.address.is_ipv4() != info.destination.address.is_ipv4() {
        return Err(DropReason::AddressFamilies);
    }
    Ok(())
}

/// Writes headers before the payload; afterwards `start..end` is the frame to send.
fn write_headers(frame: &mut [u8], info: &mut PacketInfo, note: &Note) -> Result<(), DropReason> {
    let Some(hop) = &note.hop else { return Err(DropReason::NextHopUnresolved) };
    let spec = HeaderSpec {
        source_mac: hop.source_mac,
        destination_mac: hop.destination_mac,
        vlan: hop.vlan,
        source: info.source,
        destination: info.destination,
        traffic_class: info.traffic_class,
        hop_limit: HOP_LIMIT,
    };
    let headers = header_length(&spec);
    let link = ETHERNET_LENGTH + if hop.vlan.is_some() { VLAN_LENGTH } else { 0 };
    if headers - link + info.end.saturating_sub(info.start) > usize::from(hop.mtu) {
        return Err(DropReason::ExceedsMtu);
    }
    let start = info.start.checked_sub(headers).ok_or(DropReason::NoHeadRoom)?;
    let (before, payload) = frame
        .get_mut(start..info.end)
        .and_then(|packet| packet.split_at_mut_checked(headers))
        .ok_or(DropReason::NoHeadRoom)?;
    write(before, &spec, payload).map_err(|_| DropReason::AddressFamilies)?;
    info.start = start;
    Ok(())
}
