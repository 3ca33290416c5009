// SPDX-License-Identifier: MIT OR Apache-2.0
//! The task behind a [`RouteWatcher`](crate::RouteWatcher).

use std::{
    collections::HashSet,
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};

use futures::{FutureExt as _, StreamExt as _};
use rtnetlink::{
    packet_core::{NetlinkMessage, NetlinkPayload},
    packet_route::RouteNetlinkMessage,
};
use tokio::{
    sync::{mpsc, watch},
    time::{Interval, MissedTickBehavior, interval},
};
use tracing::{debug, warn};

use super::sockets::Sockets;
use crate::{Change, NeighbourKey, RouteTable, Update, decode::decode, table::Neighbour};

/// How often what failed is tried again.
const RETRY: Duration = Duration::from_secs(1);

pub(super) enum Request {
    Want(NeighbourKey),
    Release(NeighbourKey),
}

pub(super) struct Task {
    table: Arc<RwLock<RouteTable>>,
    generation: watch::Sender<u64>,
    requests: mpsc::UnboundedReceiver<Request>,
    sockets: Option<Sockets>,
    wanted: HashSet<NeighbourKey>,
    stale: bool,
    retry: Interval,
}

enum Wake {
    Event(Option<NetlinkMessage<RouteNetlinkMessage>>),
    Request(Option<Request>),
    Retry,
}

impl Task {
    pub(super) fn new(
        table: Arc<RwLock<RouteTable>>,
        generation: watch::Sender<u64>,
        requests: mpsc::UnboundedReceiver<Request>,
        sockets: Sockets,
    ) -> Task {
        let mut retry = interval(RETRY);
        retry.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Task {
            table,
            generation,
            requests,
            sockets: Some(sockets),
            wanted: HashSet::new(),
            stale: false,
            retry,
        }
    }

    pub(super) async fn run(mut self) {
        loop {
            match self.wake().await {
                Wake::Event(Some(first)) => self.take_events(first).await,
                Wake::Event(None) => {
                    warn!("the netlink socket closed: opening another one");
                    self.start_over();
                }
                Wake::Request(Some(Request::Want(neighbour))) => {
                    self.wanted.insert(neighbour);
                    self.use_neighbour(neighbour).await;
                }
                Wake::Request(Some(Request::Release(neighbour))) => {
                    self.wanted.remove(&neighbour);
                }
                Wake::Request(None) => return,
                Wake::Retry => self.retry().await,
            }
        }
    }

    async fn wake(&mut self) -> Wake {
        let idle = !self.stale && self.unusable().is_empty();
        let events = async {
            match &mut self.sockets {
                Some(sockets) => sockets.events.next().await.map(|(message, _)| message),
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            biased;
            event = events => Wake::Event(event),
            request = self.requests.recv() => Wake::Request(request),
            _ = self.retry.tick(), if !idle => Wake::Retry,
        }
    }

    /// Takes what has come in at once, so that a storm of announcements makes one new generation.
    async fn take_events(&mut self, first: NetlinkMessage<RouteNetlinkMessage>) {
        let mut batch = vec![first];
        if let Some(sockets) = &mut self.sockets {
            while let Some(Some((message, _))) = sockets.events.next().now_or_never() {
                batch.push(message);
            }
        }
        let mut change = Change::None;
        let mut again = Vec::new();
        for message in batch {
            match message.payload {
                NetlinkPayload::InnerMessage(inner) => {
                    let Some(update) = decode(inner, message.header.flags) else { continue };
                    again.extend(self.neglected(&update));
                    change = change.max(self.write(|table| table.apply(update)));
                }
                NetlinkPayload::Overrun(_) => {
                    debug!("netlink announcements were lost: reading everything again");
                    return self.start_over();
                }
                _ => {}
            }
        }
        if change == Change::Resync {
            self.resync().await;
        } else if change == Change::Changed {
            self.announce();
        }
        for neighbour in again {
            self.use_neighbour(neighbour).await;
        }
    }

    /// A wanted neighbour that the kernel no longer cares for.
    fn neglected(&self, update: &Update) -> Option<NeighbourKey> {
        match update {
            Update::NeighbourStale(key, _) | Update::NeighbourGone(key) => Some(*key),
            _ => None,
        }
        .filter(|key| self.wanted.contains(key))
    }

    async fn retry(&mut self) {
        if self.sockets.is_none() {
            match Sockets::open() {
                Ok(sockets) => self.sockets = Some(sockets),
                Err(error) => {
                    return warn!(%error, "cannot open a netlink socket: next hops are not followed");
                }
            }
        }
        if self.stale {
            self.resync().await;
        }
        for neighbour in self.unusable() {
            self.use_neighbour(neighbour).await;
        }
    }

    /// The kernel tells of lost announcements once, and goes on losing them until the socket has been read empty. A dump in
    /// between would miss what changes after it; a new socket misses nothing.
    fn start_over(&mut self) {
        self.sockets = None;
        self.stale = true;
    }

    async fn resync(&mut self) {
        let Some(sockets) = &self.sockets else { return };
        match sockets.dump().await {
            Ok(table) => {
                self.stale = false;
                self.write(|old| *old = table);
                self.announce();
                // That one of them went stale may be among what was not heard.
                for neighbour in &self.wanted {
                    self.use_neighbour(*neighbour).await;
                }
            }
            Err(error) => {
                self.stale = true;
                warn!(%error, "cannot read the kernel's routes: next hops may be out of date");
            }
        }
    }

    async fn use_neighbour(&self, neighbour: NeighbourKey) {
        let Some(sockets) = &self.sockets else { return };
        if let Err(error) = sockets.use_neighbour(neighbour).await {
            debug!(%neighbour, %error, "the kernel does not resolve a neighbour");
        }
    }

    fn unusable(&self) -> Vec<NeighbourKey> {
        if self.wanted.is_empty() {
            return Vec::new();
        }
        let table = self.table.read().unwrap_or_else(PoisonError::into_inner);
        let usable = |key: &&NeighbourKey| matches!(table.neighbour(key), Some(Neighbour::Usable(_)));
        self.wanted.iter().filter(|key| !usable(key)).copied().collect()
    }

    fn announce(&self) {
        self.generation.send_modify(|generation| *generation += 1);
    }

    fn write<T>(&self, change: impl FnOnce(&mut RouteTable) -> T) -> T {
        change(&mut self.table.write().unwrap_or_else(PoisonError::into_inner))
    }
}
