// SPDX-License-Identifier: MIT OR Apache-2.0
//! AF_XDP: worker `i` has a socket on queue `i` of every interface, all over one packet memory.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::os::fd::AsFd;

use culvert_ebpf_loader::{AttachMode, Mode, Steering, SteeringConfig};
use culvert_engine::io::xdp::XdpIo;
use culvert_engine::{Clock, Handover, InterfaceId, Worker, WorkerConfig, WorkerHandle};
use culvert_route::{LinkKind, RouteWatcher};
use culvert_wire::Endpoint;
use culvert_xsk::{RingSizes, Socket, SocketConfig, Umem, UmemConfig, ZeroCopy};

use super::{BackendError, interfaces_by_address, max_next_hops, worker_config};
use crate::config::{self, Config, Realm};
use crate::plane::{Endpoints, Plane, PlaneConfig, XdpEndpoints, XdpInterface, XdpQueue};

/// Endpoints of a flow: RTP and RTCP.
const ENDPOINTS_PER_FLOW: u32 = 2;
/// Packets that may wait between two workers. A packet waits about as long as a burst takes.
const HANDED_OVER: usize = 1024;

/// An interface that frames come and go by.
#[derive(Clone, Debug)]
struct Physical {
    index: u32,
    name: String,
    mtu: u16,
}

pub(super) async fn start(config: &Config) -> Result<Plane, BackendError> {
    let routes = RouteWatcher::start().await?;
    let interfaces = interfaces_by_address(config, &routes)?;
    let (physical, by_address) = physical_interfaces(config, &routes)?;
    let clock = Clock::start();
    let wanted = if config.engine.zero_copy { ZeroCopy::Try } else { ZeroCopy::Never };
    let mut brought_up = bring_up(config, &physical, clock, wanted)?;
    // Zero copy needs the program in the driver. Where it went elsewhere, sockets are made anew, in copy mode.
    if brought_up.1.iter().any(|interface| {
        interface.mode == AttachMode::Generic && interface.queues.iter().any(|queue| queue.zero_copy)
    }) {
        drop(brought_up);
        brought_up = bring_up(config, &physical, clock, ZeroCopy::Never)?;
    }
    let (workers, mut steered) = brought_up;
    keep_ports(config, &by_address, &mut steered)?;
    Ok(Plane::new(PlaneConfig {
        workers,
        max_next_hops: max_next_hops(config),
        clock,
        endpoints: Endpoints::Xdp(XdpEndpoints { interfaces: steered, by_address }),
        routes: Some(routes),
        interfaces,
        rekey_overlap: config.media.rekey_overlap,
    }))
}

/// The interfaces below the realms', and which of them has which address.
fn physical_interfaces(
    config: &Config,
    routes: &RouteWatcher,
) -> Result<(Vec<Physical>, HashMap<IpAddr, InterfaceId>), BackendError> {
    let mut found: Vec<Physical> = Vec::new();
    let mut by_address = HashMap::new();
    for realm in &config.realms {
        let physical = physical_interface(realm, routes)?;
        let position = found.iter().position(|known| known.index == physical.index).unwrap_or_else(|| {
            found.push(physical);
            found.len() - 1
        });
        let id = u8::try_from(position).map_err(|_| BackendError::TooManyInterfaces(position + 1))?;
        by_address.extend(realm.addresses.iter().map(|own| (own.address, InterfaceId(id))));
    }
    Ok((found, by_address))
}

fn physical_interface(realm: &Realm, routes: &RouteWatcher) -> Result<Physical, BackendError> {
    let (name, interface) = (realm.name.clone(), realm.interface.clone());
    routes.with_table(|table| {
        let mut link = table
            .link_by_name(&interface)
            .ok_or_else(|| BackendError::NoInterface { realm: name.clone(), interface: interface.clone() })?;
        if let LinkKind::Vlan { parent, .. } = link.kind {
            link = table.link(parent).ok_or_else(|| BackendError::NotEthernet {
                realm: name.clone(),
                interface: interface.clone(),
            })?;
        }
        if link.kind != LinkKind::Ethernet {
            return Err(BackendError::NotEthernet { realm: name, interface });
        }
        Ok(Physical {
            index: link.index,
            name: link.name.clone(),
            mtu: u16::try_from(link.mtu).unwrap_or(u16::MAX),
        })
    })
}

/// What comes to the realms' media ports and is for no session is dropped in the driver.
fn keep_ports(
    config: &Config,
    by_address: &HashMap<IpAddr, InterfaceId>,
    interfaces: &mut [XdpInterface],
) -> Result<(), BackendError> {
    for realm in &config.realms {
        for own in &realm.addresses {
            let id = by_address.get(&own.address).map(|id| usize::from(id.0));
            let Some(interface) = id.and_then(|id| interfaces.get_mut(id)) else { continue };
            let address = Endpoint::from(SocketAddr::new(own.address, 0)).address;
            if !interface.steering.keep_ports(address, realm.first_port, realm.last_port)? {
                tracing::warn!(
                    realm = realm.name,
                    address = %own.address,
                    "too many realms on one address: packets to ports of this one that no session has go to the kernel"
                );
            }
        }
    }
    Ok(())
}

