// SPDX-License-Identifier: MIT OR Apache-2.0
//! What is to be sent and expected, what has been sent, and what has arrived.

use std::net::SocketAddrV4;
use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering};

use aya::Ebpf;

use crate::TrafficError;
use crate::layout::{FLOW_WORDS, GENERATOR_WORDS, RUN_WORDS, SAMPLE_STRIDE, SAMPLE_WORDS, SINK_WORDS};
use crate::mapping::Mapping;

/// What the sink expects of a frame, counted in bytes.
#[derive(Copy, Clone, Debug, Eq, PartialEq)]
pub struct Arrival {
    /// Length of the UDP payload.
    pub length: usize,
    /// Where in the frame the packet's number lies, below 256.
    pub number: usize,
}

/// What to send, and how fast.
#[derive(Copy, Clone, Debug, Eq, PartialEq)]
pub struct Run {
    /// Packets in all, at first.
    pub packets: u64,
    /// Frames of the pool that they go round; 0 means all of them.
    pub frames: u32,
    /// Bytes of a frame.
    pub length: usize,
    /// Kernel index of the interface that they leave by.
    pub interface: u32,
    /// Nanoseconds between packets.
    pub interval: u64,
    /// Nanoseconds that may be caught up after a pause.
    pub catch_up: u64,
    /// What comes back.
    pub arrival: Arrival,
    /// Whether to note how long each packet is on its way: from the program that sends it to the sink. It costs the sink a
    /// look at a map.
    pub stamped: bool,
}

impl Default for Run {
    /// A million packets a second of nothing yet.
    fn default() -> Run {
        Run {
            packets: 0,
            frames: 0,
            length: 0,
            interface: 0,
            interval: 1000,
            catch_up: 64_000,
            arrival: Arrival { length: 0, number: 0 },
            stamped: false,
        }
    }
}

/// What the generator has done.
#[derive(Copy, Clone, Debug, Default, Eq, PartialEq)]
pub struct Sent {
    /// Packets.
    pub packets: u64,
    /// Nanoseconds from the first to the last.
    pub span: u64,
}

/// What the sink has counted.
#[derive(Copy, Clone, Debug, Default, Eq, PartialEq)]
pub struct Delivered {
    /// Distinct packets of the right length at the address and port of their flow.
    pub packets: u64,
    /// Packets that came again.
    pub duplicates: u64,
    /// UDP packets that should not have come at all.
    pub wrong: u64,
    /// Delivered packets that came after a later one of their flow.
    pub reordered: u64,
    /// Nanoseconds from the first to the last.
    pub span: u64,
}

/// A packet that the sink kept.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Sample {
    /// The place of its frame in the pool.
    pub place: u32,
    /// The frame as it arrived.
    pub frame: Vec<u8>,
}

/// Shared with the programs; any thread may look at any time.
#[derive(Debug)]
pub struct Meter {
    run: Mapping,
    generator: Mapping,
    sink: Mapping,
    flow: Mapping,
    seen: Mapping,
    stamps: Mapping,
    samples: Mapping,
    frames: u32,
    flows: u32,
}

impl Meter {
    pub(crate) fn new(object: &mut Ebpf, frames: u32, flows: u32) -> Result<Meter, TrafficError> {
        let mut map = |name, entries, words: usize| crate::mapping(object, name, entries, 8 * words);
        Ok(Meter {
            run: map("RUN", 1, RUN_WORDS)?,
            generator: map("GENERATOR", 1, GENERATOR_WORDS)?,
            sink: map("SINK", 1, SINK_WORDS)?,
            flow: map("FLOWS", flows, FLOW_WORDS)?,
            seen: map("SEEN", frames.div_ceil(64), 1)?,
            stamps: map("STAMPS", frames, 1)?,
            samples: map("SAMPLES", frames.div_ceil(SAMPLE_STRIDE), SAMPLE_WORDS)?,
            frames,
            flows,
        })
    }

