// SPDX-License-Identifier: MIT OR Apache-2.0

use std::collections::{HashMap, VecDeque};

use culvert_engine::{Command, Event, FlowSlot, Nanos, WorkerHandle};
use culvert_session::FlowKey;

use super::next_hops::NextHops;
use super::utilisation::Utilisation;

/// One worker, and what control keeps about it.
#[derive(Debug)]
pub struct PlaneWorker {
    pub(super) handle: WorkerHandle,
    pub(super) next_hops: NextHops,
    /// Which flow is in which slot, until its retirement has come back.
    pub(super) keys: HashMap<FlowSlot, FlowKey>,
    /// Commands of our own accord (next hops, ends of overlaps) that found the ring full, in order.
    backlog: VecDeque<Command>,
    utilisation: Utilisation,
}

impl PlaneWorker {
    pub(super) fn new(handle: WorkerHandle, max_next_hops: u32) -> PlaneWorker {
        PlaneWorker {
            handle,
            next_hops: NextHops::new(max_next_hops),
            keys: HashMap::new(),
            backlog: VecDeque::new(),
            utilisation: Utilisation::default(),
        }
    }

    /// The engine's side of it.
    pub fn handle(&self) -> &WorkerHandle {
        &self.handle
    }

    /// Share of the last second that it spent on bursts, 0..=1.
    pub fn utilisation(&self) -> f64 {
        self.utilisation.share()
    }

    pub(super) fn look(&mut self, now: Nanos) {
        self.utilisation.look(now, self.handle.counters.busy_nanoseconds());
    }

    /// Commands that can be sent now without waiting.
    pub(super) fn room(&self) -> usize {
        self.handle.room().saturating_sub(self.backlog.len())
    }

    /// Sends a command, or keeps it in order until there is room.
    pub(super) fn send(&mut self, command: Command) {
        self.flush();
        if !self.backlog.is_empty() {
            self.backlog.push_back(command);
        } else if let Err(full) = self.handle.send(command) {
            self.backlog.push_back(full.0);
        }
    }

    /// Sends what waits, as far as there is room.
    pub(super) fn flush(&mut self) {
        while let Some(command) = self.backlog.pop_front() {
            if let Err(full) = self.handle.send(command) {
                self.backlog.push_front(full.0);
                return;
            }
        }
    }

    pub(super) fn poll_event(&mut self) -> Option<Event> {
        self.handle.poll_event()
    }
}
