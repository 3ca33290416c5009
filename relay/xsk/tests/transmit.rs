// SPDX-License-Identifier: MIT OR Apache-2.0
//! AF_XDP on one end of a veth pair, an ordinary socket on the other.

#![expect(clippy::unwrap_used, reason = "helpers of tests")]

mod support;

use culvert_xsk::{Socket, SocketConfig, XskError, ZeroCopy, interface_index};
use std::{net::UdpSocket, time::Instant};
use support::*;

#[test]
#[ignore = "needs root"]
fn every_packet_arrives_as_it_was_and_every_frame_comes_back() {
    const COUNT: u32 = 3000;
    let [left, right] = pair(1);
    let receiver = right.namespace.run(|| UdpSocket::bind("192.0.2.2:5004").unwrap()).unwrap();
    receiver.set_read_timeout(Some(PATIENCE)).unwrap();
    let (umem, mut pool) = memory(128);
    let mut socket = left.bind(&umem, &left.config(0));
    assert!(!socket.is_zero_copy(), "a veth cannot; the fall-back to copy mode must be seen");

    let mut buffer = [0; 2048];
    let mut next = 0;
    while next < COUNT {
        let burst = next..COUNT.min(next + 50);
        for number in burst.clone() {
            let frame = pool.take().unwrap();
            queue(&mut socket, frame, &packet(&left, &right, &payload(number)), number as usize % 500)
                .unwrap();
        }
        socket.flush().unwrap();
        assert_eq!(socket.unsent(), 0);
        for number in burst.clone() {
            let length = receiver.recv(&mut buffer).unwrap();
            assert_eq!(&buffer[..length], payload(number), "packet {number}");
        }
        assert_eq!(socket.reclaim(&mut pool), burst.len());
        assert_eq!((pool.len(), socket.held_frames(), umem.lost_frames()), (128, 0, 0));
        next = burst.end;
    }
    assert_eq!(socket.statistics().unwrap().transmit_invalid_descriptors, 0);
}

#[test]
#[ignore = "needs root"]
fn one_flush_moves_more_than_the_kernel_does_at_once() {
    let [left, right] = pair(1);
    for budget in [None, Some(64), Some(100_000)] {
        let (umem, mut pool) = memory(400);
        let mut socket = left.bind(&umem, &SocketConfig { transmit_budget: budget, ..left.config(0) });
        // 32 where the kernel has no such option.
        let accepted = budget.map_or(32, |budget| budget.clamp(32, 256));
        assert!([32, accepted].contains(&socket.transmit_budget()), "{}", socket.transmit_budget());

        let bytes = packet(&left, &right, b"x");
        for _ in 0..256 {
            let frame = pool.take().unwrap();
            queue(&mut socket, frame, &bytes, 0).unwrap();
        }
        let refused = queue(&mut socket, pool.take().unwrap(), &bytes, 0).unwrap_err();
        pool.put(refused);
        assert_eq!((socket.unsent(), socket.held_frames(), pool.len()), (256, 256, 144));
        socket.flush().unwrap();
        assert_eq!(socket.unsent(), 0, "budget {budget:?}");
        assert_eq!(socket.reclaim(&mut pool), 256);
        assert_eq!((pool.len(), umem.lost_frames()), (400, 0));
    }
}

#[test]
#[ignore = "needs root"]
fn a_full_completion_ring_stops_the_flush_until_frames_are_reclaimed() {
    let [left, right] = pair(1);
    let (umem, mut pool) = memory(256);
    let mut config = left.config(0);
    config.rings.completion = 64;
    let mut socket = left.bind(&umem, &config);
    for number in 0..200 {
        let frame = pool.take().unwrap();
        queue(&mut socket, frame, &packet(&left, &right, &payload(number)), 0).unwrap();
    }
    for left_over in [136, 72, 8, 0] {
        socket.flush().unwrap();
        assert_eq!(socket.unsent(), left_over);
        socket.reclaim(&mut pool);
    }
    assert_eq!((pool.len(), socket.held_frames()), (256, 0));
}

#[test]
#[ignore = "needs root"]
fn what_the_kernel_would_swallow_is_refused() {
    let [left, _right] = pair(1);
    let (umem, mut pool) = memory(16);
    let (_other, mut other_pool) = memory(1);
    let mut socket = left.bind(&umem, &left.config(0));
    for (start, length) in [(0, 0), (0, 2049), (2048, 1), (1, usize::MAX)] {
        let refused = socket.transmit(pool.take().unwrap(), start, length).unwrap_err();
        pool.put(refused);
    }
    let refused = socket.transmit(other_pool.take().unwrap(), 0, 60).unwrap_err();
    other_pool.put(refused);
    assert_eq!((socket.refill(&mut other_pool), socket.reclaim(&mut other_pool)), (0, 0));
    assert_eq!((pool.len(), other_pool.len(), socket.held_frames()), (16, 1, 0));
    assert!(socket.transmit(pool.take().unwrap(), 0, 2048).is_ok());
}

