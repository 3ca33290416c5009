// SPDX-License-Identifier: MIT OR Apache-2.0
use crate::{Contexts, Packet, Reject};

/// Authenticates and decrypts every packet of the burst in place, in order, each under its receive context. Packets
/// whose outcome is already an error are passed over. Neither allocates nor blocks.
pub fn unprotect_burst(packets: &mut [Packet<'_>], contexts: &mut impl Contexts) {
    for packet in packets.iter_mut().filter(|packet| packet.outcome.is_ok()) {
        packet.outcome = match contexts.receive(packet.context) {
            Some(context) => context.unprotect(packet),
            None => Err(Reject::NoContext),
        };
    }
}

/// Encrypts and tags every packet of the burst in place, in order, each under its send context. Packets whose outcome is
/// already an error are passed over. Neither allocates nor blocks.
pub fn protect_burst(packets: &mut [Packet<'_>], contexts: &mut impl Contexts) {
    for packet in packets.iter_mut().filter(|packet| packet.outcome.is_ok()) {
        packet.outcome = match contexts.send(packet.context) {
            Some(context) => context.protect(packet),
            None => Err(Reject::NoContext),
        };
    }
}
