// SPDX-License-Identifier: MIT OR Apache-2.0

use crate::{Bytes, Malformed};
use core::ops::Range;

const RTP_MINIMUM: usize = 12;
const RTCP_MINIMUM: usize = 8;
const STUN_MINIMUM: usize = 20;
const DTLS_MINIMUM: usize = 13;

/// What a UDP payload is, by its first byte (RFC 7983 section 7).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Class {
    /// 0 to 3.
    Stun,
    /// 16 to 19.
    Zrtp,
    /// 20 to 63.
    Dtls,
    /// 64 to 79.
    TurnChannel,
    /// 128 to 191: RTP or RTCP; [`is_rtcp`] tells them apart.
    Rtp,
    /// Any other value.
    Unknown,
}

impl Class {
    /// The class of a payload that starts with this byte.
    #[inline(always)]
    pub const fn of(first_byte: u8) -> Self {
        match first_byte {
            0..=3 => Self::Stun,
            16..=19 => Self::Zrtp,
            20..=63 => Self::Dtls,
            64..=79 => Self::TurnChannel,
            128..=191 => Self::Rtp,
            _ => Self::Unknown,
        }
    }
}

/// Whether a packet of [`Class::Rtp`] with this second byte is RTCP (RFC 5761 section 4).
///
/// The byte is the whole RTCP packet type, or the RTP marker and payload type; so payload types 64 to 95 can not
/// be used together with multiplexed RTCP.
#[inline(always)]
pub const fn is_rtcp(second_byte: u8) -> bool {
    matches!(second_byte, 192..=223)
}

/// The class of the payload at `payload` in `frame`, checked to be long enough for the header of its class.
///
/// # Errors
///
/// [`Malformed::Empty`] without a payload, or the length reason of its class.
#[inline(always)]
pub fn media_class<B: Bytes>(frame: B, payload: Range<usize>) -> Result<Class, Malformed> {
    let length = payload.end.saturating_sub(payload.start);
    if length == 0 {
        return Err(Malformed::Empty);
    }
    let [first] = frame.array(payload.start).ok_or(Malformed::Empty)?;
    let class = Class::of(first);
    let (minimum, reason) = match class {
        Class::Rtp => {
            if length < 2 {
                return Err(Malformed::RtpLength);
            }
            let [_, second] = frame.array(payload.start).ok_or(Malformed::RtpLength)?;
            if is_rtcp(second) {
                (RTCP_MINIMUM, Malformed::RtcpLength)
            } else {
                (RTP_MINIMUM, Malformed::RtpLength)
            }
        }
        Class::Stun => (STUN_MINIMUM, Malformed::StunLength),
        Class::Dtls => (DTLS_MINIMUM, Malformed::DtlsLength),
        Class::Zrtp | Class::TurnChannel | Class::Unknown => return Ok(class),
    };
    if length < minimum { Err(reason) } else { Ok(class) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn class_of_every_first_byte() {
        for byte in 0..=u8::MAX {
            let expected = if byte <= 3 {
                Class::Stun
            } else if byte <= 15 {
                Class::Unknown
            } else if byte <= 19 {
                Class::Zrtp
            } else if byte <= 63 {
                Class::Dtls
            } else if byte <= 79 {
                Class::TurnChannel
            } else if byte <= 127 {
                Class::Unknown
            } else if byte <= 191 {
                Class::Rtp
            } else {
                Class::Unknown
            };
            assert_eq!(Class::of(byte), expected, "first byte {byte}");
        }
    }

    #[test]
    fn rtcp_of_every_second_byte() {
        for byte in 0..=u8::MAX {
            assert_eq!(is_rtcp(byte), (192..224).contains(&u32::from(byte)), "second byte {byte}");
        }
    }

    #[test]
    fn every_class_has_its_least_length() {
        for (first, second, least, class, reason) in [
            (0x80, 0, 12, Class::Rtp, Malformed::RtpLength),
            (0xbf, 0xff, 12, Class::Rtp, Malformed::RtpLength),
            (0x80, 200, 8, Class::Rtp, Malformed::RtcpLength),
            (0, 1, 20, Class::Stun, Malformed::StunLength),
            (22, 0xfe, 13, Class::Dtls, Malformed::DtlsLength),
        ] {
            let mut frame = [0xaa; 40];
            frame[4] = first;
            frame[5] = second;
            assert_eq!(media_class(&frame[..], 4..4), Err(Malformed::Empty));
            let one = if class == Class::Rtp { Malformed::RtpLength } else { reason };
            assert_eq!(media_class(&frame[..], 4..5), Err(one));
            for length in 2..least {
                assert_eq!(media_class(&frame[..], 4..4 + length), Err(reason), "{class:?} of {length}");
            }
            for length in least..30 {
                assert_eq!(media_class(&frame[..], 4..4 + length), Ok(class), "{class:?} of {length}");
            }
        }
    }

    #[test]
    fn classes_that_are_not_relayed_have_no_least_length() {
        for (first, class) in [(16, Class::Zrtp), (64, Class::TurnChannel), (255, Class::Unknown)] {
            assert_eq!(media_class(&[first][..], 0..1), Ok(class));
        }
    }

    #[test]
    fn a_range_outside_the_frame_is_an_error() {
        assert_eq!(media_class(&[0x80; 12][..], 12..24), Err(Malformed::Empty));
        assert_eq!(media_class(&[0x80; 12][..], 11..23), Err(Malformed::RtpLength));
        assert_eq!(media_class(&[0x80; 12][..], Range { start: 8, end: 4 }), Err(Malformed::Empty));
    }
}
