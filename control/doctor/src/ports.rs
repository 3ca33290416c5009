// SPDX-License-Identifier: MIT OR Apache-2.0
//! Ranges of ports as `net.ipv4.ip_local_reserved_ports` has them: `8080,9000-9010`.

use std::fmt;

#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Ports(Vec<(u16, u16)>);

impl Ports {
    /// What is neither a port nor a range is left out.
    pub(crate) fn parse(text: &str) -> Ports {
        let mut ports = Ports::default();
        for part in text.trim().split(',') {
            let (first, last) = part.split_once('-').unwrap_or((part, part));
            if let (Ok(first), Ok(last)) = (first.trim().parse(), last.trim().parse()) {
                ports.add(first, last);
            }
        }
        ports
    }

    pub(crate) fn add(&mut self, first: u16, last: u16) {
        self.0.push((first, last));
        self.0.sort_unstable();
        let mut joined: Vec<(u16, u16)> = Vec::new();
        for (first, last) in self.0.drain(..) {
            match joined.last_mut() {
                Some(before) if first <= before.1.saturating_add(1) => before.1 = before.1.max(last),
                _ => joined.push((first, last)),
            }
        }
        self.0 = joined;
    }

    pub(crate) fn cover(&self, first: u16, last: u16) -> bool {
        self.0.iter().any(|range| range.0 <= first && last <= range.1)
    }
}

impl fmt::Display for Ports {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, (first, last)) in self.0.iter().enumerate() {
            let comma = if index == 0 { "" } else { "," };
            if first == last { write!(f, "{comma}{first}") } else { write!(f, "{comma}{first}-{last}") }?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_joined() {
        let mut ports = Ports::parse("9000-9010,8080\n");
        ports.add(9011, 9020);
        assert_eq!(ports.to_string(), "8080,9000-9020");
        assert!(ports.cover(9005, 9020) && !ports.cover(9005, 9021) && !ports.cover(8080, 9000));
        assert_eq!(Ports::parse("\n"), Ports::default());
    }
}
