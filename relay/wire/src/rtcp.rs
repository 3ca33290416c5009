// SPDX-License-Identifier: MIT OR Apache-2.0
//! The header of the first packet of an RTCP datagram (RFC 3550 section 6.4).

const MINIMUM: usize = 8;

/// Why bytes are not an RTCP packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Error {
    /// The version is not 2.
    Version,
    /// Fewer than the eight bytes of a header and an SSRC.
    Truncated,
    /// The length field leaves no room for the SSRC, or is more than there is.
    Length,
}

/// The header that starts every RTCP packet, with the SSRC of its sender.
///
/// ```text
///  0                   1                   2                   3
///  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// |V=2|P|  count  |  packet type  |  length in 32-bit words - 1   |
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// |                         SSRC of sender                        |
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// Whether this packet ends in padding.
    pub padding: bool,
    /// Report count, source count or feedback format, 0 to 31.
    pub count: u8,
    /// The packet type: 200 sender report, 201 receiver report, and so on.
    pub packet_type: u8,
    /// Length in bytes of this packet, header included; others may follow it in the datagram.
    pub length_bytes: usize,
    /// The synchronisation source of the sender.
    pub ssrc: u32,
}

impl Header {
    /// Reads the first header of an RTCP or SRTCP datagram.
    ///
    /// # Errors
    ///
    /// [`Error`] when there is no such header, or its length contradicts the datagram's.
    #[inline]
    pub fn parse(datagram: &[u8]) -> Result<Self, Error> {
        let [first, packet_type, l0, l1, s0, s1, s2, s3] =
            *datagram.first_chunk::<MINIMUM>().ok_or(Error::Truncated)?;
        if first >> 6 != 2 {
            return Err(Error::Version);
        }
        let length_bytes = 4 * (usize::from(u16::from_be_bytes([l0, l1])) + 1);
        if length_bytes < MINIMUM || length_bytes > datagram.len() {
            return Err(Error::Length);
        }
        Ok(Self {
            padding: first & 0x20 != 0,
            count: first & 0x1f,
            packet_type,
            length_bytes,
            ssrc: u32::from_be_bytes([s0, s1, s2, s3]),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RECEIVER_REPORT: [u8; 12] = [0xa1, 201, 0, 2, 1, 2, 3, 4, 0, 0, 0, 0];

    #[test]
    fn header_of_a_receiver_report() {
        assert_eq!(
            Header::parse(&RECEIVER_REPORT),
            Ok(Header { padding: true, count: 1, packet_type: 201, length_bytes: 12, ssrc: 0x0102_0304 })
        );
    }

    #[test]
    fn truncation_at_every_length() {
        for length in 0..8 {
            assert_eq!(Header::parse(&RECEIVER_REPORT[..length]), Err(Error::Truncated), "{length} bytes");
        }
        for length in 8..12 {
            assert_eq!(Header::parse(&RECEIVER_REPORT[..length]), Err(Error::Length), "{length} bytes");
        }
    }

    #[test]
    fn length_is_checked() {
        for (words, expected) in [(0, Err(Error::Length)), (1, Ok(8)), (2, Ok(12)), (3, Err(Error::Length))] {
            let mut packet = RECEIVER_REPORT;
            packet[3] = words;
            assert_eq!(Header::parse(&packet).map(|header| header.length_bytes), expected, "{words} words");
        }
        let mut packet = RECEIVER_REPORT;
        packet[2..4].fill(0xff);
        assert_eq!(Header::parse(&packet), Err(Error::Length));
    }

    #[test]
    fn every_other_version_is_refused() {
        for first in 0..=u8::MAX {
            let mut packet = RECEIVER_REPORT;
            packet[0] = first;
            let expected = if first >> 6 == 2 { None } else { Some(Error::Version) };
            assert_eq!(Header::parse(&packet).err(), expected, "first byte {first}");
        }
    }
}
