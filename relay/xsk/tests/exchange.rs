// SPDX-License-Identifier: MIT OR Apache-2.0
//! AF_XDP on both ends of veth pairs, receiving through an XDP program.

#![expect(clippy::unwrap_used, reason = "helpers of tests")]

mod support;

use culvert_xsk::{FramePool, KERNEL_HEADROOM, RingSizes, Socket, SocketConfig, Statistics, Umem};
use std::{net::UdpSocket, os::fd::AsFd, time::Instant};
use support::{redirect::*, *};

/// A socket with its own memory, receiving everything of its queue.
struct End {
    umem: Umem,
    pool: FramePool,
    socket: Socket,
    _program: Redirect,
}

fn end(host: &Host, mode: Mode) -> End {
    end_with(host, mode, RINGS)
}

fn end_with(host: &Host, mode: Mode, rings: RingSizes) -> End {
    let (umem, mut pool) = memory(600);
    let mut socket = host.bind(&umem, &SocketConfig { rings, ..host.config(0) });
    assert_eq!(socket.refill(&mut pool), 256);
    let program = host.namespace.run(|| Redirect::attach(host.interface.index, mode, 1).unwrap()).unwrap();
    program.set(0, socket.as_fd()).unwrap();
    End { umem, pool, socket, _program: program }
}

impl End {
    fn send(&mut self, packets: impl Iterator<Item = Vec<u8>>) {
        for packet in packets {
            let frame = self.pool.take().unwrap();
            queue(&mut self.socket, frame, &packet, 100).unwrap();
        }
        self.socket.flush().unwrap();
        assert_eq!(self.socket.unsent(), 0);
        self.socket.reclaim(&mut self.pool);
    }

    fn expect(&mut self, packets: impl Iterator<Item = Vec<u8>>) {
        let mut expected = packets.peekable();
        let deadline = Instant::now() + PATIENCE;
        while expected.peek().is_some() {
            let End { socket, pool, .. } = self;
            let count = socket.receive(16, |received| {
                let end = received.start + received.length;
                assert_eq!(received.start, KERNEL_HEADROOM as usize);
                assert_eq!(Some(&received.frame[received.start..end]), expected.next().as_deref());
                pool.put(received.frame);
            });
            assert!(count <= 16);
            socket.refill(pool);
            socket.wake_receive().unwrap();
            if count == 0 {
                await_input(socket, deadline);
            }
        }
    }

    fn assert_complete(&mut self) {
        self.socket.reclaim(&mut self.pool);
        assert_eq!(self.socket.receive(64, drop), 0, "more than was sent");
        assert_eq!(self.pool.len() + self.socket.held_frames() as usize, 600);
        assert_eq!(self.umem.lost_frames(), 0);
        assert_eq!(self.socket.statistics().unwrap().receive_ring_full, 0);
        assert_eq!(self.socket.statistics().unwrap().fill_ring_empty, 0);
    }
}

fn both_ways(mode: Mode) {
    const COUNT: u32 = 4000;
    let hosts = pair(1);
    let [mut left, mut right] = [end(&hosts[0], mode), end(&hosts[1], mode)];
    let there = |number| packet(&hosts[0], &hosts[1], &payload(number));
    let back = |number| packet(&hosts[1], &hosts[0], &payload(number ^ 0x5555));
    let mut next = 0;
    while next < COUNT {
        let burst = next..COUNT.min(next + 60);
        left.send(burst.clone().map(there));
        right.send(burst.clone().map(back));
        right.expect(burst.clone().map(there));
        left.expect(burst.clone().map(back));
        next = burst.end;
    }
    left.assert_complete();
    right.assert_complete();
}

#[test]
#[ignore = "needs root"]
fn native_mode_carries_every_packet_both_ways() {
    both_ways(Mode::Native);
}

#[test]
#[ignore = "needs root"]
fn generic_mode_carries_every_packet_both_ways() {
    both_ways(Mode::Generic);
}

