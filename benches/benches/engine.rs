// SPDX-License-Identifier: MIT OR Apache-2.0
//! The engine without a kernel: bursts of 64 voice packets go through the flows of one worker.
//!
//! `process` is the packet path alone: parse, look up, admit, unprotect, protect, account, write headers and checksums.
//! `rings` adds taking the packets from one in-memory ring and putting them into another. `plain` relays RTP to RTP, so
//! that it is all that the engine does beside cryptography.
#![expect(clippy::expect_used, reason = "a bench that cannot be set up has nothing to measure")]

use std::sync::Arc;
use std::time::{Duration, Instant};

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use culvert_engine::io::memory::{MemoryConfig, MemoryIo, MemoryPeer};
use culvert_engine::{
    BURST, Burst, Clock, Command, Event, FlowSlot, InterfaceId, NextHopId, PacketInfo, PacketIo, Verdict,
    WorkerConfig, WorkerCounters, WorkerState, process,
};
use culvert_srtp::Suite;
use culvert_wire::MacAddress;
use culvert_wire::emit::{self, HeaderSpec};

use culvert_benches::fixture::VOICE_PAYLOAD;
use culvert_benches::relay::{flow, next_hop};
use culvert_benches::streams::{Load, packet};
use culvert_benches::wire::load::headers;
use culvert_benches::wire::topology::{Endpoints, Macs};

const HEADERS: usize = 42;
const FRAME: usize = 256;
/// As a frame of AF_XDP has it.
const HEAD_ROOM: usize = 256;
/// Packets made at a time: their making must not push the flows out of the cache before every burst.
const BATCH: usize = 64 * BURST;
const MACS: Macs = Macs { edge: MacAddress([2, 0, 0, 0, 0, 2]), relay: MacAddress([2, 0, 0, 0, 0, 1]) };

/// Frames as they would come from the wire, made in batches.
struct Source {
    load: Load,
    specs: Vec<HeaderSpec>,
    frames: Vec<[u8; FRAME]>,
    length: usize,
    next: usize,
    made: u32,
}

impl Source {
    fn new(suite: Option<Suite>, sessions: u32) -> Source {
        Source {
            load: Load::new(suite, sessions, VOICE_PAYLOAD).expect("keys of the right length"),
            specs: (0..sessions).map(|number| headers(Endpoints::of(number), MACS)).collect(),
            frames: vec![[0; FRAME]; BATCH],
            length: 0,
            next: BATCH,
            made: 0,
        }
    }

    fn burst(&mut self) -> impl Iterator<Item = &[u8]> {
        if self.next == BATCH {
            self.make();
        }
        let frames = &self.frames[self.next..self.next + BURST];
        self.next += BURST;
        let length = self.length;
        frames.iter().map(move |frame| &frame[..length])
    }

    fn make(&mut self) {
        self.next = 0;
        let payload = self.load.fill(&mut self.frames, HEADERS);
        self.length = HEADERS + payload;
        for frame in &mut self.frames {
            let (flow, _) = packet(self.made, self.specs.len() as u32);
            self.made = self.made.wrapping_add(1);
            let (headers, rest) = frame.split_at_mut(HEADERS);
            assert_eq!(emit::write(headers, &self.specs[flow as usize], &rest[..payload]), Ok(()));
        }
    }
}

struct Bench {
    source: Source,
    state: WorkerState,
    io: MemoryIo,
    peer: MemoryPeer,
    clock: Clock,
    spare: Vec<Box<[u8]>>,
    _events: rtrb::Consumer<Event>,
}

impl Bench {
    fn new(suite: Option<Suite>, sessions: u32) -> Bench {
        let config = WorkerConfig { max_flows: sessions, ..WorkerConfig::default() };
        let (events, told) = rtrb::RingBuffer::new(config.events);
        let mut state = WorkerState::new(&config, events, Arc::new(WorkerCounters::default()));
        let (mut io, peer, _) = MemoryIo::new(MemoryConfig::default()).expect("descriptors");
        state.apply(Command::SetNextHop { id: NextHopId(0), hop: Some(next_hop(MACS)) }, &mut io);
        for number in 0..sessions {
            let flow = flow(number, suite, suite).expect("keys of the right length");
            state.apply(Command::Install { slot: FlowSlot(number), flow }, &mut io);
        }
        assert_eq!(state.counters().flows(), u64::from(sessions));
        Bench {
            source: Source::new(suite, sessions),
            state,
            io,
            peer,
            clock: Clock::start(),
            spare: vec![vec![0; 2048].into_boxed_slice(); BURST],
            _events: told,
        }
    }

    fn process(&mut self) -> Duration {
        let mut burst = Burst::new();
        for bytes in self.source.burst() {
            let mut frame = self.spare.pop().expect("as many frames as packets of a burst");
            let end = HEAD_ROOM + bytes.len();
            frame[HEAD_ROOM..end].copy_from_slice(bytes);
            assert!(burst.push(frame, PacketInfo::ethernet(InterfaceId(0), HEAD_ROOM, end)).is_ok());
        }
        let start = Instant::now();
        process(&mut burst, &mut self.state, self.clock.now());
        let elapsed = start.elapsed();
        for packet in burst.drain() {
            assert_eq!(packet.info.verdict, Verdict::Send);
            self.spare.push(packet.frame);
        }
        elapsed
    }

    fn rings(&mut self) -> Duration {
        for bytes in self.source.burst() {
            assert!(self.peer.send_frame(InterfaceId(0), bytes));
        }
        let mut burst = Burst::new();
        let start = Instant::now();
        self.io.receive(&mut burst);
        process(&mut burst, &mut self.state, self.clock.now());
        let transmitted = self.io.transmit(&mut burst);
        let elapsed = start.elapsed();
        assert_eq!(transmitted.sent, BURST);
        while let Some(packet) = self.peer.receive() {
            self.peer.recycle(packet);
        }
        elapsed
    }
}

type Measured = fn(&mut Bench) -> Duration;

fn engine(criterion: &mut Criterion) {
    let cases = [
        ("plain", None),
        ("AES_CM_128_HMAC_SHA1_80", Some(Suite::AesCm128HmacSha1_80)),
        ("AEAD_AES_128_GCM", Some(Suite::AeadAes128Gcm)),
    ];
    let ways: [(&str, Measured); 2] = [("process", Bench::process), ("rings", Bench::rings)];
    for (way, measured) in ways {
        let mut group = criterion.benchmark_group(format!("engine/{way}"));
        group.throughput(Throughput::Elements(BURST as u64));
        for (name, suite) in cases {
            for sessions in [1, 1000] {
                let mut bench = Bench::new(suite, sessions);
                group.bench_function(BenchmarkId::new(name, sessions), |bencher| {
                    bencher.iter_custom(|bursts| (0..bursts).map(|_| measured(&mut bench)).sum());
                });
            }
        }
        group.finish();
    }
}

criterion_group! {
    name = benches;
    config = Criterion::default()
        .warm_up_time(Duration::from_millis(500))
        .measurement_time(Duration::from_secs(2))
        .sample_size(30);
    targets = engine
}
criterion_main!(benches);
