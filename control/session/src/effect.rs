// SPDX-License-Identifier: MIT OR Apache-2.0
use std::net::SocketAddr;

use crate::{Component, Egress, FlowKey, FlowSpec, Keys, Side, Source};

/// What must happen in the engine for a change to take place. A list of them is carried out in order.
///
/// Effects follow from a checked state, so none can be refused for what it asks, and all of one list concern one
/// session and so one worker.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Effect {
    /// Takes a local endpoint into use, before the flows that arrive there.
    OpenEndpoint {
        /// The worker of its flow.
        worker: u32,
        /// The endpoint.
        local: SocketAddr,
    },
    /// Gives a local endpoint up, after the flows that arrive there.
    CloseEndpoint {
        /// The worker of its flow.
        worker: u32,
        /// The endpoint.
        local: SocketAddr,
    },
    /// Installs a flow. The two directions of a media follow each other.
    InstallFlow(Box<FlowSpec>),
    /// Removes a flow.
    RemoveFlow {
        /// Its worker.
        worker: u32,
        /// Its name.
        flow: FlowKey,
    },
    /// New keys for sides that are SRTP already. Stream states go on; old receive keys stay for what is in flight.
    Rekey {
        /// The flow's worker.
        worker: u32,
        /// Its name.
        flow: FlowKey,
        /// For what arrives.
        receive: Option<Keys>,
        /// For what leaves.
        send: Option<Keys>,
    },
    /// Another kind of receive side, with fresh stream states.
    SetReceive {
        /// The flow's worker.
        worker: u32,
        /// Its name.
        flow: FlowKey,
        /// The new side.
        receive: Side,
    },
    /// Another kind of send side, with fresh stream states.
    SetSend {
        /// The flow's worker.
        worker: u32,
        /// Its name.
        flow: FlowKey,
        /// The new side.
        send: Side,
    },
    /// Another source rule; what the old one has learnt is forgotten. For legs that multiplex, RTP's stands for both.
    SetSource {
        /// The flow's worker.
        worker: u32,
        /// Its name.
        flow: FlowKey,
        /// Which port.
        component: Component,
        /// The rule.
        source: Source,
    },
    /// Another remote.
    SetEgress {
        /// The flow's worker.
        worker: u32,
        /// Its name.
        flow: FlowKey,
        /// Which port.
        component: Component,
        /// From where and to whom.
        egress: Egress,
    },
    /// On or off hold.
    SetHeld {
        /// The flow's worker.
        worker: u32,
        /// Its name.
        flow: FlowKey,
        /// On hold.
        held: bool,
    },
    /// Another marking of what leaves; `None`: as it came.
    SetDscp {
        /// The flow's worker.
        worker: u32,
        /// Its name.
        flow: FlowKey,
        /// 0..=63.
        dscp: Option<u8>,
    },
    /// Another bound on what is relayed, in bits a second of IP packets as they arrive; `None`: no bound.
    SetBandwidth {
        /// The flow's worker.
        worker: u32,
        /// Its name.
        flow: FlowKey,
        /// The bound.
        bandwidth: Option<u64>,
    },
}
