// SPDX-License-Identifier: MIT OR Apache-2.0
//! Network namespaces for tests, demo and benches.
