// SPDX-License-Identifier: MIT OR Apache-2.0
//! Loads, fills and attaches the XDP program.
