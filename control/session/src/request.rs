// SPDX-License-Identifier: MIT OR Apache-2.0
//! Requests as front ends word them, before any check. Field names are those of the interface, for error paths.

use std::{fmt, time::Duration};

use culvert_mras::MediaKind;
use zeroize::Zeroizing;

/// How much encryption a leg demands.
#[derive(Copy, Clone, Debug, Default, Eq, PartialEq, Hash)]
pub enum EncryptionLevel {
    /// SRTP with an encrypting suite, nothing else.
    #[default]
    Required,
    /// SRTP or plain RTP.
    Supported,
    /// Plain RTP, nothing else.
    NotSupported,
}

/// Where the packets of a leg may come from.
#[derive(Copy, Clone, Debug, Eq, PartialEq, Hash)]
pub enum SourceRule {
    /// The remote endpoint as signalled and nothing else.
    Fixed,
    /// The first source whose packet authenticates. SRTP legs only.
    Learn,
    /// The first source port seen at the signalled address.
    SignalledAddress,
    /// The first source seen, whoever it is. Plain legs only.
    LearnAny,
}

/// `CreateSessionRequest`.
#[derive(Clone, Debug, Default)]
pub struct SessionRequest {
    /// The caller's own name for the session.
    pub session_id: String,
    /// 1 to 16.
    pub media: Vec<MediaRequest>,
    /// `None`: the node's default.
    pub media_timeout: Option<Duration>,
}

/// `Media`.
#[derive(Clone, Debug, Default)]
pub struct MediaRequest {
    /// `None`: not given, which is refused.
    pub kind: Option<MediaKind>,
    /// 0: as the kind says.
    pub clock_rate: u32,
    /// Exactly two.
    pub legs: Vec<LegRequest>,
    /// What each direction carries at most. `None`: as the kind says.
    pub expected: Option<Traffic>,
}

/// `Traffic`: how much one direction of a medium is.
#[derive(Copy, Clone, Debug, Default, Eq, PartialEq, Hash)]
pub struct Traffic {
    /// 1..=1,000,000. In a request 0: as the kind says.
    pub packets_per_second: u32,
    /// Mean RTP payload, 1..=9,000. In a request 0: as the kind says.
    pub payload_bytes: u32,
}

/// `Leg`.
#[derive(Clone, Debug, Default)]
pub struct LegRequest {
    /// A realm's name.
    pub realm: String,
    /// `None` until known.
    pub remote: Option<RemoteRequest>,
    /// How the leg is protected.
    pub protection: ProtectionRequest,
    /// RTP and RTCP on one port.
    pub rtcp_mux: bool,
    /// What the leg demands. `None`: as its peer class does; without one, encryption.
    pub encryption: Option<EncryptionLevel>,
    /// A peer class's name; empty: none.
    pub peer_class: String,
    /// Whether the peer has offered SRTP, when that is known.
    pub peer_offers_srtp: Option<bool>,
    /// `None`: learn on SRTP legs, the signalled address on plain legs.
    pub source: Option<SourceRule>,
    /// 0..=63. `None`: as it came.
    pub dscp: Option<u32>,
    /// IPv6 local ports where nothing else says which family.
    pub ipv6: bool,
    /// 1..=256. 0: 4.
    pub max_ssrcs: u32,
}

/// `Remote`.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct RemoteRequest {
    /// Must be given.
    pub rtp: Option<EndpointRequest>,
    /// `None`: the RTP port + 1, or the RTP port itself under rtcp-mux.
    pub rtcp: Option<EndpointRequest>,
}

/// `Endpoint`.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct EndpointRequest {
    /// An IP address in text form.
    pub address: String,
    /// A UDP port.
    pub port: u32,
}

/// `Protection`. `Debug` shows no key.
#[derive(Clone, Default)]
pub enum ProtectionRequest {
    /// Not known yet; in an update: as it is.
    #[default]
    Unset,
    /// Plain RTP.
    Plain,
    /// Keys given raw.
    Srtp(SrtpKeys),
    /// Keys given as SDES attributes; an empty one is not known yet.
    Sdes {
        /// The attribute that the leg's endpoint sent.
        receive: Zeroizing<String>,
        /// The attribute that the leg's endpoint was given.
        send: Zeroizing<String>,
    },
}

impl fmt::Debug for ProtectionRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ProtectionRequest::Unset => f.write_str("Unset"),
            ProtectionRequest::Plain => f.write_str("Plain"),
            ProtectionRequest::Srtp(keys) => f.debug_tuple("Srtp").field(keys).finish(),
            ProtectionRequest::Sdes { receive, send } => f
                .debug_struct("Sdes")
                .field("receive_length", &receive.len())
                .field("send_length", &send.len())
                .finish(),
        }
    }
}

/// `SrtpKeys`.
#[derive(Clone, Debug, Default)]
pub struct SrtpKeys {
    /// A suite's SDES name.
    pub suite: String,
    /// Empty until known; in an update: as they are.
    pub receive: Vec<KeyMaterial>,
    /// Empty until known; in an update: as they are.
    pub send: Vec<KeyMaterial>,
}

/// `MasterKey`: of any length, not checked yet. Zeroized on drop; `Debug` shows lengths only.
#[derive(Clone, Default)]
pub struct KeyMaterial {
    /// The master key.
    pub key: Zeroizing<Vec<u8>>,
    /// The master salt.
    pub salt: Zeroizing<Vec<u8>>,
    /// In wire form; empty: none.
    pub mki: Vec<u8>,
    /// In packets; 0: the suite's limit.
    pub lifetime: u64,
}

impl fmt::Debug for KeyMaterial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeyMaterial")
            .field("key_length", &self.key.len())
            .field("salt_length", &self.salt.len())
            .field("mki", &self.mki)
            .field("lifetime", &self.lifetime)
            .finish()
    }
}

/// `UpdateSessionRequest`.
#[derive(Clone, Debug, Default)]
pub struct UpdateRequest {
    /// Which session.
    pub session_id: String,
    /// One entry for each leg that changes.
    pub legs: Vec<LegUpdate>,
}

/// `LegUpdate`. What is unset stays as it is.
#[derive(Clone, Debug, Default)]
pub struct LegUpdate {
    /// Index of the media.
    pub media: u32,
    /// 0 or 1.
    pub leg: u32,
    /// Setting it starts learning afresh.
    pub remote: Option<RemoteRequest>,
    /// New keys, or another kind of protection.
    pub protection: ProtectionRequest,
    /// On hold.
    pub held: Option<bool>,
    /// 0..=63, or 64 for "as it came".
    pub dscp: Option<u32>,
    /// Another rule.
    pub source: Option<SourceRule>,
}
