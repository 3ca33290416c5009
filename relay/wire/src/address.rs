// SPDX-License-Identifier: MIT OR Apache-2.0

use core::fmt;
use core::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// The upper 96 bits of a v4-mapped address.
const MAPPED_PREFIX: u128 = 0xffff;

/// An IP address as 16 big-endian bytes; IPv4 in its v4-mapped form `::ffff:a.b.c.d`.
///
/// One form for both families makes one key for lookups. The parser refuses mapped addresses that arrive in
/// an IPv6 header, so that the two families cannot be mistaken for each other.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Address(pub [u8; 16]);

impl Address {
    /// The mapped form of four IPv4 bytes.
    #[inline(always)]
    pub const fn from_ipv4(octets: [u8; 4]) -> Self {
        Self((MAPPED_PREFIX << 32 | u32::from_be_bytes(octets) as u128).to_be_bytes())
    }

    /// The four IPv4 bytes, or `None` for IPv6.
    #[inline(always)]
    pub fn ipv4_octets(self) -> Option<[u8; 4]> {
        let [_, _, _, _, _, _, _, _, _, _, _, _, a, b, c, d] = self.0;
        self.is_ipv4().then_some([a, b, c, d])
    }

    /// Whether this is an IPv4 address.
    #[inline(always)]
    pub fn is_ipv4(self) -> bool {
        u128::from_be_bytes(self.0) >> 32 == MAPPED_PREFIX
    }

    /// The standard library's form; IPv4 comes back as `IpAddr::V4`.
    pub fn to_ip(self) -> IpAddr {
        match self.ipv4_octets() {
            Some(octets) => IpAddr::V4(Ipv4Addr::from(octets)),
            None => IpAddr::V6(Ipv6Addr::from(self.0)),
        }
    }
}

impl From<IpAddr> for Address {
    fn from(ip: IpAddr) -> Self {
        match ip {
            IpAddr::V4(ip) => Self::from_ipv4(ip.octets()),
            IpAddr::V6(ip) => Self(ip.octets()),
        }
    }
}

impl From<Ipv4Addr> for Address {
    fn from(ip: Ipv4Addr) -> Self {
        Self::from_ipv4(ip.octets())
    }
}

impl From<Ipv6Addr> for Address {
    fn from(ip: Ipv6Addr) -> Self {
        Self(ip.octets())
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.to_ip(), f)
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// An IP address and a UDP port.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Endpoint {
    /// The address.
    pub address: Address,
    /// The UDP port, in the host's byte order.
    pub port: u16,
}

impl Endpoint {
    /// An endpoint of an address and a port.
    #[inline(always)]
    pub const fn new(address: Address, port: u16) -> Self {
        Self { address, port }
    }

    /// The standard library's form; an IPv6 scope is 0, because packets do not carry one.
    pub fn to_socket_addr(self) -> SocketAddr {
        SocketAddr::new(self.address.to_ip(), self.port)
    }
}

impl From<SocketAddr> for Endpoint {
    /// Drops the scope and flow label of an IPv6 socket address.
    fn from(socket: SocketAddr) -> Self {
        Self { address: socket.ip().into(), port: socket.port() }
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.to_socket_addr(), f)
    }
}

impl fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// An Ethernet address.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct MacAddress(pub [u8; 6]);

impl fmt::Display for MacAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b, c, d, e, g] = self.0;
        write!(f, "{a:02x}:{b:02x}:{c:02x}:{d:02x}:{e:02x}:{g:02x}")
    }
}

impl fmt::Debug for MacAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::format;

    fn address(text: &str) -> Address {
        text.parse::<IpAddr>().unwrap().into()
    }

    #[test]
    fn ipv4_is_held_mapped() {
        let ipv4 = address("192.0.2.1");
        assert_eq!(ipv4.0, [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 192, 0, 2, 1]);
        assert!(ipv4.is_ipv4());
        assert_eq!(ipv4.ipv4_octets(), Some([192, 0, 2, 1]));
        assert_eq!(ipv4.to_ip(), "192.0.2.1".parse::<IpAddr>().unwrap());
        assert_eq!(address("::ffff:192.0.2.1"), ipv4);
    }

    #[test]
    fn ipv6_is_held_as_it_is() {
        let ipv6 = address("2001:db8::ffff:1");
        assert!(!ipv6.is_ipv4());
        assert_eq!(ipv6.ipv4_octets(), None);
        assert_eq!(ipv6.to_ip(), "2001:db8::ffff:1".parse::<IpAddr>().unwrap());
        assert!(!address("::192.0.2.1").is_ipv4());
        assert!(!address("1::ffff:192.0.2.1").is_ipv4());
    }

    #[test]
    fn text_is_that_of_the_standard_library() {
        for text in ["192.0.2.1:4000", "[2001:db8::1]:65535"] {
            let socket: SocketAddr = text.parse().unwrap();
            let endpoint = Endpoint::from(socket);
            assert_eq!(endpoint.to_socket_addr(), socket);
            assert_eq!(format!("{endpoint}"), text);
            assert_eq!(format!("{endpoint:?}"), text);
        }
        assert_eq!(format!("{}", MacAddress([2, 0, 0xab, 0, 0, 0x1f])), "02:00:ab:00:00:1f");
    }
}
