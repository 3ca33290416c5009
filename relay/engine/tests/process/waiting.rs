// SPDX-License-Identifier: MIT OR Apache-2.0
//! What a worker does while there is nothing to do.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use culvert_engine::io::Transmitted;
use culvert_engine::{
    Burst, Clock, Command, FlowSlot, PacketIo, Send, Wait, Worker, WorkerConfig, WorkerHandle,
};

/// Nothing ever comes, and it is counted how it is waited for.
#[derive(Default)]
struct Silence {
    looks: Arc<AtomicU64>,
    waits: Arc<AtomicU64>,
}

impl PacketIo for Silence {
    type Frame = Box<[u8]>;

    fn receive(&mut self, _: &mut Burst<Box<[u8]>>) -> usize {
        self.looks.fetch_add(1, Ordering::Relaxed);
        0
    }

    fn transmit(&mut self, _: &mut Burst<Box<[u8]>>) -> Transmitted {
        Transmitted::default()
    }

    fn wait(&mut self, _: Duration) {
        self.waits.fetch_add(1, Ordering::Relaxed);
        std::thread::yield_now();
    }
}

fn until(mut done: impl FnMut() -> bool) {
    let deadline = std::time::Instant::now() + Duration::from_secs(10);
    while !done() {
        assert!(std::time::Instant::now() < deadline);
        std::thread::yield_now();
    }
}

/// A worker that has looked for packets some hundred times in vain, and how often it has waited.
fn idle(wait: Wait) -> (WorkerHandle, Arc<AtomicU64>) {
    let silence = Silence::default();
    let (looks, waits) = (Arc::clone(&silence.looks), Arc::clone(&silence.waits));
    let config = WorkerConfig { wait, ..WorkerConfig::default() };
    let waker = culvert_udp::Waker::new().unwrap();
    let handle = Worker::spawn(0, &config, silence, waker, Clock::start()).unwrap();
    until(|| looks.load(Ordering::Relaxed) > 500);
    (handle, waits)
}

#[test]
fn a_busy_worker_never_waits_and_takes_commands() {
    let (mut handle, waits) = idle(Wait::Busy);
    let slot = FlowSlot(u32::MAX);
    // Nobody wakes it.
    assert!(handle.send(Command::SetSend { slot, send: Box::new(Send::plain()) }).is_ok());
    until(|| handle.poll_event().is_some());
    assert_eq!(waits.load(Ordering::Relaxed), 0);
}

#[test]
fn an_adaptive_worker_looks_some_times_and_then_waits_each_time() {
    let (handle, waits) = idle(Wait::Adaptive);
    assert!(waits.load(Ordering::Relaxed) >= 400);
    drop(handle);
}
