// SPDX-License-Identifier: MIT OR Apache-2.0
use culvert_wire::{rtcp, rtp};

use crate::{Kind, Reject};

/// What both directions need of a packet's header, which is never encrypted.
#[derive(Copy, Clone, Debug)]
pub(crate) struct Header {
    pub(crate) ssrc: u32,
    /// The sequence number of an RTP packet.
    pub(crate) sequence: u16,
    /// Bytes of the header: of RTP with CSRCs and header extension, of RTCP the first 8.
    pub(crate) length: usize,
}

impl Header {
    /// `plain` is the packet without what protection adds.
    pub(crate) fn parse(kind: Kind, plain: &[u8]) -> Result<Header, Reject> {
        match kind {
            Kind::Rtp if plain.len() < 12 => Err(Reject::TooShort),
            Kind::Rtp => {
                let header = rtp::Header::parse(plain).map_err(|_| Reject::Malformed)?;
                Ok(Header { ssrc: header.ssrc, sequence: header.sequence, length: header.header_length })
            }
            Kind::Rtcp if plain.len() < 8 => Err(Reject::TooShort),
            Kind::Rtcp => {
                let header = rtcp::Header::parse(plain).map_err(|_| Reject::Malformed)?;
                Ok(Header { ssrc: header.ssrc, sequence: 0, length: 8 })
            }
        }
    }
}
