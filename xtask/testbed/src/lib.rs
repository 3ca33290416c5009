// SPDX-License-Identifier: MIT OR Apache-2.0
//! Network namespaces and veth pairs for tests, demo and benches.
//!
//! ```no_run
//! use culvert_testbed::{EndSpec, Namespace, connect};
//! use std::net::UdpSocket;
//!
//! # fn main() -> Result<(), culvert_testbed::TestbedError> {
//! let (caller, relay) = (Namespace::new("caller")?, Namespace::new("relay")?);
//! connect(
//!     &caller,
//!     &EndSpec::new("wan0").address("192.0.2.1/24"),
//!     &relay,
//!     &EndSpec::new("outside").address("192.0.2.2/24").queues(2),
//! )?;
//! let socket = relay.run(|| UdpSocket::bind("192.0.2.2:5004"))?;
//! let status = caller.command("ping").args(["-c1", "192.0.2.2"]).status();
//! # Ok(())
//! # }
//! ```
//! Everything is removed when the [`Namespace`]s are dropped; what a killed program left is removed by the next one.
//!
//! # XDP on a veth pair
//! Checked on Linux 6.18, and held by the tests of the AF_XDP crate:
//! - A veth end with a native XDP program receives what the other end sends, and needs nothing on the other end.
//! - AF_XDP transmits in copy mode, as sockets do; the other end receives it with no XDP program and no setting.
//! - Only frames that XDP itself redirects into a veth (`XDP_REDIRECT` to a device, live frames of a test run) need NAPI on
//!   the other end: [`Namespace::enable_napi`] or an XDP program there.
//! - Threaded NAPI ([`Namespace::enable_threaded_napi`]) must be set after the XDP program is attached.

mod carrier;
mod error;
mod link;
mod namespace;
mod privilege;
mod tool;

pub use error::TestbedError;
pub use link::{EndSpec, connect};
pub use namespace::{Interface, Namespace};
pub use privilege::{is_root, require_root};
