// SPDX-License-Identifier: MIT OR Apache-2.0
#![expect(unsafe_code, reason = "recvmmsg over preallocated arrays")]

use crate::{
    address::{self, RawAddress},
    control::Control,
};
use std::{fmt, io, net::SocketAddr, os::fd::AsRawFd, os::fd::BorrowedFd, ptr, time::Duration};

/// One received datagram.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Datagram {
    /// Bytes written to the buffer.
    pub length: usize,
    /// Sender.
    pub source: SocketAddr,
    /// DSCP in the upper six bits, ECN in the lower two.
    pub traffic_class: u8,
    /// Whether the datagram was longer than its buffer, and its end is lost.
    pub truncated: bool,
    /// When the kernel received it, since 1970 by its real-time clock, if the socket was
    /// [asked](crate::SocketOptions::timestamps) to say so.
    pub received: Option<Duration>,
}

/// The arrays of `recvmmsg`, made once and used for every call.
pub struct ReceiveBurst {
    headers: Box<[libc::mmsghdr]>,
    vectors: Box<[libc::iovec]>,
    addresses: Box<[RawAddress]>,
    controls: Box<[Control]>,
    datagrams: Vec<Datagram>,
}

// SAFETY: the pointers in the arrays are set anew by each call and followed by none but that call.
unsafe impl Send for ReceiveBurst {}

impl ReceiveBurst {
    /// For up to `capacity` datagrams a call.
    pub fn new(capacity: usize) -> ReceiveBurst {
        // SAFETY: null pointers and zero lengths are valid for these structures.
        let (header, vector) = unsafe { (std::mem::zeroed(), std::mem::zeroed()) };
        ReceiveBurst {
            headers: vec![header; capacity].into_boxed_slice(),
            vectors: vec![vector; capacity].into_boxed_slice(),
            addresses: vec![RawAddress::empty(); capacity].into_boxed_slice(),
            controls: vec![Control::EMPTY; capacity].into_boxed_slice(),
            datagrams: Vec::with_capacity(capacity),
        }
    }

    /// What the last call received: datagram i is in the i-th buffer.
    pub fn datagrams(&self) -> &[Datagram] {
        &self.datagrams
    }

    /// One `recvmmsg` into as many buffers as there are and the arrays have room for.
    pub(crate) fn receive<'b>(
        &mut self,
        socket: BorrowedFd<'_>,
        buffers: impl IntoIterator<Item = &'b mut [u8]>,
    ) -> io::Result<usize> {
        self.datagrams.clear();
        let mut count = 0;
        let slots =
            self.headers.iter_mut().zip(&mut self.vectors).zip(&mut self.addresses).zip(&mut self.controls);
        for ((((header, vector), address), control), buffer) in slots.zip(buffers) {
            *vector = libc::iovec { iov_base: buffer.as_mut_ptr().cast(), iov_len: buffer.len() };
            let message = &mut header.msg_hdr;
            message.msg_name = ptr::from_mut(address).cast();
            message.msg_namelen = address::ROOM;
            message.msg_iov = vector;
            message.msg_iovlen = 1;
            message.msg_control = control.as_mut_ptr();
            message.msg_controllen = Control::ROOM as _;
            message.msg_flags = 0;
            header.msg_len = 0;
            count += 1;
        }
        if count == 0 {
            return Ok(0);
        }
        // SAFETY: the first `count` headers point at this call's buffers, borrowed mutably and distinct, and at entries of
        // our arrays, which nothing else touches during the call.
        let received = unsafe {
            libc::recvmmsg(
                socket.as_raw_fd(),
                self.headers.as_mut_ptr(),
                count,
                libc::MSG_DONTWAIT as _,
                ptr::null_mut(),
            )
        };
        let received = crate::check(received)? as usize;
        for (header, address) in self.headers.iter().zip(&self.addresses).take(received) {
            let came = Control::read(&header.msg_hdr);
            self.datagrams.push(Datagram {
                length: header.msg_len as usize,
                // A socket of one family receives from no other; should it ever, the datagram is nobody's.
                source: address.get().unwrap_or(NOBODY),
                traffic_class: came.traffic_class,
                truncated: header.msg_hdr.msg_flags & libc::MSG_TRUNC != 0,
                received: came.received,
            });
        }
        Ok(received)
    }
}

const NOBODY: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::UNSPECIFIED), 0);

impl fmt::Debug for ReceiveBurst {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReceiveBurst")
            .field("capacity", &self.headers.len())
            .field("received", &self.datagrams.len())
            .finish_non_exhaustive()
    }
}
