// SPDX-License-Identifier: MIT OR Apache-2.0
//! Fills the pool.

use aya::Ebpf;
use culvert_srtp::Suite;
use culvert_wire::emit::{self, HeaderSpec};

use crate::fixture::VOICE_PAYLOAD;
use crate::streams::{Load, packet};
use crate::wire::error::WireError;
use crate::wire::maps::{self, FRAME_LENGTH, Frame};
use crate::wire::topology::{Endpoints, Macs};

/// The suite of both legs.
pub const SUITE: Suite = Suite::AesCm128HmacSha1_80;

const HEADERS: usize = culvert_wire::ETHERNET_LENGTH + culvert_wire::IPV4_LENGTH + culvert_wire::UDP_LENGTH;
const CHUNK: u32 = 4096;

/// Protects `packets` distinct packets of `flows` flows under leg A's keys and puts them into the pool.
///
/// # Errors
/// When the map cannot be written.
///
/// # Panics
/// When a packet cannot be protected.
pub fn fill(object: &mut Ebpf, packets: u32, flows: u32, macs: Macs) -> Result<(), WireError> {
    let mut load = Load::new(Some(SUITE), flows, VOICE_PAYLOAD)?;
    let specs: Vec<HeaderSpec> = (0..flows).map(|flow| headers(Endpoints::of(flow), macs)).collect();
    let mut frames: Vec<Frame> = vec![[0; 256]; CHUNK as usize];
    let mut first = 0;
    while first < packets {
        let count = CHUNK.min(packets - first);
        let frames = &mut frames[..count as usize];
        let length = load.fill(frames, HEADERS);
        assert_eq!(HEADERS + length, FRAME_LENGTH);
        for (frame, number) in frames.iter_mut().zip(first..) {
            let (flow, _) = packet(number, flows);
            let (headers, payload) = frame.split_at_mut(HEADERS);
            let written = emit::write(headers, &specs[flow as usize], &payload[..length]);
            assert_eq!(written, Ok(()));
        }
        maps::fill(object, first, frames)?;
        first += count;
    }
    Ok(())
}

/// Headers of a packet from the caller to the relay.
pub fn headers(endpoints: Endpoints, macs: Macs) -> HeaderSpec {
    HeaderSpec {
        source_mac: macs.edge,
        destination_mac: macs.relay,
        vlan: None,
        source: endpoints.caller,
        destination: endpoints.ingress,
        traffic_class: 46 << 2,
        hop_limit: 64,
    }
}
