// SPDX-License-Identifier: MIT OR Apache-2.0
//! Receipts of sessions, chained by their hashes.
