// SPDX-License-Identifier: MIT OR Apache-2.0
//! Counts what the relay delivered. A packet counts once, and only with the length and at the address and port that it
//! should have.

use aya_ebpf::helpers::{bpf_ktime_get_ns, bpf_skb_load_bytes};
use aya_ebpf::programs::TcContext;

use crate::maps::{FLOWS, LONGEST, Run, SAMPLES, SEEN, SINK, STAMPS, Sample, Sink, run};

const HEADERS: usize = 14 + 20 + 8;
const IPV4: [u8; 2] = [0x08, 0x00];
const UDP: u8 = 17;

/// `None`: there is no run, or it is not an IPv4 UDP packet; then it is the kernel's business.
#[inline(always)]
pub fn count(context: &TcContext) -> Option<()> {
    let (start, end) = (context.data(), context.data_end());
    let run = run()?;
    if run.packets == 0 || start + HEADERS > end {
        return None;
    }
    // SAFETY: the bounds of the headers have been checked.
    let headers = unsafe { &*(start as *const [u8; HEADERS]) };
    if [headers[12], headers[13]] != IPV4 || headers[14] != 0x45 || headers[23] != UDP {
        return None;
    }
    let [_, _, _, _, _, _, _, _, _, _, _, _, _, _, ip @ ..] = headers;
    let destination = u64::from_be_bytes([0, 0, ip[16], ip[17], ip[18], ip[19], ip[22], ip[23]]);
    let length = u64::from(u16::from_be_bytes([ip[24], ip[25]]));
    // SAFETY: the map's one entry is valid for the whole run, and the sink's interface has one queue.
    let sink = unsafe { &mut *SINK.get_ptr_mut(0)? };
    if length != run.sink_length || note(context, run, destination, sink).is_none() {
        sink.wrong += 1;
    }
    Some(())
}

#[inline(always)]
fn note(context: &TcContext, run: &Run, destination: u64, sink: &mut Sink) -> Option<()> {
    let at = context.data() + (run.sink_number as usize & 0xff);
    // Cast before they are compared: a division by what may be zero would be a panic.
    let (flows, frames, stride) = (run.flows as u32, run.frames as u32, run.stride as u32);
    if at + 4 > context.data_end() || flows == 0 || frames == 0 || stride == 0 {
        return None;
    }
    // SAFETY: the bounds have been checked.
    let number = u32::from_be(unsafe { (at as *const u32).read_unaligned() });
    if u64::from(number) >= run.packets {
        return None;
    }
    // SAFETY: as for the counters.
    let flow = unsafe { &mut *FLOWS.get_ptr_mut(number % flows)? };
    if flow.destination != destination {
        return None;
    }
    let place = if number < frames { number } else { number % frames };
    // SAFETY: as for the counters.
    let word = unsafe { &mut *SEEN.get_ptr_mut(place / 64)? };
    let bit = 1u64 << (place % 64);
    if *word & bit != 0 {
        sink.duplicates += 1;
        return Some(());
    }
    *word |= bit;
    // SAFETY: a helper call without arguments.
    let now = unsafe { bpf_ktime_get_ns() };
    if sink.delivered == 0 {
        sink.first = now;
    }
    sink.last = now;
    sink.delivered += 1;
    if u64::from(number) < flow.next {
        sink.reordered += 1;
    } else {
        flow.next = u64::from(number) + 1;
    }
    if run.stamped != 0 {
        // SAFETY: the generator writes the entry before it sends, and this is its only reader.
        let stamp = unsafe { &mut *STAMPS.get_ptr_mut(place)? };
        *stamp = now.saturating_sub(*stamp);
    }
    if place % stride == 0 {
        keep(context, SAMPLES.get_ptr_mut(place / stride)?);
    }
    Some(())
}

#[inline(always)]
fn keep(context: &TcContext, sample: *mut Sample) {
    let length = context.len() as usize;
    if length == 0 || length > LONGEST {
        return;
    }
    // SAFETY: the sample has room for the longest frame, and only the sink writes it.
    unsafe {
        let bytes = (&raw mut (*sample).bytes).cast();
        if bpf_skb_load_bytes(context.skb.skb.cast(), 0, bytes, length as u32) == 0 {
            (*sample).length = length as u64;
        }
    }
}
