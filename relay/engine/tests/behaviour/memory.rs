// SPDX-License-Identifier: MIT OR Apache-2.0
//! Ethernet frames through memory. Every outgoing frame is checked: addresses, lengths and both checksums.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use culvert_engine::io::memory::{MemoryConfig, MemoryIo, MemoryPeer};
use culvert_engine::{
    Clock, Command, InterfaceId, Link, NextHop, NextHopId, Via, Worker, WorkerConfig, WorkerHandle,
};
use culvert_wire::emit::{HeaderSpec, header_length, write};
use culvert_wire::{Address, Endpoint, Headers, MacAddress};

use crate::harness::{Datagram, Family, Harness};

pub const RELAY_MAC: MacAddress = MacAddress([2, 0, 0, 0, 0, 1]);
const VLAN: u16 = 0x2005;

pub struct MemoryHarness {
    handle: WorkerHandle,
    world: MemoryPeer,
    next_port: u16,
    hops: HashMap<Address, NextHopId>,
}

/// Every host of the world is its own neighbour; those with odd numbers are behind a VLAN.
fn neighbour(address: Address) -> (MacAddress, Option<u16>) {
    let host = address.0[15];
    (MacAddress([2, 0, 0, 0, 1, host]), (host % 2 == 1).then_some(VLAN))
}

impl MemoryHarness {
    fn port(&mut self) -> u16 {
        self.next_port += 1;
        self.next_port
    }
}

impl Harness for MemoryHarness {
    const LINK: Link = Link::Ethernet;

    fn start(config: WorkerConfig) -> MemoryHarness {
        let (io, world, waker) = MemoryIo::new(MemoryConfig::default()).unwrap();
        let handle = Worker::spawn(0, &config, io, waker, Clock::start()).unwrap();
        MemoryHarness { handle, world, next_port: 20_000, hops: HashMap::new() }
    }

    fn handle(&mut self) -> &mut WorkerHandle {
        &mut self.handle
    }

    fn relay(&mut self, family: Family) -> Endpoint {
        let ip: IpAddr = match family {
            Family::V4 => Ipv4Addr::new(192, 0, 2, 1).into(),
            Family::V6 => "2001:db8::1".parse::<Ipv6Addr>().unwrap().into(),
        };
        Endpoint { address: ip.into(), port: self.port() }
    }

    fn peer(&mut self, family: Family, host: u8) -> Endpoint {
        let ip: IpAddr = match family {
            Family::V4 => Ipv4Addr::new(198, 51, 100, host).into(),
            Family::V6 => Ipv6Addr::new(0x2001, 0xdb8, 1, 0, 0, 0, 0, u16::from(host)).into(),
        };
        Endpoint { address: ip.into(), port: self.port() }
    }

    fn via(&mut self, peer: Endpoint) -> Via {
        let next = NextHopId(self.hops.len() as u32);
        let id = *self.hops.entry(peer.address).or_insert(next);
        let (destination_mac, vlan) = neighbour(peer.address);
        let hop =
            NextHop { interface: InterfaceId(0), source_mac: RELAY_MAC, destination_mac, vlan, mtu: 1500 };
        self.command(Command::SetNextHop { id, hop: Some(hop) });
        Via::Table(id)
    }

    fn send(&mut self, datagram: &Datagram) {
        let (source_mac, vlan) = neighbour(datagram.from.address);
        let spec = HeaderSpec {
            source_mac,
            destination_mac: RELAY_MAC,
            vlan,
            source: datagram.from,
            destination: datagram.to,
            traffic_class: datagram.traffic_class,
            hop_limit: 60,
        };
        let mut frame = vec![0; header_length(&spec)];
        write(&mut frame, &spec, &datagram.payload).unwrap();
        frame.extend(&datagram.payload);
        // Short Ethernet frames arrive padded.
        frame.resize(frame.len().max(60), 0xee);
        assert!(self.world.send_frame(InterfaceId(0), &frame), "no free frame");
    }

    fn try_receive(&mut self) -> Option<Datagram> {
        let packet = self.world.receive()?;
        let frame = packet.bytes().to_vec();
        self.world.recycle(packet);
        let headers = Headers::parse(&frame[..]).expect("a UDP frame");
        let payload = headers.payload(&frame[..]).expect("consistent lengths");
        assert_eq!(payload.end, frame.len(), "nothing after the packet");
        let (mac, vlan) = neighbour(headers.destination.address);
        assert_eq!((headers.source_mac, headers.destination_mac), (RELAY_MAC, mac));
        assert_eq!(headers.vlan.outer.map(|tag| tag.control), vlan);
        let link = 14 + if vlan.is_some() { 4 } else { 0 };
        check_ip(&frame[link..]);
        Some(Datagram {
            from: headers.source,
            to: headers.destination,
            traffic_class: headers.traffic_class,
            payload: frame[payload].to_vec(),
        })
    }
}

/// Hop limit and checksums of an IP packet with UDP.
fn check_ip(packet: &[u8]) {
    let (addresses, udp) = if packet[0] >> 4 == 4 {
        assert_eq!(packet[8], 64, "time to live");
        assert_eq!(ones_sum(&[&packet[..20]]), 0xffff, "IPv4 header checksum");
        (&packet[12..20], &packet[20..])
    } else {
        assert_eq!(packet[7], 64, "hop limit");
        (&packet[8..40], &packet[40..])
    };
    assert_ne!(&udp[6..8], &[0, 0], "there is a UDP checksum");
    let pseudo = [0, 17, udp[4], udp[5]];
    assert_eq!(ones_sum(&[addresses, &pseudo, udp]), 0xffff, "UDP checksum");
}

/// The one's complement sum of 16-bit words (RFC 1071); all parts but the last are of even length.
fn ones_sum(parts: &[&[u8]]) -> u16 {
    let mut sum = 0u64;
    for part in parts {
        for pair in part.chunks(2) {
            sum += u64::from(u16::from_be_bytes([pair[0], *pair.get(1).unwrap_or(&0)]));
        }
    }
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    sum as u16
}
