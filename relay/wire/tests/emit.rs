// SPDX-License-Identifier: MIT OR Apache-2.0
//! Headers out, byte for byte, and back in.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use culvert_wire::emit::{Error, HeaderSpec, header_length, write};
use culvert_wire::{Endpoint, Headers, MacAddress, VlanTag, VlanTags};
use proptest::prelude::*;

fn spec(source: &str, destination: &str) -> HeaderSpec {
    let endpoint = |text: &str| Endpoint::from(text.parse::<std::net::SocketAddr>().unwrap());
    HeaderSpec {
        source_mac: MacAddress([2, 0, 0, 0, 0, 1]),
        destination_mac: MacAddress([2, 0, 0, 0, 0, 2]),
        vlan: None,
        source: endpoint(source),
        destination: endpoint(destination),
        traffic_class: 0xb8,
        hop_limit: 64,
    }
}

fn frame(spec: &HeaderSpec, payload: &[u8]) -> Vec<u8> {
    let mut frame = vec![0xee; header_length(spec)];
    write(&mut frame, spec, payload).unwrap();
    frame.extend_from_slice(payload);
    frame
}

/// One's complement sum of 16-bit words, folded at each step.
fn ones_sum(bytes: &[u8]) -> u16 {
    bytes.chunks(2).fold(0u32, |sum, pair| {
        let sum = sum + (u32::from(pair[0]) << 8 | u32::from(*pair.get(1).unwrap_or(&0)));
        (sum & 0xffff) + (sum >> 16)
    }) as u16
}

/// The pseudo header and the datagram of a frame without VLAN tag, to be summed.
fn checksummed(frame: &[u8]) -> Vec<u8> {
    let (addresses, udp) = match frame[12..14] {
        [0x08, 0x00] => (&frame[26..34], &frame[34..]),
        _ => (&frame[22..54], &frame[54..]),
    };
    let mut bytes = addresses.to_vec();
    bytes.extend((udp.len() as u32).to_be_bytes());
    bytes.extend([0, 0, 0, 17]);
    bytes.extend(udp);
    bytes
}

#[test]
fn ipv4_bytes() {
    let frame = frame(&spec("192.0.2.1:4000", "198.51.100.2:30000"), &[0xca, 0xfe, 0xba, 0xbe]);
    let expected = [
        2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 0x08, 0x00, //
        0x45, 0xb8, 0x00, 0x20, 0, 0, 0x40, 0, 64, 17, 0x4d, 0xde, 192, 0, 2, 1, 198, 51, 100, 2, //
        0x0f, 0xa0, 0x75, 0x30, 0x00, 0x0c, 0x09, 0x11, //
        0xca, 0xfe, 0xba, 0xbe,
    ];
    assert_eq!(frame, expected);
}

#[test]
fn ipv6_bytes() {
    let frame = frame(&spec("[2001:db8::1]:4000", "[2001:db8::2]:30000"), &[0xca, 0xfe, 0xba, 0xbe, 0x01]);
    let expected = [
        2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 0x86, 0xdd, //
        0x6b, 0x80, 0, 0, 0x00, 0x0d, 17, 64, //
        0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, //
        0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2, //
        0x0f, 0xa0, 0x75, 0x30, 0x00, 0x0d, 0x98, 0xd1, //
        0xca, 0xfe, 0xba, 0xbe, 0x01,
    ];
    assert_eq!(frame, expected);
}

#[test]
fn a_vlan_tag_moves_the_rest() {
    for (source, destination) in [("192.0.2.1:1", "192.0.2.2:2"), ("[2001:db8::1]:1", "[2001:db8::2]:2")] {
        let plain = spec(source, destination);
        let tagged = HeaderSpec { vlan: Some(0x6064), ..plain };
        assert_eq!(header_length(&tagged), header_length(&plain) + 4);
        let mut expected = frame(&plain, b"media");
        expected.splice(12..12, [0x81, 0x00, 0x60, 0x64]);
        assert_eq!(frame(&tagged, b"media"), expected);
    }
}

#[test]
fn a_checksum_of_zero_is_sent_as_all_ones() {
    for (source, destination) in
        [("192.0.2.1:4000", "198.51.100.2:30000"), ("[2001:db8::1]:4000", "[2001:db8::2]:30000")]
    {
        let spec = spec(source, destination);
        let before = frame(&spec, &[0, 0]);
        let at = before.len() - 4;
        // A payload that is the checksum of everything else makes the sum all ones, and its complement zero.
        let after = frame(&spec, &before[at..at + 2]);
        assert_eq!(after[at..at + 2], [0xff, 0xff]);
        assert_eq!(ones_sum(&checksummed(&after)), 0xffff);
    }
}

