// SPDX-License-Identifier: MIT OR Apache-2.0
//! How tests give kernels their work.

use super::{Machine, Work};
use crate::cipher::hmac::HmacKey;
use crate::session::{Position, RtpKeys};

/// A key, and where in its key stream a packet lies.
pub(super) type At<'k> = (&'k RtpKeys, Position);

/// Where the first counter block is the salt, and zeros.
pub(super) const ORIGIN: Position = Position { ssrc: 0, index: 0 };

pub(super) fn counter_mode(machine: Machine, key: &[u8], salt: [u8; 14]) -> RtpKeys {
    RtpKeys::CounterMode(culvert_secret::Secret::new(machine.counter_key(key, HmacKey::new(&[0; 20]), salt)))
}

pub(super) fn gcm(machine: Machine, key: &[u8], salt: [u8; 12]) -> RtpKeys {
    RtpKeys::Gcm(culvert_secret::Secret::new(machine.gcm_key(key, salt)))
}

/// Takes a packet from key to key. The tags of GCM of what was there and of what is there now.
pub(super) fn transform(
    machine: Machine,
    from: Option<At<'_>>,
    to: Option<At<'_>>,
    packet: &mut [u8],
    header: usize,
) -> [[u8; 16]; 2] {
    let mut work = Work::new(from, to, packet, header);
    machine.transform(&mut work);
    [work.tag_from, work.tag_to]
}

/// The tag at [`ORIGIN`].
pub(super) fn gcm_tag(machine: Machine, key: &RtpKeys, aad: &[u8], payload: &[u8]) -> [u8; 16] {
    let RtpKeys::Gcm(key) = key else { unreachable!("a key of GCM") };
    machine.gcm_tag(key, ORIGIN, aad, payload)
}
