// SPDX-License-Identifier: MIT OR Apache-2.0
//! Bursts over the loopback interface, both address families.

#![expect(clippy::unwrap_used, reason = "helpers of tests")]

use culvert_udp::{
    Datagram, Message, Outcome, Poller, ReceiveBurst, SendBurst, SocketOptions, UdpError, UdpSocket,
};
use std::{
    net::{Ipv4Addr, Ipv6Addr, SocketAddr},
    os::fd::AsFd,
    time::Duration,
};

const FAMILIES: [SocketAddr; 2] = [
    SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 0),
    SocketAddr::new(std::net::IpAddr::V6(Ipv6Addr::LOCALHOST), 0),
];

fn socket(local: SocketAddr) -> UdpSocket {
    UdpSocket::bind(local, &SocketOptions::default()).unwrap()
}

/// Waits for `count` datagrams, each into its own buffer.
fn receive(socket: &UdpSocket, burst: &mut ReceiveBurst, buffers: &mut [Vec<u8>]) -> Vec<Datagram> {
    let mut poller = Poller::new(1).unwrap();
    poller.add(socket.as_fd(), 0).unwrap();
    let mut all = Vec::new();
    while all.len() < buffers.len() {
        assert_eq!(poller.wait(Some(Duration::from_secs(5))).unwrap(), 1, "nothing came");
        let rest = buffers[all.len()..].iter_mut().map(Vec::as_mut_slice);
        let count = socket.receive(burst, rest).unwrap();
        assert_eq!(burst.datagrams().len(), count);
        all.extend_from_slice(burst.datagrams());
    }
    all
}

#[test]
fn bytes_sources_and_traffic_classes_are_exact() {
    for local in FAMILIES {
        let (from, to) = (socket(local), socket(local));
        let payloads: Vec<Vec<u8>> =
            (0..64_usize).map(|index| vec![index as u8 ^ 0x5a; index * 23]).collect();
        let class = |index: usize| (index as u8).wrapping_mul(4);
        let messages = payloads.iter().enumerate().map(|(index, payload)| Message {
            payload,
            destination: to.local_address(),
            traffic_class: class(index),
        });
        let mut burst = SendBurst::new(64);
        assert_eq!(from.send(&mut burst, messages).unwrap(), 64);
        assert_eq!(burst.outcomes(), [Outcome::Sent; 64]);

        let mut buffers = vec![vec![0xee; 1500]; 64];
        let received = receive(&to, &mut ReceiveBurst::new(16), &mut buffers);
        for (index, datagram) in received.iter().enumerate() {
            let expected = Datagram {
                length: payloads[index].len(),
                source: from.local_address(),
                traffic_class: class(index),
                truncated: false,
                received: None,
            };
            assert_eq!(*datagram, expected);
            assert_eq!(buffers[index][..datagram.length], payloads[index]);
            assert!(buffers[index][datagram.length..].iter().all(|&byte| byte == 0xee));
        }
        let mut one = [0; 8];
        assert_eq!(to.receive(&mut ReceiveBurst::new(4), [&mut one[..]]).unwrap(), 0, "nothing more waits");
    }
}

#[test]
fn a_call_takes_no_more_than_the_arrays_and_the_buffers_hold() {
    let (from, to) = (socket(FAMILIES[0]), socket(FAMILIES[0]));
    let message = Message { payload: b"x", destination: to.local_address(), traffic_class: 0 };
    let mut burst = SendBurst::new(8);
    assert_eq!(from.send(&mut burst, [message; 20]).unwrap(), 8);
    assert_eq!(burst.outcomes().len(), 8);
    assert_eq!(from.send(&mut burst, []).unwrap(), 0);
    assert!(burst.outcomes().is_empty());

    let mut buffers = vec![vec![0; 8]; 20];
    let mut three = ReceiveBurst::new(3);
    assert_eq!(to.receive(&mut three, buffers.iter_mut().map(Vec::as_mut_slice)).unwrap(), 3);
    assert_eq!(to.receive(&mut three, buffers[..2].iter_mut().map(Vec::as_mut_slice)).unwrap(), 2);
    assert_eq!(to.receive(&mut three, []).unwrap(), 0);
    assert!(three.datagrams().is_empty());
    assert_eq!(receive(&to, &mut three, &mut buffers[..3]).len(), 3);
}

#[test]
fn a_message_that_cannot_go_does_not_stop_the_others() {
    for (local, other) in [(FAMILIES[0], FAMILIES[1]), (FAMILIES[1], FAMILIES[0])] {
        let (from, to, stranger) = (socket(local), socket(local), socket(other));
        let huge = vec![0; 70_000];
        let good = Message { payload: b"good", destination: to.local_address(), traffic_class: 184 };
        let messages = [
            good,
            Message { payload: &huge, ..good },
            good,
            Message { destination: stranger.local_address(), ..good },
            good,
        ];
        let mut burst = SendBurst::new(64);
        assert_eq!(from.send(&mut burst, messages).unwrap(), 3);
        let outcomes = burst.outcomes();
        assert_eq!(
            [outcomes[0], outcomes[1], outcomes[2], outcomes[4]],
            [Outcome::Sent, Outcome::TooBig, Outcome::Sent, Outcome::Sent]
        );
        assert!(matches!(outcomes[3], Outcome::Failed(_) | Outcome::Unreachable), "{:?}", outcomes[3]);
        let mut buffers = vec![vec![0; 16]; 3];
        for (datagram, buffer) in receive(&to, &mut ReceiveBurst::new(8), &mut buffers).iter().zip(&buffers) {
            assert_eq!((&buffer[..datagram.length], datagram.traffic_class), (&b"good"[..], 184));
        }
    }
}