    /// Forgets the last run and sets the next; flow `i` is expected at `destinations[i]`. Nothing may be on its way.
    ///
    /// # Errors
    /// [`TrafficError::Run`] when there is no room for it.
    pub fn begin(&self, run: &Run, destinations: &[SocketAddrV4]) -> Result<(), TrafficError> {
        let frames = if run.frames == 0 { self.frames } else { run.frames };
        if destinations.is_empty() || destinations.len() > self.flows as usize || frames > self.frames {
            let (room, flow_room) = (self.frames, self.flows);
            return Err(TrafficError::Run { frames, flows: destinations.len(), room, flow_room });
        }
        self.end();
        for map in [&self.generator, &self.sink, &self.seen, &self.stamps] {
            map.words().iter().for_each(|word| word.store(0, Ordering::Relaxed));
        }
        for sample in self.samples.words().chunks_exact(SAMPLE_WORDS) {
            write(sample, [0]);
        }
        for (flow, destination) in self.flow.words().chunks_exact(FLOW_WORDS).zip(destinations) {
            let address = u64::from(u32::from(*destination.ip()));
            write(flow, [address << 16 | u64::from(destination.port()), 0]);
        }
        let words: [u64; RUN_WORDS - 1] = [
            frames.into(),
            run.length as u64,
            destinations.len() as u64,
            run.interface.into(),
            run.interval,
            run.catch_up,
            // The UDP header counts.
            run.arrival.length as u64 + 8,
            run.arrival.number as u64,
            run.stamped.into(),
            SAMPLE_STRIDE.into(),
        ];
        write(self.run.words().get(1..).unwrap_or_default(), words);
        self.offer(run.packets);
        Ok(())
    }

    /// Lets the generator send up to so many packets in all since the run began. Frames of packets below must be in the
    /// pool by now.
    pub fn offer(&self, packets: u64) {
        if let Some(word) = self.run.words().first() {
            word.store(packets, Ordering::Release);
        }
    }

    /// What [`Meter::offer`] said last.
    pub fn offered(&self) -> u64 {
        word(&self.run, 0)
    }

    /// Ends the run: nothing is sent, and the sink lets everything pass.
    pub fn end(&self) {
        self.offer(0);
    }

    /// Sets the pace anew, in nanoseconds between packets, while the generator runs or not.
    pub fn pace(&self, interval: u64) {
        if let Some(word) = self.run.words().get(5) {
            word.store(interval, Ordering::Relaxed);
        }
    }

    pub(crate) fn interval(&self) -> u64 {
        word(&self.run, 5)
    }

    pub(crate) fn frame_length(&self) -> usize {
        word(&self.run, 2) as usize
    }

    /// What the generator has done since the run began.
    pub fn sent(&self) -> Sent {
        let [packets, first, last] = read(&self.generator);
        Sent { packets, span: last.saturating_sub(first) }
    }

    /// What the sink has counted since the run began.
    pub fn delivered(&self) -> Delivered {
        let [packets, duplicates, wrong, reordered, first, last] = read(&self.sink);
        Delivered { packets, duplicates, wrong, reordered, span: last.saturating_sub(first) }
    }

    /// Whether the packet at a place has come back.
    pub fn has_arrived(&self, place: u32) -> bool {
        word(&self.seen, place as usize / 64) >> (place % 64) & 1 == 1
    }

    /// Nanoseconds that the packet at a place was on its way, when it has come back and the run is stamped.
    pub fn latency(&self, place: u32) -> Option<u64> {
        self.has_arrived(place).then(|| word(&self.stamps, place as usize))
    }

    /// The same of all places, in their order, without those that have not come back.
    pub fn latencies(&self) -> Vec<u64> {
        (0..self.frames).filter_map(|place| self.latency(place)).collect()
    }

    /// Makes places ready to be used again, 64 at a time: from the first multiple of 64 in the range on, and up to the last.
    /// What belongs to them and arrives from now on counts as the new packet: wait until late ones can be given up.
    pub fn forget(&self, places: Range<u32>) {
        let words = places.start.div_ceil(64) as usize..places.end as usize / 64;
        for word in self.seen.words().get(words).unwrap_or_default() {
            word.store(0, Ordering::Relaxed);
        }
    }

    /// The packets that the sink kept: of every [`crate::SAMPLE_STRIDE`] one.
    pub fn samples(&self) -> Vec<Sample> {
        let samples =
            self.samples.words().chunks_exact(SAMPLE_WORDS).zip((0..).step_by(SAMPLE_STRIDE as usize));
        samples.filter_map(|(words, place)| sample(words, place)).collect()
    }
}

fn sample(words: &[AtomicU64], place: u32) -> Option<Sample> {
    let (length, bytes) = words.split_first()?;
    let length = length.load(Ordering::Acquire) as usize;
    let words = bytes.get(..length.div_ceil(8)).filter(|words| !words.is_empty())?;
    let bytes = words.iter().flat_map(|word| word.load(Ordering::Relaxed).to_ne_bytes());
    Some(Sample { place, frame: bytes.take(length).collect() })
}

fn write<const WORDS: usize>(to: &[AtomicU64], words: [u64; WORDS]) {
    to.iter().zip(words).for_each(|(to, word)| to.store(word, Ordering::Relaxed));
}

fn word(map: &Mapping, index: usize) -> u64 {
    map.words().get(index).map_or(0, |word| word.load(Ordering::Relaxed))
}

fn read<const WORDS: usize>(map: &Mapping) -> [u64; WORDS] {
    std::array::from_fn(|index| word(map, index))
}
