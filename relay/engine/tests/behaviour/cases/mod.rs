// SPDX-License-Identifier: MIT OR Apache-2.0
//! The cases, by what they are about.

pub mod command;
pub mod media;
pub mod refusal;
pub mod source;
