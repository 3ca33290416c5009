// SPDX-License-Identifier: MIT OR Apache-2.0
//! What packets and sessions cost in memory, by an allocator that counts.
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]
#![expect(clippy::print_stdout, reason = "the cost is worth knowing beyond its limit")]

mod counting;
mod traffic;

use std::sync::Arc;

use culvert_engine::io::PacketIo;
use culvert_engine::io::memory::{MemoryConfig, MemoryIo};
use culvert_engine::{
    Burst, Command, FlowSlot, Nanos, Verdict, WorkerConfig, WorkerCounters, WorkerState, process,
};
use culvert_srtp::{Path, Suite};
use rtrb::RingBuffer;

use counting::{allocations, live_bytes};

/// Sessions of the cost test, one stream both ways each.
const SESSIONS: u32 = 100_000;

/// One test, as the allocator counts for the whole process.
#[test]
fn cost() {
    no_allocation_for_packets();
    for suite in Suite::ALL {
        a_flow_fits_its_bound(suite);
    }
    a_hundred_thousand_sessions();
}

fn no_allocation_for_packets() {
    const FLOWS: u32 = 64;
    let config = WorkerConfig { max_flows: FLOWS, ..WorkerConfig::default() };
    let (told, mut events) = RingBuffer::new(1024);
    let counters = Arc::new(WorkerCounters::default());
    let mut state = WorkerState::new(&config, told, Arc::clone(&counters));
    let (mut io, mut world, _waker) = MemoryIo::new(MemoryConfig::default()).unwrap();
    let mut sealers: Vec<_> = (0..FLOWS)
        .map(|slot| {
            let suite = Suite::ALL[slot as usize % Suite::ALL.len()];
            state.apply(
                Command::Install { slot: FlowSlot(slot), flow: Box::new(traffic::flow(slot, suite, 4)) },
                &mut io,
            );
            traffic::Sealer::new(slot, suite)
        })
        .collect();
    let mut burst = Burst::new();
    let mut sent = 0u64;
    for round in 0..200u16 {
        // What comes and goes outside of the worker may allocate.
        for (slot, sealer) in sealers.iter_mut().enumerate() {
            let mut frame = sealer.frame(slot as u32, round);
            match round % 8 {
                // Forged, malformed and unknown packets must not cost memory either.
                5 => *frame.last_mut().unwrap() ^= 1,
                6 => frame.truncate(50),
                7 => frame[36] ^= 0x80,
                _ => {}
            }
            assert!(world.send_frame(culvert_engine::InterfaceId(0), &frame));
        }
        let before = allocations();
        while io.receive(&mut burst) > 0 {
            process(&mut burst, &mut state, Nanos(u64::from(round) * 20_000_000));
            sent += io.transmit(&mut burst).sent as u64;
        }
        assert_eq!(allocations(), before, "round {round}");
        while let Some(packet) = world.receive() {
            assert_eq!(packet.info.verdict, Verdict::Send);
            world.recycle(packet);
        }
        while events.pop().is_ok() {}
    }
    assert_eq!(sent, u64::from(FLOWS) * 200 / 8 * 5);
    assert_eq!(counters.received(), u64::from(FLOWS) * 200);
}

/// Bytes of a flow: 2 KiB, and 360 more for the powers of the hash key that both keys of GCM keep. AWS-LC's keys are not made
/// for many sessions; those of GCM are in memory of its own besides, which is not counted.
fn bound(suite: Suite) -> usize {
    match (Path::chosen(), suite.salt_length()) {
        (Path::AwsLc, 12) => 4 * 1024,
        (Path::AwsLc, _) => 9 * 1024,
        (_, 12) => 2048 + 360,
        _ => 2048,
    }
}

fn a_flow_fits_its_bound(suite: Suite) {
    let before = live_bytes();
    let flow = Box::new(traffic::flow(0, suite, 4));
    let bytes = live_bytes() - before;
    drop(flow);
    assert_eq!(live_bytes(), before, "nothing stays behind");
    println!("{}: {bytes} bytes per flow with keys, 4 SSRCs and counters", suite.name());
    assert!(bytes <= bound(suite), "{}: {bytes} bytes", suite.name());
}

fn a_hundred_thousand_sessions() {
    let flows = 2 * SESSIONS;
    let (mut io, _world, _waker) = MemoryIo::new(MemoryConfig { frames: 1, ..Default::default() }).unwrap();
    let config = WorkerConfig { max_flows: flows, ..WorkerConfig::default() };
    let (told, _events) = RingBuffer::new(64);
    let counters = Arc::new(WorkerCounters::default());
    let before = live_bytes();
    let mut state = WorkerState::new(&config, told, Arc::clone(&counters));
    let tables = live_bytes() - before;
    // AES-256 in GCM on all legs: the biggest keys.
    for slot in 0..flows {
        let flow = Box::new(traffic::flow(slot, Suite::AeadAes256Gcm, 4));
        state.apply(Command::Install { slot: FlowSlot(slot), flow }, &mut io);
    }
    assert_eq!(counters.flows(), u64::from(flows));
    let sessions = live_bytes() - before - tables;
    println!(
        "{SESSIONS} sessions, {flows} flows: {} bytes per flow and {} MiB of tables, {} MiB in all",
        sessions / flows as usize,
        tables >> 20,
        (sessions + tables) >> 20,
    );
    assert!(sessions <= bound(Suite::AeadAes256Gcm) * flows as usize, "{sessions} bytes of flows");
    assert!(tables <= 144 * flows as usize, "{tables} bytes of tables");
}
