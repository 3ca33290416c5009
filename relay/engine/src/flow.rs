// SPDX-License-Identifier: MIT OR Apache-2.0
//! What control says about one direction of one stream.

use std::fmt;
use std::sync::Arc;

use culvert_srtp::{ReceiveContext, SendContext};
use culvert_wire::{Address, Endpoint, MacAddress};

use crate::burst::InterfaceId;
use crate::counters::FlowCounters;

/// Index of a flow in its worker. Control allocates them ([`crate::SlotAllocator`]).
#[derive(Copy, Clone, Debug, Eq, PartialEq, Ord, PartialOrd, Hash)]
pub struct FlowSlot(pub u32);

/// Index into a worker's table of next hops ([`crate::Command::SetNextHop`]). Control allocates them.
#[derive(Copy, Clone, Debug, Eq, PartialEq, Ord, PartialOrd, Hash)]
pub struct NextHopId(pub u32);

/// Which of a flow's two ports.
#[derive(Copy, Clone, Debug, Eq, PartialEq, Hash)]
pub enum Component {
    /// RTP.
    Rtp = 0,
    /// RTCP.
    Rtcp = 1,
}

impl Component {
    /// Both, in the order of [`Flow::ingress`] and [`Flow::egress`].
    pub const ALL: [Component; 2] = [Component::Rtp, Component::Rtcp];

    pub(crate) const fn index(self) -> usize {
        self as usize
    }
}

/// From where the packets of a flow may come.
///
/// A learning rule binds to the source of the first packet that is accepted: on an SRTP leg the first that
/// authenticates, on a plain leg the first that has the right form. From then on every other source is refused.
#[derive(Copy, Clone, Debug, Eq, PartialEq)]
pub enum SourceRule {
    /// This endpoint and no other.
    Fixed(Endpoint),
    /// The first source whose packet authenticates. On a plain leg, where nothing authenticates, it accepts nobody.
    Learn,
    /// The first source port of this address.
    LearnFrom(Address),
    /// The first source, whoever it is.
    LearnAny,
    /// What a learning rule has become: this endpoint and no other.
    Learnt(Endpoint),
}

/// Where a flow's packets arrive.
#[derive(Copy, Clone, Debug, Eq, PartialEq)]
pub struct Ingress {
    /// The relay's own endpoint. Equal for RTP and RTCP when the leg multiplexes them (RFC 5761).
    pub local: Endpoint,
    /// From where. When multiplexed, that of RTP governs both.
    pub source: SourceRule,
}

impl Ingress {
    /// Packets to `local` from where `source` says.
    pub fn new(local: Endpoint, source: SourceRule) -> Ingress {
        Ingress { local, source }
    }

    /// What a learning rule has bound to.
    pub fn learnt(&self) -> Option<Endpoint> {
        match self.source {
            SourceRule::Learnt(source) => Some(source),
            _ => None,
        }
    }
}

/// Where a flow's packets go.
#[derive(Copy, Clone, Debug, Eq, PartialEq)]
pub struct Egress {
    /// The relay's endpoint from which they are sent.
    pub local: Endpoint,
    /// To whom. `None` until it is signalled or learnt: packets are dropped as `no_remote`.
    pub remote: Option<Endpoint>,
    /// By which next hop. Without meaning on back ends whose kernel routes ([`crate::Link::Datagram`]).
    pub via: Via,
}

/// How a flow finds the next hop of its packets.
#[derive(Copy, Clone, Debug, Eq, PartialEq)]
pub enum Via {
    /// Not known: packets are dropped as `next_hop_unresolved`, until the remote is learnt or control resolves it.
    Unresolved,
    /// As the worker's table of next hops says.
    Table(NextHopId),
    /// Back the way the first accepted packet of the reverse direction came.
    ReversePath(NextHop),
}

