// SPDX-License-Identifier: MIT OR Apache-2.0
//! The wire bench: the whole relay between a generator and a sink on a veth pair.
//!
//! ```text
//!   namespace of the edge                 namespace of the relay
//!   generate (XDP live frames) ──► edge0 ═══ relay0 ──► worker
//!   sink (classifier)          ◄── edge0 ═══ relay0 ◄── worker
//! ```

pub mod error;
pub mod kernel;
pub mod load;
pub mod maps;
pub mod placement;
pub mod programs;
pub mod run;
pub mod topology;
pub mod verify;
