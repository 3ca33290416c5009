// SPDX-License-Identifier: MIT OR Apache-2.0
use arrayvec::ArrayVec;

use crate::kernel::{BATCH, Machine, Message};
use crate::receive::Accepted;
use crate::session::equal;
use crate::{Contexts, Kind, Packet};

/// How many packets ahead the contexts are asked for: a packet is foreseen in less time than memory takes to answer.
const AHEAD: usize = 8;

/// A packet whose tag is an HMAC: where it was foreseen to stand, and whether it authenticates there.
pub(super) struct Foreseen {
    pub(super) accepted: Accepted,
    pub(super) authentic: bool,
}

/// By place in the batch.
pub(super) type Foresight = ArrayVec<Option<Foreseen>, BATCH>;

/// Computes the HMACs of a batch, each packet's as if none before it had been accepted. `foresight` is empty.
#[inline(never)]
pub(super) fn verify(packets: &[Packet<'_>], foresight: &mut Foresight, contexts: &impl Contexts) {
    let mut messages: ArrayVec<Message<'_>, BATCH> = ArrayVec::new();
    let mut machine = None;
    for place in 0..AHEAD {
        prefetch(packets, place, contexts);
    }
    for (place, packet) in packets.iter().enumerate() {
        prefetch(packets, place + AHEAD, contexts);
        let mut foreseen = None;
        if packet.outcome.is_ok()
            && packet.kind == Kind::Rtp
            && let Some(context) = contexts.receive(packet.context)
            && context.keys().first().rtp().hmac().is_some()
            && let Some(accepted) = context.foresee(packet.bytes())
            && let Some(hmac) = context.key(&accepted).rtp().hmac()
            && let Some(bytes) = packet.buffer.get(..usize::from(accepted.body))
        {
            machine = context.key(&accepted).machine();
            let roll_over_counter = accepted.position().roll_over_counter();
            messages.push(Message { key: hmac, bytes, roll_over_counter });
            foreseen = Some(Foreseen { accepted, authentic: false });
        }
        foresight.push(foreseen);
    }
    if messages.is_empty() {
        return;
    }
    let mut tags = [[0; 20]; BATCH];
    hmacs(machine, &messages, &mut tags);
    let mut tags = tags.iter();
    for (packet, foreseen) in packets.iter().zip(foresight) {
        if let Some(Foreseen { accepted, authentic }) = foreseen
            && let (Some(tag), Some(context)) = (tags.next(), contexts.receive(packet.context))
        {
            *authentic = equal(tag, context.tag(packet.buffer, accepted));
        }
    }
}

/// Asks for the contexts of a packet, and for the keys of an earlier one, whose context has arrived since. Packets that follow
/// one of the same context need nothing more.
#[inline(always)]
fn prefetch(packets: &[Packet<'_>], place: usize, contexts: &impl Contexts) {
    let changed = |place: usize| {
        let id = packets.get(place)?.context;
        let before = packets.get(place.wrapping_sub(1)).map(|packet| packet.context);
        (before != Some(id)).then_some(id)
    };
    if let Some(id) = changed(place) {
        if let Some(context) = contexts.receive(id) {
            context.prefetch();
        }
        if let Some(context) = contexts.send(id) {
            context.prefetch();
        }
    }
    if let Some(id) = place.checked_sub(AHEAD / 2).and_then(changed) {
        if let Some(context) = contexts.receive(id) {
            context.prefetch_key();
        }
        if let Some(context) = contexts.send(id) {
            context.prefetch_key();
        }
    }
}

/// The HMACs of up to [`BATCH`] messages, in order.
pub(super) fn hmacs(machine: Option<Machine>, messages: &[Message<'_>], tags: &mut [[u8; 20]; BATCH]) {
    match machine {
        Some(machine) => machine.tags(messages, tags),
        None => {
            for (message, tag) in messages.iter().zip(tags) {
                *tag = message.key.tag(message.bytes, message.roll_over_counter.to_be_bytes());
            }
        }
    }
}
