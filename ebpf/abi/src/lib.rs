// SPDX-License-Identifier: MIT OR Apache-2.0
//! What the XDP program and user space share: the names of the maps, the key of the endpoint map, and the places of
//! the counters.
#![no_std]

mod counter;
mod endpoint;
mod media_ports;

pub use counter::Counter;
pub use endpoint::EndpointKey;
pub use media_ports::MediaPorts;

/// Name of the XDP program.
pub const PROGRAM: &str = "culvert";

/// Name of the hash map of relay endpoints: [`EndpointKey`] to [`Present`].
pub const ENDPOINTS: &str = "ENDPOINTS";

/// Name of the hash map of the relay's addresses, of 16 bytes as in [`EndpointKey`], to [`MediaPorts`].
pub const MEDIA_PORTS: &str = "MEDIA_PORTS";

/// Name of the XSKMAP: receive queue to `AF_XDP` socket.
pub const SOCKETS: &str = "SOCKETS";

/// Name of the per-CPU array of [`Counter::COUNT`] counters of 64 bits.
pub const COUNTERS: &str = "COUNTERS";

/// What the endpoint map holds for an endpoint: nothing beyond its being there.
pub type Present = u8;