#[test]
#[ignore = "needs root"]
fn a_queue_that_cannot_be_bound_is_named() {
    let [left, _right] = pair(2);
    let (umem, _pool) = memory(16);
    let text = |queue| {
        let config = left.config(queue);
        left.namespace.run(|| Socket::bind(&umem, &config).unwrap_err().to_string()).unwrap()
    };
    assert_eq!(
        text(2),
        "AF_XDP on a0 queue 2: cannot bind the queue: Invalid argument (os error 22); see that the interface \
         has that many active queues (`ethtool -l`)"
    );
    let (first, _first_pool) = memory(16);
    let _socket = left.bind(&first, &left.config(1));
    assert!(text(1).contains("another socket has the queue"), "{}", text(1));

    let error = left.namespace.run(|| interface_index("b0").unwrap_err()).unwrap();
    assert!(matches!(&error, XskError::Interface { interface, .. } if interface == "b0"), "{error}");
    assert_eq!(left.namespace.run(|| interface_index("a0").unwrap()).unwrap(), left.interface.index);
}

#[test]
#[ignore = "needs root"]
fn a_queue_can_be_bound_again_at_once() {
    let [left, _right] = pair(1);
    for zero_copy in [ZeroCopy::Try, ZeroCopy::Never, ZeroCopy::Try, ZeroCopy::Never] {
        let (umem, mut pool) = memory(300);
        let mut socket = left.bind(&umem, &SocketConfig { zero_copy, ..left.config(0) });
        let reader = socket.statistics_reader();
        assert_eq!(socket.refill(&mut pool), 256);
        assert_eq!((pool.len(), socket.held_frames()), (44, 256));
        assert_eq!(reader.read().unwrap(), culvert_xsk::Statistics::default());
        drop(socket);
        assert!(matches!(reader.read(), Err(XskError::Closed { .. })));
    }
}

#[test]
#[ignore = "needs root"]
fn an_interface_that_is_down_is_an_error_and_loses_nothing() {
    let [left, right] = pair(1);
    let receiver = right.namespace.run(|| UdpSocket::bind("192.0.2.2:5004").unwrap()).unwrap();
    receiver.set_read_timeout(Some(PATIENCE)).unwrap();
    let (umem, mut pool) = memory(16);
    let mut socket = left.bind(&umem, &left.config(0));
    left.namespace.ip(["link", "set", "a0", "down"]).unwrap();
    let frame = pool.take().unwrap();
    queue(&mut socket, frame, &packet(&left, &right, b"late"), 0).unwrap();
    let error = socket.flush().unwrap_err();
    assert!(matches!(&error, XskError::Transmit { interface, queue: 0, .. } if interface == "a0"), "{error}");
    assert_eq!((socket.unsent(), socket.held_frames(), pool.len()), (1, 1, 15));

    left.namespace.ip(["link", "set", "a0", "up"]).unwrap();
    let deadline = Instant::now() + PATIENCE;
    while socket.unsent() > 0 {
        socket.flush().unwrap();
        assert!(Instant::now() < deadline);
    }
    let mut buffer = [0; 64];
    let length = receiver.recv(&mut buffer).unwrap();
    assert_eq!(&buffer[..length], b"late");
    assert_eq!(socket.reclaim(&mut pool), 1);
}

#[test]
#[ignore = "needs root"]
fn a_socket_polls_busily_where_it_is_asked_to() {
    let [left, _right] = pair(1);
    for (busy_poll, polls) in [(0, false), (20, true), (u32::MAX, false)] {
        let (umem, mut pool) = memory(300);
        let mut socket = left.bind(&umem, &SocketConfig { busy_poll, ..left.config(0) });
        assert_eq!(socket.polls_busily(), polls, "{busy_poll}");
        assert_eq!(socket.refill(&mut pool), 256);
        socket.poll_busily().unwrap();
        left.namespace.ip(["link", "set", left.device, "down"]).unwrap();
        assert_eq!(socket.poll_busily().is_err(), polls, "only a system call can notice");
        left.namespace.ip(["link", "set", left.device, "up"]).unwrap();
    }
}
