// SPDX-License-Identifier: MIT OR Apache-2.0
#![expect(unsafe_code, reason = "epoll")]

use crate::{UdpError, check};
use std::{
    fmt, io,
    os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd},
    ptr,
    time::Duration,
};

/// Waits for any of many descriptors to have something to read (epoll, level-triggered).
pub struct Poller {
    epoll: OwnedFd,
    events: Box<[libc::epoll_event]>,
    ready: usize,
    /// Cleared when the kernel turns out to have no `epoll_pwait2` (before 5.11).
    precise: bool,
}

impl Poller {
    /// A poller that reports up to `capacity` (at least 1) descriptors a call. How many it watches is not bounded by that.
    ///
    /// # Errors
    /// When the system has no descriptor left.
    pub fn new(capacity: usize) -> Result<Poller, UdpError> {
        // SAFETY: no memory is passed.
        let fd = check(unsafe { libc::epoll_create1(libc::EPOLL_CLOEXEC) })
            .map_err(|source| UdpError::Poll { action: "make a poller", source })?;
        // SAFETY: a new descriptor that nothing else owns.
        let epoll = unsafe { OwnedFd::from_raw_fd(fd) };
        let events = vec![libc::epoll_event { events: 0, u64: 0 }; capacity.max(1)].into_boxed_slice();
        Ok(Poller { epoll, events, ready: 0, precise: true })
    }

    /// Watches a descriptor until it is removed or closed; `token` names it in what `wait` reports.
    ///
    /// # Errors
    /// A descriptor that is watched already or cannot be watched.
    pub fn add(&mut self, descriptor: BorrowedFd<'_>, token: u64) -> Result<(), UdpError> {
        self.control(libc::EPOLL_CTL_ADD, descriptor, token)
            .map_err(|source| UdpError::Poll { action: "watch a descriptor", source })
    }

    /// Stops watching a descriptor. What the last `wait` reported may still name it.
    ///
    /// # Errors
    /// A descriptor that is not watched.
    pub fn remove(&mut self, descriptor: BorrowedFd<'_>) -> Result<(), UdpError> {
        self.control(libc::EPOLL_CTL_DEL, descriptor, 0)
            .map_err(|source| UdpError::Poll { action: "stop watching a descriptor", source })
    }

    fn control(&self, operation: libc::c_int, descriptor: BorrowedFd<'_>, token: u64) -> io::Result<()> {
        let mut event = libc::epoll_event { events: libc::EPOLLIN as u32, u64: token };
        // SAFETY: the kernel reads one event.
        check(unsafe {
            libc::epoll_ctl(self.epoll.as_raw_fd(), operation, descriptor.as_raw_fd(), &raw mut event)
        })?;
        Ok(())
    }

    /// Waits until a descriptor is ready or the time is over, and returns how many are ready.
    ///
    /// None waits for ever, zero not at all. Times are exact to about 50 microseconds; before Linux 5.11 they are rounded up
    /// to milliseconds. A signal ends the wait early, with 0.
    ///
    /// # Errors
    /// None in practice.
    pub fn wait(&mut self, timeout: Option<Duration>) -> Result<usize, UdpError> {
        self.ready = 0;
        let mut result =
            if self.precise { self.wait_precisely(timeout) } else { self.wait_milliseconds(timeout) };
        if self.precise && result.as_ref().is_err_and(|error| error.raw_os_error() == Some(libc::ENOSYS)) {
            self.precise = false;
            result = self.wait_milliseconds(timeout);
        }
        match result {
            Ok(ready) => self.ready = ready,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(source) => return Err(UdpError::Poll { action: "wait for descriptors", source }),
        }
        Ok(self.ready)
    }

    /// Token number `index` of the last wait; None from the number it returned on.
    pub fn ready(&self, index: usize) -> Option<u64> {
        self.events.get(..self.ready)?.get(index).map(|event| event.u64)
    }

    fn capacity(&self) -> libc::c_int {
        libc::c_int::try_from(self.events.len()).unwrap_or(libc::c_int::MAX)
    }

