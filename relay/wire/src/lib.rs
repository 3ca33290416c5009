// SPDX-License-Identifier: MIT OR Apache-2.0
//! Packet headers as Culvert reads and writes them.
//!
//! One parser serves two places: the XDP program decides with it what to steer to a relay core, and the
//! engine finds with it what it was given. It is `no_std`, has no dependencies, never allocates and never
//! panics. What reads packets is generic over [`Bytes`], because the BPF verifier accepts a packet access only
//! as a pointer compared with the end of the packet, which a slice is not.
//!
//! - [`Headers`]: Ethernet with up to two VLAN tags, IPv4 or IPv6, and UDP.
//! - [`Class`], [`is_rtcp`] and [`media_class`]: what a payload is (RFC 7983, RFC 5761).
//! - [`rtp`], [`rtcp`] and [`stun`]: views of the headers inside the payload.
//! - [`emit`]: the headers of a packet to be sent, with their checksums.
#![no_std]

#[cfg(test)]
extern crate std;

mod address;
mod bytes;
pub mod checksum;
mod class;
pub mod emit;
mod headers;
mod malformed;
pub mod rtcp;
pub mod rtp;
pub mod stun;
mod vlan;

pub use address::{Address, Endpoint, MacAddress};
pub use bytes::Bytes;
pub use class::{Class, is_rtcp, media_class};
pub use headers::{Headers, NotUdp};
pub use malformed::Malformed;
pub use vlan::{VlanTag, VlanTags};

/// Length in bytes of an Ethernet header without VLAN tags.
pub const ETHERNET_LENGTH: usize = 14;
/// Length in bytes of one VLAN tag.
pub const VLAN_LENGTH: usize = 4;
/// Length in bytes of an IPv4 header without options.
pub const IPV4_LENGTH: usize = 20;
/// Length in bytes of the fixed IPv6 header.
pub const IPV6_LENGTH: usize = 40;
/// Length in bytes of a UDP header.
pub const UDP_LENGTH: usize = 8;
