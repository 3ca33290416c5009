// SPDX-License-Identifier: MIT OR Apache-2.0
//! Culvert's cryptography against other libraries: each packet is unprotected under key A and protected under key B, in
//! place. Contenders take turns on one core over the same packets, which a reference has made outside the timed parts.

pub mod case;
pub mod contender;
pub mod culvert;
pub mod engine;
pub mod error;
pub mod frames;
pub mod library;
pub mod machine;
pub mod measure;
pub mod pool;
pub mod report;
pub mod results;
pub mod rival;
pub mod verify;
pub mod wanted;