    fn wait_precisely(&mut self, timeout: Option<Duration>) -> io::Result<usize> {
        let timeout = timeout.map(|timeout| libc::timespec {
            tv_sec: libc::time_t::try_from(timeout.as_secs()).unwrap_or(libc::time_t::MAX),
            tv_nsec: timeout.subsec_nanos().into(),
        });
        let timeout = timeout.as_ref().map_or(ptr::null(), ptr::from_ref);
        let (fd, capacity) = (self.epoll.as_raw_fd(), self.capacity());
        // SAFETY: the kernel writes at most `capacity` events and reads the time, which lives over the call. By number,
        // because the C library's function is newer than the oldest system Culvert runs on.
        let ready = unsafe {
            libc::syscall(
                libc::SYS_epoll_pwait2,
                fd,
                self.events.as_mut_ptr(),
                capacity,
                timeout,
                ptr::null::<libc::sigset_t>(),
                0_usize,
            )
        };
        check(ready as libc::c_int).map(|ready| ready as usize)
    }

    fn wait_milliseconds(&mut self, timeout: Option<Duration>) -> io::Result<usize> {
        let timeout = timeout.map_or(-1, |timeout| {
            libc::c_int::try_from(timeout.as_nanos().div_ceil(1_000_000)).unwrap_or(libc::c_int::MAX)
        });
        // SAFETY: the kernel writes at most `capacity` events.
        let ready = unsafe {
            libc::epoll_wait(self.epoll.as_raw_fd(), self.events.as_mut_ptr(), self.capacity(), timeout)
        };
        check(ready).map(|ready| ready as usize)
    }
}

impl fmt::Debug for Poller {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Poller").field("ready", &self.ready).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Waker;
    use std::{os::fd::AsFd, time::Instant};

    #[test]
    fn a_wait_ends_with_its_time() {
        let mut poller = Poller::new(4).unwrap();
        for precise in [true, false] {
            poller.precise = precise;
            for timeout in [Duration::ZERO, Duration::from_micros(300), Duration::from_millis(20)] {
                let begin = Instant::now();
                assert_eq!(poller.wait(Some(timeout)).unwrap(), 0);
                assert!(begin.elapsed() >= timeout, "{timeout:?}");
            }
        }
    }

    #[test]
    fn a_waker_wakes_from_another_thread_until_it_is_cleared() {
        for precise in [true, false] {
            let waker = Waker::new().unwrap();
            let mut poller = Poller::new(4).unwrap();
            poller.precise = precise;
            poller.add(waker.as_fd(), u64::MAX).unwrap();
            let other = waker.clone();
            let thread = std::thread::spawn(move || {
                other.wake();
                other.wake();
            });
            assert_eq!(poller.wait(None).unwrap(), 1);
            thread.join().unwrap();
            assert_eq!((poller.ready(0), poller.ready(1)), (Some(u64::MAX), None));
            assert_eq!(poller.wait(None).unwrap(), 1, "level-triggered");
            waker.clear();
            waker.clear();
            assert_eq!((poller.wait(Some(Duration::ZERO)).unwrap(), poller.ready(0)), (0, None));
        }
    }

    #[test]
    fn more_ready_than_the_capacity_are_reported_in_turns() {
        let wakers: Vec<_> = (0..10).map(|_| Waker::new().unwrap()).collect();
        let mut poller = Poller::new(4).unwrap();
        for (token, waker) in wakers.iter().enumerate() {
            poller.add(waker.as_fd(), token as u64).unwrap();
            waker.wake();
        }
        let mut seen = Vec::new();
        while poller.wait(Some(Duration::ZERO)).unwrap() > 0 {
            for index in 0..4 {
                let Some(token) = poller.ready(index) else { continue };
                wakers[token as usize].clear();
                seen.push(token);
            }
        }
        seen.sort_unstable();
        assert_eq!(seen, (0..10).collect::<Vec<_>>());
    }

    #[test]
    fn only_what_is_watched_is_reported() {
        let waker = Waker::new().unwrap();
        let mut poller = Poller::new(1).unwrap();
        assert!(poller.remove(waker.as_fd()).is_err());
        poller.add(waker.as_fd(), 1).unwrap();
        let error = poller.add(waker.as_fd(), 2).unwrap_err();
        assert!(error.to_string().starts_with("cannot watch a descriptor: File exists"), "{error}");
        waker.wake();
        poller.remove(waker.as_fd()).unwrap();
        assert_eq!(poller.wait(Some(Duration::ZERO)).unwrap(), 0);
        poller.add(waker.as_fd(), 3).unwrap();
        assert_eq!((poller.wait(None).unwrap(), poller.ready(0)), (1, Some(3)));
        drop(waker);
        assert_eq!(poller.wait(Some(Duration::ZERO)).unwrap(), 0, "a closed descriptor is forgotten");
    }
}
