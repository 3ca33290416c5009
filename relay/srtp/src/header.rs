// SPDX-License-Identifier: MIT OR Apache-2.0
use culvert_wire::rtp;

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
            Kind::Rtcp => match *plain {
                // The length field is the concern of those who read reports: RFC 7714 section 17 protects a packet
                // whose own is wrong.
                [first, _, _, _, s0, s1, s2, s3, ..] if first >> 6 == 2 => {
                    Ok(Header { ssrc: u32::from_be_bytes([s0, s1, s2, s3]), sequence: 0, length: 8 })
                }
                [_, _, _, _, _, _, _, _, ..] => Err(Reject::Malformed),
                _ => Err(Reject::TooShort),
            },
        }
    }
}
