// SPDX-License-Identifier: MIT OR Apache-2.0
//! The RTP header (RFC 3550 section 5).

use core::ops::Range;

const FIXED_LENGTH: usize = 12;
const EXTENSION_LENGTH: usize = 4;

/// Why bytes are not an RTP packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Error {
    /// The version is not 2.
    Version,
    /// The packet ends within the fixed header, the CSRC list or the header extension.
    Truncated,
    /// The last byte counts no padding at all, or more than the payload has.
    Padding,
}

/// The header of an RTP packet.
///
/// ```text
///  0                   1                   2                   3
///  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// |V=2|P|X|  CC   |M|     PT      |       sequence number         |
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// |                           timestamp                           |
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// |                             SSRC                              |
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// |                        CSRCs (CC of them)                     |
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// |  profile (when X is set)      |  length in 32-bit words       |
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// Whether padding follows the payload. In SRTP it is encrypted, and its count with it.
    pub padding: bool,
    /// The marker bit.
    pub marker: bool,
    /// The payload type, 0 to 127.
    pub payload_type: u8,
    /// The sequence number.
    pub sequence: u16,
    /// The timestamp, in units of the payload's clock.
    pub timestamp: u32,
    /// The synchronisation source.
    pub ssrc: u32,
    /// Number of contributing sources, 0 to 15.
    pub csrc_count: u8,
    /// The header extension, if there is one.
    pub extension: Option<Extension>,
    /// Bytes before the payload: fixed header, CSRCs and extension.
    pub header_length: usize,
}

/// The header extension (RFC 3550 section 5.3.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Extension {
    /// The 16 bits that the profile defines: 0xbede for one-byte elements (RFC 8285).
    pub profile: u16,
    /// Bytes after the four that hold profile and length.
    pub length: usize,
}

impl Header {
    /// Reads the header of an RTP or SRTP packet.
    ///
    /// Padding is not looked at, because in SRTP it is encrypted: see [`Header::payload`].
    ///
    /// # Errors
    ///
    /// [`Error::Version`] or [`Error::Truncated`].
    #[inline]
    pub fn parse(packet: &[u8]) -> Result<Self, Error> {
        let [first, second, q0, q1, t0, t1, t2, t3, s0, s1, s2, s3] =
            *packet.first_chunk::<FIXED_LENGTH>().ok_or(Error::Truncated)?;
        if first >> 6 != 2 {
            return Err(Error::Version);
        }
        let csrc_count = first & 0x0f;
        let mut header_length = FIXED_LENGTH + 4 * usize::from(csrc_count);
        let mut extension = None;
        if first & 0x10 != 0 {
            let [p0, p1, l0, l1] = *packet
                .get(header_length..)
                .and_then(|rest| rest.first_chunk::<EXTENSION_LENGTH>())
                .ok_or(Error::Truncated)?;
            let length = 4 * usize::from(u16::from_be_bytes([l0, l1]));
            extension = Some(Extension { profile: u16::from_be_bytes([p0, p1]), length });
            header_length += EXTENSION_LENGTH + length;
        }
        if header_length > packet.len() {
            return Err(Error::Truncated);
        }
        Ok(Self {
            padding: first & 0x20 != 0,
            marker: second & 0x80 != 0,
            payload_type: second & 0x7f,
            sequence: u16::from_be_bytes([q0, q1]),
            timestamp: u32::from_be_bytes([t0, t1, t2, t3]),
            ssrc: u32::from_be_bytes([s0, s1, s2, s3]),
            csrc_count,
            extension,
            header_length,
        })
    }

