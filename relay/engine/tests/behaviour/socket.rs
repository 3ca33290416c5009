// SPDX-License-Identifier: MIT OR Apache-2.0
//! UDP sockets on loopback.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use culvert_engine::io::socket::SocketIo;
use culvert_engine::{Clock, Command, Link, Via, Worker, WorkerConfig, WorkerHandle};
use culvert_udp::{Message, Outcome, ReceiveBurst, SendBurst, SocketOptions, UdpSocket};
use culvert_wire::Endpoint;

use crate::harness::{Datagram, Family, Harness};

pub struct SocketHarness {
    handle: WorkerHandle,
    peers: Vec<(Endpoint, UdpSocket)>,
    receive: ReceiveBurst,
    send: SendBurst,
}

fn bind(family: Family, host: u8) -> (Endpoint, UdpSocket) {
    let ip: IpAddr = match family {
        Family::V4 => Ipv4Addr::new(127, 0, 0, host).into(),
        Family::V6 => Ipv6Addr::LOCALHOST.into(),
    };
    let socket = UdpSocket::bind(SocketAddr::new(ip, 0), &SocketOptions::default()).unwrap();
    (socket.local_address().into(), socket)
}

impl Harness for SocketHarness {
    const LINK: Link = Link::Datagram;

    fn start(config: WorkerConfig) -> SocketHarness {
        let (io, waker) = SocketIo::new(64).unwrap();
        let handle = Worker::spawn(0, &config, io, waker, Clock::start()).unwrap();
        SocketHarness { handle, peers: Vec::new(), receive: ReceiveBurst::new(1), send: SendBurst::new(1) }
    }

    fn handle(&mut self) -> &mut WorkerHandle {
        &mut self.handle
    }

    fn relay(&mut self, family: Family) -> Endpoint {
        let (endpoint, socket) = bind(family, 1);
        self.command(Command::OpenEndpoint { endpoint, socket });
        endpoint
    }

    fn peer(&mut self, family: Family, host: u8) -> Endpoint {
        let (endpoint, socket) = bind(family, host);
        self.peers.push((endpoint, socket));
        endpoint
    }

    fn via(&mut self, _peer: Endpoint) -> Via {
        Via::Unresolved
    }

    fn send(&mut self, datagram: &Datagram) {
        let (_, socket) = self.peers.iter().find(|(endpoint, _)| *endpoint == datagram.from).unwrap();
        let message = Message {
            payload: &datagram.payload,
            destination: datagram.to.to_socket_addr(),
            traffic_class: datagram.traffic_class,
        };
        socket.send(&mut self.send, [message]).unwrap();
        assert_eq!(self.send.outcomes(), [Outcome::Sent]);
    }

    fn try_receive(&mut self) -> Option<Datagram> {
        let mut buffer = [0; 2048];
        for (endpoint, socket) in &self.peers {
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
