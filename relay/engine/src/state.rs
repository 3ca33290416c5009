// SPDX-License-Identifier: MIT OR Apache-2.0
//! What one worker owns.

use std::sync::Arc;

use arrayvec::ArrayVec;
use rtrb::Producer;

use crate::counters::WorkerCounters;
use crate::event::Event;
use crate::flow::{Flow, FlowSlot, NextHop};
use crate::probe::{MAX_PROBES, Probe};
use crate::table::EndpointTable;

/// Sizes of a worker. All memory is allocated once, by them.
#[derive(Clone, Debug)]
pub struct WorkerConfig {
    /// Most flows; two for each direction pair, so two for a stream that goes both ways.
    pub max_flows: u32,
    /// Most endpoints of other workers that this one can know ([`crate::Command::RouteElsewhere`]).
    pub max_elsewhere: u32,
    /// Entries of the table of next hops.
    pub max_next_hops: u32,
    /// Entries of the command ring.
    pub commands: usize,
    /// Entries of the event ring, at least [`WorkerConfig::MIN_EVENTS`].
    pub events: usize,
    /// Longest IP packet of each interface in bytes, by [`crate::InterfaceId`]: what a learnt next hop is given.
    pub interface_mtus: Vec<u16>,
    /// Longest IP packet on back ends whose kernel writes the headers.
    pub datagram_mtu: u16,
    /// How much of a key's lifetime is left when it is announced to expire: the 2^n-th part of it, at least one packet.
    /// Held to 1..=48.
    pub key_warning: u8,
    /// Where to run the thread; `None`: wherever the system likes.
    pub cpu: Option<usize>,
    /// What the thread does while there is nothing to do.
    pub wait: Wait,
}

/// What a worker does while there is nothing to do.
#[derive(Copy, Clone, Debug, Default, Eq, PartialEq)]
pub enum Wait {
    /// Looks again a few times, then sleeps until a packet or a command comes.
    #[default]
    Adaptive,
    /// Never sleeps: no wake-up is waited for, and the processor is never free for anything else.
    Busy,
}

impl WorkerConfig {
    /// Fewest entries of an event ring.
    pub const MIN_EVENTS: usize = 64;
}

impl Default for WorkerConfig {
    fn default() -> WorkerConfig {
        WorkerConfig {
            max_flows: 4096,
            max_elsewhere: 0,
            max_next_hops: 4096,
            commands: 4096,
            events: 8192,
            interface_mtus: vec![1500],
            datagram_mtu: 1500,
            key_warning: 4,
            cpu: None,
            wait: Wait::Adaptive,
        }
    }
}

/// Everything that [`crate::process()`] works on. Owned by one worker; control changes it by [`crate::Command`]s.
#[derive(Debug)]
pub struct WorkerState {
    pub(crate) flows: Vec<Option<Box<Flow>>>,
    pub(crate) endpoints: EndpointTable,
    pub(crate) next_hops: Vec<Option<NextHop>>,
    pub(crate) interface_mtus: Vec<u16>,
    pub(crate) datagram_mtu: u16,
    pub(crate) key_warning: u8,
    pub(crate) installed: u32,
    pub(crate) probes: ArrayVec<Box<Probe>, MAX_PROBES>,
    pub(crate) events: Events,
    pub(crate) counters: Arc<WorkerCounters>,
}

impl WorkerState {
    /// Allocates everything.
    pub fn new(config: &WorkerConfig, events: Producer<Event>, counters: Arc<WorkerCounters>) -> WorkerState {
        let flows = config.max_flows as usize;
        WorkerState {
            flows: std::iter::repeat_with(|| None).take(flows).collect(),
            endpoints: EndpointTable::new(
                flows.saturating_mul(2).saturating_add(config.max_elsewhere as usize),
            ),
            next_hops: vec![None; config.max_next_hops as usize],
            interface_mtus: config.interface_mtus.clone(),
            datagram_mtu: config.datagram_mtu,
            key_warning: config.key_warning.clamp(1, 48),
            installed: 0,
            probes: ArrayVec::new(),
            events: Events { ring: events, counters: Arc::clone(&counters) },
            counters,
        }
    }

    /// The worker's counters.
    pub fn counters(&self) -> &Arc<WorkerCounters> {
        &self.counters
    }

    /// The flow in a slot.
    pub fn flow(&self, slot: FlowSlot) -> Option<&Flow> {
        self.flows.get(slot.0 as usize)?.as_deref()
    }

    pub(crate) fn flow_mut(&mut self, slot: FlowSlot) -> Option<&mut Flow> {
        self.flows.get_mut(slot.0 as usize)?.as_deref_mut()
    }
}

/// The worker's end of the event ring.
#[derive(Debug)]
pub(crate) struct Events {
    ring: Producer<Event>,
    counters: Arc<WorkerCounters>,
}

impl Events {
    /// Most things that one command retires.
    pub(crate) const RETIREMENTS: usize = 2;

    /// There is room for all that one command may retire.
    pub(crate) fn can_retire(&self) -> bool {
        self.ring.slots() >= Self::RETIREMENTS
    }

    /// Gives something back to control. The caller has asked [`Events::can_retire`].
    pub(crate) fn retire(&mut self, event: Event) {
        if self.ring.push(event).is_err() {
            self.counters.event_lost();
        }
    }

    /// Tells something, if that leaves room for the next command's retirements.
    pub(crate) fn inform(&mut self, event: Event) {
        if self.ring.slots() <= Self::RETIREMENTS || self.ring.push(event).is_err() {
            self.counters.event_lost();
        }
    }
}
