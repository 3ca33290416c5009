// SPDX-License-Identifier: MIT OR Apache-2.0
//! Load generator and sink of `culvert-traffic`, which loads them.
//!
//! `generate` runs over XDP live frames: each run replaces the frame by the next of the pool and redirects it into the
//! veth, or drops it while the next one is not due. `sink` counts what comes back and lets none of it pass; it is a
//! classifier, because a veth copies every socket buffer before it shows it to XDP, on the relay's time.
#![no_std]
#![no_main]

mod maps;
mod sink;

use aya_ebpf::bindings::{TC_ACT_PIPE, TC_ACT_SHOT, xdp_action};
use aya_ebpf::helpers::{bpf_ktime_get_ns, bpf_redirect, bpf_xdp_store_bytes};
use aya_ebpf::macros::{classifier, xdp};
use aya_ebpf::programs::{TcContext, XdpContext};

use maps::{GENERATOR, Generator, LONGEST, POOL, Run, SLOT, STAMPS};

#[xdp]
pub fn generate(context: XdpContext) -> u32 {
    next_frame(&context).unwrap_or(xdp_action::XDP_DROP)
}

#[classifier]
pub fn sink(context: TcContext) -> i32 {
    match sink::count(&context) {
        Some(()) => TC_ACT_SHOT,
        None => TC_ACT_PIPE,
    }
}

#[inline(always)]
fn next_frame(context: &XdpContext) -> Option<u32> {
    let run = maps::run()?;
    // SAFETY: the map's one entry is valid for the whole run, and only one CPU runs the generator.
    let generator = unsafe { &mut *GENERATOR.get_ptr_mut(0)? };
    if generator.sent >= run.packets {
        return None;
    }
    let now = due(generator, run)?;
    let place = generator.place as u32;
    let first = place * (run.length as u32).div_ceil(SLOT as u32);
    for slot in 0..LONGEST / SLOT {
        let offset = slot * SLOT;
        if offset >= run.length as usize {
            break;
        }
        let length = (run.length as usize - offset).min(SLOT);
        let bytes = POOL.get_ptr(first + slot as u32)?;
        // SAFETY: an entry of the pool has as many bytes; the helper checks the frame's bounds.
        if unsafe { bpf_xdp_store_bytes(context.ctx, offset as u32, bytes.cast_mut().cast(), length as u32) }
            != 0
        {
            return None;
        }
    }
    if run.stamped != 0 {
        // SAFETY: the entry is valid for the whole run; the sink takes it once the packet has come back.
        unsafe { STAMPS.get_ptr_mut(place)?.write(now) };
    }
    if generator.sent == 0 {
        generator.first = now;
    }
    generator.last = now;
    generator.sent += 1;
    generator.place += 1;
    if generator.place >= run.frames {
        generator.place = 0;
    }
    // SAFETY: a helper call without pointers.
    Some(unsafe { bpf_redirect(run.interface as u32, 0) } as u32)
}

/// The time, when the next packet is due. Time lost to other work is caught up by at most `run.catch_up`.
#[inline(always)]
fn due(generator: &mut Generator, run: &Run) -> Option<u64> {
    // SAFETY: a helper call without arguments.
    let now = unsafe { bpf_ktime_get_ns() };
    if now < generator.due {
        return None;
    }
    let earliest = now.saturating_sub(run.catch_up);
    let due = if generator.due < earliest { earliest } else { generator.due };
    generator.due = due + run.interval;
    Some(now)
}

#[cfg(not(test))]
#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    loop {}
}
