// SPDX-License-Identifier: MIT OR Apache-2.0
use arrayvec::ArrayVec;

use super::verify::hmacs;
use crate::kernel::{BATCH, Message};
use crate::layout::Layout;
use crate::{Contexts, Packet, Reject};

/// A packet that is encrypted and still lacks its HMAC.
pub(super) struct Untagged {
    /// Its place in the batch.
    pub(super) place: u8,
    pub(super) layout: Layout,
    pub(super) roll_over_counter: u32,
}

pub(super) type Waiting = ArrayVec<Untagged, BATCH>;

/// Writes the HMACs of packets that leave under one.
#[inline(always)]
pub(super) fn tag(packets: &mut [Packet<'_>], waiting: &Waiting, contexts: &impl Contexts) {
    let mut messages: ArrayVec<Message<'_>, BATCH> = ArrayVec::new();
    let mut machine = None;
    for Untagged { place, layout, roll_over_counter } in waiting {
        if let Some(packet) = packets.get(usize::from(*place))
            && let Some(key) = contexts.send(packet.context).map(|context| context.key())
            && let (Some(hmac), Some(bytes)) = (key.rtp().hmac(), packet.buffer.get(..layout.body()))
        {
            machine = key.machine();
            messages.push(Message { key: hmac, bytes, roll_over_counter: *roll_over_counter });
        }
    }
    if messages.len() != waiting.len() {
        drop(messages);
        return refuse(packets, waiting);
    }
    if messages.is_empty() {
        return;
    }
    let mut tags = [[0; 20]; BATCH];
    hmacs(machine, &messages, &mut tags);
    drop(messages);
    for (Untagged { place, layout, .. }, tag) in waiting.iter().zip(&tags) {
        if let Some(packet) = packets.get_mut(usize::from(*place))
            && let Some(context) = contexts.send(packet.context)
        {
            context.key().write_tag(packet.buffer, layout, tag);
        }
    }
}

/// Nothing leaves without its tag. There is no way here as long as contexts stay where they are during a burst.
#[cold]
fn refuse(packets: &mut [Packet<'_>], waiting: &Waiting) {
    for Untagged { place, .. } in waiting {
        if let Some(packet) = packets.get_mut(usize::from(*place)) {
            packet.outcome = Err(Reject::NoContext);
        }
    }
}
