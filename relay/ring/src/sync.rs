// SPDX-License-Identifier: MIT OR Apache-2.0
//! What the model check replaces by its own.

pub(crate) use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicU64, fence},
};

/// What packets consist of.
pub(crate) type Word = AtomicU64;
