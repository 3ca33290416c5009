// SPDX-License-Identifier: MIT OR Apache-2.0
use core::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};

/// Asks for a value's cache lines, up to 512 bytes, and does not wait for them.
#[inline(always)]
pub(crate) fn prefetch<T>(value: &T) {
    let start = core::ptr::from_ref(value).cast::<i8>();
    for offset in (0..size_of::<T>().min(512)).step_by(64) {
        // SAFETY: every x86-64 processor has the instruction, and it has no effect but on the cache.
        unsafe { _mm_prefetch::<_MM_HINT_T0>(start.wrapping_add(offset)) }
    }
}