#[test]
fn lengths_and_families_are_checked() {
    let v4 = spec("192.0.2.1:1", "192.0.2.2:2");
    let v6 = spec("[2001:db8::1]:1", "[2001:db8::2]:2");
    assert_eq!((header_length(&v4), header_length(&v6)), (42, 62));
    for spec in [v4, v6, HeaderSpec { vlan: Some(1), ..v4 }, HeaderSpec { vlan: Some(1), ..v6 }] {
        let mut buffer = [0; 80];
        for length in 0..buffer.len() {
            let expected = if length == header_length(&spec) { Ok(()) } else { Err(Error::HeaderLength) };
            assert_eq!(write(&mut buffer[..length], &spec, b"x"), expected, "{length} bytes");
        }
    }
    let mixed = HeaderSpec { source: v6.source, ..v4 };
    assert_eq!(write(&mut [0; 42], &mixed, b"x"), Err(Error::Families));
    let mixed = HeaderSpec { source: v4.source, ..v6 };
    assert_eq!(write(&mut [0; 62], &mixed, b"x"), Err(Error::Families));
}

#[test]
fn longest_payloads() {
    let payload = vec![0xa5; 65_528];
    for (spec, longest) in
        [(spec("192.0.2.1:1", "192.0.2.2:2"), 65_507), (spec("[2001:db8::1]:1", "[2001:db8::2]:2"), 65_527)]
    {
        let mut headers = vec![0; header_length(&spec)];
        assert_eq!(write(&mut headers, &spec, &payload[..longest + 1]), Err(Error::PayloadLength));
        assert_eq!(ones_sum(&checksummed(&frame(&spec, &payload[..longest]))), 0xffff);
    }
}

fn any_spec() -> impl Strategy<Value = HeaderSpec> {
    let addresses = prop_oneof![
        (any::<[u8; 4]>(), any::<[u8; 4]>()).prop_map(|(a, b)| {
            let unicast = |[first, rest @ ..]: [u8; 4]| [first % 223 + 1, rest[0], rest[1], rest[2]];
            (std::net::IpAddr::from(unicast(a)), std::net::IpAddr::from(unicast(b)))
        }),
        (any::<[u8; 15]>(), any::<[u8; 15]>()).prop_map(|(a, b)| {
            let unicast = |rest: [u8; 15]| {
                let mut octets = [0x20; 16];
                octets[1..].copy_from_slice(&rest);
                octets
            };
            (std::net::IpAddr::from(unicast(a)), std::net::IpAddr::from(unicast(b)))
        }),
    ];
    (addresses, 1..=u16::MAX, any::<(u16, [u8; 6], [u8; 6], Option<u16>, u8, u8)>()).prop_map(
        |(
            (source, destination),
            source_port,
            (port, source_mac, destination_mac, vlan, traffic_class, hop_limit),
        )| {
            HeaderSpec {
                source_mac: MacAddress(source_mac),
                destination_mac: MacAddress(destination_mac),
                vlan,
                source: Endpoint::new(source.into(), source_port),
                destination: Endpoint::new(destination.into(), port),
                traffic_class,
                hop_limit,
            }
        },
    )
}

proptest! {
    #[test]
    fn what_is_written_is_read(spec in any_spec(), payload in prop::collection::vec(any::<u8>(), 0..1500)) {
        let frame = frame(&spec, &payload);
        let headers = Headers::parse(&frame[..]).unwrap();
        let outer = spec.vlan.map(|control| VlanTag { protocol: VlanTag::CUSTOMER, control });
        prop_assert_eq!(headers.source_mac, spec.source_mac);
        prop_assert_eq!(headers.destination_mac, spec.destination_mac);
        prop_assert_eq!(headers.vlan, VlanTags { outer, inner: None });
        prop_assert_eq!(headers.source, spec.source);
        prop_assert_eq!(headers.destination, spec.destination);
        prop_assert_eq!(headers.traffic_class, spec.traffic_class);
        let range = headers.payload(&frame[..]).unwrap();
        prop_assert_eq!(range.start, header_length(&spec));
        prop_assert_eq!(&frame[range], &payload[..]);

        let mut untagged = frame;
        if spec.vlan.is_some() {
            untagged.drain(12..16);
        }
        prop_assert_eq!(ones_sum(&checksummed(&untagged)), 0xffff);
        if untagged[12] == 0x08 {
            prop_assert_eq!(ones_sum(&untagged[14..34]), 0xffff);
        }
    }
}
