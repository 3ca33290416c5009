// SPDX-License-Identifier: MIT OR Apache-2.0
//! Load generator and sink of the wire bench.
//!
//! `generate` runs over XDP live frames: each run replaces the frame by the next of the pool and redirects it into the
//! veth, or drops it while the next one is not due. `sink` counts what comes back and lets none of it pass; it is a
//! classifier, because a veth copies every socket buffer before it shows it to XDP, on the relay's time.
#![no_std]
#![no_main]

mod maps;
mod sink;

use aya_ebpf::bindings::{TC_ACT_PIPE, TC_ACT_SHOT, xdp_action};
use aya_ebpf::helpers::{bpf_ktime_get_ns, bpf_redirect};
use aya_ebpf::macros::{classifier, xdp};
use aya_ebpf::programs::{TcContext, XdpContext};

use maps::{Counters, FRAME_LENGTH, GENERATOR, POOL, Pace};

#[xdp]
pub fn generate(context: XdpContext) -> u32 {
    next_frame(&context).unwrap_or(xdp_action::XDP_DROP)
}

#[classifier]
pub fn sink(context: TcContext) -> i32 {
    match sink::count(context.data(), context.data_end()) {
        Some(()) => TC_ACT_SHOT,
        None => TC_ACT_PIPE,
    }
}

#[inline(always)]
fn next_frame(context: &XdpContext) -> Option<u32> {
    let pace = maps::pace()?;
    let counters = GENERATOR.get_ptr_mut(0)?;
    // SAFETY: the map's one entry is valid for the whole run, and only one CPU runs the generator.
    let counters = unsafe { &mut *counters };
    if counters.sent >= pace.packets {
        return None;
    }
    let now = due(counters, &pace)?;

    let packet = POOL.get_ptr(counters.sent as u32)?;
    let frame = context.data();
    if frame + FRAME_LENGTH > context.data_end() {
        return None;
    }
    // SAFETY: the bounds of the frame have been checked, and the pool's entries are longer than a frame.
    unsafe { maps::copy_frame(packet.cast(), frame as *mut u64) };
    if counters.sent == 0 {
        counters.first = now;
    }
    counters.last = now;
    counters.sent += 1;
    // SAFETY: a helper call without pointers.
    Some(unsafe { bpf_redirect(pace.interface as u32, 0) } as u32)
}

/// The time, when the next packet is due. Time lost to other work is caught up by at most `pace.catch_up`.
#[inline(always)]
fn due(counters: &mut Counters, pace: &Pace) -> Option<u64> {
    // SAFETY: a helper call without arguments.
    let now = unsafe { bpf_ktime_get_ns() };
    if now < counters.due {
        return None;
    }
    let earliest = now.saturating_sub(pace.catch_up);
    let due = if counters.due < earliest { earliest } else { counters.due };
    counters.due = due + pace.interval;
    Some(now)
}

#[cfg(not(test))]
#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    loop {}
}
