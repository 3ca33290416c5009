// SPDX-License-Identifier: MIT OR Apache-2.0
//! What front ends send, and the exact bytes that they get.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod body;
mod connection;
mod framing;
mod properties;
mod reasons;
mod sip;
mod support;
