// SPDX-License-Identifier: MIT OR Apache-2.0
//! Keeps a [`RouteTable`] equal to the kernel's.

mod sockets;
mod task;

use std::{
    io,
    net::IpAddr,
    sync::{Arc, PoisonError, RwLock},
};

use tokio::{
    sync::{mpsc, watch},
    task::JoinHandle,
};

use crate::{NeighbourKey, Resolution, RouteTable};
use sockets::Sockets;
use task::{Request, Task};

/// Follows the kernel's links, addresses, routes and neighbours from a task of its own. Dropping it ends the task.
#[derive(Debug)]
pub struct RouteWatcher {
    table: Arc<RwLock<RouteTable>>,
    requests: mpsc::UnboundedSender<Request>,
    generation: watch::Receiver<u64>,
    task: JoinHandle<()>,
}

/// Why routes cannot be watched.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WatchError {
    /// No netlink socket.
    #[error("cannot open a NETLINK_ROUTE socket: {0}; does the service's sandbox allow AF_NETLINK?")]
    Open(#[source] io::Error),
    /// The kernel's tables could not be read.
    #[error("cannot read the kernel's links, addresses, neighbours and routes by netlink: {0}")]
    Dump(#[source] Box<dyn std::error::Error + Send + Sync>),
}

impl RouteWatcher {
    /// Reads the kernel's tables and starts to follow them. Call it on a tokio runtime; the tables are those of the
    /// calling thread's network namespace, and the runtime's threads must be in the same one.
    pub async fn start() -> Result<RouteWatcher, WatchError> {
        let sockets = Sockets::open().map_err(WatchError::Open)?;
        let table = sockets.dump().await.map_err(|error| WatchError::Dump(error.into()))?;
        let table = Arc::new(RwLock::new(table));
        let (generation_sender, generation) = watch::channel(0);
        let (requests, request_receiver) = mpsc::unbounded_channel();
        let task = Task::new(table.clone(), generation_sender, request_receiver, sockets);
        Ok(RouteWatcher { table, requests, generation, task: tokio::spawn(task.run()) })
    }

    /// [`RouteTable::resolve`] on the table as it stands.
    pub fn resolve(&self, destination: IpAddr) -> Resolution {
        self.with_table(|table| table.resolve(destination))
    }

    /// [`RouteTable::resolve_by`] on the table as it stands.
    pub fn resolve_by(&self, destination: IpAddr, interface: u32) -> Resolution {
        self.with_table(|table| table.resolve_by(destination, interface))
    }

    /// Looks at the table as it stands. Updates wait meanwhile: be quick.
    pub fn with_table<T>(&self, look: impl FnOnce(&RouteTable) -> T) -> T {
        look(&self.table.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Has the kernel resolve a neighbour, and keep it resolved: it is asked for again when it has gone stale, failed or
    /// been forgotten, until [`RouteWatcher::release_neighbour`]. Returns at once; [`RouteWatcher::changes`] tells when
    /// something came of it. Once per neighbour is enough, more does no harm.
    pub fn request_neighbour(&self, neighbour: NeighbourKey) {
        let _ = self.requests.send(Request::Want(neighbour));
    }

    /// Ends [`RouteWatcher::request_neighbour`]'s care for a neighbour.
    pub fn release_neighbour(&self, neighbour: NeighbourKey) {
        let _ = self.requests.send(Request::Release(neighbour));
    }

    /// A counter that grows whenever resolutions may have changed. Await
    /// [`changed`](watch::Receiver::changed), then resolve again.
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.generation.clone()
    }
}

impl Drop for RouteWatcher {
    fn drop(&mut self) {
        self.task.abort();
    }
}
