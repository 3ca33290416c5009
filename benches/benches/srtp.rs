// SPDX-License-Identifier: MIT OR Apache-2.0
//! SRTP, in bursts of 64. Every packet is a new one, as a replay would be refused: it is made between the timed parts,
//! so that the times are of packets that have just been written, as by a NIC that writes to the cache.
#![expect(clippy::expect_used, reason = "a bench that cannot be set up has nothing to measure")]

use std::time::{Duration, Instant};

use criterion::measurement::WallTime;
use criterion::{BenchmarkGroup, BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use culvert_srtp::{Kind, Packet, Suite, protect_burst, unprotect_burst};

use culvert_benches::fixture::Leg;
use culvert_benches::streams::{Load, Side, rekey};

const BURST: usize = 64;
/// Headers of a packet in a frame, and room for tag and MKI behind it.
const FRAME: usize = 2048;
const START: usize = 256 + 42;
const SIZES: [usize; 4] = [60, 160, 500, 1200];

#[derive(Copy, Clone)]
enum Work {
    Unprotect,
    Protect,
    /// Unprotect under one key and protect under another.
    Relay,
}

impl Work {
    const ALL: [(&'static str, Work); 3] =
        [("unprotect", Work::Unprotect), ("protect", Work::Protect), ("relay", Work::Relay)];

    fn run(self, packets: &mut [Packet<'_>], side: &mut Side) {
        match self {
            Work::Unprotect => unprotect_burst(packets, side),
            Work::Protect => protect_burst(packets, side),
            Work::Relay => rekey(packets, side),
        }
    }
}

fn measure(
    group: &mut BenchmarkGroup<'_, WallTime>,
    suite: Suite,
    work: Work,
    id: BenchmarkId,
    load: (u32, usize),
) {
    let (streams, payload) = load;
    let arrives = if matches!(work, Work::Protect) { None } else { Some(suite) };
    let mut made = Load::new(arrives, streams, payload).expect("keys of the right length");
    let mut side = match work {
        Work::Protect => Side::sender(suite, Leg::B, streams),
        _ => Side::relay(suite, streams),
    }
    .expect("keys of the right length");
    let mut frames: Vec<[u8; FRAME]> = vec![[0; FRAME]; BURST];
    let mut next = 0u32;
    group.bench_function(id, |bencher| {
        bencher.iter_custom(|bursts| {
            let mut elapsed = Duration::ZERO;
            for _ in 0..bursts {
                let length = made.fill(&mut frames, START);
                let mut packets: Vec<Packet<'_>> = frames
                    .iter_mut()
                    .map(|frame| {
                        let stream = next % streams;
                        next = next.wrapping_add(1);
                        Packet::new(&mut frame[START..], length, Kind::Rtp, stream)
                    })
                    .collect();
                let start = Instant::now();
                work.run(&mut packets, &mut side);
                elapsed += start.elapsed();
                assert!(packets.iter().all(|packet| packet.outcome.is_ok()));
            }
            elapsed
        });
    });
}

fn srtp(criterion: &mut Criterion) {
    for suite in Suite::ALL {
        for (name, work) in Work::ALL {
            let mut group = criterion.benchmark_group(format!("srtp/{suite}"));
            group.throughput(Throughput::Elements(BURST as u64));
            for size in SIZES {
                measure(&mut group, suite, work, BenchmarkId::new(name, size), (1, size));
            }
            group.finish();
        }
    }
    let mut group = criterion.benchmark_group("srtp-1000-streams");
    group.throughput(Throughput::Elements(BURST as u64));
    for suite in [Suite::AesCm128HmacSha1_80, Suite::AeadAes128Gcm] {
        measure(&mut group, suite, Work::Relay, BenchmarkId::new(suite.name(), 160), (1000, 160));
    }
    group.finish();
}

criterion_group! {
    name = benches;
    // 110 benchmarks: a second each is enough for a median.
    config = Criterion::default()
        .warm_up_time(Duration::from_millis(300))
        .measurement_time(Duration::from_secs(1))
        .sample_size(20);
    targets = srtp
}
criterion_main!(benches);
