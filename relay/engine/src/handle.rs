// SPDX-License-Identifier: MIT OR Apache-2.0
//! Control's side of the workers.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;

use culvert_udp::Waker;
use rtrb::{Consumer, Producer};

use crate::clock::Clock;
use crate::command::Command;
use crate::counters::WorkerCounters;
use crate::event::Event;
use crate::flow::FlowSlot;
use crate::worker::Stopped;

/// The command ring has no room. Nothing was sent; try again after the worker has caught up.
#[derive(Debug, thiserror::Error)]
#[error("the worker's command ring is full: try again once it has taken what is queued")]
pub struct Full<T>(
    /// What could not be sent.
    pub T,
);

/// All workers of a node.
#[derive(Debug)]
pub struct Engine {
    /// By worker number.
    pub workers: Vec<WorkerHandle>,
    /// The clock of their stamps.
    pub clock: Clock,
}

/// Control's end of one worker: commands in, events out.
#[derive(Debug)]
pub struct WorkerHandle {
    /// What the worker counts, readable at any time.
    pub counters: Arc<WorkerCounters>,
    /// Free and used flow slots of the worker.
    pub slots: SlotAllocator,
    pub(crate) cpu: Option<usize>,
    pub(crate) commands: Producer<Command>,
    pub(crate) events: Consumer<Event>,
    pub(crate) waker: Waker,
    pub(crate) stop: Arc<AtomicBool>,
    pub(crate) thread: Option<JoinHandle<Stopped>>,
}

impl WorkerHandle {
    /// Commands that can be sent now. It only grows until the next [`WorkerHandle::send`].
    pub fn room(&self) -> usize {
        self.commands.slots()
    }

    /// Queues a command. The worker carries out what is queued before its next burst; after the last of a batch,
    /// [`WorkerHandle::wake`] it.
    ///
    /// # Errors
    /// Gives the command back when the ring is full.
    pub fn send(&mut self, command: Command) -> Result<(), Full<Command>> {
        self.commands.push(command).map_err(|rtrb::PushError::Full(command)| Full(command))
    }

    /// Queues all commands, in order, or none.
    ///
    /// # Errors
    /// Gives the commands back when the ring has not room for all of them.
    pub fn send_all(&mut self, commands: Vec<Command>) -> Result<(), Full<Vec<Command>>> {
        if self.room() < commands.len() {
            return Err(Full(commands));
        }
        for command in commands {
            // There is room, and only this side fills it.
            let _ = self.commands.push(command);
        }
        Ok(())
    }

    /// Makes an idle worker look at its commands at once.
    pub fn wake(&self) {
        self.waker.wake();
    }

    /// The next event, if there is one.
    pub fn poll_event(&mut self) -> Option<Event> {
        self.events.pop().ok()
    }

    /// The processor that the worker is pinned to.
    pub fn cpu(&self) -> Option<usize> {
        self.cpu
    }

    /// The worker's thread has ended without being told to.
    pub fn has_failed(&self) -> bool {
        self.thread.as_ref().is_none_or(JoinHandle::is_finished)
    }

    /// Tells the worker to finish its burst, and waits until it has. What it owned is dropped here, keys erased.
    ///
    /// # Errors
    /// When the thread has panicked.
    pub fn stop(mut self) -> Result<(), Panicked> {
        self.stop_thread()
    }

    fn stop_thread(&mut self) -> Result<(), Panicked> {
        self.stop.store(true, Ordering::Release);
        self.waker.wake();
        match self.thread.take() {
            Some(thread) => thread.join().map(drop).map_err(|_| Panicked),
            None => Ok(()),
        }
    }
}

impl Drop for WorkerHandle {
    fn drop(&mut self) {
        let _ = self.stop_thread();
    }
}

/// A worker's thread has panicked: a defect in Culvert. Media of its sessions have stopped; restart the relay.
#[derive(Debug, thiserror::Error)]
#[error("a relay worker has panicked; its sessions have no media: restart the relay and report the defect")]
pub struct Panicked;

/// Hands out the flow slots of one worker.
#[derive(Debug)]
pub struct SlotAllocator {
    used: Vec<bool>,
    /// Slots below this that are not in use.
    free: Vec<FlowSlot>,
    next: u32,
}

impl SlotAllocator {
    /// For [`crate::WorkerConfig::max_flows`] slots.
    pub fn new(capacity: u32) -> SlotAllocator {
        SlotAllocator { used: vec![false; capacity as usize], free: Vec::new(), next: 0 }
    }

    /// A slot that is not in use.
    pub fn allocate(&mut self) -> Option<FlowSlot> {
        let slot = match self.free.pop() {
            Some(slot) => slot,
            None if self.next < self.capacity() => {
                self.next += 1;
                FlowSlot(self.next - 1)
            }
            None => return None,
        };
        *self.used.get_mut(slot.0 as usize)? = true;
        Some(slot)
    }

    /// Takes a slot back: after [`crate::Retired::Flow`] has come for it, or when its flow was never installed.
    /// A slot that is not in use is ignored.
    pub fn release(&mut self, slot: FlowSlot) {
        if let Some(used) = self.used.get_mut(slot.0 as usize)
            && std::mem::take(used)
        {
            self.free.push(slot);
        }
    }

    /// Slots in use.
    pub fn used(&self) -> usize {
        self.next as usize - self.free.len()
    }

    /// Slots in all.
    pub fn capacity(&self) -> u32 {
        self.used.len() as u32
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slots_are_handed_out_once_until_released() {
        let mut slots = SlotAllocator::new(2);
        assert_eq!(slots.allocate(), Some(FlowSlot(0)));
        assert_eq!(slots.allocate(), Some(FlowSlot(1)));
        assert_eq!((slots.allocate(), slots.used(), slots.capacity()), (None, 2, 2));
        slots.release(FlowSlot(0));
        slots.release(FlowSlot(0));
        slots.release(FlowSlot(7));
        assert_eq!((slots.used(), slots.allocate(), slots.allocate()), (1, Some(FlowSlot(0)), None));
    }
}
