// SPDX-License-Identifier: MIT OR Apache-2.0
//! What the programs share with the bench, which writes the same layouts in `benches/src/wire/maps.rs`.

use aya_ebpf::macros::map;
use aya_ebpf::maps::Array;

/// Ethernet, IPv4, UDP, RTP, 160 bytes of payload, an 80-bit tag.
pub const FRAME_LENGTH: usize = 14 + 20 + 8 + 12 + 160 + 10;
/// Where the RTP timestamp lies: it holds the packet's place in the pool.
pub const TIMESTAMP_OFFSET: usize = 14 + 20 + 8 + 4;
/// Every so many packets one is kept for the bench to open. A prime, so that every flow is met.
pub const SAMPLE_STRIDE: u32 = 251;

#[repr(C)]
#[derive(Copy, Clone)]
pub struct Pace {
    /// Packets to send in all.
    pub packets: u64,
    /// Flows; packet `n` belongs to flow `n % flows`.
    pub flows: u64,
    /// Index of the interface to redirect into.
    pub interface: u64,
    /// Destination port of flow 0 at the sink; flow `i` has this plus `2 * i`.
    pub sink_port: u64,
    /// Nanoseconds between packets.
    pub interval: u64,
    /// Nanoseconds that may be caught up after a pause.
    pub catch_up: u64,
}

#[repr(C)]
#[derive(Copy, Clone)]
pub struct Counters {
    pub sent: u64,
    /// Times of the first and of the last packet, in nanoseconds of the monotonic clock.
    pub first: u64,
    pub last: u64,
    pub due: u64,
}

#[repr(C)]
#[derive(Copy, Clone)]
pub struct SinkCounters {
    /// Distinct packets of the right length at the port of their flow.
    pub delivered: u64,
    pub duplicates: u64,
    /// UDP packets of another length, number or port.
    pub wrong: u64,
    pub first: u64,
    pub last: u64,
}

#[repr(C, align(8))]
#[derive(Copy, Clone)]
pub struct Frame(pub [u8; 256]);

#[map]
pub static PACE: Array<Pace> = Array::with_max_entries(1, 0);
#[map]
pub static GENERATOR: Array<Counters> = Array::with_max_entries(1, 0);
/// The bench sets the size of this and of the two below when it loads the object.
#[map]
pub static POOL: Array<Frame> = Array::with_max_entries(1, 0);
/// One bit per packet of the pool.
#[map]
pub static SEEN: Array<u64> = Array::with_max_entries(1, 0);
#[map]
pub static SAMPLES: Array<Frame> = Array::with_max_entries(1, 0);
#[map]
pub static SINK: Array<SinkCounters> = Array::with_max_entries(1, 0);

#[inline(always)]
pub fn pace() -> Option<Pace> {
    PACE.get(0).copied()
}

/// Copies a frame. A plain copy would become a call of a byte-by-byte `memcpy` in BPF.
///
/// # Safety
/// Both pointers must be valid for [`FRAME_LENGTH`] bytes, which are a whole number of words.
#[inline(always)]
pub unsafe fn copy_frame(from: *const u64, to: *mut u64) {
    for word in 0..FRAME_LENGTH / 8 {
        // SAFETY: within the frame, as the caller promises.
        unsafe { to.add(word).write_volatile(from.add(word).read_volatile()) };
    }
}
