// SPDX-License-Identifier: MIT OR Apache-2.0
//! What control tells a worker.

use culvert_secret::Secret;
use culvert_srtp::KeySet;
use culvert_udp::UdpSocket;
use culvert_wire::Endpoint;

use crate::flow::{Component, Dscp, Egress, Flow, FlowSlot, NextHop, NextHopId, SourceRule, Via};
use crate::probe::{Probe, ProbeId};
use crate::rate::Rate;
use crate::side::{Receive, Send};

/// One change to a worker's state. Commands are carried out in order, between bursts, each as a whole.
///
/// Everything boxed comes back as [`crate::Event::Retired`]: what the command replaced with
/// [`crate::Cause::Replaced`] or [`crate::Cause::Removed`], and, when it cannot be carried out (an empty slot, an
/// occupied one, an endpoint in use, a side that would loosen one that requires encryption), what the command brought
/// with [`crate::Cause::Refused`].
#[derive(Debug)]
#[non_exhaustive]
pub enum Command {
    /// Puts a flow into an empty slot and routes its local endpoints to it.
    Install {
        /// Where.
        slot: FlowSlot,
        /// What.
        flow: Box<Flow>,
    },
    /// Takes a flow out. It comes back as [`crate::Retired::Flow`]; only then may the slot be used again.
    Remove {
        /// Which.
        slot: FlowSlot,
    },
    /// New keys for a running flow. The stream states (roll-over counters, replay lists) go on. What is in flight
    /// under the old receive keys still opens, until [`Command::RetirePrevious`].
    Rekey {
        /// Which.
        slot: FlowSlot,
        /// Keys for what arrives; the flow's receive side is SRTP, and they encrypt if it is required to.
        receive: Option<Secret<KeySet>>,
        /// Keys for what leaves; the flow's send side is SRTP, and they encrypt if it is required to.
        send: Option<Secret<KeySet>>,
    },
    /// Ends the overlap of a re-key: erases the receive keys before the newest.
    RetirePrevious {
        /// Which.
        slot: FlowSlot,
    },
    /// Replaces the receive side, stream states and all. The source that was learnt stays. A required side takes only
    /// another required one.
    SetReceive {
        /// Which.
        slot: FlowSlot,
        /// The new one.
        receive: Box<Receive>,
    },
    /// Replaces the send side, stream states and all. A required side takes only another required one.
    SetSend {
        /// Which.
        slot: FlowSlot,
        /// The new one.
        send: Box<Send>,
    },
    /// Replaces a source rule and forgets what the old one has learnt.
    SetSource {
        /// Which flow.
        slot: FlowSlot,
        /// Which port of it. When multiplexed, RTP's governs both.
        component: Component,
        /// The new rule.
        rule: SourceRule,
    },
    /// Replaces where packets go.
    SetEgress {
        /// Which flow.
        slot: FlowSlot,
        /// Which port of it.
        component: Component,
        /// The new way.
        egress: Egress,
    },
    /// Replaces the next hop, if `remote` still is where packets go: an answer to [`crate::Event::AddressLearnt`],
    /// or to a change of routes, that cannot overtake a newer remote.
    SetVia {
        /// Which flow.
        slot: FlowSlot,
        /// Which port of it.
        component: Component,
        /// The remote for which the next hop was found.
        remote: Endpoint,
        /// The next hop.
        via: Via,
    },
    /// Puts a flow on hold, or takes it off.
    SetHeld {
        /// Which.
        slot: FlowSlot,
        /// On hold.
        held: bool,
    },
    /// Sets the marking of what leaves.
    SetDscp {
        /// Which.
        slot: FlowSlot,
        /// The marking.
        dscp: Dscp,
    },
    /// Sets or lifts the bound on a flow's bandwidth. The bound before it comes back as [`crate::Retired::Rate`].
    SetRate {
        /// Which flow.
        slot: FlowSlot,
        /// The bound; `None`: none.
        rate: Option<Box<Rate>>,
    },
    /// Fills, changes or empties an entry of the table of next hops.
    SetNextHop {
        /// Which, below [`crate::WorkerConfig::max_next_hops`].
        id: NextHopId,
        /// `None`: packets by this next hop are dropped as `next_hop_unresolved`.
        hop: Option<NextHop>,
    },
    /// Says which other worker owns a local endpoint: packets to it are handed over. At most
    /// [`crate::WorkerConfig::max_elsewhere`] of them.
    RouteElsewhere {
        /// A local endpoint of a flow there.
        endpoint: Endpoint,
        /// The worker's number.
        worker: u32,
    },
    /// Ends [`Command::RouteElsewhere`].
    ForgetElsewhere {
        /// The endpoint.
        endpoint: Endpoint,
        /// The worker it was said to belong to; otherwise nothing happens.
        worker: u32,
    },
    /// Looks at packets from now on. Refused when a flow of the probe is not there or is looked at already, and when
    /// [`crate::probe::MAX_PROBES`] are armed.
    Probe {
        /// What is to be looked at, and room for what is seen.
        probe: Box<Probe>,
    },
    /// Ends [`Command::Probe`]: it comes back as [`crate::Retired::Probe`].
    EndProbe {
        /// Which.
        id: ProbeId,
    },
    /// Hands a bound socket to the socket back end. Back ends without sockets refuse it.
    OpenEndpoint {
        /// The local endpoint of the socket, as flows name it.
        endpoint: Endpoint,
        /// The socket. It comes back as [`crate::Retired::Socket`].
        socket: UdpSocket,
    },
    /// Takes a socket back.
    CloseEndpoint {
        /// Its local endpoint.
        endpoint: Endpoint,
    },
}
