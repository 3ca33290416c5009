// SPDX-License-Identifier: MIT OR Apache-2.0
//! SRTP's ciphers in the instructions of a processor, many packets at a time.
//!
//! What is computed is written once, for vectors of any width: [`keystream`], [`ghash`] and [`gcm`] over [`vector`],
//! [`sha1_lanes`] over [`lanes`]; [`sha1`] brings the messages of a burst to whatever hashes them. A path compiles that for
//! its processors, in entry points of its own: [`avx512`], [`avx2`], [`aes_ni`].
//!
//! Unsafe code is in the modules that name instructions. Each vector carries a proof that the processor has them,
//! which only `detect` gives; so what the other modules make of vectors is safe.

#[cfg(target_arch = "x86_64")]
#[expect(unsafe_code, reason = "calls into functions with target features")]
pub(crate) mod aes_ni;
#[cfg(target_arch = "x86_64")]
#[expect(unsafe_code, reason = "calls into functions with target features")]
mod avx2;
#[cfg(target_arch = "x86_64")]
#[expect(unsafe_code, reason = "calls into functions with target features")]
mod avx512;
#[cfg(target_arch = "x86_64")]
mod counter_mode;
#[cfg(target_arch = "x86_64")]
mod gcm;
#[cfg(target_arch = "x86_64")]
#[expect(unsafe_code, reason = "calls into functions with target features")]
mod ghash;
#[cfg(target_arch = "x86_64")]
mod keystream;
#[cfg(target_arch = "x86_64")]
#[expect(unsafe_code, reason = "instructions, and loads and stores that take pointers")]
mod lanes;
#[cfg(target_arch = "x86_64")]
mod machine;
#[cfg(target_arch = "x86_64")]
mod partial;
#[cfg(target_arch = "x86_64")]
mod pass;
#[cfg(target_arch = "x86_64")]
#[expect(unsafe_code, reason = "calls into functions with target features")]
mod schedule;
#[cfg(target_arch = "x86_64")]
mod sha1;
#[cfg(target_arch = "x86_64")]
mod sha1_lanes;
#[cfg(target_arch = "x86_64")]
#[expect(unsafe_code, reason = "instructions, and loads that take pointers")]
mod sha1_ni;
#[cfg(all(test, target_arch = "x86_64"))]
mod trial;
#[cfg(target_arch = "x86_64")]
#[expect(unsafe_code, reason = "instructions, and loads and stores that take pointers")]
mod vector;
mod work;

#[cfg(target_arch = "x86_64")]
#[expect(unsafe_code, reason = "an instruction that takes a pointer")]
mod prefetch;
#[cfg(target_arch = "x86_64")]
pub(crate) use prefetch::prefetch;

pub(crate) use work::{At, BATCH, Message, Work};

#[cfg(target_arch = "x86_64")]
pub(crate) use {counter_mode::CounterKey, ghash::GcmKey, machine::Machine};

#[cfg(not(target_arch = "x86_64"))]
mod absent;
#[cfg(not(target_arch = "x86_64"))]
pub(crate) use absent::{CounterKey, GcmKey, Machine, prefetch};
