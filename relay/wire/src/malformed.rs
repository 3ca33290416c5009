// SPDX-License-Identifier: MIT OR Apache-2.0

/// Why a packet to a relay endpoint is dropped before anything looks at its content.
///
/// The discriminants are indices of counters in the kernel and do not change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u32)]
pub enum Malformed {
    /// The first fragment of an IPv4 datagram: only a part of a media packet, which the relay does not
    /// put together again.
    Fragment = 0,
    /// The length in the IP header leaves no room for a UDP header, or is more than the frame holds.
    IpLength = 1,
    /// The length in the UDP header is less than the header, or more than the IP payload.
    UdpLength = 2,
    /// UDP over IPv6 without a checksum (RFC 8200 section 8.1).
    ZeroChecksum = 3,
    /// The source can not be answered: port 0, or a multicast, broadcast or unspecified address.
    Source = 4,
    /// UDP without a payload.
    Empty = 5,
    /// Fewer bytes than an RTP header has (RFC 3550 section 5.1).
    RtpLength = 6,
    /// Fewer bytes than an RTCP header and an SSRC have (RFC 3550 section 6.4).
    RtcpLength = 7,
    /// Fewer bytes than a STUN header has (RFC 8489 section 5).
    StunLength = 8,
    /// Fewer bytes than a DTLS record header has (RFC 6347 section 4.1).
    DtlsLength = 9,
}

impl Malformed {
    /// Every reason; the discriminant of each is its place here.
    pub const ALL: [Self; Self::COUNT] = [
        Self::Fragment,
        Self::IpLength,
        Self::UdpLength,
        Self::ZeroChecksum,
        Self::Source,
        Self::Empty,
        Self::RtpLength,
        Self::RtcpLength,
        Self::StunLength,
        Self::DtlsLength,
    ];

    /// Number of reasons.
    pub const COUNT: usize = 10;

    /// A name in snake case, for labels of metrics.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Fragment => "fragment",
            Self::IpLength => "ip_length",
            Self::UdpLength => "udp_length",
            Self::ZeroChecksum => "zero_checksum",
            Self::Source => "source",
            Self::Empty => "empty",
            Self::RtpLength => "rtp_length",
            Self::RtcpLength => "rtcp_length",
            Self::StunLength => "stun_length",
            Self::DtlsLength => "dtls_length",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Malformed;

    #[test]
    fn discriminants_are_places_and_names_are_distinct() {
        for (place, reason) in Malformed::ALL.into_iter().enumerate() {
            assert_eq!(reason as usize, place);
            assert!(reason.name().bytes().all(|b| b.is_ascii_lowercase() || b == b'_'));
            assert_eq!(Malformed::ALL.iter().filter(|other| other.name() == reason.name()).count(), 1);
        }
    }
}
