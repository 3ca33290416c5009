// SPDX-License-Identifier: MIT OR Apache-2.0
//! Frames in, headers and payload out.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use culvert_wire::{Bytes, Endpoint, Headers, MacAddress, Malformed, NotUdp, VlanTag, VlanTags};
use proptest::prelude::*;

/// Ethernet addresses: to 02:00:00:00:00:02, from 02:00:00:00:00:01.
const MACS: [u8; 12] = [2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1];

/// 192.0.2.1:4000 to 198.51.100.2:30000, TOS 0xb8, four bytes of payload.
const IPV4: [u8; 32] = [
    0x45, 0xb8, 0x00, 0x20, 0x12, 0x34, 0x40, 0x00, 0x40, 0x11, 0x00, 0x00, 192, 0, 2, 1, 198, 51, 100,
    2, //
    0x0f, 0xa0, 0x75, 0x30, 0x00, 0x0c, 0x00, 0x00, //
    0xca, 0xfe, 0xba, 0xbe,
];

/// `[2001:db8::1]:4000` to `[2001:db8::2]:30000`, traffic class 0xb8, flow label 0x12345, four bytes of payload.
const IPV6: [u8; 52] = [
    0x6b, 0x81, 0x23, 0x45, 0x00, 0x0c, 0x11, 0x40, //
    0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, //
    0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2, //
    0x0f, 0xa0, 0x75, 0x30, 0x00, 0x0c, 0x12, 0x34, //
    0xca, 0xfe, 0xba, 0xbe,
];

const ETHERTYPE_IPV4: [u8; 2] = [0x08, 0x00];
const ETHERTYPE_IPV6: [u8; 2] = [0x86, 0xdd];

fn frame(parts: &[&[u8]]) -> Vec<u8> {
    let mut frame = MACS.to_vec();
    parts.iter().for_each(|part| frame.extend_from_slice(part));
    frame
}

fn ipv4() -> Vec<u8> {
    frame(&[&ETHERTYPE_IPV4, &IPV4])
}

fn ipv6() -> Vec<u8> {
    frame(&[&ETHERTYPE_IPV6, &IPV6])
}

fn endpoint(text: &str) -> Endpoint {
    Endpoint::from(text.parse::<std::net::SocketAddr>().unwrap())
}

fn payload(frame: &[u8]) -> Result<&[u8], Malformed> {
    let range = Headers::parse(frame).unwrap().payload(frame)?;
    Ok(&frame[range])
}

#[test]
fn ipv4_headers() {
    let frame = ipv4();
    let headers = Headers::parse(&frame[..]).unwrap();
    assert_eq!(headers.destination_mac, MacAddress([2, 0, 0, 0, 0, 2]));
    assert_eq!(headers.source_mac, MacAddress([2, 0, 0, 0, 0, 1]));
    assert_eq!(headers.vlan, VlanTags::default());
    assert_eq!(headers.source, endpoint("192.0.2.1:4000"));
    assert_eq!(headers.destination, endpoint("198.51.100.2:30000"));
    assert_eq!(headers.traffic_class, 0xb8);
    assert_eq!(headers.payload(&frame[..]), Ok(42..46));
}

#[test]
fn ipv6_headers() {
    let frame = ipv6();
    let headers = Headers::parse(&frame[..]).unwrap();
    assert_eq!(headers.source, endpoint("[2001:db8::1]:4000"));
    assert_eq!(headers.destination, endpoint("[2001:db8::2]:30000"));
    assert_eq!(headers.traffic_class, 0xb8);
    assert_eq!(headers.payload(&frame[..]), Ok(62..66));
}

#[test]
fn vlan_tags() {
    let customer = VlanTag { protocol: 0x8100, control: 0xa064 };
    let service = VlanTag { protocol: 0x88a8, control: 0x00c8 };
    for (ethertype, ip) in [(ETHERTYPE_IPV4, &IPV4[..]), (ETHERTYPE_IPV6, &IPV6[..])] {
        let one = frame(&[&[0x81, 0x00, 0xa0, 0x64], &ethertype, ip]);
        let headers = Headers::parse(&one[..]).unwrap();
        assert_eq!(headers.vlan, VlanTags { outer: Some(customer), inner: None });
        assert_eq!(headers.vlan.outer.unwrap().identifier(), 100);
        assert_eq!(headers.destination.port, 30_000);
        assert_eq!(payload(&one), Ok(&[0xca, 0xfe, 0xba, 0xbe][..]));

        let two = frame(&[&[0x88, 0xa8, 0x00, 0xc8, 0x81, 0x00, 0xa0, 0x64], &ethertype, ip]);
        let headers = Headers::parse(&two[..]).unwrap();
        assert_eq!(headers.vlan, VlanTags { outer: Some(service), inner: Some(customer) });
        assert_eq!(headers.destination.port, 30_000);
        assert_eq!(payload(&two), Ok(&[0xca, 0xfe, 0xba, 0xbe][..]));
    }
    let tag = [0x81, 0x00, 0x00, 0x01];
    let three = frame(&[&tag, &tag, &tag, &ETHERTYPE_IPV4, &IPV4]);
    assert_eq!(Headers::parse(&three[..]), Err(NotUdp::NotIp));
}

