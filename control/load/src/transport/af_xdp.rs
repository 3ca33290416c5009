// SPDX-License-Identifier: MIT OR Apache-2.0
//! AF_XDP: frames with headers of their own, on every queue of the interfaces that lead to the relay.

use std::fs;
use std::net::SocketAddr;
use std::os::fd::AsFd;
use std::time::Duration;

use culvert_ebpf_loader::{Mode, Steering, SteeringConfig};
use culvert_route::Hop;
use culvert_udp::Poller;
use culvert_wire::emit::{self, HeaderSpec};
use culvert_wire::{Endpoint, Headers, MacAddress};
use culvert_xsk::{FramePool, Received, Socket, SocketConfig, Umem, UmemConfig};

use super::{Incoming, Local, Outgoing, STRANGERS, Side, Way};
use crate::plan::{MOST_AT_ONCE, Plan};
use crate::{LoadError, SteeringFailure};

/// Frames that are in hand while the rings are full.
const SPARE: u32 = 512;
/// Frames of a queue's fill and transmit ring.
const PER_QUEUE: u32 = 4096;
/// Frames of one kick in copy mode, where the kernel can.
const BUDGET: u32 = 256;
/// Where a stranger's ports begin.
const STRANGER_PORT: u16 = 30_000;
const HOP_LIMIT: u8 = 64;

/// An interface: its program, and a socket for each queue.
struct Interface {
    index: u32,
    sockets: Vec<Socket>,
    /// Takes the program off when it goes.
    _steering: Steering,
}

/// Both legs.
pub(crate) struct AfXdp {
    interfaces: Vec<Interface>,
    /// Which interface a leg has, and how its frames begin.
    legs: [(usize, Hop); 2],
    /// The generator's addresses of A, B and strangers.
    locals: [Vec<SocketAddr>; 3],
    pool: FramePool,
    poller: Poller,
    _umem: Umem,
}

impl AfXdp {
    /// Binds every queue of both legs' interfaces, and has what is sent to the generator's addresses handed over there. What
    /// is not is left to the kernel.
    pub(crate) fn bind(
        plan: &Plan,
        locals: [Vec<SocketAddr>; 2],
        hops: [Hop; 2],
    ) -> Result<AfXdp, LoadError> {
        let mut names: Vec<(u32, String)> = Vec::new();
        for hop in &hops {
            if names.iter().all(|(index, _)| *index != hop.interface_index) {
                names.push((hop.interface_index, hop.interface_name.clone()));
            }
        }
        let queues: Vec<u32> = names.iter().map(|(_, name)| queues(name)).collect();
        let frames = SPARE + PER_QUEUE * queues.iter().sum::<u32>();
        let (umem, pool) = Umem::new(UmemConfig { frames, ..UmemConfig::default() })?;
        let mut way = AfXdp {
            interfaces: Vec::new(),
            legs: hops.map(|hop| {
                let place = names.iter().position(|(index, _)| *index == hop.interface_index);
                (place.unwrap_or(0), hop)
            }),
            locals: [locals[0].clone(), locals[1].clone(), strangers(plan)],
            pool,
            poller: Poller::new(MOST_AT_ONCE)?,
            _umem: umem,
        };
        let endpoints = locals.iter().map(Vec::len).sum::<usize>().max(1) as u32;
        for ((index, name), queues) in names.into_iter().zip(queues) {
            let interface = way.interface(index, name, queues, endpoints, &locals)?;
            way.interfaces.push(interface);
        }
        Ok(way)
    }

    fn interface(
        &mut self,
        index: u32,
        name: String,
        queues: u32,
        max_endpoints: u32,
        locals: &[Vec<SocketAddr>; 2],
    ) -> Result<Interface, LoadError> {
        let mut steering =
            Steering::load(SteeringConfig { max_endpoints, queues }).map_err(SteeringFailure::from)?;
        let mut sockets = Vec::new();
        for queue in 0..queues {
            let config =
                SocketConfig { transmit_budget: Some(BUDGET), ..SocketConfig::new(index, &name, queue) };
            let mut socket = Socket::bind(&self._umem, &config)?;
            socket.refill(&mut self.pool);
            steering.set_socket(queue, socket.as_fd()).map_err(SteeringFailure::from)?;
            let token = (self.interfaces.len() as u64) << 32 | u64::from(queue);
            self.poller.add(socket.as_fd(), token)?;
            sockets.push(socket);
        }
        steering.attach(&name, Mode::NativeThenGeneric).map_err(SteeringFailure::from)?;
        for local in locals.iter().flatten() {
            steering.insert(Endpoint::from(*local)).map_err(SteeringFailure::from)?;
        }
        Ok(Interface { index, sockets, _steering: steering })
    }
}

