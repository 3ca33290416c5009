// SPDX-License-Identifier: MIT OR Apache-2.0
//! UDP sockets: the kernel routes, and knows the neighbours.

use std::collections::HashMap;

use culvert_engine::io::socket::SocketIo;
use culvert_engine::{Clock, Worker};
use culvert_udp::SocketOptions;
use nix::sys::resource::{Resource, getrlimit, setrlimit};

use super::{BackendError, max_next_hops, worker_config};
use crate::config::Config;
use crate::plane::{Endpoints, Plane, PlaneConfig};

pub(super) fn start(config: &Config) -> Result<Plane, BackendError> {
    raise_descriptor_limit();
    let clock = Clock::start();
    let mut workers = Vec::new();
    for worker in 0..config.engine.workers as usize {
        let (io, waker) = SocketIo::new(config.node.max_flows.saturating_mul(2))?;
        let worker_config = worker_config(config, worker, Vec::new());
        workers.push(Worker::spawn(worker, &worker_config, io, waker, clock)?);
    }
    tracing::info!(workers = workers.len(), "relaying over sockets");
    Ok(Plane::new(PlaneConfig {
        workers,
        max_next_hops: max_next_hops(config),
        clock,
        endpoints: Endpoints::Socket(SocketOptions::default()),
        routes: None,
        interfaces: HashMap::new(),
        rekey_overlap: config.media.rekey_overlap,
    }))
}

/// A session takes two to four sockets, and the usual soft limit is 1,024.
fn raise_descriptor_limit() {
    let raised = getrlimit(Resource::RLIMIT_NOFILE)
        .and_then(|(_, hard)| setrlimit(Resource::RLIMIT_NOFILE, hard, hard).map(|()| hard));
    match raised {
        Ok(limit) => tracing::debug!(limit, "file descriptors"),
        Err(error) => {
            tracing::warn!(%error, "the limit of file descriptors could not be raised: sessions may fail")
        }
    }
}
