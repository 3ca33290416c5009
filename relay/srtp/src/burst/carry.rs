// SPDX-License-Identifier: MIT OR Apache-2.0
//! Payloads from key to key.

use crate::kernel::{Side, Work};
use crate::keyset::SessionKeys;
use crate::session::Position;

/// A key, and where in its key stream a packet lies.
pub(super) type At<'k> = (&'k SessionKeys, Position);

/// Takes a payload from one key, or from plain text, to another, or to plain text. `packet` is header and payload. Returns
/// GCM's tag of what is there now.
#[inline(always)]
pub(super) fn carry(packet: &mut [u8], header: usize, from: Option<At<'_>>, to: Option<At<'_>>) -> [u8; 16] {
    let machine = from.or(to).and_then(|(key, _)| key.machine());
    if let (Some(from), Some(to), Some(machine)) = (side(from), side(to), machine) {
        let mut work = [Work::new(from, to, packet, header)];
        machine.transform(&mut work);
        return work[0].tag_to;
    }
    portably(packet, header, from, to)
}

/// How the kernels take a side; `None` if they do not.
#[inline(always)]
fn side(at: Option<At<'_>>) -> Option<Side<'_>> {
    at.map_or(Some(Side::Clear), |(key, position)| key.rtp().side(position))
}

/// The way of the portable path, whose ciphers know nothing of each other.
#[inline(never)]
fn portably(packet: &mut [u8], header: usize, from: Option<At<'_>>, to: Option<At<'_>>) -> [u8; 16] {
    let (header, payload) = packet.split_at_mut(header.min(packet.len()));
    for (key, position) in [from, to].into_iter().flatten() {
        key.apply_keystream(payload, position);
    }
    to.map_or([0; 16], |(key, position)| key.rtp().gcm_tag(key.machine(), header, payload, position))
}
