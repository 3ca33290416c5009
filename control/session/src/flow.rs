// SPDX-License-Identifier: MIT OR Apache-2.0
//! Flows as the engine is to have them.

use std::net::{IpAddr, SocketAddr};

use culvert_srtp::{MasterKey, Suite};

use crate::{EncryptionLevel, SessionId};

/// Names one direction of one media: what arrives on `from_leg` and leaves by the other leg.
#[derive(Clone, Debug, Eq, PartialEq, Hash, Ord, PartialOrd)]
pub struct FlowKey {
    /// The session.
    pub session: SessionId,
    /// Index of the media in it.
    pub media: u8,
    /// 0 or 1.
    pub from_leg: u8,
}

/// Which of a leg's two ports.
#[derive(Copy, Clone, Debug, Eq, PartialEq, Hash)]
pub enum Component {
    /// RTP.
    Rtp,
    /// RTCP.
    Rtcp,
}

impl Component {
    /// Both, in the order of [`FlowSpec::ingress`] and [`FlowSpec::egress`].
    pub const ALL: [Component; 2] = [Component::Rtp, Component::Rtcp];
}

/// From where packets may come. What a signalled rule lacks until the remote is known is resolved here.
#[derive(Copy, Clone, Debug, Eq, PartialEq)]
pub enum Source {
    /// From nowhere: what the rule needs is not known yet.
    Nobody,
    /// This endpoint and no other.
    Fixed(SocketAddr),
    /// The first source whose packet authenticates.
    Learn,
    /// The first source port of this address.
    LearnFrom(IpAddr),
    /// The first source that has an address of this network.
    LearnWithin {
        /// The network; what it has behind the prefix does not matter.
        network: IpAddr,
        /// Bits of the prefix: up to 32, or 128 for IPv6.
        length: u8,
    },
    /// The first source, whoever it is.
    LearnAny,
}

/// Where packets arrive.
#[derive(Copy, Clone, Debug, Eq, PartialEq)]
pub struct Ingress {
    /// The relay's own endpoint. Equal for RTP and RTCP when the leg multiplexes them.
    pub local: SocketAddr,
    /// From where.
    pub source: Source,
}

/// Where packets leave.
#[derive(Copy, Clone, Debug, Eq, PartialEq)]
pub struct Egress {
    /// The relay's own endpoint.
    pub local: SocketAddr,
    /// To whom, when signalled.
    pub remote: Option<SocketAddr>,
}

/// Master keys of one direction.
#[derive(Clone, Debug)]
pub struct Keys {
    /// Their suite.
    pub suite: Suite,
    /// 1 to 16. The first is used for sending.
    pub keys: Vec<MasterKey>,
}

/// What makes [`Side::Plain`] possible: only an encryption level that does not require encryption gives it.
#[derive(Copy, Clone, Debug, Eq, PartialEq)]
pub struct ClearPermit(());

impl EncryptionLevel {
    /// Leave to let packets pass in the clear. `None` where encryption is required.
    pub fn permit_clear(self) -> Option<ClearPermit> {
        match self {
            EncryptionLevel::Required => None,
            EncryptionLevel::Supported | EncryptionLevel::NotSupported => Some(ClearPermit(())),
        }
    }
}

/// One side of a flow: how it opens what arrives, or closes what leaves.
///
/// A side without a [`ClearPermit`] is of a leg that requires encryption, and the engine holds it to that for as long as
/// the flow is installed.
#[derive(Clone, Debug)]
pub enum Side {
    /// Not known yet: everything is dropped.
    NotReady {
        /// Whether it may become plain.
        permit: Option<ClearPermit>,
    },
    /// Plain RTP.
    Plain(ClearPermit),
    /// SRTP.
    Srtp {
        /// The keys.
        keys: Keys,
        /// Streams to make room for.
        max_ssrcs: u16,
        /// Whether it may become plain.
        permit: Option<ClearPermit>,
    },
}

impl Side {
    /// Plain RTP at a level that permits it; nothing at all at one that does not.
    pub(crate) fn plain(level: EncryptionLevel) -> Side {
        match level.permit_clear() {
            Some(permit) => Side::Plain(permit),
            None => Side::NotReady { permit: None },
        }
    }

    /// Leave to pass in the clear, which the side's leg may have.
    pub fn permit(&self) -> Option<ClearPermit> {
        match self {
            Side::Plain(permit) => Some(*permit),
            Side::NotReady { permit } | Side::Srtp { permit, .. } => *permit,
        }
    }
}

/// A flow to install.
#[derive(Clone, Debug)]
pub struct FlowSpec {
    /// Its name.
    pub key: FlowKey,
    /// The worker that relays it.
    pub worker: u32,
    /// RTP and RTCP.
    pub ingress: [Ingress; 2],
    /// RTP and RTCP.
    pub egress: [Egress; 2],
    /// How to open what arrives.
    pub receive: Side,
    /// How to close what leaves.
    pub send: Side,
    /// DSCP of what leaves, 0..=63. `None`: as it came.
    pub dscp: Option<u8>,
    /// Nothing is relayed.
    pub held: bool,
    /// Most bits a second that are relayed, of IP packets as they arrive. `None`: as many as come.
    pub bandwidth: Option<u64>,
    /// RTP timestamp units per second.
    pub clock_rate: u32,
    /// Streams to keep statistics of: those that may arrive.
    pub max_ssrcs: u16,
}
