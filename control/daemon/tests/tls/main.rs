// SPDX-License-Identifier: MIT OR Apache-2.0
//! Mutual TLS on loopback: who gets in, who does not, what is counted, and what a change of the files does.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

#[path = "../common/mod.rs"]
mod common;
mod fixture;
mod handshakes;
mod links;
mod matrix;
mod openssl;
mod reload;
mod renewal;
