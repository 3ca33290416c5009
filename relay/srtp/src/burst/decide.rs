// SPDX-License-Identifier: MIT OR Apache-2.0
use super::depart::{Departure, Departures, To};
use super::plan::{Means, Plan, Plans};
use super::verify::{restore, unseal};
use crate::header::Header;
use crate::receive::Accepted;
use crate::send::Allowed;
use crate::{Contexts, Kind, Onward, Packet, Reject, Relay, SendContext};

/// Gives every packet its verdict, in order. What is accepted changes the contexts; what is still to be done to its
/// bytes is returned.
pub(super) fn decide(
    first: usize,
    packets: &mut [Packet<'_>],
    plans: &Plans,
    relay: &mut impl Relay,
) -> Departures {
    let mut departures = Departures::new();
    for (place, (packet, plan)) in packets.iter_mut().zip(plans).enumerate() {
        if packet.outcome.is_err() {
            continue;
        }
        let decided = match packet.kind {
            Kind::Rtp => rtp(first, place, packet, plan.as_ref(), relay),
            Kind::Rtcp => rtcp(first + place, packet, relay).map(|()| None),
        };
        match decided {
            Ok(departure) => departures.extend(departure),
            Err(reject) => packet.outcome = Err(reject),
        }
    }
    departures
}

/// Lets plain packets through to their send contexts.
pub(super) fn admit(packets: &mut [Packet<'_>], contexts: &mut impl Contexts) -> Departures {
    let mut departures = Departures::new();
    for (place, packet) in packets.iter_mut().enumerate() {
        if packet.outcome.is_err() {
            continue;
        }
        match seal(packet, contexts) {
            Ok((Kind::Rtp, allowed)) => {
                let to = Some(To { allowed, sealed: false });
                departures.push(Departure { place, layout: allowed.layout, from: None, to });
            }
            Ok((Kind::Rtcp, allowed)) => protect(packet, &allowed, contexts),
            Err(reject) => packet.outcome = Err(reject),
        }
    }
    departures
}

fn seal(packet: &mut Packet<'_>, contexts: &mut impl Contexts) -> Result<(Kind, Allowed), Reject> {
    let context = contexts.send_mut(packet.context).ok_or(Reject::NoContext)?;
    let bytes = packet.buffer.get(..packet.length).ok_or(Reject::Malformed)?;
    let header = Header::parse(packet.kind, bytes)?;
    let allowed = context.judge(packet.kind, &header, packet.length, packet.buffer.len())?;
    context.accept(packet.kind, &allowed);
    packet.length = allowed.layout.end;
    packet.ssrc = allowed.position.ssrc;
    packet.index = allowed.position.index;
    Ok((packet.kind, allowed))
}

fn protect(packet: &mut Packet<'_>, allowed: &Allowed, contexts: &impl Contexts) {
    if let (Some(context), Some(bytes)) =
        (contexts.send(packet.context), packet.buffer.get_mut(..allowed.layout.end))
    {
        context.key().protect(packet.kind, bytes, &allowed.layout, allowed.position);
    }
}

fn rtp(
    first: usize,
    place: usize,
    packet: &mut Packet<'_>,
    plan: Option<&Plan>,
    relay: &mut impl Relay,
) -> Result<Option<Departure>, Reject> {
    let context = relay.receive(packet.context).ok_or(Reject::NoContext)?;
    // A packet before this one may have moved the index, so that the tag was computed for the wrong one.
    let holds = |plan: &&Plan| context.expected(&plan.receive.parsed.header) == Some(plan.receive.position);
    let valid = plan.filter(holds);
    if let (Some(plan), false) = (plan, valid.is_some_and(|plan| plan.authentic)) {
        restore(packet, plan, relay);
    }
    let bytes = packet.buffer.get(..packet.length).ok_or(Reject::Malformed)?;
    let context = relay.receive_mut(packet.context).ok_or(Reject::NoContext)?;
    let judged = match valid {
        Some(plan) => context.judge_planned(bytes, &plan.receive, plan.authentic),
        None => context.judge(Kind::Rtp, bytes),
    };
    // What GCM has taken on its way already.
    let gcm = valid.filter(|plan| plan.authentic && matches!(plan.means, Means::Gcm { .. }));
    let accepted = match (judged, gcm) {
        (Ok(accepted), _) => accepted,
        (Err(reject), gcm) => {
            if let Some(plan) = gcm {
                restore(packet, plan, relay);
            }
            return Err(reject);
        }
    };
    context.accept(Kind::Rtp, &accepted);
    packet.ssrc = accepted.position.ssrc;
    packet.index = accepted.position.index;
    let onward = relay.accept(first + place, packet);
    depart(place, packet, &accepted, gcm, onward, relay)
}

/// Decides what becomes of a packet that was accepted.
fn depart(
    place: usize,
    packet: &mut Packet<'_>,
    accepted: &Accepted,
    gcm: Option<&Plan>,
    onward: Onward,
    relay: &mut impl Relay,
) -> Result<Option<Departure>, Reject> {
    let planned = match gcm.map(|plan| &plan.means) {
        Some(Means::Gcm { to, tag }) => to.as_ref().map(|to| (to, tag)),
        _ => None,
    };
    let layout = accepted.layout;
    let from = if gcm.is_some() { None } else { Some(*accepted) };
    match onward {
        Onward::Nowhere => Ok(None),
        Onward::Clear => {
            if let Some(plan) = gcm {
                unseal(packet, plan, relay);
            }
            packet.length = layout.body;
            Ok(from.map(|from| Departure { place, layout, from: Some(from), to: None }))
        }
        Onward::Protect => {
            let allowed = match onto(packet, accepted, relay) {
                Ok(allowed) => allowed,
                Err(reject) => {
                    if let Some(plan) = gcm {
                        restore(packet, plan, relay);
                    }
                    return Err(reject);
                }
            };
            packet.length = allowed.layout.end;
            let sealed = match planned {
                Some((to, tag)) if to.position == allowed.position => {
                    if let Some(key) = relay.send(packet.context).map(SendContext::key)
                        && key.rtp().hmac().is_none()
                    {
                        key.write_tag(packet.buffer, &allowed.layout, tag);
                    }
                    true
                }
                _ => {
                    if let Some(plan) = gcm {
                        unseal(packet, plan, relay);
                    }
                    false
                }
            };
            Ok(Some(Departure { place, layout, from, to: Some(To { allowed, sealed }) }))
        }
    }
}

/// Finds a packet its place under the send context, and takes it.
fn onto(packet: &mut Packet<'_>, accepted: &Accepted, relay: &mut impl Relay) -> Result<Allowed, Reject> {
    let context = relay.send_mut(packet.context).ok_or(Reject::NoContext)?;
    let (body, room) = (accepted.layout.body, packet.buffer.len());
    let allowed = context.judge(packet.kind, &accepted.header, body, room)?;
    context.accept(packet.kind, &allowed);
    packet.ssrc = allowed.position.ssrc;
    packet.index = allowed.position.index;
    Ok(allowed)
}

/// An SRTCP packet, from beginning to end.
fn rtcp(place: usize, packet: &mut Packet<'_>, relay: &mut impl Relay) -> Result<(), Reject> {
    let bytes = packet.buffer.get(..packet.length).ok_or(Reject::Malformed)?;
    let context = relay.receive_mut(packet.context).ok_or(Reject::NoContext)?;
    let accepted = context.judge(Kind::Rtcp, bytes)?;
    context.accept(Kind::Rtcp, &accepted);
    packet.ssrc = accepted.position.ssrc;
    packet.index = accepted.position.index;
    let allowed = match relay.accept(place, packet) {
        Onward::Nowhere => return Ok(()),
        Onward::Clear => None,
        Onward::Protect => Some(onto(packet, &accepted, relay)?),
    };
    if let (Some(context), Some(bytes)) =
        (relay.receive(packet.context), packet.buffer.get_mut(..packet.length))
    {
        context.key(&accepted).decrypt(Kind::Rtcp, bytes, &accepted.layout, accepted.position);
    }
    packet.length = accepted.layout.body;
    if let Some(allowed) = allowed {
        packet.length = allowed.layout.end;
        protect(packet, &allowed, relay);
    }
    Ok(())
}
