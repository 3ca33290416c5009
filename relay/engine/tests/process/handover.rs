// SPDX-License-Identifier: MIT OR Apache-2.0
//! Packets that arrive on another worker than their flow's.

use culvert_engine::io::memory::{MemoryConfig, MemoryIo, MemoryPeer};
use culvert_engine::{
    Clock, Command, DropReason, FlowSlot, Handover, Receive, Send, SourceRule, Verdict, Worker, WorkerConfig,
    WorkerHandle,
};

use crate::world::{endpoint, flow, rtp};

/// Two workers, and what is outside of each.
fn pair(bytes: usize) -> ([WorkerHandle; 2], [MemoryPeer; 2]) {
    let (one, outside_one, wake_one) = MemoryIo::new(MemoryConfig::default()).unwrap();
    let (two, outside_two, wake_two) = MemoryIo::new(MemoryConfig::default()).unwrap();
    let mut mesh = Handover::mesh(&[wake_one.clone(), wake_two.clone()], bytes);
    let (of_two, of_one) = (mesh.pop().unwrap(), mesh.pop().unwrap());
    let config = WorkerConfig { max_elsewhere: 4, ..WorkerConfig::default() };
    let clock = Clock::start();
    let one = Worker::spawn_among(0, &config, one, wake_one, clock, of_one).unwrap();
    let two = Worker::spawn_among(1, &config, two, wake_two, clock, of_two).unwrap();
    ([one, two], [outside_one, outside_two])
}

fn wait(mut done: impl FnMut() -> bool) {
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(10);
    while !done() {
        assert!(std::time::Instant::now() < deadline);
        std::thread::yield_now();
    }
}

/// Waits until a worker has carried out its commands.
fn settle(handle: &mut WorkerHandle) {
    let nowhere = FlowSlot(u32::MAX);
    assert!(handle.send(Command::SetSend { slot: nowhere, send: Box::new(Send::plain()) }).is_ok());
    handle.wake();
    wait(|| handle.poll_event().is_some());
}

#[test]
fn a_packet_finds_its_flow_on_another_worker() {
    let ([mut one, mut two], [mut outside_one, mut outside_two]) = pair(4096);
    let (from, to) = (endpoint(30, 9), endpoint(1, 5000));
    let flow = Box::new(flow(0, 5000, SourceRule::LearnAny, Receive::plain(), Send::plain()));
    let counters = flow.counters.clone();
    assert!(two.send(Command::Install { slot: FlowSlot(0), flow }).is_ok());
    settle(&mut two);
    // Nobody has told the first worker yet.
    assert!(outside_one.send_datagram(from, to, 0, &rtp(7, 1)));
    wait(|| one.counters.dropped(DropReason::UnknownDestination) == 1);

    assert!(one.send(Command::RouteElsewhere { endpoint: to, worker: 1 }).is_ok());
    settle(&mut one);
    assert!(outside_one.send_datagram(from, to, 0xb8, &rtp(7, 2)));
    let mut sent = None;
    wait(|| {
        sent = outside_two.receive();
        sent.is_some()
    });
    let sent = sent.unwrap();
    assert_eq!(sent.bytes(), rtp(7, 2));
    assert_eq!(sent.info.verdict, Verdict::Send);
    assert_eq!((sent.info.source, sent.info.destination), (endpoint(2, 5000), endpoint(20, 5000)));
    assert_eq!(sent.info.traffic_class, 0xb8);
    assert_eq!((counters.packets(), one.counters.transmitted(), two.counters.received()), (1, 0, 1));
    let handed = [&one, &two].map(|worker| worker.counters.packets_handed_over());
    let taken = [&one, &two].map(|worker| worker.counters.packets_taken_over());
    assert_eq!((handed, taken), ([1, 0], [0, 1]));
    // The frame of the first worker came home.
    wait(|| outside_one.free_frames() == MemoryConfig::default().frames);

    assert!(one.send(Command::ForgetElsewhere { endpoint: to, worker: 7 }).is_ok());
    assert!(one.send(Command::ForgetElsewhere { endpoint: to, worker: 1 }).is_ok());
    settle(&mut one);
    assert!(outside_one.send_datagram(from, to, 0, &rtp(7, 3)));
    wait(|| one.counters.dropped(DropReason::UnknownDestination) == 2);
}

#[test]
fn what_cannot_be_handed_over_is_counted() {
    let ([mut one, two], [mut outside, _outside_two]) = pair(4096);
    let to = endpoint(1, 5000);
    // To a worker that is not there, to itself, and packets that no ring entry holds.
    for (port, worker) in [(5000, 9), (5001, 0), (5002, 1)] {
        let endpoint = endpoint(1, port);
        assert!(one.send(Command::RouteElsewhere { endpoint, worker }).is_ok());
    }
    settle(&mut one);
    let from = endpoint(30, 9);
    assert!(outside.send_datagram(from, to, 0, &rtp(7, 1)));
    assert!(outside.send_datagram(from, endpoint(1, 5001), 0, &rtp(7, 1)));
    assert!(outside.send_datagram(from, endpoint(1, 5002), 0, &[0x80; 1601]));
    wait(|| one.counters.dropped(DropReason::HandoverFull) == 3);
    assert_eq!((two.counters.received(), one.counters.packets_handed_over()), (0, 0));
}
