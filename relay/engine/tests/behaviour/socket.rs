// SPDX-License-Identifier: MIT OR Apache-2.0
//! UDP sockets on loopback.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use culvert_engine::io::socket::SocketIo;
use culvert_engine::{Clock, Command, Link, Via, Worker, WorkerConfig, WorkerHandle};
use culvert_udp::{Message, Outcome, ReceiveBurst, SendBurst, SocketOptions, UdpSocket};
use culvert_wire::Endpoint;

use crate::harness::{Datagram, Family, Harness};

/// Ordinary sockets that play the world.
pub struct Peers {
    sockets: Vec<(Endpoint, UdpSocket)>,
    receive: ReceiveBurst,
    send: SendBurst,
}

impl Peers {
    pub fn new() -> Peers {
        Peers { sockets: Vec::new(), receive: ReceiveBurst::new(1), send: SendBurst::new(1) }
    }

    pub fn add(&mut self, socket: UdpSocket) -> Endpoint {
        let endpoint = socket.local_address().into();
        self.sockets.push((endpoint, socket));
        endpoint
    }

    pub fn send(&mut self, datagram: &Datagram) {
        let (_, socket) = self.sockets.iter().find(|(endpoint, _)| *endpoint == datagram.from).unwrap();
        let message = Message {
            payload: &datagram.payload,
            destination: datagram.to.to_socket_addr(),
            traffic_class: datagram.traffic_class,
        };
        socket.send(&mut self.send, [message]).unwrap();
        assert_eq!(self.send.outcomes(), [Outcome::Sent]);
    }

    pub fn try_receive(&mut self) -> Option<Datagram> {
        let mut buffer = [0; 2048];
        for (endpoint, socket) in &self.sockets {
            if socket.receive(&mut self.receive, [&mut buffer[..]]).unwrap() == 1 {
                let datagram = self.receive.datagrams()[0];
                return Some(Datagram {
                    from: datagram.source.into(),
                    to: *endpoint,
                    traffic_class: datagram.traffic_class,
                    payload: buffer[..datagram.length].to_vec(),
                });
            }
        }
        None
    }
}

pub struct SocketHarness {
    handle: WorkerHandle,
    peers: Peers,
}

fn bind(family: Family, host: u8) -> UdpSocket {
    let ip: IpAddr = match family {
        Family::V4 => Ipv4Addr::new(127, 0, 0, host).into(),
        Family::V6 => Ipv6Addr::LOCALHOST.into(),
    };
    UdpSocket::bind(SocketAddr::new(ip, 0), &SocketOptions::default()).unwrap()
}

impl Harness for SocketHarness {
    const LINK: Link = Link::Datagram;

    fn start(config: WorkerConfig) -> SocketHarness {
        let (io, waker) = SocketIo::new(64).unwrap();
        let handle = Worker::spawn(0, &config, io, waker, Clock::start()).unwrap();
        SocketHarness { handle, peers: Peers::new() }
    }

    fn handle(&mut self) -> &mut WorkerHandle {
        &mut self.handle
    }

    fn relay(&mut self, family: Family) -> Endpoint {
        let socket = bind(family, 1);
        let endpoint = socket.local_address().into();
        self.command(Command::OpenEndpoint { endpoint, socket });
        endpoint
    }

    fn peer(&mut self, family: Family, host: u8) -> Endpoint {
        self.peers.add(bind(family, host))
    }

    fn via(&mut self, _peer: Endpoint) -> Via {
        Via::Unresolved
    }

    fn send(&mut self, datagram: &Datagram) {
        self.peers.send(datagram);
    }

    fn try_receive(&mut self) -> Option<Datagram> {
        self.peers.try_receive()
    }
}
