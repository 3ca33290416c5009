// SPDX-License-Identifier: MIT OR Apache-2.0
//! What a worker tells control.

use culvert_secret::Secret;
use culvert_srtp::KeySet;
use culvert_udp::UdpSocket;
use culvert_wire::Endpoint;

use crate::flow::{Component, Flow, FlowSlot};
use crate::probe::Probe;
use crate::rate::Rate;
use crate::side::{Receive, Send};

/// Something that control should know.
///
/// Retirements are never lost: a worker takes a command only when the ring has room for all that the command may
/// retire. The rest is information; when the ring is full it is left out and counted
/// ([`crate::WorkerCounters::events_lost`]).
#[derive(Debug)]
#[non_exhaustive]
pub enum Event {
    /// Something that the worker no longer uses, for control to drop.
    Retired(Retired),
    /// The first packet of a flow was relayed.
    FirstMedia {
        /// Which flow.
        slot: FlowSlot,
    },
    /// A flow bound to a source. The reverse flow now sends there, for the time being by the way it came.
    AddressLearnt {
        /// Which flow.
        slot: FlowSlot,
        /// Which port of it; RTP for both when multiplexed.
        component: Component,
        /// The source.
        source: Endpoint,
    },
    /// New keys took effect: a packet authenticated under the new receive keys, or the send keys were replaced.
    RekeyDone {
        /// Which flow.
        slot: FlowSlot,
        /// Of which side.
        direction: Direction,
    },
    /// A key has not much of its lifetime left ([`crate::WorkerConfig::key_warning`]). Told once of each key.
    KeyExpiring {
        /// Which flow.
        slot: FlowSlot,
        /// Of which side.
        direction: Direction,
        /// Packets that it can still protect: of SRTP or SRTCP, whichever are fewer.
        packets_left: u64,
    },
    /// A key has served its lifetime; packets are dropped as `key_expired` until a re-key.
    KeyExpired {
        /// Which flow.
        slot: FlowSlot,
        /// Of which side.
        direction: Direction,
    },
}

/// A side of a flow.
#[derive(Copy, Clone, Debug, Eq, PartialEq, Hash)]
pub enum Direction {
    /// What arrives.
    Receive,
    /// What leaves.
    Send,
}

/// What the worker gives back, and why. Dropping it erases the keys in it.
#[derive(Debug)]
#[non_exhaustive]
pub enum Retired {
    /// A flow.
    Flow {
        /// Its slot: free again, unless the flow was refused.
        slot: FlowSlot,
        /// [`Cause::Removed`] or [`Cause::Refused`].
        cause: Cause,
        /// The flow.
        flow: Box<Flow>,
    },
    /// Keys.
    Keys {
        /// The flow they were for.
        slot: FlowSlot,
        /// Of which side.
        direction: Direction,
        /// [`Cause::Replaced`], [`Cause::Removed`] (an overlap ended) or [`Cause::Refused`].
        cause: Cause,
        /// The keys.
        keys: Secret<KeySet>,
    },
    /// A receive side.
    Receive {
        /// The flow it was for.
        slot: FlowSlot,
        /// [`Cause::Replaced`] or [`Cause::Refused`].
        cause: Cause,
        /// The receive side.
        receive: Box<Receive>,
    },
    /// A send side.
    Send {
        /// The flow it was for.
        slot: FlowSlot,
        /// [`Cause::Replaced`] or [`Cause::Refused`].
        cause: Cause,
        /// The send side.
        send: Box<Send>,
    },
    /// A bound on bandwidth.
    Rate {
        /// The flow it was for.
        slot: FlowSlot,
        /// [`Cause::Replaced`] or [`Cause::Refused`].
        cause: Cause,
        /// The bound.
        rate: Box<Rate>,
    },
    /// A probe, with what it has seen.
    Probe {
        /// [`Cause::Removed`] or [`Cause::Refused`].
        cause: Cause,
        /// The probe.
        probe: Box<Probe>,
    },
    /// A socket, for control to close.
    Socket {
        /// Its local endpoint.
        endpoint: Endpoint,
        /// [`Cause::Removed`] or [`Cause::Refused`].
        cause: Cause,
        /// The socket.
        socket: UdpSocket,
    },
}

/// Why something came back.
#[derive(Copy, Clone, Debug, Eq, PartialEq, Hash)]
pub enum Cause {
    /// A command took it out.
    Removed,
    /// Another took its place.
    Replaced,
    /// It was never used: the command that brought it could not be carried out.
    Refused,
}
