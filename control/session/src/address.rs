// SPDX-License-Identifier: MIT OR Apache-2.0
//! Which remote addresses a leg may have.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::{NodeConfig, Realm};

/// A network that the relay is part of.
#[derive(Copy, Clone, Debug)]
pub(crate) struct Subnet {
    pub(crate) address: IpAddr,
    pub(crate) prefix: u8,
}

impl Subnet {
    /// Whether an address is the network's own or its directed broadcast address. Links of two (RFC 3021) and single
    /// addresses have neither, nor has IPv6.
    fn is_edge(&self, address: IpAddr) -> bool {
        let (IpAddr::V4(own), IpAddr::V4(other)) = (self.address, address) else { return false };
        let Some(hosts) = u32::MAX.checked_shr(self.prefix.into()).filter(|hosts| *hosts > 1) else {
            return false;
        };
        let other = other.to_bits();
        (own.to_bits() ^ other) & !hosts == 0 && (other & hosts == 0 || other & hosts == hosts)
    }
}

/// Why no host can have this address on any network, or `None`.
pub(crate) fn not_a_host(address: IpAddr) -> Option<&'static str> {
    match address {
        IpAddr::V4(ip) if ip.octets()[0] == 0 => Some("is an unspecified address"),
        IpAddr::V4(ip) if ip.is_multicast() => Some("is a multicast address"),
        IpAddr::V4(ip) if ip.is_broadcast() => Some("is the broadcast address"),
        IpAddr::V4(_) => None,
        IpAddr::V6(ip) if ip.is_unspecified() => Some("is the unspecified address"),
        IpAddr::V6(ip) if ip.is_multicast() => Some("is a multicast address"),
        IpAddr::V6(ip) if ip.to_ipv4_mapped().is_some() => Some("is an IPv4 address in IPv6 form"),
        IpAddr::V6(ip) if ip.segments()[..6] == [0; 6] && !ip.is_loopback() => {
            Some("is an IPv4 address in IPv6 form")
        }
        IpAddr::V6(_) => None,
    }
}

/// The IPv4 address to which a translator or tunnel would send what is sent to this one (RFC 6052, RFC 3056).
fn embedded(ip: Ipv6Addr) -> Option<Ipv4Addr> {
    let [a, b, c, d, e, f, g, h] = ip.segments();
    let (high, low) = match (a, b) {
        (0x64, 0xff9b) if [c, d, e, f] == [0; 4] => (g, h),
        (0x2002, _) => (b, c),
        _ => return None,
    };
    Some(Ipv4Addr::from_bits((u32::from(high) << 16) | u32::from(low)))
}

/// Checks an address for the remote side of a leg in `realm`. The error is the end of a sentence that begins with the
/// address.
pub(crate) fn check_remote(
    config: &NodeConfig,
    realm: &Realm,
    address: IpAddr,
    port: u16,
) -> Result<(), String> {
    check_one(config, realm, address, port)?;
    if let IpAddr::V6(ip) = address
        && let Some(inner) = embedded(ip)
    {
        check_one(config, realm, inner.into(), port)
            .map_err(|found| format!("leads to {inner}, which {found}"))?;
    }
    Ok(())
}

