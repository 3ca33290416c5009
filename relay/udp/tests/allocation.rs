// SPDX-License-Identifier: MIT OR Apache-2.0
#![expect(unsafe_code, reason = "an allocator that counts")]

//! The calls of the packet path allocate nothing. Alone in its binary: other tests would be counted, too.

use culvert_udp::{Message, Outcome, Poller, ReceiveBurst, SendBurst, SocketOptions, UdpSocket, Waker};
use std::{
    alloc::{GlobalAlloc, Layout, System},
    os::fd::AsFd,
    sync::atomic::{AtomicUsize, Ordering},
    time::Duration,
};

struct Counting;
static ALLOCATIONS: AtomicUsize = AtomicUsize::new(0);

// SAFETY: the system's allocator does the work.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.fetch_add(1, Ordering::Relaxed);
        // SAFETY: the caller's promise is passed on.
        unsafe { System.alloc(layout) }
    }
    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: as above.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

#[test]
fn bursts_and_waits_allocate_nothing() {
    let bind = || UdpSocket::bind("[::1]:0".parse().unwrap(), &SocketOptions::default()).unwrap();
    let (from, to) = (bind(), bind());
    let (mut sent, mut received) = (SendBurst::new(64), ReceiveBurst::new(64));
    let mut buffers = vec![[0; 256]; 64];
    let waker = Waker::new().unwrap();
    let mut poller = Poller::new(8).unwrap();
    poller.add(to.as_fd(), 1).unwrap();
    poller.add(waker.as_fd(), 2).unwrap();
    let payload = [7; 172];
    let message = Message { payload: &payload, destination: to.local_address(), traffic_class: 184 };

    let before = ALLOCATIONS.load(Ordering::Relaxed);
    for _ in 0..100 {
        assert_eq!(from.send(&mut sent, [message; 32]).unwrap(), 32);
        assert!(sent.outcomes().iter().all(|outcome| *outcome == Outcome::Sent));
        waker.wake();
        assert_eq!(poller.wait(Some(Duration::from_secs(5))).unwrap(), 2);
        waker.clear();
        assert_eq!(to.receive(&mut received, buffers.iter_mut().map(|buffer| &mut buffer[..])).unwrap(), 32);
        assert!(received.datagrams().iter().all(|datagram| datagram.length == 172));
    }
    assert_eq!(ALLOCATIONS.load(Ordering::Relaxed) - before, 0);
}
