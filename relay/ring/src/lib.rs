// SPDX-License-Identifier: MIT OR Apache-2.0
//! Packets from one core to another: a bounded ring with one thread at each end, and sleep that no packet is lost to.
//!
//! A [`Sender`] writes packets where they will be read, shows a burst of them by one store, and takes no lock. Its
//! [`Receiver`] reads them in place. Who sleeps when its rings are empty says so by a [`Doze`], so that senders pay for
//! a wake-up only when somebody sleeps.
//!
//! ```
//! let (mut sender, mut receiver) = culvert_ring::ring(4096);
//! assert!(sender.push(&[7], b"a packet"));
//! assert!(receiver.pop().is_none(), "not shown yet");
//! sender.publish();
//! let packet = receiver.pop().unwrap();
//! let mut frame = [0; 64];
//! assert_eq!((packet.head(0), packet.copy_to(&mut frame)), (7, Some(8)));
//! assert_eq!(&frame[..8], b"a packet");
//! receiver.release();
//! ```
//!
//! Both are checked under every order in which the memory model lets two cores see each other's stores: `tests/model.rs`
//! builds the same source on the atomics of loom.

mod doze;
mod packets;
mod sync;

pub use doze::Doze;
pub use packets::{Receiver, Record, Sender, ring};
