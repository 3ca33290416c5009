// SPDX-License-Identifier: MIT OR Apache-2.0
//! Opens what the sink has kept: the bench must not count garbage.

use culvert_srtp::{Kind, Packet, unprotect_burst};
use culvert_wire::Headers;

use crate::fixture::{Leg, VOICE_PAYLOAD};
use crate::streams::{Side, packet};
use crate::wire::error::WireError;
use crate::wire::load::SUITE;
use crate::wire::maps::{FRAME_LENGTH, Frame};
use crate::wire::topology::Endpoints;

/// Every sample has its flow's addresses, opens under the flow's key B and not under its key A, and is then what the
/// caller sent, byte for byte. Says how many samples that were.
///
/// # Errors
/// For the first sample of which that is not true.
pub fn samples(samples: &[(u32, Frame)], flows: u32) -> Result<usize, WireError> {
    let mut callee = Side::receiver(SUITE, Leg::B, flows)?;
    let mut eavesdropper = Side::receiver(SUITE, Leg::A, flows)?;
    for &(number, frame) in samples {
        let fault = |fault| WireError::Delivered { number, fault };
        let (flow, rtp) = packet(number, flows);
        let frame = &frame[..FRAME_LENGTH];
        let headers = Headers::parse(frame).map_err(|_| fault("not UDP"))?;
        let payload = headers.payload(frame).map_err(|_| fault("malformed"))?;
        let endpoints = Endpoints::of(flow);
        if (headers.source, headers.destination) != (endpoints.egress, endpoints.callee) {
            return Err(fault("wrong source or destination"));
        }
        let mut copy = frame[payload.clone()].to_vec();
        if open(&mut copy, flow, &mut eavesdropper).is_some() {
            return Err(fault("opens under key A"));
        }
        let mut copy = frame[payload].to_vec();
        let length = open(&mut copy, flow, &mut callee).ok_or(fault("does not open under key B"))?;
        let mut expected = [0; FRAME_LENGTH];
        let expected_length = rtp.write(&mut expected, VOICE_PAYLOAD);
        if copy.get(..length) != Some(&expected[..expected_length]) {
            return Err(fault("opens to something else than was sent"));
        }
    }
    Ok(samples.len())
}

fn open(bytes: &mut [u8], flow: u32, side: &mut Side) -> Option<usize> {
    let length = bytes.len();
    let mut packets = [Packet::new(bytes, length, Kind::Rtp, flow)];
    unprotect_burst(&mut packets, side);
    packets[0].outcome.ok().map(|()| packets[0].length)
}