/// Receive queues of an interface, at least one.
fn queues(interface: &str) -> u32 {
    let entries = fs::read_dir(format!("/sys/class/net/{interface}/queues")).into_iter().flatten().flatten();
    let receive = |entry: &fs::DirEntry| entry.file_name().to_string_lossy().starts_with("rx-");
    (entries.filter(receive).count() as u32).max(1)
}

fn strangers(plan: &Plan) -> Vec<SocketAddr> {
    let address = plan.legs[0].address;
    (0..STRANGERS as u16).map(|number| SocketAddr::new(address, STRANGER_PORT + number)).collect()
}

impl Way for AfXdp {
    fn send(&mut self, packets: &[Outgoing<'_>]) -> Result<usize, LoadError> {
        for interface in &mut self.interfaces {
            interface.sockets.iter_mut().for_each(|socket| {
                socket.reclaim(&mut self.pool);
            });
        }
        let mut sent = 0;
        for packet in packets {
            let (leg, locals) = match packet.from.side {
                Side::A => (&self.legs[0], &self.locals[0]),
                Side::B => (&self.legs[1], &self.locals[1]),
                Side::Stranger => (&self.legs[0], &self.locals[2]),
            };
            let (Some(source), Some(interface)) =
                (locals.get(packet.from.place), self.interfaces.get_mut(leg.0))
            else {
                break;
            };
            let hop = &leg.1;
            let spec = HeaderSpec {
                source_mac: MacAddress(hop.source_mac),
                destination_mac: MacAddress(hop.destination_mac),
                vlan: hop.vlan,
                source: Endpoint::from(*source),
                destination: Endpoint::from(packet.to),
                traffic_class: 0,
                hop_limit: HOP_LIMIT,
            };
            let (Some(mut frame), Some(socket)) = (self.pool.take(), interface.sockets.first_mut()) else {
                break;
            };
            let headers = emit::header_length(&spec);
            let length = headers + packet.payload.len();
            let written = frame.split_at_mut_checked(headers).and_then(|(head, rest)| {
                rest.get_mut(..packet.payload.len())?.copy_from_slice(packet.payload);
                emit::write(head, &spec, packet.payload).ok()
            });
            if written.is_none() {
                self.pool.put(frame);
                let reason = "the packet does not fit a frame, or the address families differ".to_owned();
                return Err(LoadError::Send { destination: packet.to, reason });
            }
            if let Err(frame) = socket.transmit(frame, 0, length) {
                self.pool.put(frame);
                break;
            }
            sent += 1;
        }
        for interface in &mut self.interfaces {
            if let Some(socket) = interface.sockets.first_mut() {
                socket.flush()?;
            }
        }
        Ok(sent)
    }

    fn receive(&mut self, deliver: &mut dyn FnMut(Incoming<'_>)) -> Result<usize, LoadError> {
        let mut count = 0;
        let (pool, locals) = (&mut self.pool, &self.locals);
        for interface in &mut self.interfaces {
            for socket in &mut interface.sockets {
                count += socket.receive(MOST_AT_ONCE, |received| {
                    let Received { mut frame, start, length } = received;
                    if let Some(packet) = frame.get_mut(start..start + length) {
                        hand_over(packet, locals, deliver);
                    }
                    pool.put(frame);
                });
                socket.reclaim(pool);
                socket.refill(pool);
                socket.wake_receive()?;
                socket.flush()?;
            }
        }
        Ok(count)
    }

    fn wait(&mut self, time: Duration) -> Result<(), LoadError> {
        self.poller.wait(Some(time))?;
        Ok(())
    }
}

/// Finds out whose a frame is. What is no UDP to the generator is nobody's.
fn hand_over(packet: &mut [u8], locals: &[Vec<SocketAddr>; 3], deliver: &mut dyn FnMut(Incoming<'_>)) {
    let Ok(headers) = Headers::parse(&*packet) else { return };
    let Ok(payload) = headers.payload(&*packet) else { return };
    let (to, from) = (headers.destination.to_socket_addr(), headers.source.to_socket_addr());
    let at = [Side::A, Side::B].into_iter().zip(locals).find_map(|(side, locals)| {
        // Ports of a side follow each other.
        let first = locals.first().filter(|first| first.ip() == to.ip())?;
        let place = usize::from(to.port().checked_sub(first.port())?);
        (place < locals.len()).then_some(Local { side, place })
    });
    if let (Some(at), Some(payload)) = (at, packet.get_mut(payload)) {
        deliver(Incoming { at, from, payload, received: None });
    }
}

impl std::fmt::Debug for AfXdp {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let interfaces: Vec<_> = self.interfaces.iter().map(|interface| interface.index).collect();
        f.debug_struct("AfXdp").field("interfaces", &interfaces).finish_non_exhaustive()
    }
}
