// SPDX-License-Identifier: MIT OR Apache-2.0
use super::carry::carry;
use super::headers;
use super::tag::{Untagged, Waiting};
use super::verify::{Foreseen, Foresight};
use crate::header::Header;
use crate::header_protection::Treatment;
use crate::kernel::Work;
use crate::keyset::SessionKeys;
use crate::receive::Accepted;
use crate::send::Allowed;
use crate::session::equal;
use crate::{Contexts, Kind, Onward, Packet, Reject, Relay};

/// Gives every packet its verdict, in order. What is accepted changes the contexts, and its payload is taken to its new
/// key. `first` is the place in the burst of the batch's first packet; `waiting` gets the packets that still lack a tag.
///
/// This and the two ways of a packet are functions of their own: in one they would have more values than registers.
#[inline(never)]
pub(super) fn decide(
    first: usize,
    packets: &mut [Packet<'_>],
    foresight: &Foresight,
    waiting: &mut Waiting,
    relay: &mut impl Relay,
) {
    for (place, (packet, foreseen)) in packets.iter_mut().zip(foresight).enumerate() {
        if packet.outcome.is_err() {
            continue;
        }
        let decided = match (packet.kind, foreseen) {
            (Kind::Rtp, Some(foreseen)) => by_hmac(first, place, packet, foreseen, waiting, relay),
            (Kind::Rtp, None) => by_gcm(first, place, packet, waiting, relay),
            (Kind::Rtcp, _) => rtcp(first + place, packet, relay),
        };
        if let Err(reject) = decided {
            packet.outcome = Err(reject);
        }
    }
}

/// Lets plain packets through to their send contexts.
pub(super) fn admit(packets: &mut [Packet<'_>], waiting: &mut Waiting, contexts: &mut impl Contexts) {
    for (place, packet) in packets.iter_mut().enumerate() {
        if packet.outcome.is_ok()
            && let Err(reject) = seal(place, packet, waiting, contexts)
        {
            packet.outcome = Err(reject);
        }
    }
}

fn seal(
    place: usize,
    packet: &mut Packet<'_>,
    waiting: &mut Waiting,
    contexts: &mut impl Contexts,
) -> Result<(), Reject> {
    let context = contexts.send_mut(packet.context).ok_or(Reject::NoContext)?;
    if context.protects_headers() && packet.kind == Kind::Rtp {
        return headers::protect(place, packet, waiting, contexts);
    }
    let header = Header::parse(packet.kind, packet.buffer.get(..packet.length).ok_or(Reject::Malformed)?)?;
    let allowed = context.judge(packet.kind, &header, packet.length, packet.buffer.len())?;
    context.accept(packet.kind, &allowed);
    packet.ssrc = allowed.ssrc;
    close(place, packet, &allowed, None, waiting, contexts)
}

/// A packet whose HMAC has been computed where it was foreseen.
#[inline(never)]
fn by_hmac(
    first: usize,
    place: usize,
    packet: &mut Packet<'_>,
    foreseen: &Foreseen,
    waiting: &mut Waiting,
    relay: &mut impl Relay,
) -> Result<(), Reject> {
    let context = relay.receive_mut(packet.context).ok_or(Reject::NoContext)?;
    let accepted = match context.confirm(&foreseen.accepted) {
        Some(accepted) if foreseen.authentic => {
            context.accept(Kind::Rtp, &accepted);
            accepted
        }
        // A packet before this one may have moved the index, so that the tag was computed for the wrong one.
        confirmed => unusual(packet, confirmed.map(|_| foreseen), relay)?,
    };
    onward(first, place, packet, &accepted, waiting, relay)
}

/// A packet of which nothing is known yet. If GCM is what tells whether it authenticates, that is found out on the way to
/// its new key, which is undone for one that does not.
#[inline(never)]
fn by_gcm(
    first: usize,
    place: usize,
    packet: &mut Packet<'_>,
    waiting: &mut Waiting,
    relay: &mut impl Relay,
) -> Result<(), Reject> {
    let context = relay.receive(packet.context).ok_or(Reject::NoContext)?;
    let Some(accepted) = context.foresee(packet.bytes()) else {
        if context.protects_headers() {
            return headers::rekey(first, place, packet, waiting, relay);
        }
        let accepted = unusual(packet, None, relay)?;
        return onward(first, place, packet, &accepted, waiting, relay);
    };
    let (body, header) = (usize::from(accepted.body), usize::from(accepted.header.length));
    let key = context.key(&accepted);
    let (true, Some(machine)) = (key.rtp().is_gcm(), key.machine()) else {
        let accepted = unusual(packet, None, relay)?;
        return onward(first, place, packet, &accepted, waiting, relay);
    };
    let room = packet.buffer.len();
    let send = relay
        .send(packet.context)
        .filter(|context| context.key().machine().is_some() && !context.protects_headers());
    let to = send.and_then(|context| {
        let allowed = context.judge(Kind::Rtp, &accepted.header, body, room).ok()?;
        Some((context.key().rtp(), allowed))
    });
    let from = Some((key.rtp(), accepted.position()));
    let side = to.as_ref().map(|(key, allowed)| (*key, allowed.position()));
    let to = to.map(|(_, allowed)| allowed);
    let bytes = packet.buffer.get_mut(..body).ok_or(Reject::Malformed)?;
    let mut work = Work::new(from, side, bytes, header);
    machine.transform(&mut work);
    let Work { tag_from, tag_to, .. } = work;
    let authentic = equal(&tag_from, context.tag(packet.buffer, &accepted));
    if !authentic {
        restore(packet, &accepted, to.as_ref(), relay);
        let foreseen = Foreseen { accepted, authentic };
        let accepted = unusual(packet, Some(&foreseen), relay)?;
        return onward(first, place, packet, &accepted, waiting, relay);
    }
    if let Some(context) = relay.receive_mut(packet.context) {
        context.accept(Kind::Rtp, &accepted);
    }
    packet.ssrc = accepted.header.ssrc;
    packet.index = accepted.index;
    match (relay.accept(first + place, packet), to) {
        (Onward::Protect, Some(allowed)) => {
            let Some(context) = relay.send_mut(packet.context) else { return Err(Reject::NoContext) };
            context.accept(Kind::Rtp, &allowed);
            packet.length = allowed.layout.end();
            packet.index = allowed.index;
            if context.key().rtp().hmac().is_some() {
                waiting.push(untagged(place, &allowed));
            } else {
                context.key().write_tag(packet.buffer, &allowed.layout, &tag_to);
            }
            Ok(())
        }
        (Onward::Clear, None) => {
            packet.length = body;
            Ok(())
        }
        (onward, to) => {
            restore(packet, &accepted, to.as_ref(), relay);
            go(place, packet, &accepted, onward, waiting, relay)
        }
    }
}

/// Puts a payload back that GCM has taken on its way: key streams are their own inverse.
#[cold]
#[inline(never)]
fn restore(packet: &mut Packet<'_>, accepted: &Accepted, to: Option<&Allowed>, contexts: &impl Contexts) {
    let (header, body) = (usize::from(accepted.header.length), usize::from(accepted.body));
    let Some(payload) = packet.buffer.get_mut(header..body) else { return };
    if let Some(context) = contexts.receive(packet.context) {
        context.key(accepted).apply_keystream(payload, accepted.position());
    }
    if let (Some(to), Some(context)) = (to, contexts.send(packet.context)) {
        context.key().apply_keystream(payload, to.position());
    }
}

/// Judges and accepts a packet that does not authenticate where it was foreseen, is out of order, is the first under its
/// key, or was not foreseen. Its payload is as it came.
#[cold]
#[inline(never)]
fn unusual(
    packet: &Packet<'_>,
    foreseen: Option<&Foreseen>,
    relay: &mut impl Relay,
) -> Result<Accepted, Reject> {
    let bytes = packet.buffer.get(..packet.length).ok_or(Reject::Malformed)?;
    let context = relay.receive_mut(packet.context).ok_or(Reject::NoContext)?;
    let accepted = match foreseen {
        Some(foreseen) => context.judge_foreseen(bytes, &foreseen.accepted, foreseen.authentic),
        None => context.judge(Kind::Rtp, bytes),
    }?;
    context.accept(Kind::Rtp, &accepted);
    Ok(accepted)
}

/// Asks where an accepted packet goes, and takes it there.
#[inline(always)]
fn onward(
    first: usize,
    place: usize,
    packet: &mut Packet<'_>,
    accepted: &Accepted,
    waiting: &mut Waiting,
    relay: &mut impl Relay,
) -> Result<(), Reject> {
    packet.ssrc = accepted.header.ssrc;
    packet.index = accepted.index;
    let onward = relay.accept(first + place, packet);
    go(place, packet, accepted, onward, waiting, relay)
}

#[inline(always)]
fn go(
    place: usize,
    packet: &mut Packet<'_>,
    accepted: &Accepted,
    onward: Onward,
    waiting: &mut Waiting,
    relay: &mut impl Relay,
) -> Result<(), Reject> {
    let body = usize::from(accepted.body);
    match onward {
        Onward::Nowhere => {}
        Onward::Clear => {
            let context = relay.receive(packet.context).ok_or(Reject::NoContext)?;
            let from = Some((context.key(accepted), accepted.position()));
            let bytes = packet.buffer.get_mut(..body).ok_or(Reject::Malformed)?;
            carry(bytes, usize::from(accepted.header.length), from, None);
            packet.length = body;
        }
        Onward::Protect => {
            let context = relay.send_mut(packet.context).ok_or(Reject::NoContext)?;
            if context.protects_headers() {
                return headers::onward(place, packet, accepted, Treatment::Nothing, waiting, relay);
            }
            let allowed = context.judge(Kind::Rtp, &accepted.header, body, packet.buffer.len())?;
            context.accept(Kind::Rtp, &allowed);
            close(place, packet, &allowed, Some(accepted), waiting, relay)?;
        }
    }
    Ok(())
}

/// Encrypts a packet that has its place under the send context, from where it still lies if that is not in the clear. What
/// cannot be encrypted is refused: a packet without a verdict against it is one that may be sent.
#[inline(always)]
fn close(
    place: usize,
    packet: &mut Packet<'_>,
    allowed: &Allowed,
    accepted: Option<&Accepted>,
    waiting: &mut Waiting,
    contexts: &impl Contexts,
) -> Result<(), Reject> {
    let key = contexts.send(packet.context).ok_or(Reject::NoContext)?.key();
    let bytes = packet.buffer.get_mut(..allowed.layout.end()).ok_or(Reject::NoRoom)?;
    if packet.kind == Kind::Rtcp {
        key.protect(Kind::Rtcp, bytes, &allowed.layout, allowed.position());
    } else {
        let from = match accepted {
            Some(accepted) => {
                let context = contexts.receive(packet.context).ok_or(Reject::NoContext)?;
                Some((context.key(accepted), accepted.position()))
            }
            None => None,
        };
        let to = Some((key, allowed.position()));
        let tag = carry(&mut bytes[..allowed.layout.body()], allowed.layout.header(), from, to);
        close_by(tag, place, bytes, key, allowed, waiting);
    }
    packet.length = allowed.layout.end();
    packet.index = allowed.index;
    Ok(())
}

/// Writes the tag of a packet that is encrypted, which is `gcm` if it is not an HMAC. Those that are made many at once are
/// left for later.
#[inline(always)]
pub(super) fn close_by(
    gcm: [u8; 16],
    place: usize,
    buffer: &mut [u8],
    key: &SessionKeys,
    allowed: &Allowed,
    waiting: &mut Waiting,
) {
    if key.rtp().hmac().is_some() {
        return waiting.push(untagged(place, allowed));
    }
    let hmac = (buffer.get(..allowed.layout.body()))
        .and_then(|packet| key.rtp().hmac_alone(packet, allowed.position()));
    match hmac {
        Some(hmac) => key.write_tag(buffer, &allowed.layout, &hmac),
        None => key.write_tag(buffer, &allowed.layout, &gcm),
    }
}

#[inline(always)]
fn untagged(place: usize, allowed: &Allowed) -> Untagged {
    let roll_over_counter = allowed.position().roll_over_counter();
    Untagged { place: place as u8, layout: allowed.layout, roll_over_counter }
}

/// An SRTCP packet, from beginning to end.
fn rtcp(place: usize, packet: &mut Packet<'_>, relay: &mut impl Relay) -> Result<(), Reject> {
    let bytes = packet.buffer.get(..packet.length).ok_or(Reject::Malformed)?;
    let context = relay.receive_mut(packet.context).ok_or(Reject::NoContext)?;
    let accepted = context.judge(Kind::Rtcp, bytes)?;
    context.accept(Kind::Rtcp, &accepted);
    packet.ssrc = accepted.header.ssrc;
    packet.index = accepted.index;
    let body = usize::from(accepted.body);
    let allowed = match relay.accept(place, packet) {
        Onward::Nowhere => return Ok(()),
        Onward::Clear => None,
        Onward::Protect => {
            let context = relay.send_mut(packet.context).ok_or(Reject::NoContext)?;
            let allowed = context.judge(Kind::Rtcp, &accepted.header, body, packet.buffer.len())?;
            context.accept(Kind::Rtcp, &allowed);
            Some(allowed)
        }
    };
    let context = relay.receive(packet.context).ok_or(Reject::NoContext)?;
    let bytes = packet.buffer.get_mut(..packet.length).ok_or(Reject::Malformed)?;
    context.decrypt(Kind::Rtcp, bytes, &accepted);
    packet.length = body;
    if let Some(allowed) = allowed {
        close(0, packet, &allowed, None, &mut Waiting::new(), relay)?;
    }
    Ok(())
}
