// SPDX-License-Identifier: MIT OR Apache-2.0
//! Where a worker's time went.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, mpsc};
use std::time::{Duration, Instant};

use culvert_engine::io::Transmitted;
use culvert_engine::{BURST, Burst, Clock, InterfaceId, PacketInfo, PacketIo, Worker, WorkerConfig};

/// How long the last burst takes to transmit, in nanoseconds.
const SLOW: u64 = 4_000_000;
const BURSTS: [usize; 4] = [1, 3, 4, BURST];

/// Bursts of junk of given sizes; the last is transmitted slowly.
struct Script {
    left: Vec<usize>,
    done: mpsc::Sender<()>,
    told: Arc<AtomicBool>,
}

impl PacketIo for Script {
    type Frame = Box<[u8]>;

    fn receive(&mut self, burst: &mut Burst<Box<[u8]>>) -> usize {
        let Some(size) = self.left.pop() else {
            if !self.told.swap(true, Ordering::Relaxed) {
                self.done.send(()).unwrap();
            }
            return 0;
        };
        for _ in 0..size {
            let frame = vec![0; 64].into_boxed_slice();
            assert!(burst.push(frame, PacketInfo::ethernet(InterfaceId(0), 0, 64)).is_ok());
        }
        size
    }

    fn transmit(&mut self, burst: &mut Burst<Box<[u8]>>) -> Transmitted {
        if burst.len() == BURST {
            let begun = Instant::now();
            while begun.elapsed() < Duration::from_nanos(SLOW) {
                std::hint::spin_loop();
            }
        }
        burst.drain().for_each(drop);
        Transmitted::default()
    }

    fn wait(&mut self, timeout: Duration) {
        std::thread::sleep(timeout.min(Duration::from_millis(1)));
    }
}

#[test]
fn each_packet_has_its_bursts_time_and_each_burst_its_size() {
    let (done, is_done) = mpsc::channel();
    let left = BURSTS.into_iter().rev().collect();
    let script = Script { left, done, told: Arc::new(AtomicBool::new(false)) };
    let waker = culvert_udp::Waker::new().unwrap();
    let worker = Worker::spawn(0, &WorkerConfig::default(), script, waker, Clock::start()).unwrap();
    is_done.recv_timeout(Duration::from_secs(10)).unwrap();

    let counters = Arc::clone(&worker.counters);
    let packets: u64 = BURSTS.iter().map(|size| *size as u64).sum();
    assert_eq!((counters.received(), counters.bursts()), (packets, 4));
    let sizes = counters.burst_size().snapshot();
    assert_eq!((sizes.upper_bounds.first(), sizes.upper_bounds.last()), (Some(&1), Some(&(BURST as u64))));
    let mut expected = vec![0; sizes.counts.len()];
    (expected[0], expected[2], expected[BURST.ilog2() as usize]) = (1, 2, 1);
    assert_eq!((sizes.counts, sizes.sum), (expected, packets));

    let times = counters.time_in_relay().snapshot();
    assert_eq!(times.counts.iter().sum::<u64>(), packets);
    assert!(times.sum >= SLOW * BURST as u64, "{times:?}");
    // None of the slow burst's packets is in a class that is too quick for it.
    let quick = times.upper_bounds.iter().zip(&times.counts).filter(|(bound, _)| **bound < SLOW);
    assert!(quick.map(|(_, count)| count).sum::<u64>() <= packets - BURST as u64, "{times:?}");
    assert!(counters.busy_nanoseconds() >= SLOW);
    assert!(worker.stop().is_ok());
}
