// SPDX-License-Identifier: MIT OR Apache-2.0
//! The per-core relay engine.
