// SPDX-License-Identifier: MIT OR Apache-2.0
//! What control says about one direction of one stream.

use std::sync::Arc;

use culvert_secret::Secret;
use culvert_srtp::KeySet;
use culvert_wire::{Address, Endpoint, MacAddress};

use crate::burst::InterfaceId;
use crate::counters::FlowCounters;
use crate::event::Direction;
use crate::prefix::Prefix;
use crate::rate::Rate;
use crate::side::{Receive, Send};

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
    /// The first source that has an address of this prefix.
    LearnWithin(Prefix),
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

/// One direction of one stream: what arrives at one leg and leaves by the other.
///
/// Control builds it, [`crate::Command::Install`] moves it to the worker, and [`crate::Retired::Flow`] brings it back.
/// Its sides change only as [`crate::side`] allows.
// In this order, what a packet of RTP needs is in the first four cache lines.
#[derive(Debug)]
#[repr(C, align(64))]
pub struct Flow {
    receive: Receive,
    send: Send,
    /// Shared with control, which reads them at any time.
    pub counters: Arc<FlowCounters>,
    /// How fast it may relay; `None`: as fast as packets come.
    pub rate: Option<Box<Rate>>,
    /// The reverse direction, on the same worker. What this flow learns about its source is where that one sends.
    pub peer: Option<FlowSlot>,
    /// RTP timestamp units per second, for the jitter.
    pub clock_rate: u32,
    /// Marking of what leaves.
    pub dscp: Dscp,
    /// Held: packets are authenticated and accounted, so that the roll-over counter keeps up, and then dropped.
    pub held: bool,
    /// The worker's own notes.
    pub(crate) state: FlowState,
    /// RTP and RTCP, in the order of [`Component::ALL`].
    pub ingress: [Ingress; 2],
    /// RTP and RTCP, in the order of [`Component::ALL`].
    pub egress: [Egress; 2],
}

/// What a re-key gives back: keys that are no longer held, or, refused, those it brought.
pub(crate) type Rekeyed = Result<Option<Secret<KeySet>>, Secret<KeySet>>;

/// What only the worker writes.
#[derive(Debug, Default)]
pub(crate) struct FlowState {
    /// By direction.
    pub(crate) key_expiry_reported: [bool; 2],
    pub(crate) rekey_pending: bool,
    /// A probe looks at its packets.
    pub(crate) probed: bool,
}

impl Flow {
    /// A flow without a peer, of a clock rate of 8,000, that keeps the marking, is not held and has no bound on its
    /// bandwidth.
    pub fn new(
        ingress: [Ingress; 2],
        receive: Receive,
        egress: [Egress; 2],
        send: Send,
        counters: Arc<FlowCounters>,
    ) -> Flow {
        Flow {
            receive,
            send,
            counters,
            rate: None,
            peer: None,
            clock_rate: 8000,
            dscp: Dscp::Keep,
            held: false,
            state: FlowState::default(),
            ingress,
            egress,
        }
    }

    /// How what arrives is opened.
    #[inline]
    pub fn receive(&self) -> &Receive {
        &self.receive
    }

    /// How what leaves is closed.
    #[inline]
    pub fn send(&self) -> &Send {
        &self.send
    }

    /// For the packets: to open them.
    #[inline]
    pub(crate) fn receive_context_mut(&mut self) -> Option<&mut culvert_srtp::ReceiveContext> {
        self.receive.context_mut()
    }

    /// For the packets: to close them.
    #[inline]
    pub(crate) fn send_context_mut(&mut self) -> Option<&mut culvert_srtp::SendContext> {
        self.send.context_mut()
    }

    /// Begins with the packets: nothing is noted, and keys warn as the worker's configuration says.
    pub(crate) fn begin(&mut self, key_warning: u8) {
        self.state = FlowState::default();
        self.receive_changed(key_warning);
        self.send_changed(key_warning);
    }

    /// Changes the receive side for another. False, and nothing changed, if that would loosen it.
    pub(crate) fn replace_receive(&mut self, new: &mut Receive, key_warning: u8) -> bool {
        let replaced = self.receive.replace(new);
        if replaced {
            self.state.rekey_pending = false;
            self.receive_changed(key_warning);
        }
        replaced
    }

    /// Changes the send side for another. False, and nothing changed, if that would loosen it.
    pub(crate) fn replace_send(&mut self, new: &mut Send, key_warning: u8) -> bool {
        let replaced = self.send.replace(new);
        if replaced {
            self.send_changed(key_warning);
        }
        replaced
    }

    /// New receive keys; those no longer held come back.
    ///
    /// # Errors
    /// Gives the new keys back when the receive side is not SRTP, or they do not encrypt where that is required.
    pub(crate) fn rekey_receive(&mut self, keys: Secret<KeySet>, key_warning: u8) -> Rekeyed {
        let oldest = self.receive.rekey(keys)?;
        self.state.rekey_pending = true;
        self.receive_changed(key_warning);
        Ok(oldest)
    }

    /// New send keys; the old ones come back.
    ///
    /// # Errors
    /// Gives the new keys back when the send side is not SRTP, or they do not encrypt where that is required.
    pub(crate) fn rekey_send(&mut self, keys: Secret<KeySet>, key_warning: u8) -> Rekeyed {
        let old = self.send.rekey(keys)?;
        self.send_changed(key_warning);
        Ok(old)
    }

    fn receive_changed(&mut self, key_warning: u8) {
        self.state.key_expiry_reported[Direction::Receive as usize] = false;
        let context = self.receive.context_mut();
        let packets = context.map(|context| {
            context.warn_of_expiry(key_warning);
            context.packets()
        });
        self.counters.set_key_packets(Direction::Receive, packets.unwrap_or(0));
    }

    fn send_changed(&mut self, key_warning: u8) {
        self.state.key_expiry_reported[Direction::Send as usize] = false;
        let context = self.send.context_mut();
        let packets = context.map(|context| {
            context.warn_of_expiry(key_warning);
            context.packets()
        });
        self.counters.set_key_packets(Direction::Send, packets.unwrap_or(0));
    }

    /// Accounts for a packet that was opened. Says once of each key that it will soon expire, and in how many packets.
    #[inline(always)]
    pub(crate) fn opened(&mut self) -> Option<u64> {
        let context = self.receive.context_mut()?;
        self.counters.set_key_packets(Direction::Receive, context.packets());
        if context.is_expiring() { context.take_expiring() } else { None }
    }

    /// The same of a packet that was closed.
    #[inline(always)]
    pub(crate) fn closed(&mut self) -> Option<u64> {
        let context = self.send.context_mut()?;
        self.counters.set_key_packets(Direction::Send, context.packets());
        if context.is_expiring() { context.take_expiring() } else { None }
    }

    /// Reads a little of every cache line that a packet of RTP will need, ahead of time.
    pub(crate) fn touch(&self) -> u32 {
        let plain = self.receive.is_plain();
        let [ingress, egress] = [self.ingress[1].local.port, self.egress[0].local.port];
        self.clock_rate ^ u32::from(plain) ^ u32::from(ingress) ^ u32::from(egress)
    }

    /// RTP and RTCP arrive at one port (RFC 5761).
    pub fn is_multiplexed(&self) -> bool {
        self.ingress[0].local == self.ingress[1].local
    }
}
