// SPDX-License-Identifier: MIT OR Apache-2.0
//! What the benches share: packets and keys that are the same in every run, the contest with other SRTP
//! libraries, and the benches on a wire.

pub mod crypto;
pub mod engine;
pub mod estimates;
pub mod fixture;
pub mod junk;
pub mod markers;
pub mod model;
pub mod path;
pub mod relay;
pub mod streams;
pub mod table;
pub mod wire;
