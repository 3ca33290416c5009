// SPDX-License-Identifier: MIT OR Apache-2.0
//! [`culvert_engine::process`] without threads: bursts in, verdicts out.
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]
#![expect(unreachable_pub, reason = "the modules of a test have no other users")]

mod bounds;
mod handover;
mod learning;
mod lifetime;
mod one_by_one;
mod probe;
mod refusal;
mod required;
mod rings;
mod size;
mod timing;
mod waiting;
mod world;
