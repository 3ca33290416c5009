// SPDX-License-Identifier: MIT OR Apache-2.0
//! The arrays of `ebpf/generator/src/maps.rs`, in 64-bit words.

/// Bytes of the longest frame.
pub const LONGEST: usize = 1514;
/// Every so many packets the sink keeps one. A prime, so that every flow is met.
pub const SAMPLE_STRIDE: u32 = 251;

/// Bytes of an entry of the pool.
pub(crate) const SLOT: usize = 256;
/// Words of a sample: its length, and room for the longest frame in whole slots.
pub(crate) const SAMPLE_WORDS: usize = 1 + 6 * SLOT / 8;

pub(crate) const RUN_WORDS: usize = 11;
pub(crate) const GENERATOR_WORDS: usize = 5;
pub(crate) const SINK_WORDS: usize = 6;
pub(crate) const FLOW_WORDS: usize = 2;

/// Slots of a frame of so many bytes.
pub(crate) fn slots(length: usize) -> u32 {
    length.div_ceil(SLOT) as u32
}
