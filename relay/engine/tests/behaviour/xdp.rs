// SPDX-License-Identifier: MIT OR Apache-2.0
//! AF_XDP on a veth pair between two namespaces, behind the XDP program, with ordinary sockets in the world.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::os::fd::AsFd;

use culvert_ebpf_loader::{AttachMode, Mode, Steering, SteeringConfig};
use culvert_engine::io::xdp::XdpIo;
use culvert_engine::{
    Clock, Command, InterfaceId, Link, NextHop, NextHopId, Via, Worker, WorkerConfig, WorkerHandle,
};
use culvert_testbed::{EndSpec, Interface, Namespace, connect};
use culvert_udp::{SocketOptions, UdpSocket};
use culvert_wire::{Endpoint, MacAddress};
use culvert_xsk::{RingSizes, Socket, SocketConfig, Umem, UmemConfig};

use crate::harness::{Datagram, Family, Harness};
use crate::socket::Peers;

const RELAY: &str = "relay0";
const WORLD: &str = "world0";
const RINGS: RingSizes = RingSizes { receive: 256, transmit: 256, fill: 256, completion: 256 };

/// How the program is attached.
pub trait Attached {
    const MODE: Mode;
    const EXPECTED: AttachMode;
}

pub struct Native;
pub struct Generic;

impl Attached for Native {
    const MODE: Mode = Mode::Native;
    const EXPECTED: AttachMode = AttachMode::Native;
}

impl Attached for Generic {
    const MODE: Mode = Mode::Generic;
    const EXPECTED: AttachMode = AttachMode::Generic;
}

// In the order in which they are to be dropped.
pub struct XdpHarness<A> {
    handle: WorkerHandle,
    steering: Steering,
    peers: Peers,
    world: Namespace,
    _relay: Namespace,
    macs: [Interface; 2],
    next_port: u16,
    attached: std::marker::PhantomData<A>,
}

fn address(family: Family, host: u8) -> IpAddr {
    match family {
        Family::V4 => Ipv4Addr::new(10, 0, 0, host).into(),
        Family::V6 => Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, u16::from(host)).into(),
    }
}

/// Gives an end the addresses of some hosts, in both families.
fn with_hosts(mut end: EndSpec, hosts: std::ops::RangeInclusive<u8>) -> EndSpec {
    for host in hosts {
        end = end.address(format!("{}/24", address(Family::V4, host)));
        end = end.address(format!("{}/64", address(Family::V6, host)));
    }
    end
}

impl<A: Attached> Harness for XdpHarness<A> {
    const LINK: Link = Link::Ethernet;

    fn start(config: WorkerConfig) -> XdpHarness<A> {
        let (world, relay) = (Namespace::new("world").unwrap(), Namespace::new("relay").unwrap());
        connect(
            &world,
            &with_hosts(EndSpec::new(WORLD), 2..=5),
            &relay,
            &with_hosts(EndSpec::new(RELAY), 1..=1),
        )
        .unwrap();
        let macs = [relay.interface(RELAY).unwrap(), world.interface(WORLD).unwrap()];
        let (steering, io, waker) = relay
            .run(|| {
                let memory = UmemConfig { frames: 1024, frame_size: 2048, ..UmemConfig::default() };
                let (umem, pool) = Umem::new(memory).unwrap();
                let queue = SocketConfig { rings: RINGS, ..SocketConfig::new(macs[0].index, RELAY, 0) };
                let socket = Socket::bind(&umem, &queue).unwrap();
                let mut steering = Steering::load(SteeringConfig { max_endpoints: 1024, queues: 1 }).unwrap();
                steering.set_socket(0, socket.as_fd()).unwrap();
                let (io, waker) = XdpIo::new(vec![socket], pool).unwrap();
                assert_eq!(steering.attach(RELAY, A::MODE).unwrap(), A::EXPECTED);
                (steering, io, waker)
            })
            .unwrap();
        let handle = Worker::spawn(0, &config, io, waker, Clock::start()).unwrap();
        let peers = Peers::new();
        let attached = std::marker::PhantomData;
        XdpHarness { handle, steering, peers, world, _relay: relay, macs, next_port: 20_000, attached }
    }

    fn handle(&mut self) -> &mut WorkerHandle {
        &mut self.handle
    }

    fn relay(&mut self, family: Family) -> Endpoint {
        self.next_port += 1;
        let endpoint = Endpoint::from(SocketAddr::new(address(family, 1), self.next_port));
        self.steering.insert(endpoint).unwrap();
        endpoint
    }

    fn peer(&mut self, family: Family, host: u8) -> Endpoint {
        let local = SocketAddr::new(address(family, host), 0);
        let socket = self.world.run(|| UdpSocket::bind(local, &SocketOptions::default()).unwrap()).unwrap();
        self.peers.add(socket)
    }

    fn via(&mut self, _peer: Endpoint) -> Via {
        let [relay, world] = self.macs.map(|interface| MacAddress(interface.mac_address));
        let hop = NextHop {
            interface: InterfaceId(0),
            source_mac: relay,
            destination_mac: world,
            vlan: None,
            mtu: 1500,
        };
        self.command(Command::SetNextHop { id: NextHopId(0), hop: Some(hop) });
        Via::Table(NextHopId(0))
    }

    fn send(&mut self, datagram: &Datagram) {
        self.peers.send(datagram);
    }

    fn try_receive(&mut self) -> Option<Datagram> {
        self.peers.try_receive()
    }

    fn filtered(&mut self) -> u64 {
        self.steering.counters().unwrap().dropped()
    }
}
