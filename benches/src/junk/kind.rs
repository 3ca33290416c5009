// SPDX-License-Identifier: MIT OR Apache-2.0
//! Packets that nobody wants, made from those of a call.

use culvert_wire::emit;
use culvert_wire::{Address, Endpoint};

use crate::fixture::RTP_HEADER;
use crate::wire::load::{HEADERS, headers};
use crate::wire::topology::{Endpoints, Macs};

/// Host that no call has.
const STRANGER: [u8; 4] = [10, 77, 0, 77];
/// Sequence numbers ahead of the call's, of both forms of a forgery.
const AHEAD: [u16; 2] = [1, 1000];

/// What is wrong with a packet. There are two forms of each.
#[derive(Copy, Clone, Debug, Eq, PartialEq)]
pub enum Kind {
    /// To a port that is kept for calls and has none: next to the caller's, or next to the callee's.
    UnknownPort,
    /// From another port of the caller's host, or from another host.
    WrongSource,
    /// From the right source, with the SSRC and an index that are due, under no key.
    BadTag,
    /// What has just been sent, or what the call sent before that, once more.
    Replay,
    /// Shorter than the header of RTP, or shorter than header and tag of SRTP.
    Malformed,
}

/// A place where one of [`Kind`]'s two forms is counted when it is dropped, as [`crate::relay::Relay::stop`] names it.
pub type Place = &'static str;

impl Kind {
    /// Every kind, in the order in which they are sent.
    pub const ALL: [Kind; 5] =
        [Kind::UnknownPort, Kind::WrongSource, Kind::BadTag, Kind::Replay, Kind::Malformed];

    /// As tables and rows name it.
    pub fn name(self) -> &'static str {
        match self {
            Kind::UnknownPort => "unknown port",
            Kind::WrongSource => "wrong source",
            Kind::BadTag => "bad tag",
            Kind::Replay => "replay",
            Kind::Malformed => "malformed",
        }
    }

    /// Where each form is counted.
    pub fn places(self) -> [Place; 2] {
        match self {
            Kind::UnknownPort => ["XDP program unknown_port"; 2],
            Kind::WrongSource => ["flow wrong_source"; 2],
            Kind::BadTag => ["flow authentication_failed"; 2],
            Kind::Replay => ["flow replayed"; 2],
            Kind::Malformed => ["XDP program rtp_length", "flow too_short"],
        }
    }

    /// Kind and form of the junk packet that comes at that place after a packet of media.
    pub fn at(place: u32) -> (Kind, usize) {
        let kinds = Kind::ALL.len();
        let place = place as usize;
        (Kind::ALL[place % kinds], place / kinds % 2)
    }

    /// Writes such a packet into a frame as long as `media`, the packet of the call that has just been sent. `before` is the one
    /// that the call sent before that. Bytes after a shorter packet are padding.
    ///
    /// # Panics
    /// When headers cannot be written: the bench would measure something else.
    pub fn write(
        self,
        form: usize,
        frame: &mut [u8],
        [media, before]: [&[u8]; 2],
        endpoints: Endpoints,
        macs: Macs,
    ) {
        frame.copy_from_slice(if (self, form) == (Kind::Replay, 1) { before } else { media });
        let mut spec = headers(endpoints, macs);
        let (head, packet) = frame.split_at_mut(HEADERS);
        let mut length = packet.len();
        match (self, form) {
            (Kind::UnknownPort, 0) => spec.destination.port += 1,
            (Kind::UnknownPort, _) => spec.destination.port = endpoints.egress.port + 1,
            (Kind::WrongSource, 0) => spec.source.port += 1,
            (Kind::WrongSource, _) => {
                spec.source = Endpoint::new(Address::from_ipv4(STRANGER), spec.source.port);
            }
            (Kind::BadTag, _) => {
                let sequence = u16::from_be_bytes([packet[2], packet[3]]).wrapping_add(AHEAD[form]);
                packet[2..4].copy_from_slice(&sequence.to_be_bytes());
            }
            (Kind::Replay, _) => return,
            (Kind::Malformed, 0) => length = 5,
            (Kind::Malformed, _) => length = RTP_HEADER,
        }
        assert_eq!(emit::write(head, &spec, &packet[..length]), Ok(()));
    }
}

#[cfg(test)]
mod tests {
    use culvert_wire::{Headers, MacAddress};

    use super::*;
    use crate::wire::load::{SUITE, frame_length};

    const MACS: Macs = Macs { edge: MacAddress([2; 6]), relay: MacAddress([4; 6]) };

    #[test]
    fn ten_packets_are_two_of_each_kind() {
        let ten: Vec<(Kind, usize)> = (0..10).map(Kind::at).collect();
        for kind in Kind::ALL {
            assert_eq!(ten.iter().filter(|(other, _)| *other == kind).count(), 2);
            assert!(ten.contains(&(kind, 0)) && ten.contains(&(kind, 1)));
        }
        assert_eq!(Kind::at(10), Kind::at(0));
    }

    #[test]
    fn each_is_wrong_in_its_own_way_and_in_no_other() {
        let endpoints = Endpoints::of(3);
        let frame = |fill: u8| {
            let payload = vec![fill; frame_length(Some(SUITE)) - HEADERS];
            let mut frame = [&[0; HEADERS], &payload[..]].concat();
            emit::write(&mut frame[..HEADERS], &headers(endpoints, MACS), &payload).unwrap();
            frame
        };
        let (media, before) = (frame(0x80), frame(0x81));
        let read = |frame: &[u8]| {
            let headers = Headers::parse(frame).unwrap();
            let payload = headers.payload(frame).unwrap();
            (headers.source, headers.destination, frame[payload].to_vec())
        };
        let (caller, ingress, packet) = read(&media);
        assert_eq!((caller, ingress), (endpoints.caller, endpoints.ingress));
        let make = |kind: Kind, form| {
            let mut frame = vec![0; media.len()];
            kind.write(form, &mut frame, [&media, &before], endpoints, MACS);
            read(&frame)
        };
        let port = |port| Endpoint { port, ..ingress };
        assert_eq!(make(Kind::UnknownPort, 0), (caller, port(20_007), packet.clone()));
        assert_eq!(make(Kind::UnknownPort, 1), (caller, port(30_007), packet.clone()));
        assert_eq!(
            make(Kind::WrongSource, 0),
            (Endpoint { port: caller.port + 1, ..caller }, ingress, packet.clone())
        );
        let stranger = Endpoint::new(Address::from_ipv4(STRANGER), caller.port);
        assert_eq!(make(Kind::WrongSource, 1), (stranger, ingress, packet.clone()));
        for (form, sequence) in [0x8081_u16, 0x8468].into_iter().enumerate() {
            let mut forged = packet.clone();
            forged[2..4].copy_from_slice(&sequence.to_be_bytes());
            assert_eq!(make(Kind::BadTag, form), (caller, ingress, forged));
        }
        assert_eq!(make(Kind::Replay, 0), (caller, ingress, packet.clone()));
        assert_eq!(make(Kind::Replay, 1), (caller, ingress, read(&before).2));
        assert_eq!(make(Kind::Malformed, 0), (caller, ingress, packet[..5].to_vec()));
        assert_eq!(make(Kind::Malformed, 1), (caller, ingress, packet[..12].to_vec()));
    }
}
