// SPDX-License-Identifier: MIT OR Apache-2.0
//! Bursts of datagrams over the kernel's UDP sockets, and waiting for many of them.
//!
//! Many datagrams per system call (`recvmmsg`, `sendmmsg`), with the sender's address and the traffic class of each. The
//! arrays these calls need are made once ([`ReceiveBurst`], [`SendBurst`]): nothing is allocated per call.
//!
//! ```
//! use culvert_udp::{Message, ReceiveBurst, SendBurst, SocketOptions, UdpSocket};
//!
//! # fn main() -> Result<(), culvert_udp::UdpError> {
//! let options = SocketOptions::default();
//! let (a, b) = ("127.0.0.1:0".parse().unwrap(), "127.0.0.1:0".parse().unwrap());
//! let (a, b) = (UdpSocket::bind(a, &options)?, UdpSocket::bind(b, &options)?);
//! let message = Message { payload: b"hello", destination: b.local_address(), traffic_class: 46 << 2 };
//! assert_eq!(a.send(&mut SendBurst::new(64), [message])?, 1);
//!
//! let mut burst = ReceiveBurst::new(64);
//! let mut buffers = vec![[0; 2048]; 64];
//! b.receive(&mut burst, buffers.iter_mut().map(|buffer| &mut buffer[..]))?;
//! let datagram = burst.datagrams()[0];
//! assert_eq!((datagram.source, datagram.traffic_class), (a.local_address(), 46 << 2));
//! assert_eq!(&buffers[0][..datagram.length], b"hello");
//! # Ok(())
//! # }
//! ```

mod address;
mod control;
mod error;
mod poller;
mod receive;
mod send;
mod socket;
mod waker;

pub use error::UdpError;
pub use poller::Poller;
pub use receive::{Datagram, ReceiveBurst};
pub use send::{Message, Outcome, SendBurst};
pub use socket::{SocketOptions, UdpSocket};
pub use waker::Waker;

fn check(result: libc::c_int) -> std::io::Result<libc::c_int> {
    if result < 0 { Err(std::io::Error::last_os_error()) } else { Ok(result) }
}
