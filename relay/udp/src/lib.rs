// SPDX-License-Identifier: MIT OR Apache-2.0
//! Bursts of datagrams over the kernel's UDP sockets.
