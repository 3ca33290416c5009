// SPDX-License-Identifier: MIT OR Apache-2.0

use crate::{
    Address, Bytes, ETHERNET_LENGTH, Endpoint, IPV4_LENGTH, IPV6_LENGTH, MacAddress, Malformed, UDP_LENGTH,
    VLAN_LENGTH, VlanTag, VlanTags,
};
use core::ops::Range;

pub(crate) const ETHERTYPE_IPV4: u16 = 0x0800;
pub(crate) const ETHERTYPE_IPV6: u16 = 0x86dd;
pub(crate) const PROTOCOL_UDP: u8 = 17;

const MORE_FRAGMENTS: u16 = 0x2000;
const FRAGMENT_OFFSET: u16 = 0x1fff;

/// Why a frame has no UDP header for the relay to look at. Such frames are the kernel's business.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum NotUdp {
    /// The frame ends before its UDP header does.
    Truncated,
    /// Neither IPv4 nor IPv6, or behind more than two VLAN tags.
    NotIp,
    /// The version or the header length of the IP header is wrong.
    IpHeader,
    /// Another protocol, or UDP behind IPv6 extension headers.
    OtherProtocol,
    /// A fragment of an IPv4 datagram other than the first.
    LaterFragment,
    /// An IPv6 header with a v4-mapped address, which would pass for the IPv4 endpoint of that address.
    MappedAddress,
}

/// The Ethernet, IP and UDP headers of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Headers {
    /// The MAC address the frame was sent to.
    pub destination_mac: MacAddress,
    /// The MAC address the frame came from.
    pub source_mac: MacAddress,
    /// The VLAN tags of the frame.
    pub vlan: VlanTags,
    /// The IP address and UDP port the packet came from.
    pub source: Endpoint,
    /// The IP address and UDP port the packet was sent to.
    pub destination: Endpoint,
    /// The IPv4 TOS or IPv6 traffic class byte: DSCP in the upper six bits, ECN in the lower two.
    pub traffic_class: u8,
    first_fragment: bool,
    zero_checksum: bool,
    /// Whether the source is one that can be answered.
    answerable: bool,
    /// Where the UDP header starts in the frame.
    udp: usize,
    /// Where the IP packet ends by its own account; the frame may be shorter, or longer by padding.
    ip_end: usize,
    udp_length: usize,
}

/// What both IP headers say.
struct Ip {
    source: Address,
    destination: Address,
    traffic_class: u8,
    first_fragment: bool,
    unicast_source: bool,
    udp: usize,
    end: usize,
}

impl Headers {
    /// Reads the headers of an Ethernet frame.
    ///
    /// Lengths are not checked here, but by [`Headers::payload`]: a packet with wrong lengths to a relay
    /// endpoint is to be dropped, and one to any other port is to be left to the kernel.
    ///
    /// # Errors
    ///
    /// [`NotUdp`] says why there is no UDP header.
    #[inline(always)]
    pub fn parse<B: Bytes>(frame: B) -> Result<Self, NotUdp> {
        let destination_mac = MacAddress(frame.array(0).ok_or(NotUdp::Truncated)?);
        let source_mac = MacAddress(frame.array(6).ok_or(NotUdp::Truncated)?);
        let mut ethertype = be16(frame, ETHERNET_LENGTH - 2)?;
        let mut offset = ETHERNET_LENGTH;
        let mut vlan = VlanTags::default();
        if is_tag(ethertype) {
            vlan.outer = Some(VlanTag { protocol: ethertype, control: be16(frame, offset)? });
            ethertype = be16(frame, offset + 2)?;
            offset += VLAN_LENGTH;
            if is_tag(ethertype) {
                vlan.inner = Some(VlanTag { protocol: ethertype, control: be16(frame, offset)? });
                ethertype = be16(frame, offset + 2)?;
                offset += VLAN_LENGTH;
            }
        }
        let ip = match ethertype {
            ETHERTYPE_IPV4 => ipv4(frame, offset)?,
            ETHERTYPE_IPV6 => ipv6(frame, offset)?,
            _ => return Err(NotUdp::NotIp),
        };
        let [s0, s1, d0, d1, l0, l1, c0, c1] = frame.array(ip.udp).ok_or(NotUdp::Truncated)?;
        Ok(Self {
            destination_mac,
            source_mac,
            vlan,
            source: Endpoint::new(ip.source, u16::from_be_bytes([s0, s1])),
            destination: Endpoint::new(ip.destination, u16::from_be_bytes([d0, d1])),
            traffic_class: ip.traffic_class,
            first_fragment: ip.first_fragment,
            zero_checksum: ethertype == ETHERTYPE_IPV6 && c0 | c1 == 0,
            answerable: ip.unicast_source && s0 | s1 != 0,
            udp: ip.udp,
            ip_end: ip.end,
            udp_length: usize::from(u16::from_be_bytes([l0, l1])),
        })
    }

