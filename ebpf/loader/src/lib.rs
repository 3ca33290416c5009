// SPDX-License-Identifier: MIT OR Apache-2.0
//! Loads, fills and attaches the XDP program that steers media to the relay.
//!
//! The program's object is built by this crate's build script and is part of the binary. One [`Steering`] serves one
//! interface. The order that loses no packet: [`Steering::load`], bind the sockets and fill their rings,
//! [`Steering::set_socket`] for every queue, [`Steering::attach`], then [`Steering::insert`] as sessions come.
//!
//! Loading and attaching need `CAP_BPF` and `CAP_NET_ADMIN`, and Linux 5.9 or newer.

mod attach;
mod counters;
mod error;
mod steering;
mod test_run;

pub use attach::{AttachMode, Mode};
pub use counters::Counters;
pub use culvert_ebpf_abi::Counter;
pub use error::{AttachError, LoadError, SteeringError};
pub use steering::{Steering, SteeringConfig};
pub use test_run::{TestRun, Verdict};
