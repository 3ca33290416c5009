// SPDX-License-Identifier: MIT OR Apache-2.0
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

/// A range of IP addresses: `192.0.2.0/24`, `2001:db8::/32`, or one address.
///
/// IPv4-mapped IPv6 addresses are the IPv4 addresses that they map.
#[derive(Copy, Clone, Debug, Eq, PartialEq, Hash)]
pub struct Prefix {
    address: IpAddr,
    length: u8,
}

/// Why a text or a pair is no prefix.
#[derive(Copy, Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum PrefixError {
    /// Not an address, or not a number after the slash.
    #[error("not an IP address with an optional /length")]
    Syntax,
    /// More bits than the address has.
    #[error("the length is not 0 to {maximum}")]
    Length {
        /// 32 or 128.
        maximum: u8,
    },
    /// The address has bits behind the length.
    #[error("the address has bits set behind the length; {expected} may be meant")]
    HostBits {
        /// The prefix that the address lies in.
        expected: Prefix,
    },
}

impl Prefix {
    /// The addresses that share the first `length` bits of `address`.
    ///
    /// # Errors
    /// When `length` is too long, or `address` has bits set behind it.
    pub fn new(address: IpAddr, length: u8) -> Result<Prefix, PrefixError> {
        let maximum = if address.is_ipv4() { 32 } else { 128 };
        if length > maximum {
            return Err(PrefixError::Length { maximum });
        }
        let (address, length) = match address.to_canonical() {
            IpAddr::V4(mapped) if address.is_ipv6() && length >= 96 => (IpAddr::V4(mapped), length - 96),
            _ => (address, length),
        };
        let expected = Prefix { address: masked(address, length), length };
        if expected.address == address { Ok(expected) } else { Err(PrefixError::HostBits { expected }) }
    }

    /// That one address.
    pub fn host(address: IpAddr) -> Prefix {
        match address.to_canonical() {
            address @ IpAddr::V4(_) => Prefix { address, length: 32 },
            address @ IpAddr::V6(_) => Prefix { address, length: 128 },
        }
    }

    /// The first address.
    pub fn address(&self) -> IpAddr {
        self.address
    }

    /// Bits that the addresses share.
    pub fn length(&self) -> u8 {
        self.length
    }

    /// Whether `address` is one of them.
    pub fn contains(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        address.is_ipv4() == self.address.is_ipv4() && masked(address, self.length) == self.address
    }

    /// The addresses that are in both: the longer prefix if it lies in the other, else none.
    pub fn intersection(&self, other: &Prefix) -> Option<Prefix> {
        let (short, long) = if self.length <= other.length { (self, other) } else { (other, self) };
        short.contains(long.address).then_some(*long)
    }
}

fn masked(address: IpAddr, length: u8) -> IpAddr {
    match address {
        IpAddr::V4(address) => {
            let mask = u32::MAX.checked_shl(32 - u32::from(length.min(32))).unwrap_or(0);
            IpAddr::V4(Ipv4Addr::from_bits(address.to_bits() & mask))
        }
        IpAddr::V6(address) => {
            let mask = u128::MAX.checked_shl(128 - u32::from(length.min(128))).unwrap_or(0);
            IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() & mask))
        }
    }
}

impl FromStr for Prefix {
    type Err = PrefixError;

    fn from_str(text: &str) -> Result<Prefix, PrefixError> {
        let (address, length) =
            text.split_once('/').map_or((text, None), |(address, length)| (address, Some(length)));
        let address: IpAddr = address.parse().map_err(|_| PrefixError::Syntax)?;
        let Some(length) = length else { return Ok(Prefix::host(address)) };
        if length.is_empty() || length.len() > 3 || !length.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(PrefixError::Syntax);
        }
        // Three digits may still be more than a byte holds, and then are more than any address has.
        Prefix::new(address, length.parse().unwrap_or(u8::MAX))
    }
}

impl fmt::Display for Prefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.address, self.length)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn prefix(text: &str) -> Prefix {
        text.parse().unwrap()
    }

    #[test]
    fn texts_are_read_and_written() {
        for (text, shown) in [
            ("192.0.2.0/24", "192.0.2.0/24"),
            ("192.0.2.7", "192.0.2.7/32"),
            ("0.0.0.0/0", "0.0.0.0/0"),
            ("2001:db8::/32", "2001:db8::/32"),
            ("2001:db8::1", "2001:db8::1/128"),
            ("::/0", "::/0"),
            ("::ffff:192.0.2.0/120", "192.0.2.0/24"),
            ("::ffff:192.0.2.1", "192.0.2.1/32"),
        ] {
            assert_eq!(prefix(text).to_string(), shown);
        }
    }

    #[test]
    fn what_is_no_prefix_is_refused() {
        for text in ["", "/", "a/8", "10.0.0.0/", "10.0.0.0/+8", "10.0.0.0/-1", "10.0.0.0/0008", "10.0.0/8"] {
            assert_eq!(text.parse::<Prefix>(), Err(PrefixError::Syntax), "{text}");
        }
        for (text, maximum) in [("10.0.0.0/33", 32), ("10.0.0.0/999", 32), ("::/129", 128)] {
            assert_eq!(text.parse::<Prefix>(), Err(PrefixError::Length { maximum }), "{text}");
        }
        let expected = prefix("10.0.0.0/8");
        assert_eq!("10.0.0.1/8".parse::<Prefix>(), Err(PrefixError::HostBits { expected }));
    }

    #[test]
    fn addresses_are_inside_up_to_the_edges() {
        let v4 = prefix("192.0.2.64/26");
        for (address, inside) in [
            ("192.0.2.63", false),
            ("192.0.2.64", true),
            ("192.0.2.127", true),
            ("192.0.2.128", false),
            ("::ffff:192.0.2.64", true),
            ("::c000:240", false),
        ] {
            assert_eq!(v4.contains(address.parse().unwrap()), inside, "{address}");
        }
        assert!(prefix("0.0.0.0/0").contains("255.255.255.255".parse().unwrap()));
        assert!(!prefix("::/0").contains("192.0.2.1".parse().unwrap()));
        assert!(prefix("2001:db8::/33").contains("2001:db8:7fff::".parse().unwrap()));
        assert!(!prefix("2001:db8::/33").contains("2001:db8:8000::".parse().unwrap()));
    }

    #[test]
    fn an_intersection_is_the_longer_of_two_nested_prefixes() {
        for (a, b, both) in [
            ("10.0.0.0/8", "10.1.0.0/16", Some("10.1.0.0/16")),
            ("10.1.0.0/16", "10.1.0.0/16", Some("10.1.0.0/16")),
            ("10.1.0.0/16", "10.2.0.0/16", None),
            ("0.0.0.0/0", "::/0", None),
        ] {
            let both = both.map(prefix);
            assert_eq!(prefix(a).intersection(&prefix(b)), both, "{a} {b}");
            assert_eq!(prefix(b).intersection(&prefix(a)), both, "{b} {a}");
        }
    }
}
