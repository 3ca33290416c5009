// SPDX-License-Identifier: MIT OR Apache-2.0
//! The log as a relay writes it and as an auditor reads it.
#![expect(clippy::panic, clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod bytes;
mod fixture;
mod full_disk;
mod lock;
mod recover;
mod rotate;
mod tamper;
mod writer;
