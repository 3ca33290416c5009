// SPDX-License-Identifier: MIT OR Apache-2.0
//! What can be said about a packet before any cipher: its form, its kind and its source.

use culvert_wire::{Class, Endpoint, Malformed, is_rtcp, media_class, rtcp, rtp};

use super::learn::{Candidate, Candidates, reverse_path};
use super::{Part, Progress, refuse};
use crate::burst::{FrameBuffer, PacketInfo};
use crate::flow::{Component, Flow, Ingress, SourceRule};
use crate::reason::DropReason;
use crate::side::{Protection, Side};
use crate::state::WorkerState;
use crate::table::Port;

/// Admits or refuses packets up to the first that has to wait for the decision about an earlier one. Returns how
/// many; at least one.
pub(super) fn admit<F: FrameBuffer>(
    part: &mut Part<'_, F>,
    candidates: &mut Candidates,
    state: &WorkerState,
) -> usize {
    for (place, (frame, info, note)) in part.iter_mut().enumerate() {
        if note.progress != Progress::Found {
            continue;
        }
        let Some((slot, flow)) = info.flow.and_then(|slot| Some((slot, state.flow(slot)?))) else {
            continue;
        };
        let payload = frame.as_ref().get(info.start..info.end).unwrap_or_default();
        match judge(flow, info, note.port, payload) {
            Ok(admission) => {
                if admission.standing == Standing::Candidate {
                    let governing = governing(note.port, admission.component);
                    let back = reverse_path(frame.as_ref(), note.headers, info, &state.interface_mtus);
                    let candidate = Candidate { place, slot, governing, source: info.source, back };
                    if candidate.has_rival(candidates) {
                        return place;
                    }
                    candidates.push(candidate);
                }
                note.component = admission.component;
                note.progress = admission.progress;
                note.learning = admission.standing == Standing::Candidate;
                note.rtp = RtpFields::read(payload);
            }
            Err(reason) => refuse(info, note, &flow.counters, reason),
        }
    }
    part.infos.len()
}

struct Admission {
    component: Component,
    progress: Progress,
    standing: Standing,
}

#[inline]
fn judge(flow: &Flow, info: &PacketInfo, port: Port, payload: &[u8]) -> Result<Admission, DropReason> {
    let component = component(payload)?;
    match (port, component) {
        (Port::Rtp, Component::Rtcp) => return Err(DropReason::RtcpOnRtpPort),
        (Port::Rtcp, Component::Rtp) => return Err(DropReason::RtpOnRtcpPort),
        _ => {}
    }
    // The only place that takes a packet in the clear.
    let progress = match flow.receive() {
        Side::Required(encrypted) if encrypted.context().is_some() => Progress::Sealed,
        Side::Optional(Protection::Srtp(_)) => Progress::Sealed,
        Side::Optional(Protection::Plain) => {
            check_plain(component, payload)?;
            Progress::Open
        }
        Side::Required(_) | Side::Optional(Protection::NotReady) => return Err(DropReason::NotReady),
    };
    let ingress = &flow.ingress[governing(port, component).index()];
    match standing(ingress, &info.source, progress == Progress::Open) {
        Standing::Stranger => Err(DropReason::WrongSource),
        standing => Ok(Admission { component, progress, standing }),
    }
}

/// The fields of an RTP header that statistics need. They are never encrypted.
#[derive(Copy, Clone, Debug, Default)]
pub(super) struct RtpFields {
    pub(super) sequence: u16,
    pub(super) timestamp: u32,
    pub(super) ssrc: u32,
}

impl RtpFields {
    /// Of a packet that is long enough, as [`media_class`] has made sure of RTP. What RTCP gives means nothing.
    fn read(packet: &[u8]) -> RtpFields {
        let Some([_, _, q0, q1, t0, t1, t2, t3, s0, s1, s2, s3]) = packet.first_chunk() else {
            return RtpFields::default();
        };
        RtpFields {
            sequence: u16::from_be_bytes([*q0, *q1]),
            timestamp: u32::from_be_bytes([*t0, *t1, *t2, *t3]),
            ssrc: u32::from_be_bytes([*s0, *s1, *s2, *s3]),
        }
    }
}

/// Whose source rule governs a packet: where RTP and RTCP share a port, RTP's.
fn governing(port: Port, component: Component) -> Component {
    match port {
        Port::Both => Component::Rtp,
        Port::Rtp | Port::Rtcp => component,
    }
}

/// What a source is to a port.
#[derive(Copy, Clone, Debug, Eq, PartialEq)]
enum Standing {
    /// The one.
    Bound,
    /// It may become the one, if its packet is accepted.
    Candidate,
    /// Not the one.
    Stranger,
}

fn standing(ingress: &Ingress, source: &Endpoint, plain: bool) -> Standing {
    match &ingress.source {
        SourceRule::Fixed(bound) | SourceRule::Learnt(bound) if bound == source => Standing::Bound,
        SourceRule::Fixed(_) | SourceRule::Learnt(_) => Standing::Stranger,
        SourceRule::Learn if !plain => Standing::Candidate,
        SourceRule::LearnAny => Standing::Candidate,
        SourceRule::LearnFrom(address) if *address == source.address => Standing::Candidate,
        SourceRule::LearnWithin(prefix) if prefix.contains(source.address) => Standing::Candidate,
        SourceRule::Learn | SourceRule::LearnFrom(_) | SourceRule::LearnWithin(_) => Standing::Stranger,
    }
}

fn component(payload: &[u8]) -> Result<Component, DropReason> {
    match media_class(payload, 0..payload.len()) {
        Ok(Class::Rtp) => Ok(match payload.get(1) {
            Some(second) if is_rtcp(*second) => Component::Rtcp,
            _ => Component::Rtp,
        }),
        Ok(Class::Stun) | Err(Malformed::StunLength) => Err(DropReason::Stun),
        Ok(Class::Dtls) | Err(Malformed::DtlsLength) => Err(DropReason::Dtls),
        Ok(Class::Zrtp) => Err(DropReason::Zrtp),
        Ok(Class::TurnChannel) => Err(DropReason::TurnChannel),
        Err(Malformed::RtpLength) => Err(DropReason::MalformedRtp),
        Err(Malformed::RtcpLength) => Err(DropReason::MalformedRtcp),
        Ok(Class::Unknown) | Err(_) => Err(DropReason::UnknownProtocol),
    }
}

/// Where nothing authenticates, the form at least must be right.
fn check_plain(component: Component, payload: &[u8]) -> Result<(), DropReason> {
    match component {
        Component::Rtp => {
            let header = rtp::Header::parse(payload).map_err(|_| DropReason::MalformedRtp)?;
            header.payload(payload).map_err(|_| DropReason::MalformedRtp)?;
        }
        Component::Rtcp => {
            rtcp::Header::parse(payload).map_err(|_| DropReason::MalformedRtcp)?;
        }
    }
    Ok(())
}
