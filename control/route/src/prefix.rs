// SPDX-License-Identifier: MIT OR Apache-2.0
//! Longest-prefix match over the routes of one table and one address family.

use std::{collections::HashMap, net::IpAddr};

use crate::{Insert, Route};

/// Routes by prefix. Lookups cost one hash probe for each prefix length in use: this is the control side.
#[derive(Debug, Default)]
pub(crate) struct Prefixes {
    routes: HashMap<(u128, u8), Vec<Route>>,
    /// How many prefixes of each length there are; index is the length.
    lengths: Vec<u32>,
}

impl Prefixes {
    /// Routes that cover `address`: longest prefix first, then smallest metric, then the kernel's order.
    pub(crate) fn covering(&self, address: IpAddr) -> impl Iterator<Item = &Route> {
        let bits = bits(address);
        (0u8..=128)
            .rev()
            .filter(|length| self.lengths.get(usize::from(*length)).is_some_and(|count| *count > 0))
            .filter_map(move |length| self.routes.get(&(bits & mask(length), length)))
            .flatten()
    }

    /// Whether anything changed.
    pub(crate) fn insert(&mut self, route: Route, insert: Insert) -> bool {
        let entry = self.routes.entry(key(&route)).or_default();
        if entry.is_empty() {
            let length = usize::from(route.prefix_length);
            if self.lengths.len() <= length {
                self.lengths.resize(length + 1, 0);
            }
            if let Some(count) = self.lengths.get_mut(length) {
                *count += 1;
            }
        }
        let start = entry.partition_point(|other| other.metric < route.metric);
        let end = entry.partition_point(|other| other.metric <= route.metric);
        let equals = entry.get(start..end).unwrap_or_default();
        match insert {
            _ if equals.contains(&route) => return false,
            Insert::Replace if start < end => {
                if let Some(slot) = entry.get_mut(start) {
                    *slot = route;
                }
            }
            // The kernel announces a grown IPv6 multipath route whole: it takes the place of its former self.
            _ if equals.iter().any(|other| grown(other, &route)) => {
                entry.retain(|other| other.metric != route.metric || !grown(other, &route));
                let end = entry.partition_point(|other| other.metric <= route.metric);
                entry.insert(end, route);
            }
            Insert::First | Insert::Replace => entry.insert(start, route),
            Insert::Last => entry.insert(end, route),
        }
        true
    }

    /// Takes a route away, or the hops that it names out of a multipath route. Whether anything changed.
    pub(crate) fn remove(&mut self, route: &Route) -> bool {
        let key = key(route);
        let Some(entry) = self.routes.get_mut(&key) else { return false };
        let same = |other: &Route| other.metric == route.metric && other.kind == route.kind;
        let whole = |other: &Route| {
            other.hops.len() == route.hops.len()
                && route.hops.iter().all(|hop| position(other, hop).is_some())
        };
        let mut changed = false;
        if let Some(index) = entry.iter().position(|other| same(other) && whole(other)) {
            entry.remove(index);
            changed = true;
        } else {
            for other in entry.iter_mut().filter(|other| same(other)) {
                for hop in &route.hops {
                    if let Some(index) = position(other, hop) {
                        other.hops.remove(index);
                        changed = true;
                    }
                }
            }
            entry.retain(|other| !same(other) || !other.hops.is_empty());
        }
        if entry.is_empty() {
            self.routes.remove(&key);
            if let Some(count) = self.lengths.get_mut(usize::from(route.prefix_length)) {
                *count -= 1;
            }
        }
        changed
    }
}

fn position(route: &Route, hop: &crate::NextHop) -> Option<usize> {
    route.hops.iter().position(|other| other.link == hop.link && other.gateway == hop.gateway)
}

fn grown(old: &Route, new: &Route) -> bool {
    old.kind == new.kind
        && old.hops.len() < new.hops.len()
        && !old.hops.is_empty()
        && old.hops.iter().all(|hop| position(new, hop).is_some())
}

fn key(route: &Route) -> (u128, u8) {
    (bits(route.destination) & mask(route.prefix_length), route.prefix_length)
}

/// IPv4 in the uppermost bits, so that a prefix length means the same for both families.
fn bits(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(address) => u128::from(address.to_bits()) << 96,
        IpAddr::V6(address) => address.to_bits(),
    }
}

