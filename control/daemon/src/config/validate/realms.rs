// SPDX-License-Identifier: MIT OR Apache-2.0
//! Realms: their names, addresses and ports, and how they get along with each other.

use std::net::IpAddr;

use crate::config::{Config, Problem, Realm, RealmAddress};

/// Longest name of an interface: IFNAMSIZ without the final zero.
const LONGEST_INTERFACE: usize = 15;

pub(super) fn check(config: &Config, problems: &mut Vec<Problem>) {
    let mut error = |key: String, message: String| problems.push(config.positions.error(key, message));
    if config.realms.is_empty() {
        error("realm".into(), "there is none; add a [[realm]] for each network that media comes from".into());
    }
    for (index, realm) in config.realms.iter().enumerate() {
        let key = |name: &str| format!("realm[{index}].{name}");
        if realm.name.is_empty() {
            error(key("name"), "must not be empty".into());
        }
        if realm.interface.is_empty() || realm.interface.len() > LONGEST_INTERFACE {
            error(
                key("interface"),
                format!("must be an interface's name of 1 to {LONGEST_INTERFACE} characters"),
            );
        }
        if let Some(message) = wrong_ports(realm) {
            error(key("ports"), message);
        }
        if realm.addresses.is_empty() {
            error(key("addresses"), "must have at least one { address = \"...\" }".into());
        }
        for (own, address) in realm.addresses.iter().enumerate() {
            check_address(address, &key(&format!("addresses[{own}]")), &mut error);
            let earlier = realm.addresses.iter().take(own);
            if earlier.clone().any(|other| other.address == address.address) {
                error(
                    key(&format!("addresses[{own}].address")),
                    format!("{} is there twice", address.address),
                );
            }
        }
        for (other, earlier) in config.realms.iter().take(index).enumerate() {
            if earlier.name == realm.name {
                error(key("name"), format!("{:?} is also realm[{other}]'s name; rename one", realm.name));
            }
            if let Some(address) = overlap(earlier, realm) {
                let message = format!(
                    "{}-{} overlaps {}-{} of realm {:?}, which also has {address}; give them ranges of their own",
                    realm.first_port, realm.last_port, earlier.first_port, earlier.last_port, earlier.name
                );
                error(key("ports"), message);
            }
        }
    }
}

fn wrong_ports(realm: &Realm) -> Option<String> {
    let (first, last) = (realm.first_port, realm.last_port);
    if first > last {
        return Some(format!("begins at {first} after its end, {last}; swap them"));
    }
    if first < 1024 {
        return Some(format!("takes in privileged ports; begin at 1024 or higher, not at {first}"));
    }
    let even = first.next_multiple_of(2);
    if even < first || even >= last {
        let pair = "an even port and the odd one after it (RTP and RTCP)";
        return Some(format!("{first}-{last} cannot hold a pair of ports: {pair}; widen it"));
    }
    None
}

fn check_address(own: &RealmAddress, key: &str, error: &mut impl FnMut(String, String)) {
    for (name, address) in [("address", Some(own.address)), ("advertised", own.advertised)] {
        if let Some(address) = address
            && let Some(what) = not_a_host(address)
        {
            error(format!("{key}.{name}"), format!("{address} is {what}, which no host can have"));
        }
    }
    if let Some(advertised) = own.advertised
        && advertised.is_ipv4() != own.address.is_ipv4()
    {
        let message = format!(
            "{advertised} is of another address family than {}; advertise one of the same",
            own.address
        );
        error(format!("{key}.advertised"), message);
    }
}

fn not_a_host(address: IpAddr) -> Option<&'static str> {
    match address {
        _ if address.is_unspecified() => Some("the unspecified address"),
        _ if address.is_multicast() => Some("a multicast address"),
        IpAddr::V4(address) if address.is_broadcast() => Some("the broadcast address"),
        IpAddr::V6(address) if address.to_ipv4_mapped().is_some() => Some("an IPv4-mapped address"),
        _ => None,
    }
}

/// The address on which both would hand out a port.
fn overlap(one: &Realm, other: &Realm) -> Option<IpAddr> {
    if one.first_port > other.last_port || other.first_port > one.last_port {
        return None;
    }
    let shared = |own: &&RealmAddress| other.addresses.iter().any(|theirs| theirs.address == own.address);
    one.addresses.iter().find(shared).map(|own| own.address)
}
