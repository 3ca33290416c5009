// SPDX-License-Identifier: MIT OR Apache-2.0
//! The XDP program under BPF_PROG_TEST_RUN: packet in, verdict and counters out.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use common::{
    DTLS, PORT, RELAY4, RELAY6, RTCP, RTP, SERVICE_TAG, STUN, TAG, ethernet, ipv4, ipv6, to_relay4,
    to_relay6, udp, with,
};
use culvert_ebpf_loader::{Counter, Steering, SteeringConfig, Verdict};
use culvert_wire::{Address, Endpoint, Malformed};
use rustix::net::{AddressFamily, SocketType, socket, sockopt};
use std::os::fd::{AsFd as _, OwnedFd};

/// A program with the two relay endpoints and a socket for queue 0, which test runs arrive on.
struct Relay {
    steering: Steering,
    _socket: OwnedFd,
}

impl Relay {
    fn new() -> Self {
        let mut steering = steering();
        let socket = xdp_socket();
        steering.set_socket(0, socket.as_fd()).unwrap();
        Self { steering, _socket: socket }
    }

    /// Asserts the verdict, that exactly one counter went up by one, and that the packet is as it was.
    #[track_caller]
    fn counts(&self, name: &str, packet: &[u8], verdict: Verdict, counter: Counter) {
        assert_eq!(run(&self.steering, name, packet), (verdict, vec![(counter.name(), 1)]), "{name}");
    }

    /// Asserts that the packet is left to the kernel without being counted.
    #[track_caller]
    fn passes(&self, name: &str, packet: &[u8]) {
        assert_eq!(run(&self.steering, name, packet), (Verdict::Pass, vec![]), "{name}");
    }

    #[track_caller]
    fn redirects(&self, name: &str, packet: &[u8]) {
        self.counts(name, packet, Verdict::Redirect, Counter::Redirected);
    }

    #[track_caller]
    fn drops(&self, name: &str, packet: &[u8], reason: Malformed) {
        self.counts(name, packet, Verdict::Drop, Counter::Malformed(reason));
    }
}

fn steering() -> Steering {
    let mut steering = Steering::load(SteeringConfig { max_endpoints: 16, queues: 2 }).unwrap();
    steering.insert(Endpoint::new(Address::from_ipv4(RELAY4), PORT)).unwrap();
    steering.insert(Endpoint::new(Address(RELAY6), PORT)).unwrap();
    steering
}

#[test]
#[ignore = "needs root: loads an XDP program"]
fn xdp_ports_that_are_kept_and_are_no_endpoints_are_dropped() {
    let mut relay = Relay::new();
    let to = |port| ethernet(&[], 0x0800, &ipv4(RELAY4, &[], 17, &udp(port, &RTP)));
    relay.passes("not kept yet", &to(PORT + 1));
    for (first, last) in [(PORT - 10, PORT + 10), (PORT + 20, PORT + 20), (1, 1), (2, 2)] {
        assert!(relay.steering.keep_ports(Address::from_ipv4(RELAY4), first, last).unwrap());
    }
    assert!(!relay.steering.keep_ports(Address::from_ipv4(RELAY4), 3, 3).unwrap());
    for port in [PORT - 10, PORT - 1, PORT + 1, PORT + 10, PORT + 20, 1, 2] {
        relay.counts("kept", &to(port), Verdict::Drop, Counter::UnknownPort);
    }
    relay.redirects("an endpoint", &to(PORT));
    for port in [0, 3, PORT - 11, PORT + 11, PORT + 19, PORT + 21] {
        relay.passes("the host's", &to(port));
    }
    let tcp = ethernet(&[], 0x0800, &ipv4(RELAY4, &[], 6, &udp(PORT + 1, &RTP)));
    relay.passes("TCP", &tcp);
    let other = ethernet(&[], 0x86dd, &ipv6(RELAY6, 17, &udp(PORT + 1, &RTP)));
    relay.passes("another address", &other);
}

/// The least socket that an XSKMAP takes: one with a receive ring.
fn xdp_socket() -> OwnedFd {
    let socket = socket(AddressFamily::XDP, SocketType::RAW, None).unwrap();
    sockopt::set_xdp_rx_ring_size(&socket, 64).unwrap();
    socket
}