fn mask(length: u8) -> u128 {
    u128::MAX.checked_shl(128 - u32::from(length.min(128))).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Encapsulation, NextHop, RouteKind, Table};

    fn route(prefix: &str, metric: u32, links: &[u32]) -> Route {
        let (destination, length) = prefix.split_once('/').unwrap();
        Route {
            table: Table::Main,
            destination: destination.parse().unwrap(),
            prefix_length: length.parse().unwrap(),
            metric,
            kind: RouteKind::Unicast,
            mtu: None,
            hops: links
                .iter()
                .map(|link| NextHop {
                    link: *link,
                    gateway: None,
                    weight: 1,
                    dead: false,
                    encapsulation: Encapsulation::None,
                })
                .collect(),
        }
    }

    fn links(prefixes: &Prefixes, address: &str) -> Vec<Vec<u32>> {
        prefixes
            .covering(address.parse().unwrap())
            .map(|route| route.hops.iter().map(|hop| hop.link).collect())
            .collect()
    }

    fn filled(routes: &[Route]) -> Prefixes {
        let mut prefixes = Prefixes::default();
        for route in routes {
            assert!(prefixes.insert(route.clone(), Insert::Last));
        }
        prefixes
    }

    #[test]
    fn longest_prefix_comes_first_then_the_smallest_metric() {
        let prefixes = filled(&[
            route("0.0.0.0/0", 0, &[1]),
            route("10.0.0.0/8", 200, &[2]),
            route("10.0.0.0/8", 100, &[3]),
            route("10.1.2.0/24", 900, &[4]),
            route("10.1.2.3/32", 900, &[5]),
            route("11.0.0.0/8", 0, &[6]),
        ]);
        assert_eq!(links(&prefixes, "10.1.2.3"), [[5], [4], [3], [2], [1]]);
        assert_eq!(links(&prefixes, "10.1.2.4"), [[4], [3], [2], [1]]);
        assert_eq!(links(&prefixes, "10.255.0.1"), [[3], [2], [1]]);
        assert_eq!(links(&prefixes, "192.0.2.1"), [[1]]);
    }

    #[test]
    fn ipv6_prefixes_up_to_128_bits() {
        let prefixes = filled(&[
            route("::/0", 1024, &[1]),
            route("2001:db8::/32", 1024, &[2]),
            route("2001:db8::7/128", 1024, &[3]),
        ]);
        assert_eq!(links(&prefixes, "2001:db8::7"), [[3], [2], [1]]);
        assert_eq!(links(&prefixes, "2001:db8::8"), [[2], [1]]);
        assert_eq!(links(&prefixes, "2001:db9::8"), [[1]]);
    }

    #[test]
    fn equal_metrics_keep_the_order_that_the_kernel_says() {
        let mut prefixes = filled(&[route("10.0.0.0/8", 5, &[1])]);
        assert!(prefixes.insert(route("10.0.0.0/8", 5, &[2]), Insert::Last));
        assert!(prefixes.insert(route("10.0.0.0/8", 5, &[3]), Insert::First));
        assert_eq!(links(&prefixes, "10.0.0.1"), [[3], [1], [2]]);
        assert!(prefixes.insert(route("10.0.0.0/8", 5, &[4]), Insert::Replace));
        assert_eq!(links(&prefixes, "10.0.0.1"), [[4], [1], [2]]);
        assert!(prefixes.insert(route("10.0.0.0/8", 4, &[5]), Insert::Replace));
        assert_eq!(links(&prefixes, "10.0.0.1"), [[5], [4], [1], [2]]);
    }

    #[test]
    fn the_same_route_twice_is_one_route() {
        let mut prefixes = filled(&[route("10.0.0.0/8", 5, &[1])]);
        assert!(!prefixes.insert(route("10.0.0.0/8", 5, &[1]), Insert::First));
        assert_eq!(links(&prefixes, "10.0.0.1"), [[1]]);
    }

    #[test]
    fn a_multipath_route_grows_and_shrinks() {
        let mut prefixes = filled(&[route("2001:db8::/32", 5, &[1])]);
        assert!(prefixes.insert(route("2001:db8::/32", 5, &[1, 2, 3]), Insert::Last));
        assert_eq!(links(&prefixes, "2001:db8::1"), [[1, 2, 3]]);
        assert!(prefixes.remove(&route("2001:db8::/32", 5, &[2])));
        assert_eq!(links(&prefixes, "2001:db8::1"), [[1, 3]]);
        assert!(prefixes.remove(&route("2001:db8::/32", 5, &[1, 3])));
        assert_eq!(links(&prefixes, "2001:db8::1"), Vec::<Vec<u32>>::new());
        assert!(!prefixes.remove(&route("2001:db8::/32", 5, &[1, 3])));
    }

    #[test]
    fn a_removed_route_takes_nothing_else_with_it() {
        let mut prefixes = filled(&[
            route("10.0.0.0/8", 5, &[1]),
            route("10.0.0.0/8", 6, &[1]),
            route("10.0.0.0/9", 5, &[1]),
        ]);
        assert!(prefixes.remove(&route("10.0.0.0/8", 5, &[1])));
        let left: Vec<_> =
            prefixes.covering("10.0.0.1".parse().unwrap()).map(|r| (r.prefix_length, r.metric)).collect();
        assert_eq!(left, [(9, 5), (8, 6)]);
    }

    #[test]
    fn masks() {
        assert_eq!(mask(0), 0);
        assert_eq!(mask(1), 1 << 127);
        assert_eq!(mask(128), u128::MAX);
    }
}
