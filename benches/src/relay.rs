// SPDX-License-Identifier: MIT OR Apache-2.0
//! One relay worker with flows, without the control plane: what `culvertd` sets up for a session, and no more.

use std::net::SocketAddr;
use std::sync::Arc;

use culvert_ebpf_loader::{
    AttachError, AttachMode, Counter, LoadError, Mode, Steering, SteeringConfig, SteeringError,
};
use culvert_engine::io::socket::SocketIo;
use culvert_engine::io::xdp::XdpIo;
use culvert_engine::{
    Clock, Command, Egress, Flow, FlowCounters, FlowSlot, Ingress, InterfaceId, NextHop, NextHopId, Receive,
    Send, SourceRule, SpawnError, Via, Worker, WorkerConfig, WorkerHandle,
};
use culvert_srtp::{KeyError, ReceiveContext, SendContext, Suite};
use culvert_udp::{SocketOptions, UdpError, UdpSocket};
use culvert_wire::Address;
use culvert_xsk::{Socket, SocketConfig, StatisticsReader, Umem, UmemConfig, XskError};

use crate::fixture::{Leg, keys};
use crate::streams::SSRCS;
use crate::wire::topology::{Endpoints, Macs, RELAY, RELAY_INTERFACE, RELAY_PORTS};

/// A contender.
#[derive(Copy, Clone, Debug, Eq, PartialEq)]
pub enum Backend {
    /// AF_XDP, native mode.
    Xdp,
    /// AF_XDP, generic mode.
    XdpGeneric,
    /// `recvmmsg` and `sendmmsg`.
    Socket,
}

/// The suites of what arrives and of what leaves; `None` is plain RTP.
pub type Legs = (Option<Suite>, Option<Suite>);

