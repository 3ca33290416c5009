// SPDX-License-Identifier: MIT OR Apache-2.0
//! The primitives of the suites, each on the path that its key was made for.

#[cfg(not(feature = "fips"))]
pub(crate) mod absent;
pub(crate) mod aes;
#[cfg(feature = "fips")]
pub(crate) mod aws_lc;
pub(crate) mod counter_mode;
pub(crate) mod gcm;
pub(crate) mod hmac;

#[cfg(not(feature = "fips"))]
pub(crate) use absent as module;
#[cfg(feature = "fips")]
pub(crate) use aws_lc as module;
