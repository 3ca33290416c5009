// SPDX-License-Identifier: MIT OR Apache-2.0
//! Fills the pool.

use culvert_srtp::Suite;
use culvert_traffic::Pool;
use culvert_wire::emit::{self, HeaderSpec};

use crate::fixture::{Leg, RTP_HEADER, VOICE_PAYLOAD, master_bytes};
use crate::streams::{Load, packet};
use crate::wire::error::WireError;
use crate::wire::topology::{Endpoints, Macs};

/// The suite of both legs.
pub const SUITE: Suite = Suite::AesCm128HmacSha1_80;

/// Where the RTP timestamp, which holds the packet's number, lies in its frame.
pub const NUMBER: usize = HEADERS + 4;

/// Bytes of a frame before its UDP payload.
pub const HEADERS: usize =
    culvert_wire::ETHERNET_LENGTH + culvert_wire::IPV4_LENGTH + culvert_wire::UDP_LENGTH;
const CHUNK: usize = 4096;

/// Bytes of a frame to the relay, of voice in SRTP of that suite or in plain RTP.
pub fn frame_length(suite: Option<Suite>) -> usize {
    HEADERS + RTP_HEADER + VOICE_PAYLOAD + suite.map_or(0, Suite::rtp_tag_length)
}

/// Writes distinct packets of `flows` flows into all places of the pool, protected under leg A's keys or plain.
///
/// # Errors
/// When the suite refuses a key.
///
/// # Panics
/// When a packet cannot be protected: the bench would measure something else.
pub fn fill(pool: &mut Pool, suite: Option<Suite>, flows: u32, macs: Macs) -> Result<(), WireError> {
    let mut load = Load::new(suite, flows, VOICE_PAYLOAD)?;
    let specs: Vec<HeaderSpec> = (0..flows).map(|flow| headers(Endpoints::of(flow), macs)).collect();
    let frame = frame_length(suite);
    let mut numbers = 0..;
    let mut places = pool.places_mut(frame);
    loop {
        let mut frames: Vec<&mut [u8]> = places.by_ref().take(CHUNK).collect();
        if frames.is_empty() {
            return Ok(());
        }
        let length = load.fill(&mut frames, HEADERS);
        assert_eq!(HEADERS + length, frame);
        for (frame, number) in frames.iter_mut().zip(&mut numbers) {
            let (flow, _) = packet(number, flows);
            let (headers, payload) = frame.split_at_mut(HEADERS);
            let written = emit::write(headers, &specs[flow as usize], &payload[..length]);
            assert_eq!(written, Ok(()));
        }
    }
}

/// Sends every packet in the pool, whose frames have `length` bytes, to its flow's port of the relay: `ports[i]` is flow `i`'s. What
/// it was sent to before does not matter.
pub fn aim(pool: &mut Pool, length: usize, ports: &[u16]) {
    for (frame, port) in pool.places_mut(length).zip(ports.iter().cycle()) {
        redirect(frame, *port);
    }
}

/// Another destination port, and a checksum by what has changed (RFC 1624).
fn redirect(frame: &mut [u8], port: u16) {
    const PORT: std::ops::Range<usize> = HEADERS - 6..HEADERS - 4;
    const CHECKSUM: std::ops::Range<usize> = HEADERS - 2..HEADERS;
    let word = |bytes: &[u8]| bytes.iter().fold(0, |word, byte| word << 8 | u32::from(*byte));
    let sum = (!word(&frame[CHECKSUM]) & 0xffff) + (!word(&frame[PORT]) & 0xffff) + u32::from(port);
    let sum = (sum & 0xffff) + (sum >> 16);
    let sum = (sum & 0xffff) + (sum >> 16);
    // 0 would mean that there is none.
    let checksum = if sum == 0xffff { 0xffff } else { !(sum as u16) };
    frame[PORT].copy_from_slice(&port.to_be_bytes());
    frame[CHECKSUM].copy_from_slice(&checksum.to_be_bytes());
}

/// Master key and salt of leg B of a flow.
pub fn callee_key(flow: u32) -> [u8; 30] {
    let mut key = [0; 30];
    key.iter_mut().zip(master_bytes(SUITE, Leg::B, flow)).for_each(|(to, byte)| *to = byte);
    key
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

#[cfg(test)]
mod tests {
    use culvert_wire::MacAddress;

    use super::*;

    #[test]
    fn another_port_has_the_checksum_that_would_be_written_from_nothing() {
        let macs = Macs { edge: MacAddress([2; 6]), relay: MacAddress([4; 6]) };
        let payload: Vec<u8> = (0..182).collect();
        let frame = |port| {
            let mut spec = headers(Endpoints::of(3), macs);
            spec.destination.port = port;
            let mut frame = [&[0; HEADERS], &payload[..]].concat();
            emit::write(&mut frame[..HEADERS], &spec, &payload).unwrap();
            frame
        };
        let mut redirected = frame(20_006);
        // Every port, so that sums carry and come to nothing, too.
        for port in 0..=u16::MAX {
            redirect(&mut redirected, port);
            assert_eq!(redirected, frame(port), "{port}");
        }
    }
}