#[test]
#[ignore = "needs root"]
fn a_frame_received_on_one_interface_leaves_on_another() {
    let ([caller, outside], [callee, inside]) = (pair(1), pair(1));
    let mut source = end(&caller, Mode::Native);
    let mut sink = end(&callee, Mode::Native);
    // The relay: both of its interfaces on one memory. The sockets keep their namespaces wherever they are used.
    let (umem, mut pool) = memory(1000);
    let mut sockets = [&outside, &inside].map(|host| {
        let mut socket = host.bind(&umem, &host.config(0));
        socket.refill(&mut pool);
        let index = host.interface.index;
        let program = host.namespace.run(|| Redirect::attach(index, Mode::Native, 1).unwrap()).unwrap();
        program.set(0, socket.as_fd()).unwrap();
        (socket, program)
    });
    assert_eq!(pool.len(), 1000 - 512);

    let [(from, _), (to, _)] = &mut sockets;
    let sent = |number| packet(&caller, &outside, &payload(number));
    for burst in (0..3000).step_by(60).map(|first| first..first + 60) {
        source.send(burst.clone().map(sent));
        let mut forwarded = 0;
        let deadline = Instant::now() + PATIENCE;
        while forwarded < 60 {
            let count = from.receive(64, |received| {
                to.transmit(received.frame, received.start, received.length).unwrap()
            });
            forwarded += count;
            to.flush().unwrap();
            to.reclaim(&mut pool);
            from.refill(&mut pool);
            if count == 0 {
                await_input(from, deadline);
            }
        }
        sink.expect(burst.map(sent));
    }
    to.reclaim(&mut pool);
    let held: u32 = sockets.iter().map(|(socket, _)| socket.held_frames()).sum();
    assert_eq!((pool.len() + held as usize, umem.lost_frames()), (1000, 0));
    sink.assert_complete();
}

#[test]
#[ignore = "needs root"]
fn packets_that_find_no_frame_are_counted_and_the_rest_goes_on() {
    let hosts = pair(1);
    let mut left = end(&hosts[0], Mode::Native);
    let mut right = end(&hosts[1], Mode::Native);
    let packets =
        |numbers: std::ops::Range<u32>| numbers.map(|number| packet(&hosts[0], &hosts[1], &payload(number)));
    // There are 256 frames in the fill ring.
    for first in (0..300).step_by(60) {
        left.send(packets(first..first + 60));
    }
    right.expect(packets(0..256));
    // In copy mode a packet that finds no frame is counted as dropped, too.
    let expected =
        Statistics { fill_ring_empty: 44, receive_dropped: 44, ..right.socket.statistics().unwrap() };
    assert_eq!(right.socket.statistics().unwrap(), expected);
    assert_eq!(expected.receive_ring_full, 0);
    left.send(packets(300..310));
    right.expect(packets(300..310));
    assert_eq!(right.pool.len() + right.socket.held_frames() as usize, 600);
}

#[test]
#[ignore = "needs root"]
fn packets_that_find_the_receive_ring_full_are_counted_and_the_rest_goes_on() {
    let hosts = pair(1);
    let mut left = end(&hosts[0], Mode::Native);
    let rings = RingSizes { receive: 64, ..RINGS };
    let mut right = end_with(&hosts[1], Mode::Native, rings);
    let packets =
        |numbers: std::ops::Range<u32>| numbers.map(|number| packet(&hosts[0], &hosts[1], &payload(number)));
    left.send(packets(0..100));
    right.expect(packets(0..64));
    assert_eq!(right.socket.statistics().unwrap().receive_ring_full, 36);
    left.send(packets(100..164));
    right.expect(packets(100..164));
    assert_eq!(right.pool.len() + right.socket.held_frames() as usize, 600);
}