/// Why the relay did not start or stop.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RelayError {
    /// Keys.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// AF_XDP.
    #[error(transparent)]
    Xsk(#[from] XskError),
    /// UDP sockets.
    #[error(transparent)]
    Udp(#[from] UdpError),
    /// Loading the XDP program.
    #[error(transparent)]
    Load(#[from] LoadError),
    /// Its maps.
    #[error(transparent)]
    Steering(#[from] SteeringError),
    /// Attaching it.
    #[error(transparent)]
    Attach(#[from] AttachError),
    /// The worker's thread.
    #[error(transparent)]
    Spawn(#[from] SpawnError),
    /// The worker did not take its commands.
    #[error("the worker has not installed its {0} flows within ten seconds")]
    NotInstalled(u32),
    /// The worker panicked.
    #[error(transparent)]
    Panicked(#[from] culvert_engine::handle::Panicked),
}

/// One direction between two legs: `receive` and `send` name their suites, or plain RTP. Keys and endpoints follow from
/// the flow's number.
///
/// # Errors
/// When the suite refuses a key.
pub fn flow(number: u32, receive: Option<Suite>, send: Option<Suite>) -> Result<Box<Flow>, KeyError> {
    let endpoints = Endpoints::of(number);
    let ingress = Ingress::new(endpoints.ingress, SourceRule::Fixed(endpoints.caller));
    let egress =
        Egress { local: endpoints.egress, remote: Some(endpoints.callee), via: Via::Table(NextHopId(0)) };
    let receive = match receive {
        Some(suite) => Receive::srtp(ReceiveContext::new(keys(suite, Leg::A, number)?, SSRCS)),
        None => Receive::plain(),
    };
    let send = match send {
        Some(suite) => Send::srtp(SendContext::new(keys(suite, Leg::B, number)?, SSRCS)),
        None => Send::plain(),
    };
    let counters = Arc::new(FlowCounters::new(SSRCS));
    Ok(Box::new(Flow::new([ingress; 2], receive, [egress; 2], send, counters)))
}

/// The next hop of every flow.
pub fn next_hop(macs: Macs) -> NextHop {
    NextHop {
        interface: InterfaceId(0),
        source_mac: macs.relay,
        destination_mac: macs.edge,
        vlan: None,
        mtu: 1500,
    }
}

/// A running worker.
#[derive(Debug)]
pub struct Relay {
    worker: WorkerHandle,
    flows: Vec<Arc<FlowCounters>>,
    xdp: Option<(Steering, AttachMode, StatisticsReader)>,
}

impl Relay {
    /// Starts a worker on processor `cpu`, on [`RELAY_INTERFACE`] of the thread's network namespace. All flows are
    /// installed when it returns.
    ///
    /// # Errors
    /// When anything that it needs cannot be had.
    pub fn start(
        backend: Backend,
        flows: u32,
        (receive, send): Legs,
        macs: Macs,
        cpu: usize,
    ) -> Result<Relay, RelayError> {
        let config = WorkerConfig {
            max_flows: flows,
            // A flow and a socket or two each, and the next hop.
            commands: 3 * flows as usize + 1,
            events: 3 * flows as usize + WorkerConfig::MIN_EVENTS,
            cpu: Some(cpu),
            ..WorkerConfig::default()
        };
        let mut commands = vec![Command::SetNextHop { id: NextHopId(0), hop: Some(next_hop(macs)) }];
        let (mut worker, xdp) = match backend {
            Backend::Xdp | Backend::XdpGeneric => {
                let mode = if backend == Backend::Xdp { Mode::Native } else { Mode::Generic };
                let (worker, xdp) = start_xdp(&config, flows, mode)?;
                (worker, Some(xdp))
            }
            Backend::Socket => {
                let (io, waker) = SocketIo::new(2 * flows)?;
                for number in 0..flows {
                    let endpoints = Endpoints::of(number);
                    for endpoint in [endpoints.ingress, endpoints.egress] {
                        commands.push(open(endpoint.to_socket_addr())?);
                    }
                }
                (Worker::spawn(0, &config, io, waker, Clock::start())?, None)
            }
        };
        let mut counters = Vec::new();
        for number in 0..flows {
            let flow = flow(number, receive, send)?;
            counters.push(Arc::clone(&flow.counters));
            commands.push(Command::Install { slot: FlowSlot(number), flow });
        }
        if worker.send_all(commands).is_err() {
            return Err(RelayError::NotInstalled(flows));
        }
        worker.wake();
        installed(&worker, flows)?;
        Ok(Relay { worker, flows: counters, xdp })
    }

    /// How it gets its packets.
    pub fn mode(&self) -> String {
        match &self.xdp {
            Some((_, mode, _)) => format!("AF_XDP, {}, copy", mode.name()),
            None => "socket".into(),
        }
    }

    /// Packets that the worker has handed over for sending.
    pub fn transmitted(&self) -> u64 {
        self.worker.counters.transmitted()
    }

    /// Packets that the XDP program has steered to the worker; 0 without one.
    ///
    /// # Errors
    /// When the kernel does not give its counters.
    pub fn redirected(&self) -> Result<u64, RelayError> {
        match &self.xdp {
            Some((steering, ..)) => Ok(steering.counters()?.get(Counter::Redirected)),
            None => Ok(0),
        }
    }

    /// Stops it and says how many packets were lost, by place and reason.
    ///
    /// # Errors
    /// When the worker has panicked, or counters cannot be read.
    pub fn stop(self) -> Result<Vec<(String, u64)>, RelayError> {
        let mut losses = Vec::new();
        if let Some((steering, _, statistics)) = &self.xdp {
            let statistics = statistics.read()?;
            losses.push(("AF_XDP receive ring full".into(), statistics.receive_ring_full));
            losses.push(("AF_XDP no frame to fill".into(), statistics.receive_dropped));
            for (counter, packets) in steering.counters()?.iter() {
                if counter != Counter::Redirected {
                    losses.push((format!("XDP program {}", counter.name()), packets));
                }
            }
        }
        for (reason, packets) in self.worker.counters.drops() {
            losses.push((format!("worker {}", reason.name()), packets));
        }
        for flow in &self.flows {
            for (reason, packets) in flow.drops() {
                losses.push((format!("flow {}", reason.name()), packets));
            }
        }
        self.worker.stop()?;
        Ok(sum(losses))
    }
}

fn start_xdp(
    config: &WorkerConfig,
    flows: u32,
    mode: Mode,
) -> Result<(WorkerHandle, (Steering, AttachMode, StatisticsReader)), RelayError> {
    let (umem, pool) = Umem::new(UmemConfig { frames: 16_384, frame_size: 2048, ..UmemConfig::default() })?;
    let index = culvert_xsk::interface_index(RELAY_INTERFACE)?;
    let mut wanted = SocketConfig::new(index, RELAY_INTERFACE, 0);
    wanted.transmit_budget = Some(256);
    let socket = Socket::bind(&umem, &wanted)?;
    let mut steering = Steering::load(SteeringConfig { max_endpoints: 2 * flows, queues: 1 })?;
    steering.set_socket(0, std::os::fd::AsFd::as_fd(&socket))?;
    let [first, last] = RELAY_PORTS;
    steering.keep_ports(Address::from_ipv4(RELAY.octets()), first, last)?;
    let statistics = socket.statistics_reader();
    let (io, waker) = XdpIo::new(vec![socket], pool)?;
    let worker = Worker::spawn(0, config, io, waker, Clock::start())?;
    for number in 0..flows {
        let endpoints = Endpoints::of(number);
        steering.insert(endpoints.ingress)?;
        steering.insert(endpoints.egress)?;
    }
    let mode = steering.attach(RELAY_INTERFACE, mode)?;
    Ok((worker, (steering, mode, statistics)))
}

fn open(local: SocketAddr) -> Result<Command, RelayError> {
    let socket = UdpSocket::bind(local, &SocketOptions::default())?;
    Ok(Command::OpenEndpoint { endpoint: local.into(), socket })
}

/// The worker says nothing when all is well, so its count of flows is read.
fn installed(worker: &WorkerHandle, flows: u32) -> Result<(), RelayError> {
    let start = std::time::Instant::now();
    while worker.counters.flows() < u64::from(flows) {
        if start.elapsed() > std::time::Duration::from_secs(10) {
            return Err(RelayError::NotInstalled(flows));
        }
        std::thread::yield_now();
    }
    Ok(())
}

/// One entry per name, without those that are zero.
fn sum(losses: Vec<(String, u64)>) -> Vec<(String, u64)> {
    let mut sums: std::collections::BTreeMap<String, u64> = std::collections::BTreeMap::new();
    for (name, packets) in losses {
        *sums.entry(name).or_default() += packets;
    }
    sums.into_iter().filter(|(_, packets)| *packets > 0).collect()
}
