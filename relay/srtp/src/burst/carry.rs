// SPDX-License-Identifier: MIT OR Apache-2.0
//! Payloads from key to key.

use crate::kernel::{self, Work};
use crate::keyset::SessionKeys;
use crate::session::Position;

/// A key, and where in its key stream a packet lies.
pub(super) type At<'k> = (&'k SessionKeys, Position);

/// Takes a payload from one key, or from plain text, to another, or to plain text. `packet` is header and payload. Returns
/// GCM's tag of what is there now.
#[inline(always)]
pub(super) fn carry(packet: &mut [u8], header: usize, from: Option<At<'_>>, to: Option<At<'_>>) -> [u8; 16] {
    let machine = |at: Option<At<'_>>| at.map(|(key, _)| key.machine());
    let machine = match (machine(from), machine(to)) {
        (Some(Some(machine)), Some(Some(_)) | None) | (None, Some(Some(machine))) => machine,
        _ => return portably(packet, header, from, to),
    };
    let mut work = Work::new(rtp(from), rtp(to), packet, header);
    machine.transform(&mut work);
    work.tag_to
}

#[inline(always)]
fn rtp(at: Option<At<'_>>) -> Option<kernel::At<'_>> {
    at.map(|(key, position)| (key.rtp(), position))
}

/// The way of the paths without kernels, whose ciphers know nothing of each other.
#[inline(never)]
fn portably(packet: &mut [u8], header: usize, from: Option<At<'_>>, to: Option<At<'_>>) -> [u8; 16] {
    let (header, payload) = packet.split_at_mut(header.min(packet.len()));
    if let Some((key, position)) = from {
        key.apply_keystream(payload, position);
    }
    to.map_or([0; 16], |(key, position)| key.rtp().encrypt(key.machine(), header, payload, position))
}
