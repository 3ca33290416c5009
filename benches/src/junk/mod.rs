// SPDX-License-Identifier: MIT OR Apache-2.0
//! The junk bench: calls at half of what the relay can carry, and many packets that are nobody's for each of theirs.
//!
//! Wire, generator, sink, keys and calls are those of the wire bench.

pub mod error;
pub mod kind;
pub mod measure;
pub mod mix;
pub mod refusal;
pub mod report;
pub mod run;
