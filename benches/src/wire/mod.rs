// SPDX-License-Identifier: MIT OR Apache-2.0
//! The wire bench: the whole relay between a generator and a sink on a veth pair.
//!
//! ```text
//!   namespace of the edge                 namespace of the relay
//!   culvert-traffic: generator ──► edge0 ═══ relay0 ──► worker
//!   culvert-traffic: sink      ◄── edge0 ═══ relay0 ◄── worker
//! ```

pub mod error;
pub mod kernel;
pub mod load;
pub mod placement;
pub mod run;
pub mod topology;
pub mod verify;
