// SPDX-License-Identifier: MIT OR Apache-2.0
//! Network interfaces and their addresses.

use std::{collections::BTreeMap, io, net::IpAddr};

use nix::{ifaddrs::getifaddrs, net::if_::InterfaceFlags, sys::socket::SockaddrStorage};

/// A network interface.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Interface {
    /// Its name.
    pub name: String,
    /// Whether it is administratively up.
    pub up: bool,
    /// Its addresses.
    pub addresses: Vec<IpAddr>,
}

pub(super) fn look() -> io::Result<Vec<Interface>> {
    let mut interfaces: BTreeMap<String, Interface> = BTreeMap::new();
    for entry in getifaddrs()? {
        let up = entry.flags.contains(InterfaceFlags::IFF_UP);
        let interface = interfaces.entry(entry.interface_name.clone()).or_insert_with(|| Interface {
            name: entry.interface_name,
            up,
            addresses: Vec::new(),
        });
        interface.addresses.extend(entry.address.as_ref().and_then(ip));
    }
    Ok(interfaces.into_values().collect())
}

fn ip(address: &SockaddrStorage) -> Option<IpAddr> {
    let ipv4 = address.as_sockaddr_in().map(|address| address.ip().into());
    ipv4.or_else(|| address.as_sockaddr_in6().map(|address| address.ip().into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_host_has_a_loopback_interface() {
        let interfaces = look().unwrap();
        let loopback = interfaces.iter().find(|interface| interface.name == "lo").unwrap();
        assert!(loopback.up);
        assert!(loopback.addresses.contains(&IpAddr::from([127, 0, 0, 1])));
    }
}
