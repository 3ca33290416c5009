// SPDX-License-Identifier: MIT OR Apache-2.0
//! A running worker on some back end, with a world around it.

use std::time::{Duration, Instant};

use culvert_engine::{Command, Event, FlowSlot, Link, Retired, Send, Via, WorkerConfig, WorkerHandle};
use culvert_wire::Endpoint;

/// Longest wait for something that must come.
const PATIENCE: Duration = Duration::from_secs(10);

#[derive(Copy, Clone, Debug, Eq, PartialEq)]
pub enum Family {
    V4,
    V6,
}

/// A datagram as the world sees it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Datagram {
    pub from: Endpoint,
    pub to: Endpoint,
    pub traffic_class: u8,
    pub payload: Vec<u8>,
}

pub trait Harness: Sized {
    /// Who writes the headers.
    const LINK: Link;

    fn start(config: WorkerConfig) -> Self;

    fn handle(&mut self) -> &mut WorkerHandle;

    /// Opens a new local endpoint of the relay.
    fn relay(&mut self, family: Family) -> Endpoint;

    /// A new endpoint of the world. Those of one host share an IPv4 address.
    fn peer(&mut self, family: Family, host: u8) -> Endpoint;

    /// How the relay reaches a host of the world, once `SetNextHop` has been sent.
    fn via(&mut self, peer: Endpoint) -> Via;

    /// Sends from an endpoint of the world.
    fn send(&mut self, datagram: &Datagram);

    /// What the relay has sent to the world, if anything is there.
    fn try_receive(&mut self) -> Option<Datagram>;

    /// Packets dropped on their way to the worker, for their form.
    fn filtered(&mut self) -> u64 {
        0
    }

    // What follows is the same everywhere.

    fn command(&mut self, command: Command) {
        self.handle().send(command).expect("room in the command ring");
        self.handle().wake();
    }

    fn event(&mut self) -> Event {
        await_some("an event", || self.handle().poll_event())
    }

    /// Waits until all commands so far have been carried out. Fails if that gave other events.
    fn settle(&mut self) {
        let events = self.settle_with_events();
        assert!(events.is_empty(), "unexpected events: {events:?}");
    }

    /// As above, returning the events.
    fn settle_with_events(&mut self) -> Vec<Event> {
        // No flow is ever here, so this comes straight back.
        let nowhere = FlowSlot(u32::MAX);
        self.command(Command::SetSend { slot: nowhere, send: Box::new(Send::not_ready()) });
        let mut events = Vec::new();
        loop {
            match self.event() {
                Event::Retired(Retired::Send { slot, .. }) if slot == nowhere => return events,
                event => events.push(event),
            }
        }
    }

    fn receive(&mut self) -> Datagram {
        await_some("a datagram", || self.try_receive())
    }
}

pub fn await_some<T>(what: &str, mut attempt: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(found) = attempt() {
            return found;
        }
        assert!(Instant::now() < deadline, "waited {PATIENCE:?} for {what}");
        std::thread::yield_now();
    }
}
