// SPDX-License-Identifier: MIT OR Apache-2.0
//! The state: links, addresses, routes and neighbours.

use std::{
    collections::{HashMap, HashSet},
    net::IpAddr,
};

use crate::{Insert, Link, NeighbourKey, Route, Table, Update, prefix::Prefixes};

/// A copy of what the kernel knows about reaching others.
#[derive(Debug, Default)]
pub struct RouteTable {
    pub(crate) links: HashMap<u32, Link>,
    addresses: HashSet<(u32, IpAddr)>,
    local: Families,
    main: Families,
    neighbours: HashMap<NeighbourKey, Neighbour>,
}

#[derive(Debug, Default)]
struct Families {
    ipv4: Prefixes,
    ipv6: Prefixes,
}

/// What is known of a neighbour.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Neighbour {
    /// May be sent to.
    Usable([u8; 6]),
    /// Being asked for.
    Incomplete,
    /// Does not answer.
    Failed,
}

/// What an [`Update`] did to the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Change {
    /// No resolution can differ.
    None,
    /// Resolutions may differ.
    Changed,
    /// Resolutions may differ, and the kernel may have dropped routes without a word: dump them again. It does so when a
    /// link goes down or loses an address.
    Resync,
}

impl RouteTable {
    /// A table that knows nothing: every destination is unreachable.
    pub fn new() -> RouteTable {
        RouteTable::default()
    }

    /// Takes in one update. Applying the same one again changes nothing.
    pub fn apply(&mut self, update: Update) -> Change {
        match update {
            Update::Link(link) => self.set_link(link),
            Update::LinkGone(index) => {
                self.neighbours.retain(|key, _| key.link != index);
                self.addresses.retain(|(link, _)| *link != index);
                if self.links.remove(&index).is_some() { Change::Resync } else { Change::None }
            }
            Update::Address { link, address } => changed(self.addresses.insert((link, address))),
            Update::AddressGone { link, address } => {
                if self.addresses.remove(&(link, address)) {
                    Change::Resync
                } else {
                    Change::None
                }
            }
            Update::Route(route, insert) => self.add_route(route, insert),
            Update::RouteGone(route) => {
                changed(self.prefixes_mut(route.table, route.destination.is_ipv4()).remove(&route))
            }
            Update::Neighbour(key, Some(mac)) | Update::NeighbourStale(key, mac) => {
                self.set_neighbour(key, Neighbour::Usable(mac))
            }
            Update::Neighbour(key, None) => self.set_neighbour(key, Neighbour::Incomplete),
            Update::NeighbourFailed(key) => self.set_neighbour(key, Neighbour::Failed),
            Update::NeighbourGone(key) => changed(self.neighbours.remove(&key).is_some()),
        }
    }

    /// The interface of this name.
    pub fn link_by_name(&self, name: &str) -> Option<&Link> {
        self.links.values().find(|link| link.name == name)
    }

    /// The interface of this index.
    pub fn link(&self, index: u32) -> Option<&Link> {
        self.links.get(&index)
    }

    /// The host's own addresses on an interface, in order.
    pub fn addresses(&self, link: u32) -> Vec<IpAddr> {
        let mut found: Vec<_> =
            self.addresses.iter().filter(|(index, _)| *index == link).map(|(_, address)| *address).collect();
        found.sort_unstable();
        found
    }

    pub(crate) fn neighbour(&self, key: &NeighbourKey) -> Option<Neighbour> {
        self.neighbours.get(key).copied()
    }

    pub(crate) fn covering(&self, table: Table, destination: IpAddr) -> impl Iterator<Item = &Route> {
        let families = match table {
            Table::Local => &self.local,
            Table::Main => &self.main,
        };
        let prefixes = if destination.is_ipv4() { &families.ipv4 } else { &families.ipv6 };
        prefixes.covering(destination)
    }

    fn set_link(&mut self, link: Link) -> Change {
        let (index, up, carrier) = (link.index, link.up, link.carrier);
        match self.links.get_mut(&index) {
            Some(old) if *old == link => Change::None,
            Some(old) => {
                let state = (old.up, old.carrier) != (up, carrier);
                *old = link;
                if state { Change::Resync } else { Change::Changed }
            }
            None => {
                self.links.insert(index, link);
                Change::Changed
            }
        }
    }

    fn add_route(&mut self, route: Route, insert: Insert) -> Change {
        changed(self.prefixes_mut(route.table, route.destination.is_ipv4()).insert(route, insert))
    }

    fn set_neighbour(&mut self, key: NeighbourKey, neighbour: Neighbour) -> Change {
        changed(self.neighbours.insert(key, neighbour) != Some(neighbour))
    }

    fn prefixes_mut(&mut self, table: Table, ipv4: bool) -> &mut Prefixes {
        let families = match table {
            Table::Local => &mut self.local,
            Table::Main => &mut self.main,
        };
        if ipv4 { &mut families.ipv4 } else { &mut families.ipv6 }
    }
}

fn changed(yes: bool) -> Change {
    if yes { Change::Changed } else { Change::None }
}