#[track_caller]
fn run(steering: &Steering, name: &str, packet: &[u8]) -> (Verdict, Vec<(&'static str, u64)>) {
    let before = steering.counters().unwrap();
    let result = steering.test_run(packet, 1).unwrap();
    assert_eq!(result.packet, packet, "{name}: the packet was changed");
    let after = steering.counters().unwrap();
    let changes = after.iter().map(|(counter, packets)| (counter.name(), packets - before.get(counter)));
    (result.verdict, changes.filter(|(_, packets)| *packets != 0).collect())
}

/// The same UDP datagram in every encapsulation the program knows.
fn encapsulations(datagram: &[u8]) -> Vec<(String, Vec<u8>)> {
    let mut frames = Vec::new();
    for (tags_name, tags) in
        [("untagged", &[][..]), ("tagged", &[TAG][..]), ("tagged twice", &[SERVICE_TAG, TAG][..])]
    {
        let v4 = ipv4(RELAY4, &[], 17, datagram);
        let options = ipv4(RELAY4, &[1; 8], 17, datagram);
        let most_options = ipv4(RELAY4, &[1; 40], 17, datagram);
        let v6 = ipv6(RELAY6, 17, datagram);
        for (ip, ethertype, packet) in [
            ("IPv4", 0x0800, &v4),
            ("IPv4 with options", 0x0800, &options),
            ("IPv4 with the most options", 0x0800, &most_options),
            ("IPv6", 0x86dd, &v6),
        ] {
            let frame = ethernet(tags, ethertype, packet);
            frames.push((format!("{tags_name} {ip}"), frame.clone()));
            frames.push((format!("padded {tags_name} {ip}"), [frame, vec![0x55; 18]].concat()));
        }
    }
    frames
}

#[test]
#[ignore = "needs root"]
fn what_is_relayed_is_redirected_in_every_encapsulation() {
    let relay = Relay::new();
    for (class, payload) in [("RTP", &RTP[..]), ("RTCP", &RTCP), ("STUN", &STUN), ("DTLS", &DTLS)] {
        for (name, frame) in encapsulations(&udp(PORT, payload)) {
            relay.redirects(&format!("{class} in {name}"), &frame);
        }
    }
    let longest = [&RTP[..], &[0; 1452]].concat();
    relay.redirects("RTP of a full frame", &to_relay4(&longest));
}

#[test]
#[ignore = "needs root"]
fn what_is_not_relayed_is_dropped_by_its_class() {
    let relay = Relay::new();
    for first in 0..=u8::MAX {
        let (verdict, counter) = match first {
            0..=3 | 20..=63 | 128..=191 => (Verdict::Redirect, Counter::Redirected),
            16..=19 => (Verdict::Drop, Counter::Zrtp),
            64..=79 => (Verdict::Drop, Counter::TurnChannel),
            _ => (Verdict::Drop, Counter::UnknownClass),
        };
        let payload = [&[first], &RTP[1..]].concat();
        relay.counts(&format!("first byte {first}"), &to_relay4(&payload), verdict, counter);
        relay.counts(&format!("first byte {first}, IPv6"), &to_relay6(&payload), verdict, counter);
    }
    relay.counts("one byte", &to_relay4(&[16]), Verdict::Drop, Counter::Zrtp);
}

#[test]
#[ignore = "needs root"]
fn malformed_packets_are_dropped_by_their_reason() {
    let relay = Relay::new();
    for (name, frame) in encapsulations(&udp(PORT, &[])) {
        relay.drops(&format!("no payload in {name}"), &frame, Malformed::Empty);
    }
    for (payload, least, reason) in [
        (&RTP[..], 12, Malformed::RtpLength),
        (&RTCP, 8, Malformed::RtcpLength),
        (&STUN, 20, Malformed::StunLength),
        (&DTLS, 13, Malformed::DtlsLength),
    ] {
        for length in 2..least {
            for (name, frame) in encapsulations(&udp(PORT, &payload[..length])) {
                relay.drops(&format!("{reason:?} of {length} in {name}"), &frame, reason);
            }
        }
        for (name, frame) in encapsulations(&udp(PORT, &payload[..least])) {
            relay.redirects(&format!("{least} bytes of {reason:?} in {name}"), &frame);
        }
    }
    relay.drops("one byte of RTP", &to_relay4(&RTP[..1]), Malformed::RtpLength);

    relay.drops("first fragment", &with(to_relay4(&RTP), 20, &[0x20, 0]), Malformed::Fragment);
    for (length, reason) in [
        (0u16, Malformed::IpLength),
        (27, Malformed::IpLength),
        (28, Malformed::UdpLength),
        (47, Malformed::UdpLength),
        (49, Malformed::IpLength),
        (u16::MAX, Malformed::IpLength),
    ] {
        let frame = with(to_relay4(&RTP), 16, &length.to_be_bytes());
        relay.drops(&format!("IPv4 total length {length}"), &frame, reason);
    }
    for (length, reason) in [
        (0u16, Malformed::IpLength),
        (7, Malformed::IpLength),
        (8, Malformed::UdpLength),
        (27, Malformed::UdpLength),
        (29, Malformed::IpLength),
        (u16::MAX, Malformed::IpLength),
    ] {
        let frame = with(to_relay6(&RTP), 18, &length.to_be_bytes());
        relay.drops(&format!("IPv6 payload length {length}"), &frame, reason);
    }
    for length in [0u16, 7, 29, u16::MAX] {
        let frame = with(to_relay4(&RTP), 38, &length.to_be_bytes());
        relay.drops(&format!("UDP length {length}"), &frame, Malformed::UdpLength);
        let frame = with(to_relay6(&RTP), 58, &length.to_be_bytes());
        relay.drops(&format!("UDP length {length}, IPv6"), &frame, Malformed::UdpLength);
    }
    relay.drops("no checksum, IPv6", &with(to_relay6(&RTP), 60, &[0, 0]), Malformed::ZeroChecksum);
    relay.redirects("no checksum, IPv4", &with(to_relay4(&RTP), 40, &[0, 0]));
    for source in [[0, 0, 0, 0], [224, 0, 0, 1], [239, 255, 255, 255], [255, 255, 255, 255]] {
        relay.drops(&format!("from {source:?}"), &with(to_relay4(&RTP), 26, &source), Malformed::Source);
    }
    relay.drops("from ::", &with(to_relay6(&RTP), 22, &[0; 16]), Malformed::Source);
    relay.drops("from ff..", &with(to_relay6(&RTP), 22, &[0xff; 16]), Malformed::Source);
    relay.drops("from port 0", &with(to_relay4(&RTP), 34, &[0, 0]), Malformed::Source);
}

#[test]
#[ignore = "needs root"]
fn truncated_frames_are_left_to_the_kernel_or_dropped() {
    let relay = Relay::new();
    for (name, frame) in
        encapsulations(&udp(PORT, &RTP)).into_iter().filter(|(name, _)| !name.starts_with("padded"))
    {
        let payload = frame.len() - RTP.len();
        // The kernel runs no program on less than an Ethernet header.
        for length in 14..payload {
            relay.passes(&format!("{length} bytes of {name}"), &frame[..length]);
        }
        for length in payload..frame.len() {
            relay.drops(&format!("{length} bytes of {name}"), &frame[..length], Malformed::IpLength);
        }
    }
}

#[test]
#[ignore = "needs root"]
fn everything_else_is_left_to_the_kernel() {
    let relay = Relay::new();
    let datagram = udp(PORT, &RTP);
    for port in [PORT - 1, PORT + 1, PORT.swap_bytes(), 22, 0] {
        relay.passes("another port", &ethernet(&[], 0x0800, &ipv4(RELAY4, &[], 17, &udp(port, &RTP))));
        relay.passes("another port, IPv6", &ethernet(&[], 0x86dd, &ipv6(RELAY6, 17, &udp(port, &RTP))));
    }
    relay.passes("another address", &ethernet(&[], 0x0800, &ipv4([198, 51, 100, 3], &[], 17, &datagram)));
    let mut other = RELAY6;
    other[15] = 3;
    relay.passes("another address, IPv6", &ethernet(&[], 0x86dd, &ipv6(other, 17, &datagram)));
    let mut mapped = [0; 16];
    mapped[10..12].fill(0xff);
    mapped[12..].copy_from_slice(&RELAY4);
    relay
        .passes("the mapped form of the IPv4 endpoint", &ethernet(&[], 0x86dd, &ipv6(mapped, 17, &datagram)));

    relay.passes("malformed to another port", &ethernet(&[], 0x0800, &ipv4(RELAY4, &[], 17, &udp(9, &[]))));
    for protocol in [1, 6, 132] {
        relay.passes("not UDP", &ethernet(&[], 0x0800, &ipv4(RELAY4, &[], protocol, &datagram)));
    }
    for next_header in [0, 6, 43, 44, 51, 58, 60] {
        relay.passes("not UDP, IPv6", &ethernet(&[], 0x86dd, &ipv6(RELAY6, next_header, &datagram)));
    }
    relay.passes("later fragment", &with(to_relay4(&RTP), 20, &[0x20, 1]));
    relay.passes("last fragment", &with(to_relay4(&RTP), 20, &[0, 185]));
    relay.passes("IP version 6 in IPv4", &with(to_relay4(&RTP), 14, &[0x65]));
    relay.passes("IPv4 header of 16 bytes", &with(to_relay4(&RTP), 14, &[0x44]));
    relay.passes("IP version 4 in IPv6", &with(to_relay6(&RTP), 14, &[0x40]));
    let arp = [&[0, 1, 8, 0, 6, 4, 0, 1][..], &[0; 38]].concat();
    relay.passes("ARP", &ethernet(&[], 0x0806, &arp));
    relay.passes("tagged ARP", &ethernet(&[TAG], 0x0806, &arp));
    relay.passes("LLDP", &ethernet(&[], 0x88cc, &[0; 46]));
    let three = ethernet(&[SERVICE_TAG, TAG, TAG], 0x0800, &ipv4(RELAY4, &[], 17, &datagram));
    relay.passes("three tags", &three);
}

#[test]
#[ignore = "needs root"]
fn a_queue_without_a_socket_shows() {
    let mut steering = steering();
    let no_socket = |steering: &Steering, name| {
        let expected = (Verdict::Pass, vec![(Counter::NoSocket.name(), 1)]);
        assert_eq!(run(steering, name, &to_relay4(&RTP)), expected, "{name}");
    };
    no_socket(&steering, "no socket at all");
    let other = xdp_socket();
    steering.set_socket(1, other.as_fd()).unwrap();
    no_socket(&steering, "a socket on another queue");
    let socket = xdp_socket();
    steering.set_socket(0, socket.as_fd()).unwrap();
    let expected = (Verdict::Redirect, vec![(Counter::Redirected.name(), 1)]);
    assert_eq!(run(&steering, "a socket", &to_relay4(&RTP)), expected);
    // What is dropped is dropped without looking for a socket.
    let expected = (Verdict::Drop, vec![(Malformed::Empty.name(), 1)]);
    assert_eq!(run(&steering, "malformed", &to_relay4(&[])), expected);
}

#[test]
#[ignore = "needs root"]
fn endpoints_come_and_go() {
    let mut relay = Relay::new();
    let endpoint = Endpoint::new(Address::from_ipv4([203, 0, 113, 9]), 40_000);
    let frame = ethernet(&[], 0x0800, &ipv4([203, 0, 113, 9], &[], 17, &udp(40_000, &RTP)));
    relay.passes("before", &frame);
    relay.steering.insert(endpoint).unwrap();
    relay.steering.insert(endpoint).unwrap();
    relay.redirects("inserted", &frame);
    assert!(relay.steering.remove(endpoint).unwrap());
    relay.passes("removed", &frame);
    assert!(!relay.steering.remove(endpoint).unwrap());
    relay.redirects("the others are still there", &to_relay4(&RTP));
}

#[test]
#[ignore = "needs root"]
fn counters_count_every_packet() {
    let relay = Relay::new();
    assert_eq!(relay.steering.counters().unwrap().iter().map(|(_, n)| n).sum::<u64>(), 0);
    relay.steering.test_run(&to_relay4(&RTP), 1000).unwrap();
    relay.steering.test_run(&to_relay6(&[]), 10).unwrap();
    let counters = relay.steering.counters().unwrap();
    assert_eq!(counters.get(Counter::Redirected), 1000);
    assert_eq!(counters.get(Counter::Malformed(Malformed::Empty)), 10);
    assert_eq!(counters.dropped(), 10);
}
