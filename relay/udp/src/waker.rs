// SPDX-License-Identifier: MIT OR Apache-2.0
#![expect(unsafe_code, reason = "eventfd")]

use crate::{UdpError, check};
use std::{
    os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd},
    sync::Arc,
};

/// Wakes a thread out of [`Poller::wait`](crate::Poller::wait). Clones wake the same thread.
#[derive(Debug, Clone)]
pub struct Waker {
    event: Arc<OwnedFd>,
}

impl Waker {
    /// A new waker, to be added to a poller.
    ///
    /// # Errors
    /// When the system has no descriptor left.
    pub fn new() -> Result<Waker, UdpError> {
        // SAFETY: no memory is passed.
        let fd = check(unsafe { libc::eventfd(0, libc::EFD_NONBLOCK | libc::EFD_CLOEXEC) })
            .map_err(|source| UdpError::Poll { action: "make a waker", source })?;
        // SAFETY: a new descriptor that nothing else owns.
        Ok(Waker { event: Arc::new(unsafe { OwnedFd::from_raw_fd(fd) }) })
    }

    /// Wakes the thread, or lets its next wait return at once: one system call.
    pub fn wake(&self) {
        let one = 1_u64;
        // It fails only when the count is full, and then the thread is woken already.
        // SAFETY: the kernel reads the eight bytes of the number.
        unsafe { libc::write(self.event.as_raw_fd(), (&raw const one).cast(), size_of_val(&one)) };
    }

    /// Forgets the wake-ups so far; to be called when the poller reported the token, before looking for what woke.
    pub fn clear(&self) {
        let mut count = 0_u64;
        // It fails only when there was no wake-up.
        // SAFETY: the kernel writes the eight bytes of the number.
        unsafe { libc::read(self.event.as_raw_fd(), (&raw mut count).cast(), size_of_val(&count)) };
    }
}

impl AsFd for Waker {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.event.as_fd()
    }
}
