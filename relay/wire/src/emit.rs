// SPDX-License-Identifier: MIT OR Apache-2.0
//! The headers of a packet to be sent.

use crate::checksum::Sum;
use crate::headers::{ETHERTYPE_IPV4, ETHERTYPE_IPV6, PROTOCOL_UDP};
use crate::{
    ETHERNET_LENGTH, Endpoint, IPV4_LENGTH, IPV6_LENGTH, MacAddress, UDP_LENGTH, VLAN_LENGTH, VlanTag,
};

/// Don't fragment, no identification: an atomic datagram (RFC 6864 section 4).
const DONT_FRAGMENT: [u8; 2] = [0x40, 0x00];

/// What the headers of a packet say. Source and destination are of one address family.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HeaderSpec {
    /// The MAC address of the interface that sends.
    pub source_mac: MacAddress,
    /// The MAC address of the next hop.
    pub destination_mac: MacAddress,
    /// The control information of an 802.1Q tag, when the frame is to have one.
    pub vlan: Option<u16>,
    /// Where the packet comes from.
    pub source: Endpoint,
    /// Where the packet goes to.
    pub destination: Endpoint,
    /// The IPv4 TOS or IPv6 traffic class byte: DSCP in the upper six bits, ECN in the lower two.
    pub traffic_class: u8,
    /// The IPv4 time to live or IPv6 hop limit.
    pub hop_limit: u8,
}

/// Why headers were not written. Nothing of the buffer can be relied on then.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Error {
    /// One of source and destination is IPv4 and the other is IPv6.
    Families,
    /// The buffer is not of [`header_length`] bytes.
    HeaderLength,
    /// The payload does not fit into an IP packet.
    PayloadLength,
}

/// Length in bytes of the headers that [`write()`] makes: 42 or 62, and four more with a VLAN tag.
#[inline(always)]
pub fn header_length(spec: &HeaderSpec) -> usize {
    let ip = if spec.destination.address.is_ipv4() { IPV4_LENGTH } else { IPV6_LENGTH };
    let vlan = if spec.vlan.is_some() { VLAN_LENGTH } else { 0 };
    ETHERNET_LENGTH + vlan + ip + UDP_LENGTH
}

/// Writes Ethernet, IP and UDP headers with full checksums into `headers`, the bytes just before `payload`.
///
/// # Errors
///
/// [`Error`] when the specification contradicts itself, or the lengths of `headers` or `payload` are wrong.
#[inline]
pub fn write(headers: &mut [u8], spec: &HeaderSpec, payload: &[u8]) -> Result<(), Error> {
    let (ethernet, mut rest) = headers.split_first_chunk_mut::<12>().ok_or(Error::HeaderLength)?;
    let [d0, d1, d2, d3, d4, d5] = spec.destination_mac.0;
    let [s0, s1, s2, s3, s4, s5] = spec.source_mac.0;
    *ethernet = [d0, d1, d2, d3, d4, d5, s0, s1, s2, s3, s4, s5];
    if let Some(control) = spec.vlan {
        let (tag, after) = rest.split_first_chunk_mut::<VLAN_LENGTH>().ok_or(Error::HeaderLength)?;
        let [p0, p1] = VlanTag::CUSTOMER.to_be_bytes();
        let [c0, c1] = control.to_be_bytes();
        *tag = [p0, p1, c0, c1];
        rest = after;
    }
    let (ethertype, rest) = rest.split_first_chunk_mut::<2>().ok_or(Error::HeaderLength)?;
    match (spec.source.address.ipv4_octets(), spec.destination.address.ipv4_octets()) {
        (Some(source), Some(destination)) => {
            *ethertype = ETHERTYPE_IPV4.to_be_bytes();
            ipv4(rest.try_into().map_err(|_| Error::HeaderLength)?, spec, source, destination, payload)
        }
        (None, None) => {
            *ethertype = ETHERTYPE_IPV6.to_be_bytes();
            ipv6(rest.try_into().map_err(|_| Error::HeaderLength)?, spec, payload)
        }
        _ => Err(Error::Families),
    }
}

