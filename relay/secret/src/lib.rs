// SPDX-License-Identifier: MIT OR Apache-2.0
//! Memory for keys: locked, out of core dumps, erased.
