// SPDX-License-Identifier: MIT OR Apache-2.0
#![expect(unsafe_code, reason = "the allocator's trait is unsafe")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::ptr::{self, NonNull};
use std::sync::{Mutex, PoisonError};

use crate::erase::erase;
use crate::region::Purpose;
use crate::slots::Slots;

/// The heap of a process through whose buffers keys pass: the system's allocator, but for two things.
///
/// What is freed, or left behind by growing, is erased. What is made of single bytes, such as strings and the buffers that
/// messages are read into and written from, lies in memory that is left out of core dumps: a library may keep a buffer for as
/// long as a connection lasts, with what it held before in it.
///
/// ```
/// #[global_allocator]
/// static ALLOCATOR: culvert_secret::ErasingAllocator = culvert_secret::ErasingAllocator;
///
/// # fn main() {
/// assert_eq!(String::from("a string like any other").len(), 23);
/// # }
/// ```
#[derive(Copy, Clone, Debug, Default)]
pub struct ErasingAllocator;

/// Its books are made of words, and so in the system's memory.
static BUFFERS: Mutex<Slots> = Mutex::new(Slots::new(Purpose::Buffers));

fn is_buffer(layout: Layout) -> bool {
    layout.align() == 1
}

/// A slot of zeros, or null.
fn allocate(length: usize) -> *mut u8 {
    let slot = BUFFERS.lock().unwrap_or_else(PoisonError::into_inner).allocate(length);
    slot.map_or(ptr::null_mut(), NonNull::as_ptr)
}

// SAFETY: a layout goes to one of two allocators, always the same, which keep the contract; erasing ends before the memory is
// given up; nothing unwinds.
unsafe impl GlobalAlloc for ErasingAllocator {
    #[inline]
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        if is_buffer(layout) {
            return allocate(layout.size());
        }
        // SAFETY: the caller keeps the contract of `alloc`.
        unsafe { System.alloc(layout) }
    }

    #[inline]
    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        if is_buffer(layout) {
            return allocate(layout.size());
        }
        // SAFETY: the caller keeps the contract of `alloc_zeroed`.
        unsafe { System.alloc_zeroed(layout) }
    }

    #[inline]
    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        let length = if is_buffer(layout) { Slots::size(layout.size()) } else { layout.size() };
        // SAFETY: the caller gives up what `alloc` gave for this layout: for a buffer, its slot.
        unsafe { erase(pointer, length) };
        if is_buffer(layout) {
            let mut buffers = BUFFERS.lock().unwrap_or_else(PoisonError::into_inner);
            buffers.free(pointer.addr(), layout.size());
        } else {
            // SAFETY: `pointer` came from the system's allocator with this layout.
            unsafe { System.dealloc(pointer, layout) }
        }
    }

    // `realloc` is the trait's: allocate, copy, deallocate. So what is left behind is erased.
}
