// SPDX-License-Identifier: MIT OR Apache-2.0
//! An array map of the kernel in this process's memory.
#![expect(unsafe_code, reason = "memory that BPF programs share with this process")]

use std::io;
use std::os::fd::{AsRawFd, BorrowedFd};
use std::ptr::{self, NonNull};
use std::slice;
use std::sync::atomic::AtomicU64;

/// Words that programs and this process read and write.
#[derive(Debug)]
pub(crate) struct Mapping {
    address: NonNull<u8>,
    length: usize,
}

// SAFETY: the memory belongs to no thread, and what is read or written through a shared reference is atomic.
unsafe impl Send for Mapping {}
// SAFETY: as above.
unsafe impl Sync for Mapping {}

impl Mapping {
    /// Of an array made with `BPF_F_MMAPABLE`, whose values are whole words and together `length` bytes.
    pub(crate) fn of_array(map: BorrowedFd<'_>, length: usize) -> io::Result<Mapping> {
        let protection = libc::PROT_READ | libc::PROT_WRITE;
        let flags = libc::MAP_SHARED | libc::MAP_POPULATE;
        // SAFETY: without MAP_FIXED the kernel chooses a free range, so that no existing memory is touched.
        let address = unsafe { libc::mmap(ptr::null_mut(), length, protection, flags, map.as_raw_fd(), 0) };
        if address == libc::MAP_FAILED {
            return Err(io::Error::last_os_error());
        }
        let address = NonNull::new(address.cast()).ok_or(io::ErrorKind::InvalidData)?;
        Ok(Mapping { address, length })
    }

    /// The words.
    pub(crate) fn words(&self) -> &[AtomicU64] {
        // SAFETY: the mapping is page-aligned, of that length, and lives as long as this; whoever else accesses it does so
        // by whole words.
        unsafe { slice::from_raw_parts(self.address.as_ptr().cast(), self.length / 8) }
    }

    /// The bytes, for one writer. The kernel only reads memory that is used so.
    pub(crate) fn bytes_mut(&mut self) -> &mut [u8] {
        // SAFETY: as in `words`; this process has no other reference while the mapping is borrowed mutably.
        unsafe { slice::from_raw_parts_mut(self.address.as_ptr(), self.length) }
    }
}

impl Drop for Mapping {
    fn drop(&mut self) {
        // SAFETY: the range was mapped by `of_array` and is unmapped once; references into it have ended.
        unsafe { libc::munmap(self.address.as_ptr().cast(), self.length) };
    }
}
