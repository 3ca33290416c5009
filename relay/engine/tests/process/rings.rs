// SPDX-License-Identifier: MIT OR Apache-2.0
//! Full rings: retirements wait, information is counted as lost, commands push back.

use std::sync::Arc;

use culvert_engine::io::memory::{MemoryConfig, MemoryIo};
use culvert_engine::{
    Clock, Command, Event, FlowSlot, Full, Nanos, Receive, Retired, Send, SourceRule, Worker, WorkerConfig,
    WorkerHandle,
};
use rtrb::RingBuffer;

use crate::world::{Input, Nowhere, World, endpoint, flow, rtp};

fn plain(slot: u32) -> culvert_engine::Flow {
    flow(slot, 5000 + slot as u16 / 2, SourceRule::LearnAny, Receive::plain(), Send::plain())
}

#[test]
fn a_command_waits_until_what_it_retires_has_room() {
    let mut world = World::new(&WorkerConfig { events: 4, ..WorkerConfig::default() });
    let (mut commands, mut taken) = RingBuffer::new(64);
    for slot in 0..10 {
        world.install(slot, plain(slot));
    }
    for slot in 0..10 {
        commands.push(Command::Remove { slot: FlowSlot(slot) }).unwrap();
    }
    let mut returned = Vec::new();
    for _ in 0..20 {
        world.state.take_commands(&mut taken, &mut Nowhere);
        // A slow control side: one event each round.
        if let Ok(Event::Retired(Retired::Flow { slot, .. })) = world.events.pop() {
            returned.push(slot.0);
        }
    }
    assert_eq!(returned, (0..10).collect::<Vec<_>>());
    assert_eq!((world.counters.events_lost(), world.counters.flows()), (0, 0));
}

#[test]
fn information_leaves_room_for_retirements_and_is_counted_when_left_out() {
    let mut world = World::new(&WorkerConfig { events: 4, ..WorkerConfig::default() });
    for slot in 0..10 {
        world.install(slot, plain(slot));
    }
    // Each learns and relays its first packet: ten of either event, for which there is room for two.
    let inputs: Vec<_> = (0..10u16)
        .map(|slot| Input {
            from: endpoint(30, 9),
            to: endpoint(1 + (slot % 2) as u8, 5000 + slot / 2),
            bytes: rtp(7, 1),
        })
        .collect();
    for input in &inputs {
        world.process(std::slice::from_ref(input), Nanos(1));
    }
    let told = 2;
    // The first packet of an even flow finds its remote, that of an odd one finds what the even flow learnt.
    assert_eq!(world.counters.events_lost(), 20 - told);
    let (mut commands, mut taken) = RingBuffer::new(1);
    commands.push(Command::Remove { slot: FlowSlot(0) }).unwrap();
    assert!(world.state.take_commands(&mut taken, &mut Nowhere));
    let events: Vec<_> = std::iter::from_fn(|| world.events.pop().ok()).collect();
    assert!(matches!(events[2], Event::Retired(Retired::Flow { .. })) && events.len() == 3, "{events:?}");
}

/// Queues a command as soon as there is room.
fn insist(handle: &mut WorkerHandle, mut command: Command) {
    while let Err(Full(back)) = handle.send(command) {
        command = back;
        handle.wake();
        std::thread::yield_now();
    }
}

#[test]
fn a_full_command_ring_pushes_back_on_control() {
    let (io, _peer, waker) = MemoryIo::new(MemoryConfig::default()).unwrap();
    let config = WorkerConfig { commands: 8, events: 64, ..WorkerConfig::default() };
    let mut handle = Worker::spawn(3, &config, io, waker, Clock::start()).unwrap();
    // Each comes back, as there is no such flow. With 63 events the ring has not room for the two that a command
    // may retire, so that eight more commands wait, and no ninth.
    let refused = || Command::SetSend { slot: FlowSlot(9), send: Box::new(Send::plain()) };
    for _ in 0..63 + 8 {
        insist(&mut handle, refused());
    }
    for _ in 0..1000 {
        assert!(handle.send(refused()).is_err());
        handle.wake();
    }
    assert!(handle.poll_event().is_some());
    insist(&mut handle, refused());
    let mut returned = 1;
    while returned < 63 + 9 {
        handle.wake();
        returned += usize::from(handle.poll_event().is_some());
    }
    assert_eq!(handle.counters.events_lost(), 0);
}

#[test]
fn what_a_stopped_worker_had_is_dropped_by_who_stopped_it() {
    let (io, _peer, waker) = MemoryIo::new(MemoryConfig::default()).unwrap();
    let mut handle = Worker::spawn(0, &WorkerConfig::default(), io, waker, Clock::start()).unwrap();
    let flow = plain(0);
    let shared = Arc::clone(&flow.counters);
    insist(&mut handle, Command::Install { slot: FlowSlot(0), flow: Box::new(flow) });
    handle.wake();
    while handle.counters.flows() == 0 {
        std::thread::yield_now();
    }
    assert_eq!(Arc::strong_count(&shared), 2);
    handle.stop().unwrap();
    assert_eq!(Arc::strong_count(&shared), 1);
}

#[test]
fn a_batch_goes_whole_or_not_at_all() {
    let (io, _peer, waker) = MemoryIo::new(MemoryConfig::default()).unwrap();
    let config = WorkerConfig { commands: 4, ..WorkerConfig::default() };
    let mut handle = Worker::spawn(0, &config, io, waker, Clock::start()).unwrap();
    let batch = |length| (0..length).map(|slot| Command::Remove { slot: FlowSlot(slot) }).collect::<Vec<_>>();
    let Err(Full(back)) = handle.send_all(batch(5)) else { unreachable!("five do not fit into four") };
    assert_eq!(back.len(), 5);
    assert!(handle.send_all(batch(4)).is_ok());
}

#[test]
fn a_processor_that_is_not_there_is_an_error_that_names_it() {
    let (io, _peer, waker) = MemoryIo::new(MemoryConfig::default()).unwrap();
    let config = WorkerConfig { cpu: Some(1000), ..WorkerConfig::default() };
    let error = Worker::spawn(2, &config, io, waker, Clock::start()).err().unwrap().to_string();
    assert!(error.starts_with("worker 2: cannot run on processor 1000"), "{error}");
}