#[test]
fn a_port_that_nobody_listens_on_stalls_nothing() {
    for local in FAMILIES {
        let (from, to, gone) = (socket(local), socket(local), socket(local));
        let closed = gone.local_address();
        drop(gone);
        let good = Message { payload: b"good", destination: to.local_address(), traffic_class: 0 };
        let mut burst = SendBurst::new(64);
        let mut received = ReceiveBurst::new(64);
        for _ in 0..5 {
            let sent = from.send(&mut burst, [Message { destination: closed, ..good }, good, good]).unwrap();
            assert_eq!((sent, burst.outcomes()), (3, &[Outcome::Sent; 3][..]));
            let mut buffer = [0; 16];
            assert_eq!(from.receive(&mut received, [&mut buffer[..]]).unwrap(), 0);
            assert_eq!(receive(&to, &mut received, &mut vec![vec![0; 16]; 2]).len(), 2);
        }
    }
}

#[test]
fn a_datagram_longer_than_its_buffer_says_so() {
    let (from, to) = (socket(FAMILIES[1]), socket(FAMILIES[1]));
    let message = Message { payload: b"123456789", destination: to.local_address(), traffic_class: 3 };
    from.send(&mut SendBurst::new(1), [message]).unwrap();
    let mut buffers = vec![vec![0; 4]];
    let received = receive(&to, &mut ReceiveBurst::new(1), &mut buffers);
    assert_eq!((received[0].length, received[0].truncated, received[0].traffic_class), (4, true, 3));
    assert_eq!(buffers[0], b"1234");
}

#[test]
fn an_address_in_use_is_named_and_never_shared() {
    for local in FAMILIES {
        let first = socket(local);
        let address = first.local_address();
        assert_ne!(address.port(), 0);
        let error = UdpSocket::bind(address, &SocketOptions::default()).unwrap_err();
        assert!(matches!(error, UdpError::Bind { address: named, .. } if named == address));
        let text = error.to_string();
        assert!(text.starts_with(&format!("cannot bind UDP {address}: Address already in use")), "{text}");
        assert!(text.contains("ss --udp"), "{text}");
        drop(first);
        assert_eq!(socket(address).local_address(), address);
    }
    let error = UdpSocket::bind("192.0.2.77:5004".parse().unwrap(), &SocketOptions::default()).unwrap_err();
    assert!(error.to_string().ends_with("it is no address of this host: see `ip address`"), "{error}");
}

#[test]
fn both_families_can_have_the_same_port() {
    let any: SocketAddr = "[::]:0".parse().unwrap();
    let six = socket(any);
    let four = socket(SocketAddr::new(Ipv4Addr::UNSPECIFIED.into(), six.local_address().port()));
    assert_eq!(four.local_address().port(), six.local_address().port());
}

#[test]
fn a_bigger_receive_buffer_holds_more() {
    let held = |bytes| {
        let options =
            SocketOptions { receive_buffer: Some(bytes), send_buffer: Some(65_536), ..Default::default() };
        let to = UdpSocket::bind(FAMILIES[0], &options).unwrap();
        let from = socket(FAMILIES[0]);
        let payload = [0; 1000];
        let message = Message { payload: &payload, destination: to.local_address(), traffic_class: 0 };
        let mut burst = SendBurst::new(100);
        assert_eq!(from.send(&mut burst, [message; 100]).unwrap(), 100);
        let mut buffers = vec![vec![0; 1000]; 100];
        to.receive(&mut ReceiveBurst::new(100), buffers.iter_mut().map(Vec::as_mut_slice)).unwrap()
    };
    let (small, big) = (held(8_192), held(200_000));
    assert!(small < 20 && big == 100, "{small} and {big}");
}

#[test]
fn the_kernel_says_when_it_received_if_it_is_asked_to() {
    for address in ["127.0.0.1:0", "[::1]:0"] {
        let address: SocketAddr = address.parse().unwrap();
        let sender = UdpSocket::bind(address, &SocketOptions::default()).unwrap();
        for timestamps in [true, false] {
            let options = SocketOptions { timestamps, ..SocketOptions::default() };
            let receiver = UdpSocket::bind(address, &options).unwrap();
            let since_1970 = || std::time::SystemTime::UNIX_EPOCH.elapsed().unwrap();
            let before = since_1970();
            let destination = receiver.local_address();
            let message = Message { payload: b"tick", destination, traffic_class: 0xb8 };
            assert_eq!(sender.send(&mut SendBurst::new(1), [message]).unwrap(), 1);
            let (mut burst, mut buffer) = (ReceiveBurst::new(1), [0; 16]);
            // Over loopback a datagram is there when the call that sent it returns.
            assert_eq!(receiver.receive(&mut burst, [&mut buffer[..]]).unwrap(), 1);
            let datagram = burst.datagrams()[0];
            assert_eq!((datagram.length, datagram.traffic_class), (4, 0xb8));
            assert_eq!(datagram.received.is_some(), timestamps);
            assert!(datagram.received.is_none_or(|time| time >= before && time <= since_1970()));
        }
    }
}
