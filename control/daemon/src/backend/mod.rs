// SPDX-License-Identifier: MIT OR Apache-2.0
//! Brings the data plane up as the configuration says.

mod socket;
mod xdp;

use std::collections::HashMap;
use std::net::IpAddr;

use culvert_ebpf_loader::{AttachError, LoadError, SteeringError};
use culvert_engine::{SpawnError, WorkerConfig};
use culvert_route::{RouteWatcher, WatchError};
use culvert_udp::UdpError;
use culvert_xsk::XskError;

use crate::config::{Backend, Config};
use crate::plane::Plane;

/// Entries of a worker's command ring, and of its event ring.
const COMMANDS: usize = 8192;
const EVENTS: usize = 16_384;
/// Destinations that a worker can send to at once, for each flow that it can have: RTP and RTCP.
const NEXT_HOPS_PER_FLOW: u32 = 2;

/// Why there is no data plane.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BackendError {
    /// A realm's interface is not there.
    #[error(
        "realm {realm:?}: there is no interface {interface:?}: correct realm.interface (`ip link` lists them)"
    )]
    NoInterface {
        /// The realm.
        realm: String,
        /// The interface.
        interface: String,
    },
    /// A realm's interface does not carry Ethernet.
    #[error(
        "realm {realm:?}: interface {interface:?} does not carry Ethernet frames, which AF_XDP needs here: name another \
         one, or set engine.backend = \"socket\""
    )]
    NotEthernet {
        /// The realm.
        realm: String,
        /// The interface.
        interface: String,
    },
    /// More interfaces than the engine numbers.
    #[error("the realms are on {0} interfaces, and a worker serves 255 at most: use fewer")]
    TooManyInterfaces(usize),
    /// Routes cannot be followed.
    #[error(transparent)]
    Routes(#[from] WatchError),
    /// The XDP program.
    #[error(transparent)]
    Load(#[from] LoadError),
    /// Its maps.
    #[error(transparent)]
    Steering(#[from] SteeringError),
    /// Its interface.
    #[error(transparent)]
    Attach(#[from] AttachError),
    /// AF_XDP.
    #[error(transparent)]
    Xsk(#[from] XskError),
    /// Sockets, or what the system gives to wait on them.
    #[error(transparent)]
    Socket(#[from] UdpError),
    /// Threads.
    #[error(transparent)]
    Spawn(#[from] SpawnError),
}

/// Starts workers and, on AF_XDP, attaches the XDP program. Must be called on a tokio runtime.
///
/// # Errors
/// [`BackendError`]; nothing is left attached.
pub async fn start(config: &Config) -> Result<Plane, BackendError> {
    match config.engine.backend {
        Backend::Xdp => xdp::start(config).await,
        Backend::Socket => socket::start(config),
        Backend::Auto => match xdp::start(config).await {
            Ok(plane) => Ok(plane),
            Err(error) => {
                tracing::warn!(%error, "AF_XDP is not to be had; relaying over sockets, which is several times slower");
                socket::start(config)
            }
        },
    }
}

fn worker_config(config: &Config, worker: usize, interface_mtus: Vec<u16>) -> WorkerConfig {
    let cpus = std::thread::available_parallelism().map_or(1, |cpus| cpus.get() as u32);
    let cpu = config.engine.placement(cpus).get(worker).copied().flatten();
    WorkerConfig {
        max_flows: config.node.max_flows,
        max_next_hops: max_next_hops(config),
        commands: COMMANDS,
        events: EVENTS,
        interface_mtus,
        cpu: cpu.map(|cpu| cpu as usize),
        wait: config.engine.wait,
        key_warning: u8::try_from(config.media.key_expiry_warning).unwrap_or(u8::MAX),
        ..WorkerConfig::default()
    }
}

fn max_next_hops(config: &Config) -> u32 {
    config.node.max_flows.saturating_mul(NEXT_HOPS_PER_FLOW)
}

/// The index of each realm's interface, by the realm's addresses.
fn interfaces_by_address(
    config: &Config,
    routes: &RouteWatcher,
) -> Result<HashMap<IpAddr, u32>, BackendError> {
    let mut by_address = HashMap::new();
    for realm in &config.realms {
        let index = routes
            .with_table(|table| table.link_by_name(&realm.interface).map(|link| link.index))
            .ok_or_else(|| BackendError::NoInterface {
                realm: realm.name.clone(),
                interface: realm.interface.clone(),
            })?;
        by_address.extend(realm.addresses.iter().map(|own| (own.address, index)));
    }
    Ok(by_address)
}
