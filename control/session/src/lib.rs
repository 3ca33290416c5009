// SPDX-License-Identifier: MIT OR Apache-2.0
//! Sessions, media and legs: a pure state machine.
