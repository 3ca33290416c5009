// SPDX-License-Identifier: MIT OR Apache-2.0
//! Opens what the sink has kept: the bench must not count garbage.

use culvert_srtp::{Kind, Packet, protect_burst, unprotect_burst};
use culvert_traffic::Sample;
use culvert_wire::Headers;

use crate::fixture::{Leg, VOICE_PAYLOAD};
use crate::streams::{Side, packet};
use crate::wire::error::WireError;
use crate::wire::load::SUITE;
use crate::wire::topology::Endpoints;

/// For a packet of voice and what protection adds.
const ROOM: usize = 256;

/// Every sample has its flow's addresses, opens under the flow's key B and not under its key A, and is then what the
/// caller sent, byte for byte. Says how many samples that were.
///
/// # Errors
/// For the first sample of which that is not true.
pub fn samples(samples: &[Sample], flows: u32) -> Result<usize, WireError> {
    let mut callee = Callee::new(flows)?;
    let mut eavesdropper = Side::receiver(SUITE, Leg::A, flows)?;
    for Sample { place: number, frame } in samples {
        let number = *number;
        let fault = |fault| WireError::Delivered { number, fault };
        let (flow, rtp) = packet(number, flows);
        let headers = Headers::parse(&frame[..]).map_err(|_| fault("not UDP"))?;
        let payload = headers.payload(&frame[..]).map_err(|_| fault("malformed"))?;
        let endpoints = Endpoints::of(flow);
        if (headers.source, headers.destination) != (endpoints.egress, endpoints.callee) {
            return Err(fault("wrong source or destination"));
        }
        let mut copy = frame[payload.clone()].to_vec();
        if open(&mut copy, flow, &mut eavesdropper).is_some() {
            return Err(fault("opens under key A"));
        }
        let mut copy = frame[payload].to_vec();
        callee.follow(number);
        let length = open(&mut copy, flow, &mut callee.receiver).ok_or(fault("does not open under key B"))?;
        let mut expected = [0; ROOM];
        let expected_length = rtp.write(&mut expected, VOICE_PAYLOAD);
        if copy.get(..length) != Some(&expected[..expected_length]) {
            return Err(fault("opens to something else than was sent"));
        }
    }
    Ok(samples.len())
}

/// Opens packets of which it hears few. Where more than half of the sequence numbers lie between two of them, it would
/// misjudge the roll-over counter (RFC 3711 section 3.3.1), so it is led across by packets of its own making.
struct Callee {
    receiver: Side,
    guide: Side,
    flows: u32,
    /// By flow, the packet that led last. They are evenly spaced, or the guide would lose its own index.
    last: Vec<u32>,
}

impl Callee {
    const STEP: u32 = 1 << 14;

    fn new(flows: u32) -> Result<Callee, WireError> {
        Ok(Callee {
            receiver: Side::receiver(SUITE, Leg::B, flows)?,
            guide: Side::sender(SUITE, Leg::B, flows)?,
            flows,
            last: (0..flows).collect(),
        })
    }

    fn follow(&mut self, number: u32) {
        let flow = number % self.flows;
        let Some(last) = self.last.get_mut(flow as usize) else { return };
        while (number - *last) / self.flows > Self::STEP {
            *last += Self::STEP * self.flows;
            let mut bytes = [0; ROOM];
            let length = packet(*last, self.flows).1.write(&mut bytes, VOICE_PAYLOAD);
            let mut packets = [Packet::new(&mut bytes, length, Kind::Rtp, flow)];
            protect_burst(&mut packets, &mut self.guide);
            unprotect_burst(&mut packets, &mut self.receiver);
        }
    }
}

fn open(bytes: &mut [u8], flow: u32, side: &mut Side) -> Option<usize> {
    let length = bytes.len();
    let mut packets = [Packet::new(bytes, length, Kind::Rtp, flow)];
    unprotect_burst(&mut packets, side);
    packets[0].outcome.ok().map(|()| packets[0].length)
}

#[cfg(test)]
mod tests {
    use culvert_wire::emit::{self, HeaderSpec};
    use culvert_wire::{ETHERNET_LENGTH, IPV4_LENGTH, MacAddress, UDP_LENGTH};

    use super::*;

    const HEADERS: usize = ETHERNET_LENGTH + IPV4_LENGTH + UDP_LENGTH;
    const LENGTH: usize = HEADERS + 12 + VOICE_PAYLOAD + 10;

    /// What a relay would deliver of packets `numbers` under the keys of `leg`.
    fn delivered(leg: Leg, flows: u32, numbers: impl Iterator<Item = u32>) -> Vec<Sample> {
        let mut sender = Side::sender(SUITE, leg, flows).unwrap();
        let frame = |number| {
            let (flow, rtp) = packet(number, flows);
            let mut frame = [0; 256];
            let length = rtp.write(&mut frame[HEADERS..], VOICE_PAYLOAD);
            let mut packets = [Packet::new(&mut frame[HEADERS..], length, Kind::Rtp, flow)];
            protect_burst(&mut packets, &mut sender);
            assert_eq!(packets[0].outcome, Ok(()));
            let spec = HeaderSpec {
                source_mac: MacAddress([2; 6]),
                destination_mac: MacAddress([4; 6]),
                vlan: None,
                source: Endpoints::of(flow).egress,
                destination: Endpoints::of(flow).callee,
                traffic_class: 0,
                hop_limit: 64,
            };
            let (headers, payload) = frame.split_at_mut(HEADERS);
            emit::write(headers, &spec, &payload[..LENGTH - HEADERS]).unwrap();
            Sample { place: number, frame: frame[..LENGTH].to_vec() }
        };
        numbers.map(frame).collect()
    }

    fn fault(result: Result<usize, WireError>) -> &'static str {
        match result {
            Err(WireError::Delivered { fault, .. }) => fault,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn accepts_what_a_relay_would_deliver_and_nothing_else() {
        let good = delivered(Leg::B, 3, 0..30);
        assert_eq!(samples(&good, 3).unwrap(), 30);
        assert_eq!(fault(samples(&delivered(Leg::A, 3, 0..1), 3)), "opens under key A");
        let mut garbage = good.clone();
        garbage[7].frame[100] ^= 1;
        assert_eq!(fault(samples(&garbage, 3)), "does not open under key B");
        let mut astray = good.clone();
        astray[7].frame[37] ^= 2;
        assert_eq!(fault(samples(&astray, 3)), "wrong source or destination");
        let swapped = [Sample { place: 1, frame: good[4].frame.clone() }];
        assert_eq!(fault(samples(&swapped, 3)), "opens to something else than was sent");
    }

    #[test]
    fn follows_across_gaps_of_several_roll_overs() {
        let mut all = delivered(Leg::B, 1, 0..300_000);
        all.retain(|sample| [5, 50_000, 290_000, 299_999].contains(&sample.place));
        assert_eq!(samples(&all, 1).unwrap(), 4);
        let mut all = delivered(Leg::B, 1, 0..300_000);
        all.retain(|sample| sample.place % 251 == 0 && !(200_000..280_000).contains(&sample.place));
        assert_eq!(samples(&all, 1).unwrap(), all.len());
    }
}
