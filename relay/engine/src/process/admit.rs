// SPDX-License-Identifier: MIT OR Apache-2.0
//! What can be said about a packet before any cipher: its form, its kind and its source.

use culvert_wire::{Class, Endpoint, Malformed, is_rtcp, media_class, rtcp, rtp};

use super::{Progress, refuse};
use crate::burst::{FrameBuffer, PacketInfo};
use crate::flow::{Component, Flow, Ingress, Receive, SourceRule};
use crate::reason::DropReason;
use crate::state::WorkerState;
use crate::table::Port;

/// Admits or refuses packets up to the first that has to wait for the decision about an earlier one. Returns how
/// many; at least one.
pub(super) fn admit<F: FrameBuffer>(
    frames: &[F],
    infos: &mut [PacketInfo],
    state: &mut WorkerState,
) -> usize {
    let sub_burst = state.sub_burst;
    for (place, (frame, info)) in frames.iter().zip(infos.iter_mut()).enumerate() {
        if info.stage.progress != Progress::Found {
            continue;
        }
        let Some(flow) = info.flow.and_then(|slot| state.flow_mut(slot)) else {
            continue;
        };
        let payload = frame.as_ref().get(info.start..info.end).unwrap_or_default();
        match judge(flow, info, payload, sub_burst) {
            Ok(Admission::Go(component, progress)) => {
                info.stage.component = component;
                info.stage.progress = progress;
            }
            Ok(Admission::Wait) => return place,
            Err(reason) => refuse(info, &flow.counters, reason),
        }
    }
    infos.len()
}

enum Admission {
    Go(Component, Progress),
    Wait,
}

fn judge(
    flow: &mut Flow,
    info: &PacketInfo,
    payload: &[u8],
    sub_burst: u64,
) -> Result<Admission, DropReason> {
    let component = component(payload)?;
    match (info.stage.port, component) {
        (Port::Rtp, Component::Rtcp) => return Err(DropReason::RtcpOnRtpPort),
        (Port::Rtcp, Component::Rtp) => return Err(DropReason::RtpOnRtcpPort),
        _ => {}
    }
    let progress = match flow.receive {
        Receive::NotReady => return Err(DropReason::NotReady),
        Receive::Plain => {
            check_plain(component, payload)?;
            Progress::Opened
        }
        Receive::Srtp(_) => Progress::Sealed,
    };
    let plain = progress == Progress::Opened;
    let governing = governing(info.stage.port, component);
    let ingress = &flow.ingress[governing.index()];
    match standing(ingress, info.source, plain) {
        Standing::Bound => Ok(Admission::Go(component, progress)),
        Standing::Stranger => Err(DropReason::WrongSource),
        Standing::Candidate => {
            let candidate = &mut flow.state.candidate[governing.index()];
            match candidate {
                Some((at, earlier)) if *at == sub_burst && *earlier != info.source => Ok(Admission::Wait),
                _ => {
                    *candidate = Some((sub_burst, info.source));
                    Ok(Admission::Go(component, progress))
                }
            }
        }
    }
}

/// Whose source rule governs a packet: where RTP and RTCP share a port, RTP's.
pub(super) fn governing(port: Port, component: Component) -> Component {
    match port {
        Port::Both => Component::Rtp,
        Port::Rtp | Port::Rtcp => component,
    }
}

/// What a source is to a port.
#[derive(Copy, Clone, Debug, Eq, PartialEq)]
pub(super) enum Standing {
    /// The one.
    Bound,
    /// It may become the one, if its packet is accepted.
    Candidate,
    /// Not the one.
    Stranger,
}

pub(super) fn standing(ingress: &Ingress, source: Endpoint, plain: bool) -> Standing {
    let bound = match (ingress.learnt, ingress.source) {
        (Some(learnt), _) => learnt,
        (None, SourceRule::Fixed(fixed)) => fixed,
        (None, SourceRule::Learn) if !plain => return Standing::Candidate,
        (None, SourceRule::LearnAny) => return Standing::Candidate,
        (None, SourceRule::LearnFrom(address)) if address == source.address => return Standing::Candidate,
        (None, SourceRule::Learn | SourceRule::LearnFrom(_)) => return Standing::Stranger,
    };
    if bound == source { Standing::Bound } else { Standing::Stranger }
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
