// SPDX-License-Identifier: MIT OR Apache-2.0
//! A load generator and a sink in the kernel, for a veth pair: millions of prepared frames a second, each counted once when it
//! comes back.
//!
//! ```text
//!   Pool ──► generate (XDP live frames, paced) ──► the interface's peer ──► whoever is measured
//!   Meter ◄── sink (classifier on an interface) ◄─────────────────────────────────┘
//! ```
//! A [`Pool`] holds the frames, in memory shared with the kernel. The [`Generator`] sends them in order, round and round, on
//! the calling thread. Each carries its number (big-endian, 32 bits, where [`Run::arrival`] says; the RTP timestamp is a good
//! place), from which the sink knows its flow: packet `n` belongs to flow `n % flows`. The [`Meter`] says what to send and
//! expect, and what has been sent and has arrived.
//!
//! Frames can be replaced while the generator runs: [`Meter::offer`] says up to which packet they are ready, and
//! [`Meter::forget`] that a place will be used again. Numbers end at 2^32.
//!
//! ```no_run
//! use culvert_traffic::{Arrival, Run, Traffic, TrafficConfig};
//! # fn frame(number: u32) -> [u8; 214] { [0; 214] }
//! # fn main() -> Result<(), culvert_traffic::TrafficError> {
//! let config = TrafficConfig { frames: 100_000, longest: 214, flows: 1 };
//! let mut traffic = Traffic::load(config)?;
//! for number in 0..100_000 {
//!     traffic.pool.set(number, &frame(number))?;
//! }
//! traffic.generator.attach_sink("edge0")?;
//! let arrival = Arrival { length: 172, number: 46 };
//! let run = Run { packets: 100_000, length: 214, interface: 2, arrival, ..Run::default() };
//! traffic.meter.begin(&run, &["192.0.2.1:5004".parse().unwrap()])?;
//! traffic.generator.send(&traffic.meter, 64)?;
//! println!("{} of {}", traffic.meter.delivered().packets, traffic.meter.sent().packets);
//! # Ok(())
//! # }
//! ```

mod error;
mod generator;
mod layout;
mod mapping;
mod meter;
mod pool;

use aya::{Ebpf, EbpfLoader, include_bytes_aligned};

pub use error::TrafficError;
pub use generator::{Generator, pin};
pub use layout::{LONGEST, SAMPLE_STRIDE};
pub use meter::{Arrival, Delivered, Meter, Run, Sample, Sent};
pub use pool::Pool;

static OBJECT: &[u8] = include_bytes_aligned!(concat!(env!("OUT_DIR"), "/generator"));

/// Sizes of the kernel's memory: 256 bytes a frame and every further 256 of its length, and eight for its time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TrafficConfig {
    /// Frames of the pool, at least 1.
    pub frames: u32,
    /// Bytes of the longest frame, up to [`LONGEST`].
    pub longest: usize,
    /// The most flows of a run, at least 1.
    pub flows: u32,
}

/// Generator, pool and meter of one loaded object. They may go to different threads.
#[derive(Debug)]
pub struct Traffic {
    /// Sends.
    pub generator: Generator,
    /// What is sent.
    pub pool: Pool,
    /// What has been sent and has arrived.
    pub meter: Meter,
}

impl Traffic {
    /// Loads the programs and makes their maps.
    ///
    /// # Errors
    /// [`TrafficError::Config`], or when the kernel refuses: it takes root, and the memory that [`TrafficConfig`] says.
    pub fn load(config: TrafficConfig) -> Result<Traffic, TrafficError> {
        let TrafficConfig { frames, longest, flows } = config;
        if frames == 0 || flows == 0 || longest == 0 || longest > LONGEST {
            return Err(TrafficError::Config { frames, longest, flows });
        }
        let slots = layout::slots(longest);
        let entries = frames.checked_mul(slots).ok_or(TrafficError::Config { frames, longest, flows })?;
        let mut object = EbpfLoader::new()
            .map_max_entries("POOL", entries)
            .map_max_entries("SEEN", frames.div_ceil(64))
            .map_max_entries("STAMPS", frames)
            .map_max_entries("SAMPLES", frames.div_ceil(SAMPLE_STRIDE))
            .map_max_entries("FLOWS", flows)
            .load(OBJECT)
            .map_err(|source| TrafficError::Load { frames, longest, source })?;
        let pool = Pool::new(mapping(&mut object, "POOL", entries, layout::SLOT)?, frames);
        let meter = Meter::new(&mut object, frames, flows)?;
        Ok(Traffic { generator: Generator::new(object)?, pool, meter })
    }
}

/// Maps the array into this process. It stays when the object is dropped.
fn mapping(
    object: &mut Ebpf,
    name: &'static str,
    entries: u32,
    size: usize,
) -> Result<mapping::Mapping, TrafficError> {
    use std::os::fd::AsFd as _;
    let Some(aya::maps::Map::Array(data)) = object.map_mut(name) else {
        return Err(TrafficError::Missing(name));
    };
    mapping::Mapping::of_array(data.fd().as_fd(), entries as usize * size)
        .map_err(|source| TrafficError::Map { map: name, source })
}
