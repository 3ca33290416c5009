// SPDX-License-Identifier: MIT OR Apache-2.0
//! What workers tell, under the names of sessions.

use std::net::SocketAddr;

use culvert_engine::{Cause, Command, Component, Direction, Event, FlowSlot, Retired, Via};
use culvert_session::FlowKey;

use super::next_hops::Change;
use super::translate;
use super::{Plane, PlaneWorker};

/// Something that a session's owner should know.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Told {
    /// The first packet that arrived at a leg was relayed.
    FirstMedia(FlowKey),
    /// A leg's endpoint was found to send from here.
    AddressLearnt {
        /// What arrives from it.
        flow: FlowKey,
        /// RTCP rather than RTP.
        rtcp: bool,
        /// The address.
        source: SocketAddr,
    },
    /// New keys took effect: those of the leg at which the flow arrives, or those of the leg by which it leaves.
    RekeyDone {
        /// The flow.
        flow: FlowKey,
        /// Of which side.
        direction: Direction,
    },
    /// A key has not much of its lifetime left.
    KeyExpiring {
        /// The flow.
        flow: FlowKey,
        /// Of which side.
        direction: Direction,
        /// Packets that it can still protect.
        packets_left: u64,
    },
    /// A key has served its lifetime.
    KeyExpired {
        /// The flow.
        flow: FlowKey,
        /// Of which side.
        direction: Direction,
    },
    /// A flow has left its worker, and its keys are erased.
    Removed(FlowKey),
}

impl Plane {
    /// Takes in what the workers have told since the last call. What they gave back is dropped here, keys erased.
    pub fn poll(&mut self) -> Vec<Told> {
        let mut told = Vec::new();
        for worker in 0..self.workers.len() {
            let mut taken = false;
            while let Some(event) = self.workers.get_mut(worker).and_then(PlaneWorker::poll_event) {
                told.extend(self.take_event(worker, event));
                taken = true;
            }
            if let Some(entry) = self.workers.get(worker).filter(|_| taken) {
                // It may have left commands lie for want of room for what they retire.
                entry.handle.wake();
            }
        }
        self.tell_kernel();
        told
    }

    fn take_event(&mut self, worker: usize, event: Event) -> Option<Told> {
        let key = |slot: FlowSlot| self.workers.get(worker).and_then(|entry| entry.keys.get(&slot).cloned());
        match event {
            Event::Retired(retired) => self.take_back(worker, retired),
            Event::FirstMedia { slot } => key(slot).map(Told::FirstMedia),
            Event::AddressLearnt { slot, component, source } => {
                let flow = key(slot)?;
                let source = source.to_socket_addr();
                self.learnt(&flow, component, source);
                Some(Told::AddressLearnt { flow, rtcp: component == Component::Rtcp, source })
            }
            Event::RekeyDone { slot, direction } => key(slot).map(|flow| Told::RekeyDone { flow, direction }),
            Event::KeyExpiring { slot, direction, packets_left } => {
                key(slot).map(|flow| Told::KeyExpiring { flow, direction, packets_left })
            }
            Event::KeyExpired { slot, direction } => {
                key(slot).map(|flow| Told::KeyExpired { flow, direction })
            }
            other => {
                tracing::error!(worker, ?other, "event is not known to this version: report this defect");
                None
            }
        }
    }

    fn take_back(&mut self, worker: usize, retired: Retired) -> Option<Told> {
        let retired = match retired {
            Retired::Probe { cause, probe } => {
                self.probed(cause, probe);
                return None;
            }
            other => other,
        };
        let (slot, cause) = match &retired {
            Retired::Flow { slot, cause, .. }
            | Retired::Keys { slot, cause, .. }
            | Retired::Receive { slot, cause, .. }
            | Retired::Send { slot, cause, .. }
            | Retired::Rate { slot, cause, .. } => (Some(*slot), *cause),
            Retired::Socket { cause, .. } => (None, *cause),
            _ => return None,
        };
        if cause == Cause::Refused {
            tracing::error!(worker, ?retired, "worker could not carry out a command: report this defect");
        }
        let entry = self.workers.get_mut(worker)?;
        match retired {
            Retired::Flow { .. } => {
                let slot = slot?;
                let key = entry.keys.remove(&slot);
                entry.handle.slots.release(slot);
                key.map(Told::Removed)
            }
            _ => None,
        }
    }

    /// A flow's source is where the reverse flow sends. The worker answers on the reverse path; when the routing table
    /// knows the way, that is better: it follows changes.
    fn learnt(&mut self, flow: &FlowKey, component: Component, source: SocketAddr) {
        let reverse = FlowKey { from_leg: 1 - flow.from_leg, ..flow.clone() };
        let multiplexed = self.flows.get(&reverse).is_some_and(|placed| placed.locals[0] == placed.locals[1]);
        let ports = match component {
            Component::Rtp if multiplexed => 0..2,
            Component::Rtp => 0..1,
            Component::Rtcp => 1..2,
        };
        for port in ports {
            let Some(local) = self.flows.get(&reverse).and_then(|placed| placed.locals.get(port).copied())
            else {
                continue;
            };
            let (_, changes) =
                self.aim(&reverse, port, culvert_session::Egress { local, remote: Some(source) });
            if let Some(placed) = self.flows.get_mut(&reverse) {
                if let Some(place) = placed.unresolved.get_mut(port) {
                    *place = Some(source);
                }
                let worker = placed.worker;
                self.send_changes(worker, changes);
            }
        }
        self.adopt_resolved_of(&reverse);
    }

    fn send_changes(&mut self, worker: usize, changes: Vec<Change>) {
        if let Some(entry) = self.workers.get_mut(worker) {
            for change in changes {
                entry.send(Command::SetNextHop { id: change.id, hop: change.hop });
            }
        }
    }

    /// Lets flows that answer on the reverse path follow the routing table where it has an answer by now.
    pub(super) fn adopt_resolved(&mut self) {
        let waiting: Vec<FlowKey> = self
            .flows
            .iter()
            .filter(|(_, placed)| placed.unresolved.iter().any(Option::is_some))
            .map(|(key, _)| key.clone())
            .collect();
        for key in waiting {
            self.adopt_resolved_of(&key);
        }
    }

    fn adopt_resolved_of(&mut self, key: &FlowKey) {
        let Some(placed) = self.flows.get_mut(key) else { return };
        let Some(entry) = self.workers.get_mut(placed.worker) else { return };
        for (port, component) in Component::ALL.into_iter().enumerate() {
            let (Some(Some(remote)), Some(Some(destination))) =
                (placed.unresolved.get(port).copied(), placed.destinations.get(port).copied())
            else {
                continue;
            };
            let Some(id) = entry.next_hops.resolved(destination) else { continue };
            if let Some(place) = placed.unresolved.get_mut(port) {
                *place = None;
            }
            let remote = translate::endpoint(remote);
            entry.send(Command::SetVia { slot: placed.slot, component, remote, via: Via::Table(id) });
        }
        entry.handle.wake();
    }
}
