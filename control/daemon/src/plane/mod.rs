// SPDX-License-Identifier: MIT OR Apache-2.0
//! Carries decisions out: effects of `culvert_session` become commands to workers, and what workers tell comes back
//! under the names of sessions.

mod aim;
mod apply;
mod endpoints;
mod events;
mod next_hops;
mod probe;
mod translate;
mod utilisation;
mod worker;

use std::collections::{HashMap, VecDeque};
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use culvert_engine::{
    Cause, Clock, Command, Direction, FlowCounters, FlowSlot, Nanos, Probe, ProbeId, WorkerHandle,
};
use culvert_route::RouteWatcher;
use culvert_session::FlowKey;
use tokio::sync::oneshot;

pub use apply::PlaneError;
pub use endpoints::{EndpointError, Endpoints, XdpEndpoints, XdpInterface, XdpQueue};
pub use events::Told;
pub use probe::Probing;
pub use worker::PlaneWorker;

use next_hops::{Destination, Neighbours};

/// What a plane is made of.
#[derive(Debug)]
pub struct PlaneConfig {
    /// One handle for each worker.
    pub workers: Vec<WorkerHandle>,
    /// Entries of each worker's table of next hops.
    pub max_next_hops: u32,
    /// The clock of the workers' stamps.
    pub clock: Clock,
    /// How packets are had.
    pub endpoints: Endpoints,
    /// The kernel's routes; `None` where the kernel routes for us.
    pub routes: Option<RouteWatcher>,
    /// Which interface (for a VLAN the sub-interface) has each local address.
    pub interfaces: HashMap<IpAddr, u32>,
    /// How long the old receive keys of a leg stay usable after a re-key.
    pub rekey_overlap: Duration,
}

/// The data plane, as control sees it.
#[derive(Debug)]
pub struct Plane {
    workers: Vec<PlaneWorker>,
    clock: Clock,
    /// The same moment on the wall and on the workers' clock.
    epoch: (SystemTime, Nanos),
    endpoints: Endpoints,
    routes: Option<RouteWatcher>,
    interfaces: HashMap<IpAddr, u32>,
    neighbours: Neighbours,
    flows: HashMap<FlowKey, Placed>,
    rekey_overlap: Duration,
    /// When to end the overlap of which flow's re-key, in order of time.
    overlaps: VecDeque<(Instant, FlowKey)>,
    last_probe: u64,
    /// Who waits for which probe.
    probes: HashMap<ProbeId, oneshot::Sender<(Cause, Box<Probe>)>>,
}

/// A flow that was installed.
#[derive(Debug)]
struct Placed {
    worker: usize,
    slot: FlowSlot,
    counters: Arc<FlowCounters>,
    /// When its sides were given the keys that they have, by [`Direction`].
    keyed: [Option<Nanos>; 2],
    /// When the overlap of its latest re-key ends, or ended.
    overlap_ends: Option<Instant>,
    /// Where it sends RTP and RTCP, counted in with the worker's next hops.
    destinations: [Option<Destination>; 2],
    /// Local endpoints that it sends from.
    locals: [SocketAddr; 2],
    /// A learnt remote without a resolved next hop: packets go back the way they came.
    unresolved: [Option<SocketAddr>; 2],
}

impl Plane {
    /// Takes the workers over.
    pub fn new(config: PlaneConfig) -> Plane {
        let max_next_hops = config.max_next_hops;
        Plane {
            workers: config
                .workers
                .into_iter()
                .map(|handle| PlaneWorker::new(handle, max_next_hops))
                .collect(),
            epoch: (SystemTime::now(), config.clock.now()),
            clock: config.clock,
            endpoints: config.endpoints,
            routes: config.routes,
            interfaces: config.interfaces,
            neighbours: Neighbours::default(),
            flows: HashMap::new(),
            rekey_overlap: config.rekey_overlap,
            overlaps: VecDeque::new(),
            last_probe: 0,
            probes: HashMap::new(),
        }
    }

    /// Ends the overlaps that are over, looks at how busy the workers are, and sends what a full ring has held back.
    pub fn tick(&mut self, now: Instant) {
        while self.overlaps.front().is_some_and(|(end, _)| *end <= now) {
            let Some((end, key)) = self.overlaps.pop_front() else { break };
            // A newer re-key of the same flow has an overlap of its own, which is not over.
            if let Some(placed) = self.flows.get(&key)
                && placed.overlap_ends == Some(end)
                && let Some(worker) = self.workers.get_mut(placed.worker)
            {
                worker.send(Command::RetirePrevious { slot: placed.slot });
                worker.handle.wake();
            }
        }
        let looked_at = self.clock.now();
        for worker in &mut self.workers {
            worker.look(looked_at);
            worker.flush();
        }
    }

    /// The counters of a flow.
    pub fn counters(&self, key: &FlowKey) -> Option<&Arc<FlowCounters>> {
        self.flows.get(key).map(|placed| &placed.counters)
    }

    /// When a side of a flow was given the keys that it has, on the workers' clock. `None` where there are none.
    pub fn keyed_at(&self, key: &FlowKey, direction: Direction) -> Option<Nanos> {
        self.flows.get(key)?.keyed.get(direction as usize).copied().flatten()
    }

    /// The workers.
    pub fn workers(&self) -> &[PlaneWorker] {
        &self.workers
    }

    /// How packets are had.
    pub fn endpoints(&self) -> &Endpoints {
        &self.endpoints
    }

    /// Told when the kernel's routes change.
    pub fn route_changes(&self) -> Option<tokio::sync::watch::Receiver<u64>> {
        self.routes.as_ref().map(RouteWatcher::changes)
    }

    /// The clock of the workers' stamps.
    pub fn clock(&self) -> Clock {
        self.clock
    }

    /// Now, on the workers' clock.
    pub fn now(&self) -> Nanos {
        self.clock.now()
    }

    /// A worker's stamp on the wall clock.
    pub fn wall(&self, stamp: Nanos) -> SystemTime {
        let (wall, then) = self.epoch;
        match stamp.0.checked_sub(then.0) {
            Some(since) => wall + Duration::from_nanos(since),
            None => wall - Duration::from_nanos(then.0 - stamp.0),
        }
    }

    /// Detaches the XDP program, finishes the bursts and erases all keys. The plane is empty afterwards.
    ///
    /// # Errors
    /// When a worker had panicked.
    pub fn stop(&mut self) -> Result<(), culvert_engine::Panicked> {
        // Nothing new is to be steered to sockets that are about to close.
        self.endpoints = Endpoints::Xdp(XdpEndpoints::default());
        self.flows.clear();
        let workers = std::mem::take(&mut self.workers);
        workers.into_iter().map(|worker| worker.handle.stop()).fold(Ok(()), Result::and)
    }
}
