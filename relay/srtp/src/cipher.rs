// SPDX-License-Identifier: MIT OR Apache-2.0
//! The primitives of the suites, each on the path that its key was made for.

pub(crate) mod aes;
pub(crate) mod counter_mode;
pub(crate) mod gcm;
pub(crate) mod hmac;