/// Sockets bound and filled, workers started, then the program attached: in this order no packet is steered to a socket
/// that nobody serves.
fn bring_up(
    config: &Config,
    physical: &[Physical],
    clock: Clock,
    zero_copy: ZeroCopy,
) -> Result<(Vec<WorkerHandle>, Vec<XdpInterface>), BackendError> {
    let engine = &config.engine;
    let max_endpoints =
        config.node.max_flows.saturating_mul(engine.workers).saturating_mul(ENDPOINTS_PER_FLOW);
    let mut steerings = physical
        .iter()
        .map(|_| Steering::load(SteeringConfig { max_endpoints, queues: engine.workers }))
        .collect::<Result<Vec<_>, _>>()?;
    let mut queues: Vec<Vec<XdpQueue>> = physical.iter().map(|_| Vec::new()).collect();
    let mut ios = Vec::new();
    let mut wakers = Vec::new();
    for worker in 0..engine.workers {
        let (umem, pool) = Umem::new(UmemConfig {
            frames: engine.frames,
            frame_size: engine.frame_size,
            ..UmemConfig::default()
        })?;
        let mut sockets = Vec::new();
        for ((interface, steering), queues) in physical.iter().zip(&mut steerings).zip(&mut queues) {
            let socket = Socket::bind(&umem, &socket_config(engine, interface, worker, zero_copy))?;
            steering.set_socket(worker, socket.as_fd())?;
            queues
                .push(XdpQueue { zero_copy: socket.is_zero_copy(), statistics: socket.statistics_reader() });
            sockets.push(socket);
        }
        let (io, waker) = XdpIo::new(sockets, pool)?;
        ios.push(io);
        wakers.push(waker);
    }
    let mut workers = Vec::new();
    let handovers = Handover::mesh(&wakers, HANDED_OVER);
    for (worker, ((io, waker), handover)) in ios.into_iter().zip(wakers).zip(handovers).enumerate() {
        let mtus = physical.iter().map(|interface| interface.mtu).collect();
        let worker_config = WorkerConfig {
            max_elsewhere: config
                .node
                .max_flows
                .saturating_mul(engine.workers - 1)
                .saturating_mul(ENDPOINTS_PER_FLOW),
            ..worker_config(config, worker, mtus)
        };
        workers.push(Worker::spawn_among(worker, &worker_config, io, waker, clock, handover)?);
    }
    let mut steered = Vec::new();
    for ((interface, mut steering), queues) in physical.iter().zip(steerings).zip(queues) {
        let mode = steering.attach(&interface.name, preference(engine.mode))?;
        tracing::info!(
            interface = interface.name,
            ?mode,
            queues = queues.len(),
            zero_copy = queues.iter().all(|queue| queue.zero_copy),
            "XDP program attached"
        );
        warn_of_unserved_queues(&interface.name, engine.workers);
        let Physical { index, name, mtu } = interface.clone();
        steered.push(XdpInterface { name, index, mtu, steering, mode, queues });
    }
    Ok((workers, steered))
}

fn socket_config(
    engine: &config::Engine,
    interface: &Physical,
    queue: u32,
    zero_copy: ZeroCopy,
) -> SocketConfig {
    SocketConfig {
        rings: RingSizes {
            receive: engine.receive_ring,
            transmit: engine.transmit_ring,
            fill: engine.fill_ring,
            completion: engine.completion_ring,
        },
        zero_copy,
        transmit_budget: engine.transmit_budget,
        ..SocketConfig::new(interface.index, interface.name.clone(), queue)
    }
}

fn preference(mode: config::AttachMode) -> Mode {
    match mode {
        config::AttachMode::Auto => Mode::NativeThenGeneric,
        config::AttachMode::Native => Mode::Native,
        config::AttachMode::Generic => Mode::Generic,
    }
}

/// Packets on a queue without a worker go to the kernel, which has no use for them.
fn warn_of_unserved_queues(interface: &str, workers: u32) {
    let Ok(entries) = std::fs::read_dir(format!("/sys/class/net/{interface}/queues")) else { return };
    let receive =
        entries.flatten().filter(|entry| entry.file_name().to_string_lossy().starts_with("rx-")).count();
    if receive > workers as usize {
        tracing::warn!(
            interface,
            queues = receive,
            workers,
            "the interface has more receive queues than there are workers: media on the others is lost; set \
             engine.workers to the number of queues, or `ethtool -L {interface} combined {workers}`"
        );
    }
}
