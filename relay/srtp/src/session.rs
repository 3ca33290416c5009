// SPDX-License-Identifier: MIT OR Apache-2.0
//! The session keys of one protocol: what judges, decrypts and protects the bytes of one packet.

mod rtcp;
mod rtp;

pub(crate) use rtcp::RtcpKeys;
pub(crate) use rtp::RtpKeys;

use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use crate::cipher::{counter_mode, gcm};
use crate::kdf::Material;
use crate::layout::Layout;

/// The bit beside the SRTCP index that says that the packet is encrypted.
pub(crate) const E_BIT: u32 = 1 << 31;

/// Which packet: what a cipher's nonce is made of.
#[derive(Copy, Clone, Debug, Eq, PartialEq)]
pub(crate) struct Position {
    pub(crate) ssrc: u32,
    pub(crate) index: u64,
}

impl Position {
    pub(crate) fn counter(self, salt: &[u8; 14]) -> [u8; 16] {
        counter_mode::counter(salt, self.ssrc, self.index)
    }

    pub(crate) fn nonce(self, salt: &[u8; 12]) -> [u8; 12] {
        gcm::nonce(salt, self.ssrc, self.index)
    }

    /// The first counter block, as [`counter_mode`] has it.
    #[cfg_attr(
        not(target_arch = "x86_64"),
        expect(dead_code, reason = "for the kernels, which are not for this processor")
    )]
    #[inline(always)]
    pub(crate) fn counter_block(self, salt: &[u8; 14]) -> u128 {
        counter_mode::counter_block(salt, self.ssrc, self.index)
    }

    /// The counter block with a count of 0, as [`gcm`] has it.
    #[cfg_attr(
        not(target_arch = "x86_64"),
        expect(dead_code, reason = "for the kernels, which are not for this processor")
    )]
    #[inline(always)]
    pub(crate) fn nonce_block(self, salt: &[u8; 12]) -> u128 {
        gcm::nonce_block(salt, self.ssrc, self.index)
    }

    /// What SRTP's HMAC covers behind the packet.
    pub(crate) fn roll_over_counter(self) -> u32 {
        (self.index >> 16) as u32
    }
}

pub(crate) fn gcm_salt(material: &Material) -> Zeroizing<[u8; 12]> {
    Zeroizing::new(core::array::from_fn(|i| material.salt[i]))
}

/// Compares the start of a computed tag with the whole of a received one, of 4 to 16 bytes, in constant time.
#[inline]
pub(crate) fn equal(computed: &[u8], received: &[u8]) -> bool {
    let Some(computed) = computed.get(..received.len()) else { return false };
    // Two overlapping words of one length cover all tags.
    let difference = match (received.first_chunk::<8>(), received.last_chunk::<8>()) {
        (Some(first), Some(last)) => {
            let start = computed
                .first_chunk()
                .map_or(!0, |bytes| u64::from_le_bytes(*bytes) ^ u64::from_le_bytes(*first));
            let end = computed
                .last_chunk()
                .map_or(!0, |bytes| u64::from_le_bytes(*bytes) ^ u64::from_le_bytes(*last));
            start | end
        }
        _ => match (<[u8; 4]>::try_from(received), <[u8; 4]>::try_from(computed)) {
            (Ok(received), Ok(computed)) => {
                u64::from(u32::from_le_bytes(received) ^ u32::from_le_bytes(computed))
            }
            _ => !0,
        },
    };
    difference.ct_eq(&0).into()
}

/// Writes the tag of a packet, of which `packet` has at least `at.end()` bytes.
#[inline(always)]
pub(crate) fn write_tag(packet: &mut [u8], at: &Layout, tag: &[u8]) {
    let Some(to) = packet.get_mut(at.tag_range()) else { return };
    // A copy of any other length would be a call.
    match (to.len(), to.first_chunk_mut::<16>(), tag.first_chunk::<16>()) {
        (16, Some(to), Some(tag)) => *to = *tag,
        _ => match (to.first_chunk_mut::<10>(), tag.first_chunk::<10>(), tag.first_chunk::<4>()) {
            (Some(to), Some(tag), _) => *to = *tag,
            (None, _, Some(tag)) => to.copy_from_slice(tag),
            _ => {}
        },
    }
}
