// SPDX-License-Identifier: MIT OR Apache-2.0
//! The next hops that the workers' tables hold, one entry for each destination and interface in use.
//!
//! Every worker holds the same table under the same numbers; what changes is sent to all of them.

use std::collections::HashMap;
use std::net::IpAddr;

use culvert_engine::{InterfaceId, NextHop, NextHopId};
use culvert_route::{Hop, NeighbourKey, Resolution};
use culvert_wire::MacAddress;

/// A destination, and the index of the interface (for a VLAN the sub-interface) that leads to it.
#[derive(Copy, Clone, Debug, Eq, PartialEq, Hash)]
pub(super) struct Destination {
    /// IPv4 or IPv6.
    pub(super) address: IpAddr,
    /// Index in the kernel.
    pub(super) interface: u32,
}

/// A change for the workers' tables.
#[derive(Copy, Clone, Debug, Eq, PartialEq)]
pub(super) struct Change {
    /// Which entry.
    pub(super) id: NextHopId,
    /// What it holds from now on.
    pub(super) hop: Option<NextHop>,
}

/// A use of a neighbour begins or ends. [`Neighbours`] adds them up.
#[derive(Copy, Clone, Debug, Eq, PartialEq)]
pub(super) enum Care {
    /// An entry needs this neighbour.
    Request(NeighbourKey),
    /// An entry needs it no longer.
    Release(NeighbourKey),
}

/// How many entries of all workers need each neighbour.
#[derive(Debug, Default)]
pub(super) struct Neighbours(HashMap<NeighbourKey, usize>);

impl Neighbours {
    /// Takes a use into account. What the kernel must be told comes back: the first request, the last release.
    pub(super) fn account(&mut self, care: Care) -> Option<Care> {
        match care {
            Care::Request(neighbour) => {
                let uses = self.0.entry(neighbour).or_insert(0);
                *uses += 1;
                (*uses == 1).then_some(care)
            }
            Care::Release(neighbour) => {
                let uses = self.0.get_mut(&neighbour)?;
                *uses -= 1;
                if *uses > 0 {
                    return None;
                }
                self.0.remove(&neighbour);
                Some(care)
            }
        }
    }
}

#[derive(Debug)]
struct Entry {
    id: NextHopId,
    users: usize,
    hop: Option<NextHop>,
    neighbour: Option<NeighbourKey>,
}

/// Entries by destination, numbers by need.
#[derive(Debug)]
pub(super) struct NextHops {
    entries: HashMap<Destination, Entry>,
    free: Vec<NextHopId>,
    next: u32,
    capacity: u32,
    care: Vec<Care>,
}

impl NextHops {
    /// For tables of `capacity` entries.
    pub(super) fn new(capacity: u32) -> NextHops {
        NextHops { entries: HashMap::new(), free: Vec::new(), next: 0, capacity, care: Vec::new() }
    }

    /// Counts a user of a destination in. `None` when the tables are full. The change, if there is one, is to be
    /// sent to the workers before the number is used.
    pub(super) fn acquire(
        &mut self,
        destination: Destination,
        resolution: impl FnOnce() -> Resolution,
        interface_of: impl Fn(u32) -> Option<InterfaceId>,
    ) -> Option<(NextHopId, Option<Change>)> {
        if let Some(entry) = self.entries.get_mut(&destination) {
            entry.users += 1;
            return Some((entry.id, None));
        }
        let id = match self.free.pop() {
            Some(id) => id,
            None if self.next < self.capacity => {
                self.next += 1;
                NextHopId(self.next - 1)
            }
            None => return None,
        };
        let (hop, neighbour) = read(resolution(), interface_of);
        self.entries.insert(destination, Entry { id, users: 1, hop, neighbour });
        self.care.extend(neighbour.map(Care::Request));
        Some((id, Some(Change { id, hop })))
    }

    /// Counts a user out. The last one frees the number; the entry is emptied on the workers.
    pub(super) fn release(&mut self, destination: Destination) -> Option<Change> {
        let entry = self.entries.get_mut(&destination)?;
        entry.users -= 1;
        if entry.users > 0 {
            return None;
        }
        let entry = self.entries.remove(&destination)?;
        self.free.push(entry.id);
        self.care.extend(entry.neighbour.map(Care::Release));
        entry.hop.is_some().then_some(Change { id: entry.id, hop: None })
    }

    /// The number of a destination whose next hop is known.
    pub(super) fn resolved(&self, destination: Destination) -> Option<NextHopId> {
        self.entries.get(&destination).filter(|entry| entry.hop.is_some()).map(|entry| entry.id)
    }

    /// Resolves everything again, after the kernel's tables have changed; says what came out differently.
    pub(super) fn refresh(
        &mut self,
        resolve: impl Fn(Destination) -> Resolution,
        interface_of: impl Fn(u32) -> Option<InterfaceId>,
    ) -> Vec<Change> {
        let mut changes = Vec::new();
        for (destination, entry) in &mut self.entries {
            let (hop, neighbour) = read(resolve(*destination), &interface_of);
            if neighbour != entry.neighbour {
                self.care.extend(neighbour.map(Care::Request));
                self.care.extend(entry.neighbour.map(Care::Release));
                entry.neighbour = neighbour;
            }
            if hop != entry.hop {
                entry.hop = hop;
                changes.push(Change { id: entry.id, hop });
            }
        }
        changes
    }

