// SPDX-License-Identifier: MIT OR Apache-2.0
//! Packet headers as Culvert reads and writes them.
