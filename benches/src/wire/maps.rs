// SPDX-License-Identifier: MIT OR Apache-2.0
//! The maps of `ebpf/generator`, as arrays of words: that needs no marker of plain data, which would be unsafe.

use aya::Ebpf;
use aya::maps::{Array, Map, MapData, MapError};

use crate::wire::error::WireError;

/// Ethernet, IPv4, UDP, RTP, 160 bytes of payload, an 80-bit tag.
pub const FRAME_LENGTH: usize = 14 + 20 + 8 + 12 + 160 + 10;
/// Every so many packets the sink keeps one.
pub const SAMPLE_STRIDE: u32 = 251;

/// An entry of the pool.
pub type Frame = [u8; 256];

/// What to send, and how fast.
#[derive(Copy, Clone, Debug, Eq, PartialEq)]
pub struct Pace {
    /// Packets in all.
    pub packets: u32,
    /// Flows that they go round.
    pub flows: u32,
    /// Index of the interface that they leave by.
    pub interface: u32,
    /// Destination port of flow 0 at the sink.
    pub sink_port: u16,
    /// Nanoseconds between packets.
    pub interval: u64,
    /// Nanoseconds that may be caught up after a pause.
    pub catch_up: u64,
}

impl Pace {
    fn words(self) -> [u64; 6] {
        [
            self.packets.into(),
            self.flows.into(),
            self.interface.into(),
            self.sink_port.into(),
            self.interval,
            self.catch_up,
        ]
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
    /// Distinct packets of the right length at the port of their flow.
    pub packets: u64,
    /// Packets that came again.
    pub duplicates: u64,
    /// UDP packets that should not have come at all.
    pub wrong: u64,
    /// Nanoseconds from the first to the last.
    pub span: u64,
}

/// Sets what the next run sends, and forgets the last one.
///
/// # Errors
/// When a map cannot be written.
pub fn reset(object: &mut Ebpf, pace: Pace) -> Result<(), WireError> {
    write(object, "PACE", 0..1, pace.words())?;
    write(object, "GENERATOR", 0..1, [0u64; 4])?;
    write(object, "SINK", 0..1, [0u64; 5])?;
    write(object, "SEEN", 0..pace.packets.div_ceil(64), 0u64)?;
    write(object, "SAMPLES", 0..pace.packets.div_ceil(SAMPLE_STRIDE), [0u8; 256])
}

/// What the generator has done since the last reset.
///
/// # Errors
/// When the map cannot be read.
pub fn sent(object: &Ebpf) -> Result<Sent, WireError> {
    let [packets, first, last, _] = read::<[u64; 4]>(object, "GENERATOR", 0)?;
    Ok(Sent { packets, span: last.saturating_sub(first) })
}

/// What the sink has counted since the last reset.
///
/// # Errors
/// When the map cannot be read.
pub fn delivered(object: &Ebpf) -> Result<Delivered, WireError> {
    let [packets, duplicates, wrong, first, last] = read::<[u64; 5]>(object, "SINK", 0)?;
    Ok(Delivered { packets, duplicates, wrong, span: last.saturating_sub(first) })
}

/// Puts consecutive packets into the pool, from `first` on.
///
/// # Errors
/// When the map cannot be written.
pub fn fill(object: &mut Ebpf, first: u32, frames: &[Frame]) -> Result<(), WireError> {
    let mut pool = array_mut::<Frame>(object, "POOL")?;
    for (frame, index) in frames.iter().zip(first..) {
        pool.set(index, frame, 0).map_err(|source| WireError::Map { map: "POOL", source })?;
    }
    Ok(())
}

/// The packets that the sink kept, with their places in the pool.
///
/// # Errors
/// When the map cannot be read.
pub fn samples(object: &Ebpf, packets: u32) -> Result<Vec<(u32, Frame)>, WireError> {
    let mut kept = Vec::new();
    for index in 0..packets.div_ceil(SAMPLE_STRIDE) {
        let frame = read::<Frame>(object, "SAMPLES", index)?;
        if frame != [0; 256] {
            kept.push((index * SAMPLE_STRIDE, frame));
        }
    }
    Ok(kept)
}

fn read<T: aya::Pod>(object: &Ebpf, map: &'static str, index: u32) -> Result<T, WireError> {
    let data = object.map(map).ok_or(WireError::Missing(map))?;
    let read = |data| Array::<_, T>::try_from(data)?.get(&index, 0);
    read(data).map_err(|source: MapError| WireError::Map { map, source })
}

fn write<T: aya::Pod>(
    object: &mut Ebpf,
    map: &'static str,
    indices: std::ops::Range<u32>,
    value: T,
) -> Result<(), WireError> {
    let mut array = array_mut::<T>(object, map)?;
    for index in indices {
        array.set(index, value, 0).map_err(|source| WireError::Map { map, source })?;
    }
    Ok(())
}

fn array_mut<'o, T: aya::Pod>(
    object: &'o mut Ebpf,
    map: &'static str,
) -> Result<Array<&'o mut MapData, T>, WireError> {
    let data: &'o mut Map = object.map_mut(map).ok_or(WireError::Missing(map))?;
    Array::try_from(data).map_err(|source| WireError::Map { map, source })
}
