// SPDX-License-Identifier: MIT OR Apache-2.0
use crate::cipher::hmac::HmacKey;
use crate::session::{Position, RtpKeys};

/// The most messages of a batch.
pub(crate) const BATCH: usize = 64;

/// A packet to be tagged, and the roll-over counter that SRTP's tag covers behind it.
#[derive(Copy, Clone)]
pub(crate) struct Message<'m> {
    pub(crate) key: &'m HmacKey,
    pub(crate) bytes: &'m [u8],
    pub(crate) roll_over_counter: u32,
}

/// A key that is not for the portable path, and where in its key stream a packet lies.
pub(crate) type At<'k> = (&'k RtpKeys, Position);

/// A packet to be taken from one key to another.
#[cfg_attr(
    not(target_arch = "x86_64"),
    expect(dead_code, reason = "for the kernels, which are not for this processor")
)]
pub(crate) struct Work<'k, 'b> {
    /// `None` for plain text, here and below.
    pub(crate) from: Option<At<'k>>,
    pub(crate) to: Option<At<'k>>,
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
    pub(crate) fn new(
        from: Option<At<'k>>,
        to: Option<At<'k>>,
        packet: &'b mut [u8],
        header: usize,
    ) -> Work<'k, 'b> {
        Work { from, to, packet, header, tag_from: [0; 16], tag_to: [0; 16] }
    }
}
