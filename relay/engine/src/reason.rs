// SPDX-License-Identifier: MIT OR Apache-2.0
//! Why packets are dropped.

use std::fmt;

use culvert_srtp::Reject;

macro_rules! reasons {
    ($($(#[$doc:meta])* $reason:ident = $name:literal,)*) => {
        /// Why a packet was not sent. The name is the label under which it is counted.
        #[derive(Copy, Clone, Debug, Eq, PartialEq, Ord, PartialOrd, Hash)]
        #[repr(u8)]
        #[non_exhaustive]
        pub enum DropReason { $($(#[$doc])* $reason,)* }

        impl DropReason {
            /// Every reason, in the order of the discriminants.
            pub const ALL: [DropReason; [$(DropReason::$reason),*].len()] = [$(DropReason::$reason),*];

            /// Stable name, as metrics and the control interface show it.
            pub const fn name(self) -> &'static str {
                match self { $(DropReason::$reason => $name,)* }
            }
        }
    };
}

reasons! {
    /// A key has served its lifetime (RFC 3711 section 8.2).
    KeyExpired = "key_expired",
    /// The tag is wrong.
    AuthenticationFailed = "authentication_failed",
    /// This index has been received before.
    Replayed = "replayed",
    /// Older than the replay window.
    TooOld = "too_old",
    /// Not the source of this flow.
    WrongSource = "wrong_source",
    /// Keys are not known yet.
    NotReady = "not_ready",
    /// The flow is on hold.
    Held = "held",
    /// Not known yet whom to send to.
    NoRemote = "no_remote",
    /// No next hop towards the remote.
    NextHopUnresolved = "next_hop_unresolved",
    /// Longer than a frame, or, as an IP packet after protection, longer than the path takes.
    ExceedsMtu = "exceeds_mtu",
    /// More SSRCs than the flow has room for.
    TooManySsrcs = "too_many_ssrcs",
    /// It would use an index twice under one key: a duplicate from a plain leg.
    IndexReused = "index_reused",
    /// No key of this identifier (MKI).
    UnknownMki = "unknown_mki",
    /// Too short for its suite.
    TooShort = "too_short",
    /// No SRTP or SRTCP packet.
    MalformedSrtp = "malformed_srtp",
    /// No RTP packet (RFC 3550 section 5.1).
    MalformedRtp = "malformed_rtp",
    /// No RTCP packet (RFC 3550 section 6.1).
    MalformedRtcp = "malformed_rtcp",
    /// RTCP on a port for RTP only.
    RtcpOnRtpPort = "rtcp_on_rtp_port",
    /// RTP on a port for RTCP only.
    RtpOnRtcpPort = "rtp_on_rtcp_port",
    /// STUN, which this version does not answer.
    Stun = "stun",
    /// ZRTP, which is not relayed.
    Zrtp = "zrtp",
    /// DTLS, which this version does not answer.
    Dtls = "dtls",
    /// A TURN channel, which is not relayed.
    TurnChannel = "turn_channel",
    /// None of the protocols of RFC 7983.
    UnknownProtocol = "unknown_protocol",
    /// The remote is of another address family than the local endpoint that would send to it.
    AddressFamilies = "address_families",
    /// The frame has no room for what protection adds.
    NoRoom = "no_room",
    /// The frame has no room for the new headers.
    NoHeadRoom = "no_head_room",
    /// CSRCs or header extension in the clear where the leg encrypts them, or that it cannot encrypt (RFC 6904, RFC 9335).
    HeaderUnprotected = "header_unprotected",
    /// The flow has used up the bandwidth it may have.
    OverBandwidth = "over_bandwidth",

    // From here on: of packets that belong to no flow.

    /// No UDP over IPv4 or IPv6.
    NotUdp = "not_udp",
    /// Lengths of frame, IP and UDP contradict each other.
    MalformedHeaders = "malformed_headers",
    /// No flow has this destination.
    UnknownDestination = "unknown_destination",
    /// The transmit ring or socket buffer was full. Such a packet counts as relayed in its flow.
    TransmitFull = "transmit_full",
    /// The kernel knows no way to the remote, or its host refuses. Such a packet counts as relayed in its flow.
    Unreachable = "unreachable",
    /// The ring to the worker that owns the flow was full.
    HandoverFull = "handover_full",
}

impl DropReason {
    /// How many reasons there are.
    pub const COUNT: usize = DropReason::ALL.len();

    /// How many of them, from the first on, are counted in flows; the rest only in workers.
    pub const FLOW_COUNT: usize = DropReason::NotUdp as usize;
}

impl fmt::Display for DropReason {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

impl From<Reject> for DropReason {
    fn from(reject: Reject) -> DropReason {
        match reject {
            Reject::Malformed => DropReason::MalformedSrtp,
            Reject::TooShort => DropReason::TooShort,
            Reject::UnknownMki => DropReason::UnknownMki,
            Reject::AuthenticationFailed => DropReason::AuthenticationFailed,
            Reject::Replayed => DropReason::Replayed,
            Reject::TooOld => DropReason::TooOld,
            Reject::TooManySsrcs => DropReason::TooManySsrcs,
            Reject::IndexReused => DropReason::IndexReused,
            Reject::KeyExpired => DropReason::KeyExpired,
            Reject::NoRoom => DropReason::NoRoom,
            Reject::NoContext => DropReason::NotReady,
            Reject::HeaderUnprotected => DropReason::HeaderUnprotected,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn discriminants_are_indices_and_names_differ() {
        for (index, reason) in DropReason::ALL.into_iter().enumerate() {
            assert_eq!(reason as usize, index);
            assert!(DropReason::ALL.iter().all(|other| *other == reason || other.name() != reason.name()));
        }
        assert_eq!(DropReason::COUNT, 35);
        assert_eq!(DropReason::FLOW_COUNT, 29);
    }
}
