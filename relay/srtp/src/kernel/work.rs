// SPDX-License-Identifier: MIT OR Apache-2.0
use super::{CounterKey, GcmKey};
use crate::cipher::hmac::HmacKey;

/// The most messages of a batch.
pub(crate) const BATCH: usize = 64;

/// A packet to be tagged, and the roll-over counter that SRTP's tag covers behind it.
#[derive(Copy, Clone)]
pub(crate) struct Message<'m> {
    pub(crate) key: &'m HmacKey,
    pub(crate) bytes: &'m [u8],
    pub(crate) roll_over_counter: u32,
}

/// The first counter block of a packet as a little-endian number. Its last 32 bits, which count the blocks, are zero.
pub(crate) type Counter = u128;

/// How one side of a packet is enciphered.
#[derive(Copy, Clone)]
pub(crate) enum Side<'k> {
    Clear,
    CounterMode(&'k CounterKey, Counter),
    Gcm(&'k GcmKey, Counter),
    /// What GCM's key does to a payload, without its tag.
    GcmStream(&'k GcmKey, Counter),
}

/// A packet to be taken from one key to another.
pub(crate) struct Work<'k, 'b> {
    pub(crate) from: Side<'k>,
    pub(crate) to: Side<'k>,
    /// Header and payload.
    pub(crate) packet: &'b mut [u8],
    /// Bytes of the header, which GCM takes as additional data.
    pub(crate) header: usize,
    /// With GCM, the tag of what was there.
    pub(crate) tag_from: [u8; 16],
    /// With GCM, the tag of what is there now.
    pub(crate) tag_to: [u8; 16],
}

impl<'k, 'b> Work<'k, 'b> {
    #[inline(always)]
    pub(crate) fn new(from: Side<'k>, to: Side<'k>, packet: &'b mut [u8], header: usize) -> Work<'k, 'b> {
        Work { from, to, packet, header, tag_from: [0; 16], tag_to: [0; 16] }
    }
}
