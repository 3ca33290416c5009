// SPDX-License-Identifier: MIT OR Apache-2.0
#![expect(unsafe_code, reason = "slices over frames in the mapped memory")]

use crate::umem::Region;
use std::{
    fmt,
    ops::{Deref, DerefMut},
    ptr::NonNull,
    slice,
};

/// One frame of a UMEM, owned: whoever has the `Frame` is the only one who reads or writes its bytes.
///
/// Dereferences to the whole frame; what a packet does not cover is whatever was there before. Give it back with
/// [`FramePool::put`](crate::FramePool::put) or [`Socket::transmit`](crate::Socket::transmit): a dropped frame is lost to its
/// UMEM, which counts it.
pub struct Frame {
    address: NonNull<u8>,
    region: &'static Region,
}

// SAFETY: a frame is the only handle of its bytes, and those belong to no thread.
unsafe impl Send for Frame {}
// SAFETY: a shared reference only reads.
unsafe impl Sync for Frame {}

impl Frame {
    /// # Safety
    /// `address` is the start of a frame of `region`, whose mapping outlives this handle, and nobody else uses that frame.
    pub(crate) unsafe fn new(address: NonNull<u8>, region: &'static Region) -> Frame {
        Frame { address, region }
    }

    pub(crate) fn is_of(&self, region: &'static Region) -> bool {
        std::ptr::eq(self.region, region)
    }

    /// Gives up the handle without losing the frame, and returns its offset in the UMEM.
    pub(crate) fn into_offset(self) -> u64 {
        let offset = self.region.offset_of(self.address);
        std::mem::forget(self);
        offset
    }
}

impl Drop for Frame {
    fn drop(&mut self) {
        self.region.lose();
    }
}

impl Deref for Frame {
    type Target = [u8];

    #[inline]
    fn deref(&self) -> &[u8] {
        // SAFETY: the frame is mapped, initialised (the kernel maps zeroes) and used by nobody else, see `new`.
        unsafe { slice::from_raw_parts(self.address.as_ptr(), self.region.frame_size as usize) }
    }
}

impl DerefMut for Frame {
    #[inline]
    fn deref_mut(&mut self) -> &mut [u8] {
        // SAFETY: as in `deref`, and the handle is borrowed mutably.
        unsafe { slice::from_raw_parts_mut(self.address.as_ptr(), self.region.frame_size as usize) }
    }
}

impl AsRef<[u8]> for Frame {
    #[inline]
    fn as_ref(&self) -> &[u8] {
        self
    }
}

impl AsMut<[u8]> for Frame {
    #[inline]
    fn as_mut(&mut self) -> &mut [u8] {
        self
    }
}

/// Without the bytes: they are media.
impl fmt::Debug for Frame {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Frame").field("offset", &self.region.offset_of(self.address)).finish_non_exhaustive()
    }
}
