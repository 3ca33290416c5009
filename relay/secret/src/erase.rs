// SPDX-License-Identifier: MIT OR Apache-2.0
#![expect(unsafe_code, reason = "writes through a pointer")]

use std::arch::asm;

/// Writes zeros that the compiler may not leave out, although nobody reads them.
///
/// # Safety
/// `length` bytes at `start` are the caller's alone, and whatever they were is no more.
#[inline]
pub(crate) unsafe fn erase(start: *mut u8, length: usize) {
    // SAFETY: as the caller says.
    unsafe { start.write_bytes(0, length) };
    // SAFETY: there is no instruction. The assembler might have read the bytes, for all that the compiler knows, so they must
    // have been written.
    #[cfg(not(miri))]
    unsafe {
        asm!("/* {0} */", in(reg) start, options(nostack, preserves_flags));
    }
}