#[inline(always)]
fn ipv4(
    headers: &mut [u8; IPV4_LENGTH + UDP_LENGTH],
    spec: &HeaderSpec,
    source: [u8; 4],
    destination: [u8; 4],
    payload: &[u8],
) -> Result<(), Error> {
    let total = length(IPV4_LENGTH + UDP_LENGTH, payload)?;
    let udp_length = length(UDP_LENGTH, payload)?;
    let [t0, t1] = total.to_be_bytes();
    let [f0, f1] = DONT_FRAGMENT;
    let addresses = Sum::new().add_four(source).add_four(destination);
    let [c0, c1] = addresses
        .add_four([0x45, spec.traffic_class, t0, t1])
        .add_four([0, 0, f0, f1])
        .add_four([spec.hop_limit, PROTOCOL_UDP, 0, 0])
        .finish()
        .to_be_bytes();
    let (ip, udp) = headers.split_at_mut(IPV4_LENGTH);
    let [a0, a1, a2, a3] = source;
    let [b0, b1, b2, b3] = destination;
    ip.copy_from_slice(&[
        0x45,
        spec.traffic_class,
        t0,
        t1,
        0,
        0,
        f0,
        f1,
        spec.hop_limit,
        PROTOCOL_UDP,
        c0,
        c1,
        a0,
        a1,
        a2,
        a3,
        b0,
        b1,
        b2,
        b3,
    ]);
    udp.copy_from_slice(&self::udp(spec, addresses, udp_length, payload));
    Ok(())
}

#[inline(always)]
fn ipv6(
    headers: &mut [u8; IPV6_LENGTH + UDP_LENGTH],
    spec: &HeaderSpec,
    payload: &[u8],
) -> Result<(), Error> {
    let udp_length = length(UDP_LENGTH, payload)?;
    let [l0, l1] = udp_length.to_be_bytes();
    let class = spec.traffic_class;
    let (fixed, rest) = headers.split_at_mut(8);
    fixed.copy_from_slice(&[0x60 | class >> 4, class << 4, 0, 0, l0, l1, PROTOCOL_UDP, spec.hop_limit]);
    let (addresses, udp) = rest.split_at_mut(32);
    let (source, destination) = addresses.split_at_mut(16);
    source.copy_from_slice(&spec.source.address.0);
    destination.copy_from_slice(&spec.destination.address.0);
    let addresses = Sum::new().add_bytes(&spec.source.address.0).add_bytes(&spec.destination.address.0);
    udp.copy_from_slice(&self::udp(spec, addresses, udp_length, payload));
    Ok(())
}

/// The UDP header; `addresses` is the sum of those of the pseudo header (RFC 768, RFC 8200 section 8.1).
#[inline(always)]
fn udp(spec: &HeaderSpec, addresses: Sum, length: u16, payload: &[u8]) -> [u8; UDP_LENGTH] {
    let checksum = addresses
        .add_u16(u16::from(PROTOCOL_UDP))
        .add_u16(length)
        .add_u16(spec.source.port)
        .add_u16(spec.destination.port)
        .add_u16(length)
        .add_bytes(payload)
        .finish();
    // Zero would say that there is no checksum.
    let [c0, c1] = if checksum == 0 { [0xff, 0xff] } else { checksum.to_be_bytes() };
    let [s0, s1] = spec.source.port.to_be_bytes();
    let [d0, d1] = spec.destination.port.to_be_bytes();
    let [l0, l1] = length.to_be_bytes();
    [s0, s1, d0, d1, l0, l1, c0, c1]
}

#[inline(always)]
fn length(headers: usize, payload: &[u8]) -> Result<u16, Error> {
    u16::try_from(headers + payload.len()).map_err(|_| Error::PayloadLength)
}