    /// What to ask of the kernel since the last call.
    pub(super) fn take_care(&mut self) -> Vec<Care> {
        std::mem::take(&mut self.care)
    }
}

fn read(
    resolution: Resolution,
    interface_of: impl Fn(u32) -> Option<InterfaceId>,
) -> (Option<NextHop>, Option<NeighbourKey>) {
    match resolution {
        Resolution::Resolved(hop) => (next_hop(&hop, interface_of), Some(hop.neighbour)),
        Resolution::Pending { neighbour, .. } => (None, Some(neighbour)),
        Resolution::Unreachable(_) => (None, None),
    }
}

fn next_hop(hop: &Hop, interface_of: impl Fn(u32) -> Option<InterfaceId>) -> Option<NextHop> {
    Some(NextHop {
        interface: interface_of(hop.interface_index)?,
        source_mac: MacAddress(hop.source_mac),
        destination_mac: MacAddress(hop.destination_mac),
        vlan: hop.vlan,
        mtu: hop.mtu,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use culvert_route::Unreachable;

    const DESTINATION: Destination =
        Destination { address: IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 9)), interface: 3 };

    fn neighbour(last: u8) -> NeighbourKey {
        NeighbourKey { link: 3, address: IpAddr::from([192, 0, 2, last]) }
    }

    fn resolved(mac: u8, by: u8) -> Resolution {
        Resolution::Resolved(Hop {
            interface_index: 3,
            interface_name: "eth0".into(),
            logical_name: "eth0".into(),
            source_mac: [2, 0, 0, 0, 0, 1],
            destination_mac: [2, 0, 0, 0, 0, mac],
            vlan: None,
            mtu: 1500,
            neighbour: neighbour(by),
        })
    }

    fn hop(mac: u8) -> NextHop {
        NextHop {
            interface: InterfaceId(0),
            source_mac: MacAddress([2, 0, 0, 0, 0, 1]),
            destination_mac: MacAddress([2, 0, 0, 0, 0, mac]),
            vlan: None,
            mtu: 1500,
        }
    }

    fn interface(index: u32) -> Option<InterfaceId> {
        (index == 3).then_some(InterfaceId(0))
    }

    #[test]
    fn users_share_an_entry_and_the_last_one_frees_it() {
        let mut hops = NextHops::new(1);
        let first = hops.acquire(DESTINATION, || resolved(7, 1), interface);
        assert_eq!(first, Some((NextHopId(0), Some(Change { id: NextHopId(0), hop: Some(hop(7)) }))));
        assert_eq!(hops.acquire(DESTINATION, || resolved(8, 1), interface), Some((NextHopId(0), None)));
        let other = Destination { interface: 4, ..DESTINATION };
        assert_eq!(hops.acquire(other, || resolved(7, 1), interface), None);
        assert_eq!(hops.release(DESTINATION), None);
        assert_eq!(hops.release(DESTINATION), Some(Change { id: NextHopId(0), hop: None }));
        assert_eq!(hops.take_care(), [Care::Request(neighbour(1)), Care::Release(neighbour(1))]);
        assert!(hops.acquire(other, || resolved(7, 1), interface).is_some());
    }

    #[test]
    fn a_changed_route_changes_the_entry_and_the_neighbour_cared_for() {
        let mut hops = NextHops::new(4);
        let pending =
            || Resolution::Pending { neighbour: neighbour(1), interface: "eth0".into(), failed: false };
        let acquired = hops.acquire(DESTINATION, pending, interface);
        assert_eq!(acquired, Some((NextHopId(0), Some(Change { id: NextHopId(0), hop: None }))));
        assert_eq!(hops.refresh(|_| pending(), interface), []);
        let change = Change { id: NextHopId(0), hop: Some(hop(7)) };
        assert_eq!(hops.refresh(|_| resolved(7, 1), interface), [change]);
        assert_eq!(hops.take_care(), [Care::Request(neighbour(1))]);
        let change = Change { id: NextHopId(0), hop: Some(hop(9)) };
        assert_eq!(hops.refresh(|_| resolved(9, 2), interface), [change]);
        assert_eq!(hops.take_care(), [Care::Request(neighbour(2)), Care::Release(neighbour(1))]);
        let gone = |_| Resolution::Unreachable(Unreachable::NoRoute);
        assert_eq!(hops.refresh(gone, interface), [Change { id: NextHopId(0), hop: None }]);
        assert_eq!(hops.take_care(), [Care::Release(neighbour(2))]);
    }

    #[test]
    fn the_kernel_hears_of_the_first_use_and_of_the_last() {
        let mut neighbours = Neighbours::default();
        let (request, release) = (Care::Request(neighbour(1)), Care::Release(neighbour(1)));
        assert_eq!(neighbours.account(request), Some(request));
        assert_eq!(neighbours.account(request), None);
        assert_eq!(neighbours.account(release), None);
        assert_eq!(neighbours.account(release), Some(release));
        assert_eq!(neighbours.account(release), None);
    }

    #[test]
    fn a_hop_by_an_interface_without_a_socket_is_none() {
        let mut hops = NextHops::new(1);
        let acquired = hops.acquire(DESTINATION, || resolved(7, 1), |_| None);
        assert_eq!(acquired, Some((NextHopId(0), Some(Change { id: NextHopId(0), hop: None }))));
    }
}
