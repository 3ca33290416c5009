// SPDX-License-Identifier: MIT OR Apache-2.0
use arrayvec::ArrayVec;

use super::plan::{Means, Plan, Plans};
use crate::kernel::{BATCH, Machine, Message, Side, Work};
use crate::session::equal;
use crate::{Contexts, Packet};

/// Finds out which packets authenticate where their plans have them.
pub(super) fn verify(packets: &mut [Packet<'_>], plans: &mut Plans, contexts: &impl Contexts) {
    by_hmac(packets, plans, contexts);
    by_gcm(packets, plans, contexts);
}

fn by_hmac(packets: &[Packet<'_>], plans: &mut Plans, contexts: &impl Contexts) {
    let mut messages: ArrayVec<Message<'_>, BATCH> = ArrayVec::new();
    let mut machine = None;
    for (packet, plan) in packets.iter().zip(plans.iter()) {
        let Some(Plan { receive, means: Means::Hmac, .. }) = plan else { continue };
        let Some(context) = contexts.receive(packet.context) else { continue };
        let key = context.planned_key(receive);
        let Some(hmac) = key.rtp().hmac() else { continue };
        let Some(bytes) = packet.buffer.get(..receive.parsed.layout.body) else { continue };
        machine = key.machine();
        messages.push(Message { key: hmac, bytes, roll_over_counter: receive.position.roll_over_counter() });
    }
    if messages.is_empty() {
        return;
    }
    let mut tags = [[0; 20]; BATCH];
    hmacs(machine, &messages, &mut tags);
    let mut tags = tags.iter();
    for (packet, plan) in packets.iter().zip(plans.iter_mut()) {
        let Some(Plan { receive, means: Means::Hmac, authentic }) = plan else { continue };
        let received = receive.parsed.layout.tag(packet.buffer);
        *authentic = tags.next().is_some_and(|tag| equal(tag, received));
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

fn by_gcm(packets: &mut [Packet<'_>], plans: &mut Plans, contexts: &impl Contexts) {
    let mut jobs: ArrayVec<Work<'_, '_>, BATCH> = ArrayVec::new();
    let mut machine = None;
    for (packet, plan) in packets.iter_mut().zip(plans.iter()) {
        let Some(Plan { receive, means: Means::Gcm { to, .. }, .. }) = plan else { continue };
        let Some(key) = contexts.receive(packet.context).map(|context| context.planned_key(receive)) else {
            continue;
        };
        let Some(from) = key.rtp().side(receive.position) else { continue };
        let to = to.as_ref().and_then(|to| contexts.send(packet.context)?.key().rtp().side(to.position));
        let Some(bytes) = packet.buffer.get_mut(..receive.parsed.layout.body) else { continue };
        machine = key.machine();
        jobs.push(Work::new(from, to.unwrap_or(Side::Clear), bytes, receive.parsed.layout.header));
    }
    let Some(machine) = machine else { return };
    machine.transform(&mut jobs);
    let mut tags: ArrayVec<_, BATCH> = ArrayVec::new();
    tags.extend(jobs.iter().map(|job| (job.tag_from, job.tag_to)));
    drop(jobs);
    let mut tags = tags.iter();
    for (packet, plan) in packets.iter().zip(plans.iter_mut()) {
        let Some(Plan { receive, means: Means::Gcm { tag, .. }, authentic }) = plan else { continue };
        let Some((tag_from, tag_to)) = tags.next() else { continue };
        *authentic = equal(tag_from, receive.parsed.layout.tag(packet.buffer));
        *tag = *tag_to;
    }
}

/// Undoes what [`verify`] did to a packet: key streams are their own inverse.
pub(super) fn restore(packet: &mut Packet<'_>, plan: &Plan, contexts: &impl Contexts) {
    let Plan { receive, means: Means::Gcm { .. }, .. } = plan else { return };
    if let Some(context) = contexts.receive(packet.context) {
        let key = context.planned_key(receive);
        key.apply_keystream(packet.buffer, &receive.parsed.layout, receive.position);
    }
    unseal(packet, plan, contexts);
}

/// Undoes the half of it that belongs to the send context.
pub(super) fn unseal(packet: &mut Packet<'_>, plan: &Plan, contexts: &impl Contexts) {
    let Plan { means: Means::Gcm { to: Some(to), .. }, .. } = plan else { return };
    if let Some(context) = contexts.send(packet.context) {
        context.key().apply_keystream(packet.buffer, &to.layout, to.position);
    }
}
