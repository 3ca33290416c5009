// SPDX-License-Identifier: MIT OR Apache-2.0
//! The engine without a kernel: bursts of 64 voice packets go through the flows of one worker.
//!
//! `process` is the packet path alone: parse, look up, admit, unprotect, protect, account, write headers and checksums.
//! `rings` adds taking the packets from one in-memory ring and putting them into another.

use std::sync::Arc;
use std::time::{Duration, Instant};

use culvert_engine::io::memory::{MemoryConfig, MemoryIo, MemoryPeer};
use culvert_engine::{
    BURST, Burst, Clock, Command, DropReason, Event, FlowSlot, InterfaceId, NextHopId, PacketInfo, PacketIo,
    Verdict, WorkerConfig, WorkerCounters, WorkerState, process,
};
use culvert_srtp::{KeyError, Suite};
use culvert_udp::UdpError;
use culvert_wire::MacAddress;
use culvert_wire::emit::{self, HeaderSpec};

use crate::fixture::VOICE_PAYLOAD;
use crate::junk::kind::Kind;
use crate::relay::{flow, next_hop};
use crate::streams::{Load, scattered};
use crate::wire::load::headers;
use crate::wire::topology::{Endpoints, Macs};

const HEADERS: usize = 42;
const FRAME: usize = 256;
/// As a frame of AF_XDP has it.
const HEAD_ROOM: usize = 256;
/// Packets made at a time: their making must not push the flows out of the cache before every burst.
const BATCH: usize = 64 * BURST;
const MACS: Macs = Macs { edge: MacAddress([2, 0, 0, 0, 0, 2]), relay: MacAddress([2, 0, 0, 0, 0, 1]) };

/// Why there is no bench.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EngineError {
    /// Keys.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// What wakes the in-memory rings.
    #[error(transparent)]
    Rings(#[from] UdpError),
    /// The worker's tables.
    #[error("the worker has installed {found} of {wanted} flows; compare Endpoints::of with its port plan")]
    Flows {
        /// Asked for.
        wanted: u32,
        /// Had.
        found: u64,
    },
}

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
    fn new(suite: Option<Suite>, sessions: u32) -> Result<Source, KeyError> {
        Ok(Source {
            load: Load::new(suite, sessions, VOICE_PAYLOAD)?.scattered(),
            specs: (0..sessions).map(|number| headers(Endpoints::of(number), MACS)).collect(),
            frames: vec![[0; FRAME]; BATCH],
            length: 0,
            next: BATCH,
            made: 0,
        })
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

    /// The number of the packet that the next burst begins with.
    fn made(&self) -> u32 {
        self.made.wrapping_sub((BATCH - self.next) as u32)
    }

    fn make(&mut self) {
        self.next = 0;
        let payload = self.load.fill(&mut self.frames, HEADERS);
        self.length = HEADERS + payload;
        for frame in &mut self.frames {
            let (flow, _) = scattered(self.made, self.specs.len() as u32);
            self.made = self.made.wrapping_add(1);
            let (headers, rest) = frame.split_at_mut(HEADERS);
            assert_eq!(emit::write(headers, &self.specs[flow as usize], &rest[..payload]), Ok(()));
        }
    }
}

/// A worker with its flows, and what sends to it.
pub struct Engine {
    source: Source,
    state: WorkerState,
    io: MemoryIo,
    peer: MemoryPeer,
    clock: Clock,
    spare: Vec<Box<[u8]>>,
    _events: rtrb::Consumer<Event>,
}

impl std::fmt::Debug for Engine {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Engine").field("sessions", &self.source.specs.len()).finish_non_exhaustive()
    }
}

impl Engine {
    /// With one flow per session, from a leg of that suite to another of the same, or from plain RTP to plain RTP.
    ///
    /// # Errors
    /// When the worker cannot be had.
    pub fn new(suite: Option<Suite>, sessions: u32) -> Result<Engine, EngineError> {
        let config = WorkerConfig { max_flows: sessions, ..WorkerConfig::default() };
        let (events, told) = rtrb::RingBuffer::new(config.events);
        let mut state = WorkerState::new(&config, events, Arc::new(WorkerCounters::default()));
        let (mut io, peer, _) = MemoryIo::new(MemoryConfig::default())?;
        state.apply(Command::SetNextHop { id: NextHopId(0), hop: Some(next_hop(MACS)) }, &mut io);
        for number in 0..sessions {
            let flow = flow(number, suite, suite)?;
            state.apply(Command::Install { slot: FlowSlot(number), flow }, &mut io);
        }
        let found = state.counters().flows();
        if found != u64::from(sessions) {
            return Err(EngineError::Flows { wanted: sessions, found });
        }
        Ok(Engine {
            source: Source::new(suite, sessions)?,
            state,
            io,
            peer,
            clock: Clock::start(),
            spare: vec![vec![0; 2048].into_boxed_slice(); BURST],
            _events: told,
        })
    }

    /// The time of one burst in the packet path.
    ///
    /// # Panics
    /// When a packet is not sent on: the bench would measure something else.
    pub fn process(&mut self) -> Duration {
        let mut burst = Burst::new();
        for bytes in self.source.burst() {
            let Some(mut frame) = self.spare.pop() else { break };
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
        assert_eq!(self.spare.len(), BURST);
        elapsed
    }

    /// The time of one burst from ring to ring.
    ///
    /// # Panics
    /// When a packet is not sent on: the bench would measure something else.
    pub fn rings(&mut self) -> Duration {
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
    /// The time of one burst of junk from ring to ring. It is made from packets that have just been relayed.
    ///
    /// # Panics
    /// When a packet is sent on, or dropped for another reason: the bench would measure something else.
    pub fn refuse(&mut self, kind: Kind, form: usize) -> Duration {
        let flows = self.source.specs.len() as u32;
        let first = self.source.made();
        let media: Vec<Vec<u8>> = self.source.burst().map(<[u8]>::to_vec).collect();
        for frame in &media {
            assert!(self.peer.send_frame(InterfaceId(0), frame));
        }
        let mut burst = Burst::new();
        self.io.receive(&mut burst);
        process(&mut burst, &mut self.state, self.clock.now());
        assert_eq!(self.io.transmit(&mut burst).sent, BURST);
        while let Some(packet) = self.peer.receive() {
            self.peer.recycle(packet);
        }
        let mut junk = vec![0; self.source.length];
        for (frame, number) in media.iter().zip(first..) {
            let endpoints = Endpoints::of(scattered(number, flows).0);
            kind.write(form, &mut junk, [frame, frame], endpoints, MACS);
            assert!(self.peer.send_frame(InterfaceId(0), &junk));
        }
        let mut burst = Burst::new();
        let start = Instant::now();
        self.io.receive(&mut burst);
        process(&mut burst, &mut self.state, self.clock.now());
        let processed = start.elapsed();
        let verdict = Verdict::Drop(refused_as(kind, form));
        assert!(burst.len() == BURST && burst.infos().iter().all(|info| info.verdict == verdict));
        let start = Instant::now();
        self.io.transmit(&mut burst);
        processed + start.elapsed()
    }
}

/// Where no XDP program has dropped it before.
fn refused_as(kind: Kind, form: usize) -> DropReason {
    match (kind, form) {
        (Kind::UnknownPort, _) => DropReason::UnknownDestination,
        (Kind::WrongSource, _) => DropReason::WrongSource,
        (Kind::BadTag, _) => DropReason::AuthenticationFailed,
        (Kind::Replay, _) => DropReason::Replayed,
        (Kind::Malformed, 0) => DropReason::MalformedRtp,
        (Kind::Malformed, _) => DropReason::TooShort,
    }
}