    /// Where the UDP payload is in the frame that these headers were read from.
    ///
    /// Padding after the IP packet, which Ethernet adds to short frames, is not part of it.
    ///
    /// # Errors
    ///
    /// [`Malformed`] when lengths contradict each other, the packet is a fragment, IPv6 comes without a
    /// checksum, or the source can not be answered.
    #[inline(always)]
    pub fn payload<B: Bytes>(&self, frame: B) -> Result<Range<usize>, Malformed> {
        if self.first_fragment {
            return Err(Malformed::Fragment);
        }
        let start = self.udp + UDP_LENGTH;
        if self.ip_end < start || self.ip_end > frame.length() {
            return Err(Malformed::IpLength);
        }
        let end = self.udp + self.udp_length;
        if end < start || end > self.ip_end {
            return Err(Malformed::UdpLength);
        }
        if self.zero_checksum {
            return Err(Malformed::ZeroChecksum);
        }
        if !self.answerable {
            return Err(Malformed::Source);
        }
        Ok(start..end)
    }
}

#[inline(always)]
fn ipv4<B: Bytes>(frame: B, offset: usize) -> Result<Ip, NotUdp> {
    let [version_length, traffic_class, t0, t1, _, _, f0, f1, _, protocol, _, _] =
        frame.array(offset).ok_or(NotUdp::Truncated)?;
    let source: [u8; 4] = frame.array(offset + 12).ok_or(NotUdp::Truncated)?;
    let destination = frame.array(offset + 16).ok_or(NotUdp::Truncated)?;
    let header_length = usize::from(version_length & 0x0f) * 4;
    if version_length >> 4 != 4 || header_length < IPV4_LENGTH {
        return Err(NotUdp::IpHeader);
    }
    if protocol != PROTOCOL_UDP {
        return Err(NotUdp::OtherProtocol);
    }
    let fragment = u16::from_be_bytes([f0, f1]);
    if fragment & FRAGMENT_OFFSET != 0 {
        return Err(NotUdp::LaterFragment);
    }
    Ok(Ip {
        source: Address::from_ipv4(source),
        destination: Address::from_ipv4(destination),
        traffic_class,
        first_fragment: fragment & MORE_FRAGMENTS != 0,
        unicast_source: is_unicast4(u32::from_be_bytes(source)),
        udp: offset + header_length,
        end: offset + usize::from(u16::from_be_bytes([t0, t1])),
    })
}

#[inline(always)]
fn ipv6<B: Bytes>(frame: B, offset: usize) -> Result<Ip, NotUdp> {
    let [b0, b1, _, _, p0, p1, next_header, _] = frame.array(offset).ok_or(NotUdp::Truncated)?;
    let source = Address(frame.array(offset + 8).ok_or(NotUdp::Truncated)?);
    let destination = Address(frame.array(offset + 24).ok_or(NotUdp::Truncated)?);
    if b0 >> 4 != 6 {
        return Err(NotUdp::IpHeader);
    }
    if next_header != PROTOCOL_UDP {
        return Err(NotUdp::OtherProtocol);
    }
    if source.is_ipv4() || destination.is_ipv4() {
        return Err(NotUdp::MappedAddress);
    }
    let udp = offset + IPV6_LENGTH;
    Ok(Ip {
        source,
        destination,
        traffic_class: b0 << 4 | b1 >> 4,
        first_fragment: false,
        unicast_source: is_unicast6(u128::from_be_bytes(source.0)),
        udp,
        end: udp + usize::from(u16::from_be_bytes([p0, p1])),
    })
}

/// Not unspecified, multicast or the limited broadcast address.
#[inline(always)]
fn is_unicast4(address: u32) -> bool {
    address != 0 && address >> 28 != 0xe && address != u32::MAX
}

/// Not unspecified or multicast.
#[inline(always)]
fn is_unicast6(address: u128) -> bool {
    address != 0 && address >> 120 != 0xff
}

#[inline(always)]
fn is_tag(ethertype: u16) -> bool {
    ethertype == VlanTag::CUSTOMER || ethertype == VlanTag::SERVICE
}

#[inline(always)]
fn be16<B: Bytes>(frame: B, offset: usize) -> Result<u16, NotUdp> {
    frame.array(offset).map(u16::from_be_bytes).ok_or(NotUdp::Truncated)
}

#[cfg(test)]
mod tests {
    use super::{is_unicast4, is_unicast6};
    use core::net::{Ipv4Addr, Ipv6Addr};

    #[test]
    fn unicast_ipv4() {
        for address in ["192.0.2.1", "127.0.0.1", "223.255.255.255", "240.0.0.1", "255.255.255.254"] {
            assert!(is_unicast4(address.parse::<Ipv4Addr>().unwrap().to_bits()), "{address}");
        }
        for address in ["0.0.0.0", "224.0.0.0", "239.255.255.255", "255.255.255.255"] {
            assert!(!is_unicast4(address.parse::<Ipv4Addr>().unwrap().to_bits()), "{address}");
        }
    }

    #[test]
    fn unicast_ipv6() {
        for address in ["2001:db8::1", "::1", "fe80::1", "feff::"] {
            assert!(is_unicast6(address.parse::<Ipv6Addr>().unwrap().to_bits()), "{address}");
        }
        for address in ["::", "ff00::", "ff02::1"] {
            assert!(!is_unicast6(address.parse::<Ipv6Addr>().unwrap().to_bits()), "{address}");
        }
    }
}
