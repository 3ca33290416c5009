// SPDX-License-Identifier: MIT OR Apache-2.0
use culvert_wire::rtp;

use crate::{Kind, Reject};

/// What both directions need of a packet's header, which is never encrypted.
#[derive(Copy, Clone, Debug)]
pub(crate) struct Header {
    pub(crate) ssrc: u32,
    /// The sequence number of an RTP packet.
    pub(crate) sequence: u16,
    /// Bytes of the header: of RTP with CSRCs and header extension, of RTCP the first 8. No datagram is longer than this
    /// can say, and what is not a datagram is malformed.
    pub(crate) length: u16,
}

impl Header {
    /// `plain` is the packet without what protection adds.
    #[inline]
    pub(crate) fn parse(kind: Kind, plain: &[u8]) -> Result<Header, Reject> {
        match kind {
            Kind::Rtp => {
                let Some(&[first, _, q0, q1, _, _, _, _, s0, s1, s2, s3]) = plain.first_chunk() else {
                    return Err(Reject::TooShort);
                };
                // Neither extension nor CSRCs, as in nearly all packets: the fixed header is all there is.
                if first & 0xdf == 0x80 {
                    let (ssrc, sequence) =
                        (u32::from_be_bytes([s0, s1, s2, s3]), u16::from_be_bytes([q0, q1]));
                    return Ok(Header { ssrc, sequence, length: 12 });
                }
                let header = rtp::Header::parse(plain).map_err(|_| Reject::Malformed)?;
                let length = u16::try_from(header.header_length).map_err(|_| Reject::Malformed)?;
                Ok(Header { ssrc: header.ssrc, sequence: header.sequence, length })
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