#[test]
fn ipv4_options_of_every_length() {
    for words in 0..=10u8 {
        let mut ip = IPV4.to_vec();
        ip[0] = 0x45 + words;
        ip[3] += 4 * words;
        ip.splice(20..20, std::iter::repeat_n(1, 4 * usize::from(words)));
        let frame = frame(&[&ETHERTYPE_IPV4, &ip]);
        let headers = Headers::parse(&frame[..]).unwrap();
        assert_eq!(headers.destination, endpoint("198.51.100.2:30000"));
        let start = 42 + 4 * usize::from(words);
        assert_eq!(headers.payload(&frame[..]), Ok(start..start + 4), "{words} words of options");
    }
}

#[test]
fn ethernet_padding_is_no_payload() {
    for (mut frame, start) in [(ipv4(), 42), (ipv6(), 62)] {
        for _ in 0..30 {
            frame.push(0x55);
            assert_eq!(Headers::parse(&frame[..]).unwrap().payload(&frame[..]), Ok(start..start + 4));
        }
    }
}

#[test]
fn bytes_after_the_udp_datagram_are_no_payload() {
    let mut frame = ipv4();
    frame[39] = 10;
    assert_eq!(payload(&frame), Ok(&[0xca, 0xfe][..]));
    frame[39] = 8;
    assert_eq!(payload(&frame), Ok(&[][..]));
}

#[test]
fn truncation_at_every_length() {
    let tags = [0x88, 0xa8, 0x00, 0xc8, 0x81, 0x00, 0xa0, 0x64];
    let frames = [
        (ipv4(), 42),
        (ipv6(), 62),
        (frame(&[&tags, &ETHERTYPE_IPV4, &IPV4]), 50),
        (frame(&[&tags, &ETHERTYPE_IPV6, &IPV6]), 70),
    ];
    for (frame, headers_end) in frames {
        for length in 0..headers_end {
            assert_eq!(Headers::parse(&frame[..length]), Err(NotUdp::Truncated), "{length} bytes");
        }
        for length in headers_end..frame.len() {
            assert_eq!(payload(&frame[..length]), Err(Malformed::IpLength), "{length} bytes");
        }
        assert_eq!(payload(&frame), Ok(&[0xca, 0xfe, 0xba, 0xbe][..]));
    }
}

#[test]
fn what_is_left_to_the_kernel() {
    let v4 = |place: usize, value: u8| {
        let mut frame = ipv4();
        frame[14 + place] = value;
        Headers::parse(&frame[..]).err()
    };
    let v6 = |place: usize, value: u8| {
        let mut frame = ipv6();
        frame[14 + place] = value;
        Headers::parse(&frame[..]).err()
    };
    assert_eq!(v4(0, 0x65), Some(NotUdp::IpHeader));
    assert_eq!(v4(0, 0x44), Some(NotUdp::IpHeader));
    assert_eq!(v4(9, 6), Some(NotUdp::OtherProtocol));
    assert_eq!(v4(6, 0x3f), Some(NotUdp::LaterFragment));
    assert_eq!(v4(7, 1), Some(NotUdp::LaterFragment));
    assert_eq!(v6(0, 0x4b), Some(NotUdp::IpHeader));
    for extension in [0, 43, 44, 50, 51, 60, 6, 58] {
        assert_eq!(v6(6, extension), Some(NotUdp::OtherProtocol), "next header {extension}");
    }
    let arp = frame(&[&[0x08, 0x06], &[0; 46]]);
    assert_eq!(Headers::parse(&arp[..]), Err(NotUdp::NotIp));
}

#[test]
fn ipv6_can_not_pass_for_ipv4() {
    let mapped = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 198, 51, 100, 2];
    for place in [22, 38] {
        let mut frame = ipv6();
        frame[place..place + 16].copy_from_slice(&mapped);
        assert_eq!(Headers::parse(&frame[..]), Err(NotUdp::MappedAddress));
    }
}

#[test]
fn first_fragments_are_malformed() {
    let mut frame = ipv4();
    frame[20] = 0x20;
    assert_eq!(payload(&frame), Err(Malformed::Fragment));
    frame[20] = 0x40;
    assert_eq!(payload(&frame), Ok(&[0xca, 0xfe, 0xba, 0xbe][..]), "don't fragment");
    frame[20] = 0x80;
    assert_eq!(payload(&frame), Ok(&[0xca, 0xfe, 0xba, 0xbe][..]), "the reserved bit");
}

