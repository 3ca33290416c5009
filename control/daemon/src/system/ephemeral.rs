// SPDX-License-Identifier: MIT OR Apache-2.0
//! Ports that the kernel hands out by itself, and those that it was told not to.

use std::{fmt, fs, ops::RangeInclusive};

/// Ranges of ports, in order and apart from each other.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PortRanges(Vec<(u16, u16)>);

/// `net.ipv4.ip_local_port_range` and `net.ipv4.ip_local_reserved_ports`, which hold for IPv6 too.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct EphemeralPorts {
    /// First and last port that sockets without a port of their own are given; `None` when it cannot be read.
    pub range: Option<(u16, u16)>,
    /// Those left out.
    pub reserved: PortRanges,
}

pub(super) fn look() -> EphemeralPorts {
    let setting = |name: &str| fs::read_to_string(format!("/proc/sys/net/ipv4/{name}")).unwrap_or_default();
    EphemeralPorts {
        range: parse_range(&setting("ip_local_port_range")),
        reserved: PortRanges::parse(&setting("ip_local_reserved_ports")),
    }
}

fn parse_range(text: &str) -> Option<(u16, u16)> {
    let mut numbers = text.split_whitespace().map(str::parse);
    Some((numbers.next()?.ok()?, numbers.next()?.ok()?))
}

impl EphemeralPorts {
    /// What to set `net.ipv4.ip_local_reserved_ports` to so that no port of these is handed out; `None` when none is.
    pub fn to_reserve(&self, ports: RangeInclusive<u16>) -> Option<PortRanges> {
        let (first, last) = self.range?;
        let (from, to) = (first.max(*ports.start()), last.min(*ports.end()));
        if from > to || self.reserved.cover(from, to) {
            return None;
        }
        Some(self.reserved.with(*ports.start(), *ports.end()))
    }
}

impl PortRanges {
    /// Reads `8080,9000-9010`. What is neither a port nor a range is left out.
    pub fn parse(text: &str) -> PortRanges {
        let mut ranges = PortRanges::default();
        for part in text.trim().split(',') {
            let (first, last) = part.split_once('-').unwrap_or((part, part));
            if let (Ok(first), Ok(last)) = (first.trim().parse(), last.trim().parse()) {
                ranges = ranges.with(first, last);
            }
        }
        ranges
    }

    /// Adds a range.
    #[must_use]
    pub fn with(&self, first: u16, last: u16) -> PortRanges {
        let mut all = self.0.clone();
        all.push((first, last));
        all.sort_unstable();
        let mut joined: Vec<(u16, u16)> = Vec::new();
        for (first, last) in all {
            match joined.last_mut() {
                Some(before) if first <= before.1.saturating_add(1) => before.1 = before.1.max(last),
                _ => joined.push((first, last)),
            }
        }
        PortRanges(joined)
    }

    fn cover(&self, first: u16, last: u16) -> bool {
        self.0.iter().any(|range| range.0 <= first && last <= range.1)
    }
}

impl fmt::Display for PortRanges {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, (first, last)) in self.0.iter().enumerate() {
            let comma = if index == 0 { "" } else { "," };
            if first == last {
                write!(f, "{comma}{first}")?;
            } else {
                write!(f, "{comma}{first}-{last}")?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ports(range: &str, reserved: &str) -> EphemeralPorts {
        EphemeralPorts { range: parse_range(range), reserved: PortRanges::parse(reserved) }
    }

    #[test]
    fn the_kernels_settings() {
        assert_eq!(parse_range("32768\t60999\n"), Some((32768, 60999)));
        assert_eq!(parse_range(""), None);
        assert_eq!(PortRanges::parse("9000-9010,8080\n").to_string(), "8080,9000-9010");
        assert_eq!(PortRanges::parse("1-5,3-9,10,12").to_string(), "1-10,12");
        assert_eq!(PortRanges::parse("\n"), PortRanges::default());
    }

    #[test]
    fn what_to_reserve() {
        let to_reserve = |range, reserved, relay| {
            ports(range, reserved).to_reserve(relay).map(|ranges| ranges.to_string()).unwrap_or_default()
        };
        assert_eq!(to_reserve("32768 60999", "", 20_000..=29_999), "");
        assert_eq!(to_reserve("32768 60999", "", 40_000..=49_999), "40000-49999");
        assert_eq!(to_reserve("32768 60999", "8080", 30_000..=32_768), "8080,30000-32768");
        assert_eq!(to_reserve("32768 60999", "40000-44999", 40_000..=49_999), "40000-49999");
        assert_eq!(to_reserve("32768 60999", "30000-50000", 40_000..=49_999), "");
        assert_eq!(to_reserve("32768 60999", "32768-33000", 20_000..=33_000), "");
        assert_eq!(to_reserve("", "", 40_000..=49_999), "");
    }
}
