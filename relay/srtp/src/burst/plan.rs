// SPDX-License-Identifier: MIT OR Apache-2.0
use arrayvec::ArrayVec;

use crate::kernel::{BATCH, Side};
use crate::send::Allowed;
use crate::{Contexts, Kind, Packet, receive};

/// How many packets ahead the contexts are asked for: a packet is planned in less time than memory takes to answer.
const AHEAD: usize = 6;

/// What is foreseen for a packet, and what has been found out where it was foreseen.
pub(super) struct Plan {
    pub(super) receive: receive::Plan,
    pub(super) means: Means,
    pub(super) authentic: bool,
}

/// What tells whether a packet authenticates.
pub(super) enum Means {
    Hmac,
    /// GCM, which takes the packet on to where it will go with its send context, or else to plain text.
    Gcm { to: Option<Allowed>, tag: [u8; 16] },
}

/// The plans of a batch, by place. There is none for SRTCP, for GCM on the portable path, and for what will be refused for
/// its form.
pub(super) type Plans = ArrayVec<Option<Plan>, BATCH>;

pub(super) fn plan(packets: &[Packet<'_>], contexts: &impl Contexts) -> Plans {
    for packet in packets.iter().take(AHEAD) {
        prefetch(packet, contexts);
    }
    let mut plans = Plans::new();
    for (place, packet) in packets.iter().enumerate() {
        if let Some(packet) = packets.get(place + AHEAD) {
            prefetch(packet, contexts);
        }
        let planned = packet.outcome.is_ok() && packet.kind == Kind::Rtp;
        plans.push(if planned { of(packet, contexts) } else { None });
    }
    plans
}

#[inline]
fn prefetch(packet: &Packet<'_>, contexts: &impl Contexts) {
    if let Some(context) = contexts.receive(packet.context) {
        context.prefetch();
    }
    if let Some(context) = contexts.send(packet.context) {
        context.prefetch();
    }
}

#[inline]
fn of(packet: &Packet<'_>, contexts: &impl Contexts) -> Option<Plan> {
    let context = contexts.receive(packet.context)?;
    let receive = context.plan(packet.bytes())?;
    let keys = context.planned_key(&receive).rtp();
    if keys.hmac().is_some() {
        return Some(Plan { receive, means: Means::Hmac, authentic: false });
    }
    let Some(Side::Gcm(_)) = keys.side(receive.position) else { return None };
    let to = contexts.send(packet.context).and_then(|context| {
        let allowed = context.judge(
            Kind::Rtp,
            &receive.parsed.header,
            receive.parsed.layout.body,
            packet.buffer.len(),
        );
        let allowed = allowed.ok()?;
        context.key().rtp().side(allowed.position).map(|_| allowed)
    });
    Some(Plan { receive, means: Means::Gcm { to, tag: [0; 16] }, authentic: false })
}
