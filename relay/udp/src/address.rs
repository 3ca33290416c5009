// SPDX-License-Identifier: MIT OR Apache-2.0
#![expect(unsafe_code, reason = "the kernel's socket addresses are a union by family")]

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6};

/// Room for an address of either family, as the kernel wants it.
#[derive(Clone, Copy)]
#[repr(C)]
pub(crate) union RawAddress {
    v4: libc::sockaddr_in,
    v6: libc::sockaddr_in6,
}

pub(crate) const ROOM: libc::socklen_t = size_of::<RawAddress>() as libc::socklen_t;

impl RawAddress {
    pub(crate) fn empty() -> RawAddress {
        // SAFETY: all zeroes are valid for these structures of numbers; family 0 is AF_UNSPEC.
        unsafe { std::mem::zeroed() }
    }

    /// The address and the number of bytes that count.
    pub(crate) fn new(address: SocketAddr) -> (RawAddress, libc::socklen_t) {
        let mut raw = RawAddress::empty();
        match address {
            SocketAddr::V4(address) => {
                raw.v4 = libc::sockaddr_in {
                    sin_family: libc::AF_INET as libc::sa_family_t,
                    sin_port: address.port().to_be(),
                    sin_addr: libc::in_addr { s_addr: u32::from_ne_bytes(address.ip().octets()) },
                    sin_zero: [0; 8],
                };
                (raw, size_of::<libc::sockaddr_in>() as libc::socklen_t)
            }
            SocketAddr::V6(address) => {
                raw.v6 = libc::sockaddr_in6 {
                    sin6_family: libc::AF_INET6 as libc::sa_family_t,
                    sin6_port: address.port().to_be(),
                    sin6_flowinfo: address.flowinfo(),
                    sin6_addr: libc::in6_addr { s6_addr: address.ip().octets() },
                    sin6_scope_id: address.scope_id(),
                };
                (raw, size_of::<libc::sockaddr_in6>() as libc::socklen_t)
            }
        }
    }

    /// None for a family that is neither.
    pub(crate) fn get(&self) -> Option<SocketAddr> {
        // SAFETY: every field is a number, every byte initialised, and both structures begin with the family.
        let family = unsafe { self.v4.sin_family };
        match libc::c_int::from(family) {
            libc::AF_INET => {
                // SAFETY: as above.
                let raw = unsafe { self.v4 };
                let address = Ipv4Addr::from(raw.sin_addr.s_addr.to_ne_bytes());
                Some(SocketAddrV4::new(address, u16::from_be(raw.sin_port)).into())
            }
            libc::AF_INET6 => {
                // SAFETY: as above.
                let raw = unsafe { self.v6 };
                let address = Ipv6Addr::from(raw.sin6_addr.s6_addr);
                let port = u16::from_be(raw.sin6_port);
                Some(SocketAddrV6::new(address, port, raw.sin6_flowinfo, raw.sin6_scope_id).into())
            }
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_survive_the_round_trip() {
        for text in ["192.0.2.1:5004", "[2001:db8::1]:65535", "[fe80::1%3]:1", "0.0.0.0:0"] {
            let address: SocketAddr = text.parse().unwrap();
            let (raw, length) = RawAddress::new(address);
            assert_eq!(raw.get(), Some(address));
            assert_eq!(length, if address.is_ipv4() { 16 } else { 28 });
        }
        assert_eq!(RawAddress::empty().get(), None);
    }
}
