// SPDX-License-Identifier: MIT OR Apache-2.0
//! What is done to the bytes of accepted packets.

use arrayvec::ArrayVec;

use super::verify::hmacs;
use crate::kernel::{BATCH, Message, Side, Work};
use crate::keyset::SessionKeys;
use crate::layout::Layout;
use crate::receive::Accepted;
use crate::send::Allowed;
use crate::session::Position;
use crate::{Contexts, Packet, SendContext};

/// An accepted SRTP packet with which something is still to be done.
pub(super) struct Departure {
    /// Its place in the batch.
    pub(super) place: usize,
    /// Header and body are alike in all layouts of a packet.
    pub(super) layout: Layout,
    /// Under what it still lies.
    pub(super) from: Option<Accepted>,
    /// Where it goes, unless to a leg in the clear.
    pub(super) to: Option<To>,
}

pub(super) struct To {
    pub(super) allowed: Allowed,
    /// The payload is encrypted already, and tagged if the tag is GCM's.
    pub(super) sealed: bool,
}

pub(super) type Departures = ArrayVec<Departure, BATCH>;

/// A key and where in its stream a packet lies.
type At<'k> = (&'k SessionKeys, Position);

impl Departure {
    fn leaves<'c>(&self, id: u32, contexts: &'c impl Contexts) -> Option<At<'c>> {
        let accepted = self.from.as_ref()?;
        Some((contexts.receive(id)?.key(accepted), accepted.position))
    }

    fn enters<'c>(&self, id: u32, contexts: &'c impl Contexts) -> Option<At<'c>> {
        let to = self.to.as_ref().filter(|to| !to.sealed)?;
        Some((contexts.send(id)?.key(), to.allowed.position))
    }
}

fn side(at: Option<At<'_>>) -> Option<Side<'_>> {
    at.map_or(Some(Side::Clear), |(key, position)| key.rtp().side(position))
}

/// Takes payloads from key to key, and writes the tags that GCM makes of them.
pub(super) fn transform(packets: &mut [Packet<'_>], departures: &Departures, contexts: &impl Contexts) {
    let mut jobs: ArrayVec<Work<'_, '_>, BATCH> = ArrayVec::new();
    let mut of: ArrayVec<u8, BATCH> = ArrayVec::new();
    let mut machine = None;
    let mut rest = packets.iter_mut().enumerate();
    for (n, departure) in departures.iter().enumerate() {
        let Some((_, packet)) = rest.find(|(place, _)| *place == departure.place) else { break };
        let from = departure.leaves(packet.context, contexts);
        let to = departure.enters(packet.context, contexts);
        let Some((key, _)) = from.or(to) else { continue };
        match (side(from), side(to), key.machine()) {
            (Some(from), Some(to), Some(path)) => {
                let Some(bytes) = packet.buffer.get_mut(..departure.layout.body) else { continue };
                machine = Some(path);
                jobs.push(Work::new(from, to, bytes, departure.layout.header));
                of.push(n as u8);
            }
            _ => step_by_step(packet, departure, from, to),
        }
    }
    let Some(machine) = machine else { return };
    machine.transform(&mut jobs);
    let tags: ArrayVec<[u8; 16], BATCH> = jobs.iter().map(|job| job.tag_to).collect();
    drop(jobs);
    for (tag, n) in tags.iter().zip(of) {
        let Some(departure) = departures.get(usize::from(n)) else { continue };
        let Some(packet) = packets.get_mut(departure.place) else { continue };
        if let (Some((key, _)), Some(to)) = (departure.enters(packet.context, contexts), &departure.to)
            && key.rtp().hmac().is_none()
        {
            key.write_tag(packet.buffer, &to.allowed.layout, tag);
        }
    }
}

/// The way of the portable path, whose ciphers know nothing of each other.
fn step_by_step(packet: &mut Packet<'_>, departure: &Departure, from: Option<At<'_>>, to: Option<At<'_>>) {
    if let Some((key, position)) = from {
        key.apply_keystream(packet.buffer, &departure.layout, position);
    }
    let (Some((key, position)), Some(to)) = (to, &departure.to) else { return };
    key.apply_keystream(packet.buffer, &to.allowed.layout, position);
    if key.rtp().hmac().is_none() {
        let tag = key.rtp().tag(key.machine(), packet.buffer, &to.allowed.layout, position);
        key.write_tag(packet.buffer, &to.allowed.layout, &tag);
    }
}

/// Gives packets that leave under HMAC their tags.
pub(super) fn tag(packets: &mut [Packet<'_>], departures: &Departures, contexts: &impl Contexts) {
    let mut messages: ArrayVec<Message<'_>, BATCH> = ArrayVec::new();
    let mut of: ArrayVec<u8, BATCH> = ArrayVec::new();
    let mut machine = None;
    for (n, departure) in departures.iter().enumerate() {
        let (Some(packet), Some(to)) = (packets.get(departure.place), &departure.to) else { continue };
        let Some(key) = contexts.send(packet.context).map(SendContext::key) else { continue };
        let Some(hmac) = key.rtp().hmac() else { continue };
        let Some(bytes) = packet.buffer.get(..to.allowed.layout.body) else { continue };
        machine = key.machine();
        messages.push(Message { key: hmac, bytes, roll_over_counter: to.allowed.position.roll_over_counter() });
        of.push(n as u8);
    }
    if messages.is_empty() {
        return;
    }
    let mut tags = [[0; 20]; BATCH];
    hmacs(machine, &messages, &mut tags);
    drop(messages);
    for (tag, n) in tags.iter().zip(of) {
        let Some(Departure { place, to: Some(to), .. }) = departures.get(usize::from(n)) else { continue };
        let Some(packet) = packets.get_mut(*place) else { continue };
        if let Some(context) = contexts.send(packet.context) {
            context.key().write_tag(packet.buffer, &to.allowed.layout, tag);
        }
    }
}