/// Link-layer way to the next hop.
#[derive(Copy, Clone, Debug, Eq, PartialEq)]
pub struct NextHop {
    /// On which interface to send.
    pub interface: InterfaceId,
    /// The interface's address.
    pub source_mac: MacAddress,
    /// The neighbour's address.
    pub destination_mac: MacAddress,
    /// 802.1Q tag control information (priority and VLAN identifier), when the link is tagged.
    pub vlan: Option<u16>,
    /// Longest IP packet of the path, in bytes.
    pub mtu: u16,
}

/// The differentiated services code point of what a flow sends. The ECN bits pass unchanged.
#[derive(Copy, Clone, Debug, Default, Eq, PartialEq)]
pub enum Dscp {
    /// As the packet came.
    #[default]
    Keep,
    /// This one, 0..=63.
    Set(u8),
}

impl Dscp {
    /// The traffic class (DSCP and ECN) to send for the one that came.
    pub fn apply(self, traffic_class: u8) -> u8 {
        match self {
            Dscp::Keep => traffic_class,
            Dscp::Set(code_point) => (code_point << 2) | (traffic_class & 0b11),
        }
    }
}

/// How what arrives is opened.
pub enum Receive {
    /// Keys are not known yet: everything is dropped as `not_ready`.
    NotReady,
    /// Plain RTP and RTCP.
    Plain,
    /// SRTP and SRTCP.
    Srtp(ReceiveContext),
}

/// How what leaves is closed. Unprotected bytes can leave only through [`Send::Plain`].
pub enum Send {
    /// Keys are not known yet: nothing is sent; packets are dropped as `not_ready`.
    NotReady,
    /// Plain RTP and RTCP.
    Plain,
    /// SRTP and SRTCP.
    Srtp(SendContext),
}

impl fmt::Debug for Receive {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Receive::NotReady => "NotReady",
            Receive::Plain => "Plain",
            Receive::Srtp(_) => "Srtp(..)",
        })
    }
}

impl fmt::Debug for Send {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Send::NotReady => "NotReady",
            Send::Plain => "Plain",
            Send::Srtp(_) => "Srtp(..)",
        })
    }
}

/// One direction of one stream: what arrives at one leg and leaves by the other.
///
/// Control builds it, [`crate::Command::Install`] moves it to the worker, and [`crate::Retired::Flow`] brings it back.
// In this order, what a packet of RTP needs is in the first four cache lines.
#[derive(Debug)]
#[repr(C, align(64))]
pub struct Flow {
    /// How to open what arrives.
    pub receive: Receive,
    /// How to close what leaves.
    pub send: Send,
    /// Shared with control, which reads them at any time.
    pub counters: Arc<FlowCounters>,
    /// The reverse direction, on the same worker. What this flow learns about its source is where that one sends.
    pub peer: Option<FlowSlot>,
    /// RTP timestamp units per second, for the jitter.
    pub clock_rate: u32,
    /// Marking of what leaves.
    pub dscp: Dscp,
    /// Held: packets are authenticated and accounted, so that the roll-over counter keeps up, and then dropped.
    pub held: bool,
    /// The worker's own notes.
    pub state: FlowState,
    /// RTP and RTCP, in the order of [`Component::ALL`].
    pub ingress: [Ingress; 2],
    /// RTP and RTCP, in the order of [`Component::ALL`].
    pub egress: [Egress; 2],
}

/// What only the worker writes; control builds a flow with `FlowState::default()`.
#[derive(Debug, Default)]
pub struct FlowState {
    /// By direction.
    pub(crate) key_expiry_reported: [bool; 2],
    pub(crate) rekey_pending: bool,
}

impl Flow {
    /// Reads a little of every cache line that a packet of RTP will need, ahead of time.
    pub(crate) fn touch(&self) -> u32 {
        let plain = matches!(self.receive, Receive::Plain);
        let [ingress, egress] = [self.ingress[1].local.port, self.egress[0].local.port];
        self.clock_rate ^ u32::from(plain) ^ u32::from(ingress) ^ u32::from(egress)
    }

    /// RTP and RTCP arrive at one port (RFC 5761).
    pub fn is_multiplexed(&self) -> bool {
        self.ingress[0].local == self.ingress[1].local
    }
}
