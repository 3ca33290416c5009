// SPDX-License-Identifier: MIT OR Apache-2.0
//! Ciphers by the instructions of one processor. [`aes_ni`] and [`clmul`] are the only modules of the crate that hold
//! unsafe code. Each offers a safe interface: a value of its key type exists only where the processor was found to have
//! the instructions.

#[cfg(target_arch = "x86_64")]
#[expect(unsafe_code, reason = "calls into functions with target features, and loads that take pointers")]
pub(crate) mod aes_ni;
#[cfg(target_arch = "x86_64")]
#[expect(unsafe_code, reason = "calls into functions with target features, and loads that take pointers")]
pub(crate) mod clmul;
#[cfg(target_arch = "x86_64")]
mod partial;

#[cfg(not(target_arch = "x86_64"))]
#[path = "kernel/absent.rs"]
pub(crate) mod aes_ni;
#[cfg(not(target_arch = "x86_64"))]
pub(crate) use aes_ni as clmul;
