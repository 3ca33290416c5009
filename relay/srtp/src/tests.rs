// SPDX-License-Identifier: MIT OR Apache-2.0
//! Tests of whole contexts. Those of one module stand beside it.

mod burst;
mod cryptex;
mod diagnosis;
mod differential;
mod extensions;
mod forged;
pub(crate) mod harness;
mod headers;
#[expect(unsafe_code, reason = "calls into a C library")]
mod libsrtp;
mod limits;
mod rekey;
mod state_rule;
mod vectors;
