// SPDX-License-Identifier: MIT OR Apache-2.0
//! Mappings.
#![expect(unsafe_code, reason = "system calls that take addresses")]

use std::io;
use std::ptr::{self, NonNull};
use std::sync::OnceLock;

/// What a mapping is for.
#[derive(Copy, Clone, Debug, Eq, PartialEq)]
pub(crate) enum Purpose {
    /// To be locked into memory, and not to be in child processes.
    Keys,
    /// What keys pass through. Child processes need some of it between fork and exec.
    Buffers,
}

/// A private anonymous mapping between two guard pages, left out of core dumps, all zeros. What is in it is its user's;
/// unmapped on drop.
#[derive(Debug)]
pub(crate) struct Region {
    base: NonNull<u8>,
    length: usize,
    locked: bool,
}

// SAFETY: the mapping belongs to the value alone and is not bound to a thread.
unsafe impl Send for Region {}

impl Region {
    /// Maps `length` bytes, rounded up to pages, at a multiple of `align`: a power of two. That keys cannot be locked is
    /// no error.
    pub(crate) fn map(length: usize, align: usize, purpose: Purpose) -> io::Result<Region> {
        let page = page_size();
        let align = align.max(page);
        let overflow = || io::Error::from(io::ErrorKind::OutOfMemory);
        let length = length.max(1).checked_next_multiple_of(page).ok_or_else(overflow)?;
        // Room for the alignment and for a guard page on either side.
        let reserved = length.checked_add(align + 2 * page).ok_or_else(overflow)?;
        // SAFETY: a new mapping wherever the kernel likes; none of it can be accessed yet.
        let start = unsafe {
            let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE;
            libc::mmap(ptr::null_mut(), reserved, libc::PROT_NONE, flags, -1, 0)
        };
        if start == libc::MAP_FAILED {
            return Err(io::Error::last_os_error());
        }
        let start = start.cast::<u8>();
        let lead = (start.addr() + page).next_multiple_of(align) - start.addr();
        // SAFETY: `lead + length + page` is at most `reserved`, as `lead` is at most `align + page`; so base and both
        // trimmed ends are in the mapping, which nobody else knows.
        let base = unsafe {
            libc::munmap(start.cast(), lead - page);
            let end = lead + length + page;
            libc::munmap(start.add(end).cast(), reserved - end);
            start.add(lead)
        };
        let Some(base) = NonNull::new(base) else { return Err(overflow()) };
        let mut region = Region { base, length, locked: false };
        region.open()?;
        if purpose == Purpose::Keys {
            region.hold()?;
        }
        Ok(region)
    }

    fn open(&mut self) -> io::Result<()> {
        self.call(|base, length| {
            // SAFETY: the pages are this region's.
            unsafe { libc::mprotect(base, length, libc::PROT_READ | libc::PROT_WRITE) }
        })?;
        self.advise(libc::MADV_DONTDUMP)
    }

    fn hold(&mut self) -> io::Result<()> {
        // Not WIPEONFORK: a child that protects packets under zeros is worse than one that dies.
        self.advise(libc::MADV_DONTFORK)?;
        // Packets look up many keys at random: a large page, where there is one, saves misses. No matter if not.
        let _ = self.advise(libc::MADV_HUGEPAGE);
        // SAFETY: the pages are this region's.
        self.locked = self.call(|base, length| unsafe { libc::mlock(base, length) }).is_ok();
        Ok(())
    }

    fn advise(&self, advice: libc::c_int) -> io::Result<()> {
        // SAFETY: the pages are this region's, and no advice that is given here changes what is in them.
        self.call(|base, length| unsafe { libc::madvise(base, length, advice) })
    }

    fn call(&self, system: impl FnOnce(*mut libc::c_void, usize) -> libc::c_int) -> io::Result<()> {
        match system(self.base.as_ptr().cast(), self.length) {
            0 => Ok(()),
            _ => Err(io::Error::last_os_error()),
        }
    }

    pub(crate) fn address(&self) -> usize {
        self.base.addr().get()
    }

    pub(crate) fn length(&self) -> usize {
        self.length
    }

    pub(crate) fn is_locked(&self) -> bool {
        self.locked
    }

    /// The byte at an offset.
    pub(crate) fn at(&self, offset: usize) -> Option<NonNull<u8>> {
        // SAFETY: the offset is in the mapping.
        (offset < self.length).then(|| unsafe { self.base.add(offset) })
    }
}

impl Drop for Region {
    fn drop(&mut self) {
        let page = page_size();
        // SAFETY: the mapping, with the guard pages that `map` left around it, is this value's, and nobody uses it any more.
        unsafe {
            libc::munmap(self.base.as_ptr().sub(page).cast(), self.length + 2 * page);
        }
    }
}

pub(crate) fn page_size() -> usize {
    static SIZE: OnceLock<usize> = OnceLock::new();
    *SIZE.get_or_init(|| {
        // SAFETY: asks for a number.
        let size = unsafe { libc::sysconf(libc::_SC_PAGESIZE) };
        usize::try_from(size).ok().filter(|size| size.is_power_of_two()).unwrap_or(4096)
    })
}

/// `RLIMIT_MEMLOCK` in bytes; `None`: there is no limit.
pub(crate) fn lock_limit() -> Option<u64> {
    let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: `limit` is the structure that the call fills.
    let answered = unsafe { libc::getrlimit(libc::RLIMIT_MEMLOCK, &raw mut limit) } == 0;
    (answered && limit.rlim_cur != libc::RLIM_INFINITY).then_some(limit.rlim_cur)
}
