// SPDX-License-Identifier: MIT OR Apache-2.0
//! Bursts of datagrams over the kernel's UDP sockets.
use std::{
    net::SocketAddr,
    os::fd::{AsFd, BorrowedFd},
    time::Duration,
};

/// Buffer sizes of a socket in bytes; None leaves the system's default.
#[derive(Debug, Clone, Copy, Default)]
pub struct SocketOptions {
    /// SO_RCVBUF.
    pub receive_buffer: Option<u32>,
    /// SO_SNDBUF.
    pub send_buffer: Option<u32>,
}

/// A non-blocking UDP socket bound to one local address.
#[derive(Debug)]
pub struct UdpSocket {}

impl UdpSocket {
    /// Binds; an address in use is an error that names it.
    pub fn bind(local: SocketAddr, options: &SocketOptions) -> Result<UdpSocket, UdpError> {
        let _ = (local, options);
        todo!()
    }
    /// The bound address (the port filled in when bound to port 0).
    pub fn local_address(&self) -> SocketAddr {
        todo!()
    }
    /// Receives one burst, datagram i into the i-th buffer; `burst.datagrams()` describes them. 0 when nothing waits.
    pub fn receive<'b>(
        &self,
        burst: &mut ReceiveBurst,
        buffers: impl IntoIterator<Item = &'b mut [u8]>,
    ) -> Result<usize, UdpError> {
        let _ = (burst, buffers);
        todo!()
    }
    /// Sends up to the burst's capacity; `burst.outcomes()[i]` says what became of message i. Returns the number sent.
    pub fn send<'b>(
        &self,
        burst: &mut SendBurst,
        messages: impl IntoIterator<Item = Message<'b>>,
    ) -> Result<usize, UdpError> {
        let _ = (burst, messages);
        todo!()
    }
}

impl AsFd for UdpSocket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        todo!()
    }
}

/// Arrays for `recvmmsg`, made once.
#[derive(Debug)]
pub struct ReceiveBurst {}

impl ReceiveBurst {
    /// For up to `capacity` datagrams a call.
    pub fn new(capacity: usize) -> ReceiveBurst {
        let _ = capacity;
        todo!()
    }
    /// What the last call received, in the order of the buffers.
    pub fn datagrams(&self) -> &[Datagram] {
        todo!()
    }
}

/// One received datagram.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Datagram {
    /// Bytes written to the buffer.
    pub length: usize,
    /// Sender.
    pub source: SocketAddr,
    /// DSCP and ECN.
    pub traffic_class: u8,
    /// Whether the datagram was longer than its buffer.
    pub truncated: bool,
}

/// Arrays for `sendmmsg`, made once.
#[derive(Debug)]
pub struct SendBurst {}

impl SendBurst {
    /// For up to `capacity` messages a call.
    pub fn new(capacity: usize) -> SendBurst {
        let _ = capacity;
        todo!()
    }
    /// What became of each message of the last call.
    pub fn outcomes(&self) -> &[Outcome] {
        todo!()
    }
}

/// A datagram to send.
#[derive(Debug, Clone, Copy)]
pub struct Message<'b> {
    /// UDP payload.
    pub payload: &'b [u8],
    /// Where to; of the socket's family.
    pub destination: SocketAddr,
    /// DSCP and ECN.
    pub traffic_class: u8,
}

/// What became of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// The kernel took it.
    Sent,
    /// The send buffer is full; it may be sent again later.
    Full,
    /// It does not fit the interface's MTU.
    TooBig,
    /// No route to the destination, or its host refused an earlier packet.
    Unreachable,
    /// Any other error of the system, by number.
    Failed(i32),
}

/// Wakes a thread out of `Poller::wait`. Clones wake the same thread.
#[derive(Debug, Clone)]
pub struct Waker {}

impl Waker {
    /// A new waker; register it with a poller.
    pub fn new() -> Result<Waker, UdpError> {
        todo!()
    }
    /// Wakes.
    pub fn wake(&self) {
        todo!()
    }
    /// Clears pending wake-ups; call after the poller reported the token.
    pub fn clear(&self) {
        todo!()
    }
}

impl AsFd for Waker {
    fn as_fd(&self) -> BorrowedFd<'_> {
        todo!()
    }
}

/// Waits for any of many descriptors to become readable (epoll, level-triggered).
#[derive(Debug)]
pub struct Poller {}

impl Poller {
    /// A poller reporting up to `capacity` tokens a call.
    pub fn new(capacity: usize) -> Result<Poller, UdpError> {
        let _ = capacity;
        todo!()
    }
    /// Watches a descriptor; `token` comes back from `wait`.
    pub fn add(&mut self, descriptor: BorrowedFd<'_>, token: u64) -> Result<(), UdpError> {
        let _ = (descriptor, token);
        todo!()
    }
    /// Stops watching.
    pub fn remove(&mut self, descriptor: BorrowedFd<'_>) -> Result<(), UdpError> {
        let _ = descriptor;
        todo!()
    }
    /// Waits (None: for ever; zero: does not wait) and returns the number of ready tokens; `ready` lists them.
    pub fn wait(&mut self, timeout: Option<Duration>) -> Result<usize, UdpError> {
        let _ = timeout;
        todo!()
    }
    /// Token `i` of the last wait.
    pub fn ready(&self, i: usize) -> Option<u64> {
        let _ = i;
        todo!()
    }
}

/// What can go wrong.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum UdpError {}