    /// Where the payload without its padding is in a plain RTP packet with this header.
    ///
    /// # Errors
    ///
    /// [`Error::Padding`] when the padding count is 0 or exceeds the payload, [`Error::Truncated`] when
    /// `packet` is shorter than the header.
    #[inline]
    pub fn payload(&self, packet: &[u8]) -> Result<Range<usize>, Error> {
        let payload = packet.get(self.header_length..).ok_or(Error::Truncated)?;
        if !self.padding {
            return Ok(self.header_length..packet.len());
        }
        let count = usize::from(*payload.last().ok_or(Error::Padding)?);
        if count == 0 || count > payload.len() {
            return Err(Error::Padding);
        }
        Ok(self.header_length..packet.len() - count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::vec::Vec;

    const PLAIN: [u8; 14] = [0x80, 0x60, 0x12, 0x34, 0, 0, 0x0b, 0xb8, 0xde, 0xad, 0xbe, 0xef, 0xaa, 0xbb];

    fn with_everything() -> Vec<u8> {
        let mut packet = PLAIN.to_vec();
        packet[0] = 0xb2;
        packet[1] = 0xe0;
        packet.truncate(12);
        packet.extend([0, 0, 0, 1, 0, 0, 0, 2]);
        packet.extend([0xbe, 0xde, 0, 2, 0x10, 1, 2, 3, 4, 5, 6, 7]);
        packet.extend([0xca, 0xfe, 0, 0, 3]);
        packet
    }

    #[test]
    fn fixed_header() {
        assert_eq!(
            Header::parse(&PLAIN),
            Ok(Header {
                padding: false,
                marker: false,
                payload_type: 96,
                sequence: 0x1234,
                timestamp: 3000,
                ssrc: 0xdead_beef,
                csrc_count: 0,
                extension: None,
                header_length: 12,
            })
        );
        assert_eq!(Header::parse(&PLAIN).unwrap().payload(&PLAIN), Ok(12..14));
    }

    #[test]
    fn csrcs_extension_marker_and_padding() {
        let packet = with_everything();
        let header = Header::parse(&packet).unwrap();
        assert!(header.padding && header.marker);
        assert_eq!(header.payload_type, 96);
        assert_eq!(header.csrc_count, 2);
        assert_eq!(header.extension, Some(Extension { profile: 0xbede, length: 8 }));
        assert_eq!(header.header_length, 32);
        assert_eq!(header.payload(&packet), Ok(32..34));
    }

    #[test]
    fn truncation_at_every_length() {
        let packet = with_everything();
        for length in 0..32 {
            assert_eq!(Header::parse(&packet[..length]), Err(Error::Truncated), "{length} bytes");
        }
        for length in 32..=packet.len() {
            assert_eq!(Header::parse(&packet[..length]).unwrap().header_length, 32, "{length} bytes");
        }
    }

    #[test]
    fn every_other_version_is_refused() {
        for first in 0..=u8::MAX {
            let mut packet = [0; 80];
            packet[0] = first;
            let expected = if first >> 6 == 2 { None } else { Some(Error::Version) };
            assert_eq!(Header::parse(&packet).err(), expected, "first byte {first}");
        }
    }

    #[test]
    fn padding_count_is_bounded_by_the_payload() {
        let mut packet = with_everything();
        let last = packet.len() - 1;
        let header = Header::parse(&packet).unwrap();
        for (count, expected) in [
            (0, Err(Error::Padding)),
            (1, Ok(32..36)),
            (5, Ok(32..32)),
            (6, Err(Error::Padding)),
            (255, Err(Error::Padding)),
        ] {
            packet[last] = count;
            assert_eq!(header.payload(&packet), expected, "padding count {count}");
        }
        assert_eq!(header.payload(&packet[..32]), Err(Error::Padding));
        assert_eq!(header.payload(&packet[..31]), Err(Error::Truncated));
    }

    #[test]
    fn longest_extension_does_not_overflow() {
        let mut packet = PLAIN.to_vec();
        packet[0] = 0x90;
        packet.truncate(12);
        packet.extend([0, 0, 0xff, 0xff]);
        assert_eq!(Header::parse(&packet), Err(Error::Truncated));
        packet.resize(16 + 4 * 0xffff, 0);
        assert_eq!(Header::parse(&packet).unwrap().header_length, packet.len());
    }
}