#[test]
fn every_ip_length() {
    for length in 0..=u16::MAX {
        let mut frame = ipv4();
        frame[16..18].copy_from_slice(&length.to_be_bytes());
        let expected = match length {
            28..=31 => Err(Malformed::UdpLength),
            32 => Ok(42..46),
            _ => Err(Malformed::IpLength),
        };
        assert_eq!(
            Headers::parse(&frame[..]).unwrap().payload(&frame[..]),
            expected,
            "total length {length}"
        );

        let mut frame = ipv6();
        frame[18..20].copy_from_slice(&length.to_be_bytes());
        let expected = match length {
            8..=11 => Err(Malformed::UdpLength),
            12 => Ok(62..66),
            _ => Err(Malformed::IpLength),
        };
        assert_eq!(
            Headers::parse(&frame[..]).unwrap().payload(&frame[..]),
            expected,
            "payload length {length}"
        );
    }
}

#[test]
fn every_udp_length() {
    for length in 0..=u16::MAX {
        for (mut frame, udp) in [(ipv4(), 34), (ipv6(), 54)] {
            frame[udp + 4..udp + 6].copy_from_slice(&length.to_be_bytes());
            let expected = match length {
                8..=12 => Ok(udp + 8..udp + usize::from(length)),
                _ => Err(Malformed::UdpLength),
            };
            assert_eq!(
                Headers::parse(&frame[..]).unwrap().payload(&frame[..]),
                expected,
                "UDP length {length}"
            );
        }
    }
}

#[test]
fn only_ipv4_may_come_without_a_checksum() {
    assert_eq!(payload(&ipv4()), Ok(&[0xca, 0xfe, 0xba, 0xbe][..]));
    let mut frame = ipv6();
    frame[60..62].fill(0);
    assert_eq!(payload(&frame), Err(Malformed::ZeroChecksum));
    frame[61] = 1;
    assert_eq!(payload(&frame), Ok(&[0xca, 0xfe, 0xba, 0xbe][..]));
}

#[test]
fn sources_that_can_not_be_answered() {
    for source in [[0, 0, 0, 0], [224, 0, 0, 1], [255, 255, 255, 255]] {
        let mut frame = ipv4();
        frame[26..30].copy_from_slice(&source);
        assert_eq!(payload(&frame), Err(Malformed::Source), "{source:?}");
    }
    for first in [[0; 16], [0xff; 16]] {
        let mut frame = ipv6();
        frame[22..38].copy_from_slice(&first);
        assert_eq!(payload(&frame), Err(Malformed::Source));
    }
    let mut frame = ipv4();
    frame[34..36].fill(0);
    assert_eq!(payload(&frame), Err(Malformed::Source), "port 0");
}

#[test]
fn headers_of_one_frame_do_not_reach_outside_another() {
    let long = ipv4();
    let headers = Headers::parse(&long[..]).unwrap();
    assert_eq!(headers.payload(&long[..20]), Err(Malformed::IpLength));
}

/// Counts the bytes of the slice as a packet in the kernel would, without being a slice.
#[derive(Clone, Copy)]
struct Memory<'a>(&'a [u8]);

impl Bytes for Memory<'_> {
    fn length(self) -> usize {
        self.0.len()
    }

    fn array<const N: usize>(self, offset: usize) -> Option<[u8; N]> {
        self.0.get(offset..offset.checked_add(N)?)?.try_into().ok()
    }
}

proptest! {
    #[test]
    fn any_bytes_give_a_payload_inside_or_an_error(bytes in prop::collection::vec(any::<u8>(), 0..120), ethertype in 0..5usize, version in any::<bool>()) {
        let mut bytes = bytes;
        let kinds = [[0x08, 0x00], [0x86, 0xdd], [0x81, 0x00], [0x88, 0xa8], [0x08, 0x06]];
        if let Some(place) = bytes.get_mut(12..14) {
            place.copy_from_slice(&kinds[ethertype]);
        }
        if let Some(first) = bytes.get_mut(14) {
            *first = if version { 0x45 } else { 0x60 };
        }
        for place in [20, 23] {
            if let Some(protocol) = bytes.get_mut(place) {
                *protocol = 17;
            }
        }
        let parsed = Headers::parse(&bytes[..]);
        prop_assert_eq!(parsed, Headers::parse(Memory(&bytes)));
        if let Ok(headers) = parsed
            && let Ok(range) = headers.payload(&bytes[..])
        {
            prop_assert!(range.start >= 42 && range.start <= range.end && range.end <= bytes.len());
        }
    }
}
