// SPDX-License-Identifier: MIT OR Apache-2.0

use crate::maps;
use crate::packet::Packet;
use aya_ebpf::programs::XdpContext;
use culvert_ebpf_abi::Counter;
use culvert_wire::{Class, Headers, Malformed, media_class};

/// What becomes of a packet.
pub(crate) enum Outcome {
    /// Not to a relay endpoint.
    NotOurs,
    /// On its way to the socket of its receive queue.
    Redirected,
    /// To a relay endpoint, but its receive queue has no socket.
    NoSocket,
    /// To a relay endpoint, and nothing that is relayed.
    Drop(Counter),
}

#[inline(always)]
pub(crate) fn steer(context: &XdpContext) -> Outcome {
    let packet = Packet::new(context);
    let Ok(headers) = Headers::parse(packet) else { return Outcome::NotOurs };
    if !maps::is_relay(headers.destination) {
        // The kernel would take it through its stack, only to answer that nobody listens.
        let kept = maps::is_media_port(headers.destination);
        return if kept { Outcome::Drop(Counter::UnknownPort) } else { Outcome::NotOurs };
    }
    match class(&headers, packet) {
        Ok(Class::Rtp | Class::Stun | Class::Dtls) if maps::redirect(queue(context)) => Outcome::Redirected,
        Ok(Class::Rtp | Class::Stun | Class::Dtls) => Outcome::NoSocket,
        Ok(Class::Zrtp) => Outcome::Drop(Counter::Zrtp),
        Ok(Class::TurnChannel) => Outcome::Drop(Counter::TurnChannel),
        Ok(Class::Unknown) => Outcome::Drop(Counter::UnknownClass),
        Err(reason) => Outcome::Drop(Counter::Malformed(reason)),
    }
}

#[inline(always)]
fn class(headers: &Headers, packet: Packet) -> Result<Class, Malformed> {
    let payload = headers.payload(packet)?;
    media_class(packet, payload)
}

#[inline(always)]
fn queue(context: &XdpContext) -> u32 {
    // SAFETY: the kernel hands the program a valid context.
    unsafe { (*context.ctx).rx_queue_index }
}
