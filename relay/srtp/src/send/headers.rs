// SPDX-License-Identifier: MIT OR Apache-2.0
//! Packets whose headers are encrypted as well.

use culvert_wire::rtp;

use super::{Allowed, SendContext};
use crate::cryptex::ENCRYPTED_FROM;
use crate::header::Header;
use crate::header_protection::{HeaderProtection, Treatment};
use crate::{Kind, Reject, extension};

impl SendContext {
    /// Has headers encrypted from now on, under this key set and those after it. With Cryptex, packets need room for
    /// [`Cryptex::GROWTH`](crate::Cryptex::GROWTH) bytes more.
    #[must_use]
    pub fn with_header_protection(mut self, protection: HeaderProtection) -> SendContext {
        self.keys.set_protection(protection);
        self
    }

    #[inline(always)]
    pub(crate) fn protects_headers(&self) -> bool {
        self.keys.protection().is_some()
    }

    /// Where an SRTP packet may go that has this `header` and `body` bytes in plain form, if there is `room` for it in all,
    /// and what becomes of its header. Nothing is changed.
    pub(crate) fn judge_headers(
        &self,
        header: &rtp::Header,
        body: usize,
        room: usize,
    ) -> Result<(Allowed, Treatment), Reject> {
        let treatment = match self.keys.protection() {
            Some(protection) => protection.sending(&self.keys, header)?,
            None => Treatment::Nothing,
        };
        let (length, growth) = match treatment {
            Treatment::Cryptex(portion) => (ENCRYPTED_FROM, portion.growth()),
            Treatment::Elements | Treatment::Nothing => (header.header_length, 0),
        };
        let length = u16::try_from(length).map_err(|_| Reject::Malformed)?;
        let fixed = Header { ssrc: header.ssrc, sequence: header.sequence, length };
        Ok((self.judge(Kind::Rtp, &fixed, body + growth, room)?, treatment))
    }

    /// Refuses a plain packet in whose extension there is something beyond the elements that can be found.
    pub(crate) fn judge_elements(&self, packet: &[u8], treatment: Treatment) -> Result<(), Reject> {
        if treatment != Treatment::Elements {
            return Ok(());
        }
        let header = rtp::Header::parse(packet).map_err(|_| Reject::Malformed)?;
        let whole = header.extension.is_some_and(|rtp::Extension { profile, length }| {
            let data = packet.get(header.header_length - length..header.header_length);
            data.is_some_and(|data| extension::is_whole(profile, data))
        });
        if whole { Ok(()) } else { Err(Reject::HeaderUnprotected) }
    }

    /// Encrypts the elements of a plain packet's extension.
    pub(crate) fn encrypt_elements(&self, packet: &mut [u8], index: u64) {
        if let (Some(protection), Some(keys)) = (self.keys.protection(), self.keys.extension_keys(0))
            && let Ok(header) = rtp::Header::parse(packet)
        {
            keys.apply(&protection.encrypted_extensions, packet, &header, index);
        }
    }
}
