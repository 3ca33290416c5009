// SPDX-License-Identifier: MIT OR Apache-2.0
//! AF_XDP: packet memory, rings and sockets.
//!
//! A [`Umem`] is packet memory cut into frames. Every frame is at any time in exactly one place: in the
//! [`FramePool`], in somebody's hands as a [`Frame`], or with the kernel in one of the four rings of a [`Socket`].
//! A frame is moved, never copied or counted, so the packet path has no atomic operation besides the ring cursors.
//!
//! One worker owns one UMEM, its pool, and a socket per interface on it: a frame received on one interface is
//! transmitted on another without a copy.
//!
//! ```no_run
//! use culvert_xsk::{Socket, SocketConfig, Umem, UmemConfig, interface_index};
//!
//! # fn main() -> Result<(), culvert_xsk::XskError> {
//! let (umem, mut pool) = Umem::new(UmemConfig { frames: 8192, ..UmemConfig::default() })?;
//! let mut socket = Socket::bind(&umem, &SocketConfig::new(interface_index("eth0")?, "eth0", 0))?;
//! loop {
//!     socket.reclaim(&mut pool);
//!     socket.refill(&mut pool);
//!     socket.receive(64, |packet| pool.put(packet.frame));
//!     socket.flush()?;
//! }
//! # }
//! ```

mod bind;
mod config;
mod error;
mod frame;
mod mapping;
mod pool;
mod prefetch;
mod ring;
mod socket;
mod statistics;
mod syscall;
mod umem;

pub use config::{RingSizes, SocketConfig, UmemConfig, ZeroCopy};
pub use error::{BindStep, XskError};
pub use frame::Frame;
pub use pool::FramePool;
pub use socket::{Received, Socket};
pub use statistics::{Statistics, StatisticsReader};
pub use umem::Umem;

/// Bytes that the kernel keeps free before every received packet, besides [`UmemConfig::headroom`].
pub const KERNEL_HEADROOM: u32 = 256;

/// Kernel index of the interface with this name, in the caller's network namespace.
///
/// # Errors
/// [`XskError::Interface`] when there is none.
pub fn interface_index(name: &str) -> Result<u32, XskError> {
    syscall::interface_index(name)
        .map_err(|source| XskError::Interface { interface: name.to_owned(), source })
}
