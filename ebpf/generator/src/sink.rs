// SPDX-License-Identifier: MIT OR Apache-2.0
//! Counts what the relay delivered. A packet counts once, and only with the length and at the port that it should have.

use aya_ebpf::helpers::bpf_ktime_get_ns;

use crate::maps::{
    FRAME_LENGTH, Frame, SAMPLE_STRIDE, SAMPLES, SEEN, SINK, SinkCounters, TIMESTAMP_OFFSET, copy_frame, pace,
};

const IPV4: [u8; 2] = [0x08, 0x00];
const UDP: u8 = 17;

/// `None`: not an IPv4 UDP packet, the kernel's business (ARP).
#[inline(always)]
pub fn count(start: usize, end: usize) -> Option<()> {
    if start + 14 + 20 + 8 > end {
        return None;
    }
    // SAFETY: the bounds of the headers have been checked.
    let headers = unsafe { &*(start as *const [u8; 14 + 20 + 8]) };
    if [headers[12], headers[13]] != IPV4 || headers[14] != 0x45 || headers[23] != UDP {
        return None;
    }
    let port = u16::from_be_bytes([headers[36], headers[37]]);
    let length = u16::from_be_bytes([headers[38], headers[39]]);
    // SAFETY: the map's one entry is valid for the whole run, and the sink's interface has one queue.
    let counters = unsafe { &mut *SINK.get_ptr_mut(0)? };
    if note(start, end, port, length, counters).is_none() {
        counters.wrong += 1;
    }
    Some(())
}

#[inline(always)]
fn note(start: usize, end: usize, port: u16, length: u16, counters: &mut SinkCounters) -> Option<()> {
    if start + FRAME_LENGTH > end || usize::from(length) != FRAME_LENGTH - 14 - 20 {
        return None;
    }
    // SAFETY: the bounds of the frame have been checked.
    let number = u32::from_be(unsafe { ((start + TIMESTAMP_OFFSET) as *const u32).read_unaligned() });
    let pace = pace()?;
    if u64::from(number) >= pace.packets || pace.flows == 0 {
        return None;
    }
    if u64::from(port) != pace.sink_port + 2 * (u64::from(number) % pace.flows) {
        return None;
    }
    // SAFETY: as for the counters.
    let word = unsafe { &mut *SEEN.get_ptr_mut(number / 64)? };
    let bit = 1u64 << (number % 64);
    if *word & bit != 0 {
        counters.duplicates += 1;
        return Some(());
    }
    *word |= bit;
    // SAFETY: a helper call without arguments.
    let now = unsafe { bpf_ktime_get_ns() };
    if counters.delivered == 0 {
        counters.first = now;
    }
    counters.last = now;
    counters.delivered += 1;
    if number % SAMPLE_STRIDE == 0 {
        let sample: *mut Frame = SAMPLES.get_ptr_mut(number / SAMPLE_STRIDE)?;
        // SAFETY: the bounds of the frame have been checked, and an entry is longer than a frame.
        unsafe { copy_frame(start as *const u64, sample.cast()) };
    }
    Some(())
}
