// SPDX-License-Identifier: MIT OR Apache-2.0
//! Networks.

use culvert_wire::Address;

/// Addresses that begin alike: a network and how many of its bits count.
#[derive(Copy, Clone, Debug, Eq, PartialEq)]
pub struct Prefix {
    network: Address,
    /// Of the 128 bits, also for IPv4, which is in its mapped form.
    length: u8,
}

/// Bits of the mapped form before those of IPv4.
const MAPPED: u8 = 96;

impl Prefix {
    /// The addresses whose first `length` bits are those of `network`. The length is counted as its family does, and held
    /// to the 32 or 128 bits that there are. What `network` has behind them does not matter.
    pub fn new(network: Address, length: u8) -> Prefix {
        let length = if network.is_ipv4() { MAPPED + length.min(32) } else { length.min(128) };
        Prefix { network, length }
    }

    /// Whether an address is one of them. No IPv4 address is in an IPv6 prefix, unless that is `::/0`, and no IPv6 address
    /// in one of IPv4.
    pub fn contains(&self, address: Address) -> bool {
        let differing = u128::from_be_bytes(self.network.0) ^ u128::from_be_bytes(address.0);
        differing.checked_shr(128 - u32::from(self.length)).unwrap_or(0) == 0
    }
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use super::*;

    fn address(text: &str) -> Address {
        text.parse::<IpAddr>().unwrap().into()
    }

    #[test]
    fn contains_what_begins_alike() {
        for (network, length, inside, outside) in [
            ("192.0.2.77", 24, ["192.0.2.0", "192.0.2.255"], ["192.0.3.0", "::"]),
            ("192.0.2.128", 25, ["192.0.2.128", "192.0.2.255"], ["192.0.2.127", "191.0.2.128"]),
            ("192.0.2.1", 32, ["192.0.2.1", "192.0.2.1"], ["192.0.2.0", "192.0.2.3"]),
            ("192.0.2.1", 200, ["192.0.2.1", "192.0.2.1"], ["192.0.2.0", "2001:db8::1"]),
            ("0.0.0.0", 0, ["0.0.0.0", "255.255.255.255"], ["::", "2001:db8::1"]),
            ("2001:db8::", 33, ["2001:db8:7fff::", "2001:db8::1"], ["2001:db8:8000::", "192.0.2.1"]),
            ("2001:db8::1", 128, ["2001:db8::1", "2001:db8::1"], ["2001:db8::", "2001:db8::3"]),
        ] {
            let prefix = Prefix::new(address(network), length);
            assert!(inside.iter().all(|text| prefix.contains(address(text))), "{network}/{length}");
            assert!(!outside.iter().any(|text| prefix.contains(address(text))), "{network}/{length}");
        }
        assert!(Prefix::new(address("2001:db8::"), 0).contains(address("192.0.2.1")));
    }
}
