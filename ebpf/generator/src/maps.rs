// SPDX-License-Identifier: MIT OR Apache-2.0
//! What the programs share with `culvert-traffic`, which has the same layouts in `ebpf/traffic/src/layout.rs`. User space maps
//! these arrays into its memory: all are of whole 64-bit words.

use aya_ebpf::bindings::BPF_F_MMAPABLE;
use aya_ebpf::macros::map;
use aya_ebpf::maps::Array;

/// Bytes of an entry of the pool; a frame takes as many entries as it needs.
pub const SLOT: usize = 256;
/// The longest frame, rounded up to whole slots: 1,514 bytes.
pub const LONGEST: usize = 6 * SLOT;

#[repr(C)]
#[derive(Copy, Clone)]
pub struct Run {
    /// Packets that may have been sent in all; user space may raise it while the generator runs.
    pub packets: u64,
    /// Frames of the pool that are gone round.
    pub frames: u64,
    /// Bytes of a frame.
    pub length: u64,
    /// Flows; packet `n` belongs to flow `n % flows`.
    pub flows: u64,
    /// Index of the interface to redirect into.
    pub interface: u64,
    /// Nanoseconds between packets.
    pub interval: u64,
    /// Nanoseconds that may be caught up after a pause.
    pub catch_up: u64,
    /// UDP length (header and payload) of what the sink expects.
    pub sink_length: u64,
    /// Where the packet's number lies in a frame at the sink.
    pub sink_number: u64,
    /// Not 0: the generator notes when it sends, and the sink replaces that by the packet's time on the way.
    pub stamped: u64,
    /// Every so many packets the sink keeps one.
    pub stride: u64,
}

#[repr(C)]
#[derive(Copy, Clone)]
pub struct Generator {
    pub sent: u64,
    /// Times of the first and of the last packet, in nanoseconds of the monotonic clock.
    pub first: u64,
    pub last: u64,
    pub due: u64,
    /// The frame of the pool that is next.
    pub place: u64,
}

#[repr(C)]
#[derive(Copy, Clone)]
pub struct Sink {
    /// Distinct packets of the right length at the address and port of their flow.
    pub delivered: u64,
    pub duplicates: u64,
    /// UDP packets of another length, number, address or port.
    pub wrong: u64,
    /// Delivered packets that came after a later one of their flow.
    pub reordered: u64,
    pub first: u64,
    pub last: u64,
}

#[repr(C)]
#[derive(Copy, Clone)]
pub struct Flow {
    /// Where its packets must arrive: the IPv4 address, then the port, in the low 48 bits.
    pub destination: u64,
    /// One more than the highest number that has arrived.
    pub next: u64,
}

#[repr(C, align(8))]
#[derive(Copy, Clone)]
pub struct Slot(pub [u8; SLOT]);

#[repr(C, align(8))]
#[derive(Copy, Clone)]
pub struct Sample {
    /// Bytes of the frame.
    pub length: u64,
    pub bytes: [u8; LONGEST],
}

// User space sets the number of entries of those with one, but for the first three, when it loads the object.
#[map]
pub static RUN: Array<Run> = Array::with_max_entries(1, BPF_F_MMAPABLE);
#[map]
pub static GENERATOR: Array<Generator> = Array::with_max_entries(1, BPF_F_MMAPABLE);
#[map]
pub static SINK: Array<Sink> = Array::with_max_entries(1, BPF_F_MMAPABLE);
#[map]
pub static FLOWS: Array<Flow> = Array::with_max_entries(1, BPF_F_MMAPABLE);
#[map]
pub static POOL: Array<Slot> = Array::with_max_entries(1, BPF_F_MMAPABLE);
/// One bit per frame of the pool.
#[map]
pub static SEEN: Array<u64> = Array::with_max_entries(1, BPF_F_MMAPABLE);
/// One per frame of the pool, for runs that are stamped.
#[map]
pub static STAMPS: Array<u64> = Array::with_max_entries(1, BPF_F_MMAPABLE);
#[map]
pub static SAMPLES: Array<Sample> = Array::with_max_entries(1, BPF_F_MMAPABLE);

#[inline(always)]
pub fn run() -> Option<&'static Run> {
    RUN.get(0)
}
