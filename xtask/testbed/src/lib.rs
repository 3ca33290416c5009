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
//! What Linux 6.18 needs, as the tests of the AF_XDP crate hold it:
//! - An end with an XDP program, native or generic, receives what the other end sends, from ordinary sockets and from
//!   AF_XDP. The other end needs no program and no setting.
//! - What AF_XDP transmits in copy mode is received by an ordinary socket on an end without a program.
//! - The sending end must complete checksums itself, which [`connect`] sees to.
//!
//! NAPI on the receiving end ([`Namespace::enable_napi`], or an XDP program there) is needed only for frames that XDP itself
//! redirects into the pair: a redirect to a device, or the live frames of a test run. Threaded NAPI
//! ([`Namespace::enable_threaded_napi`]) is set after the XDP program was attached.

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
