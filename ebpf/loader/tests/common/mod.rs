// SPDX-License-Identifier: MIT OR Apache-2.0
//! Packets for the tables, byte by byte and not by the code under test.

/// An IPv4 relay endpoint of the tests.
pub(crate) const RELAY4: [u8; 4] = [198, 51, 100, 2];
/// An IPv6 relay endpoint of the tests: 2001:db8::2.
pub(crate) const RELAY6: [u8; 16] = [0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2];
/// The relay's port in the tests.
pub(crate) const PORT: u16 = 30_000;

pub(crate) const TAG: [u8; 4] = [0x81, 0x00, 0x00, 0x64];
pub(crate) const SERVICE_TAG: [u8; 4] = [0x88, 0xa8, 0x00, 0xc8];

/// A payload of RTP: a header and eight bytes of media.
pub(crate) const RTP: [u8; 20] =
    [0x80, 0, 0x12, 0x34, 0, 0, 0, 160, 0xde, 0xad, 0xbe, 0xef, 1, 2, 3, 4, 5, 6, 7, 8];
/// A receiver report without blocks.
pub(crate) const RTCP: [u8; 8] = [0x80, 201, 0, 1, 0xde, 0xad, 0xbe, 0xef];
/// A binding request.
pub(crate) const STUN: [u8; 20] = [0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12];
/// The header of a DTLS handshake record.
pub(crate) const DTLS: [u8; 13] = [22, 0xfe, 0xfd, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0];

/// Ethernet with these tags, then the EtherType and the packet.
pub(crate) fn ethernet(tags: &[[u8; 4]], ethertype: u16, packet: &[u8]) -> Vec<u8> {
    let mut frame = vec![2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1];
    frame.extend(tags.iter().flatten());
    frame.extend(ethertype.to_be_bytes());
    frame.extend(packet);
    frame
}

pub(crate) fn udp(port: u16, payload: &[u8]) -> Vec<u8> {
    let mut datagram = vec![0x0f, 0xa0];
    datagram.extend(port.to_be_bytes());
    datagram.extend((8 + payload.len() as u16).to_be_bytes());
    datagram.extend([0x12, 0x34]);
    datagram.extend(payload);
    datagram
}

pub(crate) fn ipv4(destination: [u8; 4], options: &[u8], protocol: u8, rest: &[u8]) -> Vec<u8> {
    let header = 20 + options.len();
    let mut packet = vec![0x40 | (header / 4) as u8, 0];
    packet.extend(((header + rest.len()) as u16).to_be_bytes());
    packet.extend([0, 0, 0x40, 0, 64, protocol, 0, 0, 192, 0, 2, 1]);
    packet.extend(destination);
    packet.extend(options);
    packet.extend(rest);
    packet
}

pub(crate) fn ipv6(destination: [u8; 16], next_header: u8, rest: &[u8]) -> Vec<u8> {
    let mut packet = vec![0x60, 0, 0, 0];
    packet.extend((rest.len() as u16).to_be_bytes());
    packet.extend([next_header, 64]);
    packet.extend([0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]);
    packet.extend(destination);
    packet.extend(rest);
    packet
}

/// This payload to the relay's IPv4 endpoint.
pub(crate) fn to_relay4(payload: &[u8]) -> Vec<u8> {
    ethernet(&[], 0x0800, &ipv4(RELAY4, &[], 17, &udp(PORT, payload)))
}

/// This payload to the relay's IPv6 endpoint.
pub(crate) fn to_relay6(payload: &[u8]) -> Vec<u8> {
    ethernet(&[], 0x86dd, &ipv6(RELAY6, 17, &udp(PORT, payload)))
}

/// The frame with other bytes from `at` on.
pub(crate) fn with(mut frame: Vec<u8>, at: usize, bytes: &[u8]) -> Vec<u8> {
    frame[at..at + bytes.len()].copy_from_slice(bytes);
    frame
}
