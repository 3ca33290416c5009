// SPDX-License-Identifier: MIT OR Apache-2.0
//! Secure RTP (RFC 3711, 6188, 7714) over bursts of packets.