fn check_one(config: &NodeConfig, realm: &Realm, address: IpAddr, port: u16) -> Result<(), String> {
    if let Some(found) = not_a_host(address) {
        let form = found.contains("IPv6 form");
        let remedy = if form { "write it as IPv4" } else { "give the endpoint's own address" };
        return Err(format!("{found}; {remedy}"));
    }
    if matches!(address, IpAddr::V6(ip) if ip.is_unicast_link_local()) {
        return Err(
            "is a link-local address, which names no network; give a global or unique local one".into()
        );
    }
    let on_loopback = realm.addresses.iter().any(|own| own.address.is_loopback());
    if address.is_loopback() && !on_loopback {
        return Err(format!("is a loopback address, and realm {:?} is not on loopback", realm.name));
    }
    for other in &config.realms {
        for own in &other.addresses {
            if own.subnet().is_some_and(|subnet| subnet.is_edge(address)) {
                return Err("is the broadcast or network address of a subnet; give the endpoint's own".into());
            }
            if own.address != address && own.advertised != Some(address) {
                continue;
            }
            // On loopback, where endpoints and relay may share an address, the ports tell them apart.
            if !address.is_loopback() || other.ports.contains(&port) {
                return Err("is the relay's own address; give the endpoint's".into());
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::RealmAddress;

    fn config() -> NodeConfig {
        let own = |text, advertised: Option<&str>| {
            RealmAddress::parse(text, advertised.map(|text| text.parse().unwrap())).unwrap()
        };
        let realm = |name: &str, addresses| Realm { name: name.into(), addresses, ports: 100..=200 };
        NodeConfig {
            realms: vec![
                realm("out", vec![own("192.0.2.1/24", Some("203.0.113.9")), own("2001:db8::1/64", None)]),
                realm("in", vec![own("10.0.0.1/31", None), own("10.1.0.1/30", None)]),
                realm("loop", vec![own("127.0.0.1/8", None)]),
            ],
            max_sessions: 1,
            workers: 1,
            max_flows_per_worker: 2,
            media_timeout: Duration::from_secs(1),
            max_ssrcs: 256,
            peer_classes: Vec::new(),
            approved_suites_only: false,
        }
    }

    /// In which realms (by position) an address with port 150 is taken.
    fn taken(address: &str) -> Vec<usize> {
        let config = config();
        let address = address.parse().unwrap();
        let ok = |realm| check_remote(&config, realm, address, 150).is_ok();
        (0..3).filter(|index| ok(&config.realms[*index])).collect()
    }

    #[test]
    fn hosts_are_taken() {
        for address in
            ["192.0.2.2", "198.51.100.7", "2001:db8::2", "10.0.0.0", "10.1.0.2", "64:ff9b::c000:202"]
        {
            assert_eq!(taken(address), [0, 1, 2], "{address}");
        }
    }

    #[test]
    fn what_is_no_host_is_refused_everywhere() {
        for address in [
            "0.0.0.0",
            "0.1.2.3",
            "224.0.0.1",
            "239.1.1.1",
            "255.255.255.255",
            "::",
            "ff02::1",
            "ff0e::1",
            "fe80::1",
            "::c000:202",
        ] {
            assert_eq!(taken(address), [] as [usize; 0], "{address}");
        }
    }

    #[test]
    fn the_relays_own_addresses_are_refused_in_every_form() {
        for address in [
            "192.0.2.1",
            "203.0.113.9",
            "10.0.0.1",
            "2001:db8::1",
            "::ffff:192.0.2.1",
            "::ffff:203.0.113.9",
            "::192.0.2.1",
            "64:ff9b::c000:201",
            "2002:c000:201::5",
            "2002:7f00:1::",
            "64:ff9b::224.0.0.1",
        ] {
            assert_eq!(taken(address), [] as [usize; 0], "{address}");
        }
    }

    #[test]
    fn edges_of_subnets_are_refused() {
        for address in ["192.0.2.255", "192.0.2.0", "10.1.0.3", "10.1.0.0"] {
            assert_eq!(taken(address), [] as [usize; 0], "{address}");
        }
    }

    #[test]
    fn loopback_is_for_realms_on_loopback() {
        assert_eq!(taken("127.0.0.2"), [2]);
        assert_eq!(taken("::1"), [2]);
        assert_eq!(taken("127.255.255.255"), [] as [usize; 0]);
        assert_eq!(taken("::ffff:127.0.0.2"), [] as [usize; 0]);
    }

    #[test]
    fn on_loopback_an_own_address_is_taken_off_the_relays_ports() {
        let config = config();
        let check = |port| check_remote(&config, &config.realms[2], "127.0.0.1".parse().unwrap(), port);
        assert_eq!(check(99), Ok(()));
        assert_eq!(check(201), Ok(()));
        assert_eq!(check(100), Err("is the relay's own address; give the endpoint's".into()));
    }
}
