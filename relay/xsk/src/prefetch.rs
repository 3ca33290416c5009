// SPDX-License-Identifier: MIT OR Apache-2.0
#![cfg_attr(
    target_arch = "x86_64",
    expect(unsafe_code, reason = "an instruction that only moves memory into the cache")
)]

/// As much of a packet as is asked for: all of a packet of voice.
const LONGEST: usize = 256;

/// Asks for a packet's cache lines, and does not wait for them. The kernel has written them on another core.
#[cfg(target_arch = "x86_64")]
#[inline(always)]
pub(crate) fn prefetch(packet: &[u8]) {
    use core::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};

    for line in packet.chunks(64).take(LONGEST / 64) {
        // SAFETY: every x86-64 processor has the instruction, and it has no effect but on the cache.
        unsafe { _mm_prefetch::<_MM_HINT_T0>(line.as_ptr().cast()) }
    }
}

#[cfg(not(target_arch = "x86_64"))]
#[inline(always)]
pub(crate) fn prefetch(_: &[u8]) {}
