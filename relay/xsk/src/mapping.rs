// SPDX-License-Identifier: MIT OR Apache-2.0
#![expect(unsafe_code, reason = "mmap and munmap")]

use std::{
    io,
    os::fd::{AsRawFd, BorrowedFd},
    ptr::{self, NonNull},
};

/// Bytes of a huge page, on x86-64 and on arm64 with pages of 4 KiB.
const HUGE_PAGE: usize = 2 << 20;

/// A mapped range of memory, unmapped on drop. Whoever keeps pointers into it keeps it alive.
#[derive(Debug)]
pub(crate) struct Mapping {
    address: NonNull<u8>,
    length: usize,
}

// SAFETY: a mapping belongs to the process, not to a thread; this type only hands out its address.
unsafe impl Send for Mapping {}
// SAFETY: as above; nothing is read or written through a shared reference.
unsafe impl Sync for Mapping {}

impl Mapping {
    /// Zeroed memory of this process, kept out of core dumps because it carries plain media.
    pub(crate) fn anonymous(length: usize) -> io::Result<Mapping> {
        Mapping::private(length, 0)
    }

    /// The same on huge pages, as many as it takes. Fails when the system has not set aside enough of them.
    pub(crate) fn huge(length: usize) -> io::Result<Mapping> {
        let whole = length.checked_next_multiple_of(HUGE_PAGE).ok_or(io::ErrorKind::OutOfMemory)?;
        Mapping::private(whole, libc::MAP_HUGETLB | libc::MAP_HUGE_2MB)
    }

    fn private(length: usize, pages: libc::c_int) -> io::Result<Mapping> {
        let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_POPULATE | pages;
        let mapping = Mapping::map(length, flags, -1, 0)?;
        // SAFETY: the range is the one just mapped; the advice changes nothing that the process can see.
        let advised =
            unsafe { libc::madvise(mapping.address.as_ptr().cast(), mapping.length, libc::MADV_DONTDUMP) };
        if advised != 0 { Err(io::Error::last_os_error()) } else { Ok(mapping) }
    }

    /// A ring of an AF_XDP socket.
    pub(crate) fn of_socket(
        socket: BorrowedFd<'_>,
        length: usize,
        offset: libc::off_t,
    ) -> io::Result<Mapping> {
        Mapping::map(length, libc::MAP_SHARED | libc::MAP_POPULATE, socket.as_raw_fd(), offset)
    }

    fn map(length: usize, flags: libc::c_int, fd: libc::c_int, offset: libc::off_t) -> io::Result<Mapping> {
        let protection = libc::PROT_READ | libc::PROT_WRITE;
        // SAFETY: without MAP_FIXED the kernel chooses a free range, so that no existing memory is touched.
        let address = unsafe { libc::mmap(ptr::null_mut(), length, protection, flags, fd, offset) };
        if address == libc::MAP_FAILED {
            return Err(io::Error::last_os_error());
        }
        let address = NonNull::new(address.cast()).ok_or(io::ErrorKind::InvalidData)?;
        Ok(Mapping { address, length })
    }

    pub(crate) fn address(&self) -> NonNull<u8> {
        self.address
    }

    pub(crate) fn length(&self) -> usize {
        self.length
    }
}

impl Drop for Mapping {
    fn drop(&mut self) {
        // SAFETY: the range was mapped by `map` and is unmapped once; the owner has let go of all pointers into it.
        unsafe { libc::munmap(self.address.as_ptr().cast(), self.length) };
    }
}