#[test]
#[ignore = "needs root"]
fn what_an_ordinary_socket_sends_arrives_with_its_checksums() {
    for mode in [Mode::Native, Mode::Generic] {
        let hosts = pair(1);
        let sender = hosts[0].namespace.run(|| UdpSocket::bind("192.0.2.1:4000").unwrap()).unwrap();
        let mut right = end(&hosts[1], mode);
        // The program takes everything, so that the kernel behind it never answers for its address.
        let neighbour = hosts[1].interface.mac_address.map(|byte| format!("{byte:02x}")).join(":");
        let arguments = ["neigh", "add", "192.0.2.2", "lladdr", &neighbour, "dev", "a0"];
        hosts[0].namespace.ip(arguments).unwrap();
        for number in 0..200 {
            sender.send_to(&payload(number), "192.0.2.2:5004").unwrap();
            await_input(&right.socket, Instant::now() + PATIENCE);
            let mut seen = None;
            assert_eq!(right.socket.receive(2, |received| seen = Some(received)), 1);
            let received = seen.unwrap();
            let bytes = &received.frame[received.start..received.start + received.length];
            assert_eq!(bytes[42..], payload(number));
            assert_eq!(udp_sum(&bytes[14..]), 0xffff, "the checksum was left to the device");
            right.pool.put(received.frame);
            right.socket.refill(&mut right.pool);
        }
        right.assert_complete();
    }
}

/// Ones' complement sum of an IPv4 packet's UDP part with its pseudo header: 0xffff when the checksum is right.
fn udp_sum(packet: &[u8]) -> u32 {
    let udp = &packet[20..];
    let pairs = packet[12..20].chunks(2).chain(udp.chunks(2));
    let sum = pairs.map(|pair| u32::from(pair[0]) << 8 | pair.get(1).copied().map_or(0, u32::from));
    let sum = sum.sum::<u32>() + 17 + udp.len() as u32;
    let folded = (sum & 0xffff) + (sum >> 16);
    (folded & 0xffff) + (folded >> 16)
}

#[test]
#[ignore = "needs root"]
fn packets_longer_than_a_frame_are_counted() {
    let hosts = pair(1);
    for host in &hosts {
        host.namespace.ip(["link", "set", host.device, "mtu", "3000"]).unwrap();
    }
    let mut left = end(&hosts[0], Mode::Native);
    let mut right = end(&hosts[1], Mode::Native);
    // A frame has 2048 - 256 bytes for a packet.
    let long = |length: usize| packet(&hosts[0], &hosts[1], &vec![0x77; length - 42]);
    left.send([1792, 1793, 1900].into_iter().map(long));
    left.send([100].into_iter().map(long));
    right.expect([1792, 100].into_iter().map(long));
    assert_eq!(right.socket.statistics().unwrap().receive_dropped, 2);
    right.assert_complete();
}

#[test]
#[ignore = "needs root"]
fn the_queues_of_an_interface_share_a_memory() {
    let hosts = pair(2);
    let [(left, mut left_pool), (right, mut right_pool)] = [memory(64), memory(600)];
    let mut senders = [0, 1].map(|queue| hosts[0].bind(&left, &hosts[0].config(queue)));
    let mut receivers = [0, 1].map(|queue| hosts[1].bind(&right, &hosts[1].config(queue)));
    let index = hosts[1].interface.index;
    let program = hosts[1].namespace.run(|| Redirect::attach(index, Mode::Native, 2).unwrap()).unwrap();
    for (socket, queue) in receivers.iter_mut().zip(0..) {
        assert_eq!(socket.refill(&mut right_pool), 256);
        program.set(queue, socket.as_fd()).unwrap();
    }
    // A veth keeps the queue: what leaves queue 1 arrives on queue 1.
    for (number, (sender, receiver)) in senders.iter_mut().zip(&mut receivers).enumerate() {
        let packet = packet(&hosts[0], &hosts[1], &payload(number as u32));
        for _ in 0..20 {
            queue(sender, left_pool.take().unwrap(), &packet, 0).unwrap();
        }
        sender.flush().unwrap();
        assert_eq!(sender.reclaim(&mut left_pool), 20);
        let mut received = 0;
        while received < 20 {
            await_input(receiver, Instant::now() + PATIENCE);
            received += receiver.receive(20, |received| {
                let bytes = &received.frame[received.start..received.start + received.length];
                assert_eq!(bytes, packet);
                right_pool.put(received.frame);
            });
        }
        assert_eq!(receiver.refill(&mut right_pool), 20);
    }
    assert_eq!((left_pool.len(), left.lost_frames()), (64, 0));
    assert_eq!((right_pool.len(), right.lost_frames()), (600 - 512, 0));
}
