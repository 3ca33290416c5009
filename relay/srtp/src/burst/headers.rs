// SPDX-License-Identifier: MIT OR Apache-2.0
//! Packets of which a leg encrypts more than the payload. They go from leg to leg by way of the plain packet, one by one.

use culvert_wire::rtp;

use super::carry::carry;
use super::decide::close_by;
use super::tag::Waiting;
use crate::cryptex::ENCRYPTED_FROM;
use crate::header::Header;
use crate::header_protection::Treatment;
use crate::receive::Accepted;
use crate::send::Allowed;
use crate::{Contexts, Kind, Onward, Packet, Reject, Relay};

/// An SRTP packet whose receive context protects headers. `first` and `place` are as in [`decide`](super::decide::decide).
#[cold]
#[inline(never)]
pub(super) fn rekey(
    first: usize,
    place: usize,
    packet: &mut Packet<'_>,
    waiting: &mut Waiting,
    relay: &mut impl Relay,
) -> Result<(), Reject> {
    let context = relay.receive_mut(packet.context).ok_or(Reject::NoContext)?;
    let bytes = packet.buffer.get_mut(..packet.length).ok_or(Reject::Malformed)?;
    let (accepted, opening) = context.judge_headers(bytes)?;
    context.accept(Kind::Rtp, &accepted);
    packet.ssrc = accepted.header.ssrc;
    packet.index = accepted.index;
    match relay.accept(first + place, packet) {
        Onward::Nowhere => Ok(()),
        Onward::Clear => {
            let body = usize::from(accepted.body);
            if let (Some(context), Some(bytes)) =
                (relay.receive(packet.context), packet.buffer.get_mut(..body))
            {
                context.open(bytes, &accepted, opening);
            }
            packet.length = body;
            Ok(())
        }
        Onward::Protect => onward(place, packet, &accepted, opening, waiting, relay),
    }
}

/// Takes an accepted packet, which is as it came, to its send context.
#[cold]
#[inline(never)]
pub(super) fn onward(
    place: usize,
    packet: &mut Packet<'_>,
    accepted: &Accepted,
    opening: Treatment,
    waiting: &mut Waiting,
    relay: &mut impl Relay,
) -> Result<(), Reject> {
    let (body, room) = (usize::from(accepted.body), packet.buffer.len());
    let bytes = packet.buffer.get_mut(..body).ok_or(Reject::Malformed)?;
    let wire = rtp::Header::parse(bytes).map_err(|_| Reject::Malformed)?;
    let plain = match opening {
        Treatment::Cryptex(portion) => portion.plain(wire),
        Treatment::Elements | Treatment::Nothing => wire,
    };
    let to = relay.send(packet.context).ok_or(Reject::NoContext)?;
    let (allowed, sealing) = to.judge_headers(&plain, body, room)?;
    let from = relay.receive(packet.context).ok_or(Reject::NoContext)?;
    from.open(bytes, accepted, opening);
    if let Err(reject) = to.judge_elements(bytes, sealing) {
        from.shut(bytes, accepted, opening);
        return Err(reject);
    }
    if let Some(context) = relay.send_mut(packet.context) {
        context.accept(Kind::Rtp, &allowed);
    }
    seal(place, packet, &allowed, sealing, waiting, relay)
}

/// A plain RTP packet whose send context protects headers.
#[cold]
#[inline(never)]
pub(super) fn protect(
    place: usize,
    packet: &mut Packet<'_>,
    waiting: &mut Waiting,
    contexts: &mut impl Contexts,
) -> Result<(), Reject> {
    let context = contexts.send_mut(packet.context).ok_or(Reject::NoContext)?;
    let bytes = packet.buffer.get(..packet.length).ok_or(Reject::Malformed)?;
    Header::parse(Kind::Rtp, bytes)?;
    let plain = rtp::Header::parse(bytes).map_err(|_| Reject::Malformed)?;
    let (allowed, sealing) = context.judge_headers(&plain, packet.length, packet.buffer.len())?;
    context.judge_elements(bytes, sealing)?;
    context.accept(Kind::Rtp, &allowed);
    packet.ssrc = allowed.ssrc;
    seal(place, packet, &allowed, sealing, waiting, contexts)
}

/// Encrypts a plain packet that has its place under the send context.
fn seal(
    place: usize,
    packet: &mut Packet<'_>,
    allowed: &Allowed,
    sealing: Treatment,
    waiting: &mut Waiting,
    contexts: &impl Contexts,
) -> Result<(), Reject> {
    let context = contexts.send(packet.context).ok_or(Reject::NoContext)?;
    let bytes = packet.buffer.get_mut(..allowed.layout.body()).ok_or(Reject::NoRoom)?;
    let to = Some((context.key(), allowed.position()));
    let tag = match sealing {
        Treatment::Cryptex(portion) => {
            portion.mark(bytes);
            portion.contiguous(bytes, |bytes| carry(bytes, ENCRYPTED_FROM, None, to))
        }
        Treatment::Elements => {
            context.encrypt_elements(bytes, allowed.index);
            carry(bytes, allowed.layout.header(), None, to)
        }
        Treatment::Nothing => carry(bytes, allowed.layout.header(), None, to),
    };
    close_by(tag, place, packet.buffer, context.key(), allowed, waiting);
    packet.length = allowed.layout.end();
    packet.index = allowed.index;
    Ok(())
}
