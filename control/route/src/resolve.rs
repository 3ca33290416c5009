// SPDX-License-Identifier: MIT OR Apache-2.0
//! From a destination to a next hop.

use std::net::IpAddr;

use crate::{
    Encapsulation, Hop, Link, LinkKind, NeighbourKey, NextHop, Resolution, Route, RouteKind, RouteTable,
    Table, Unreachable, table::Neighbour,
};

/// What a unicast route comes to.
enum Choice<'a> {
    Hop(&'a NextHop, &'a Link),
    /// The next best route may do.
    Next(Unreachable),
    Stop(Unreachable),
}

impl RouteTable {
    /// How `destination` is reached, by any interface.
    ///
    /// Of a multipath route one hop is taken, by a hash of the destination and the hops' weights among those that are
    /// alive: the same destination keeps its hop until the set changes. It need not be the hop that the kernel would
    /// take for the same packet.
    pub fn resolve(&self, destination: IpAddr) -> Resolution {
        self.find(destination, None)
    }

    /// How `destination` is reached by one interface: routes by that interface, or by VLAN sub-interfaces of it, count,
    /// others do not. This is what a realm wants, and what an IPv6 link-local destination needs.
    pub fn resolve_by(&self, destination: IpAddr, interface: u32) -> Resolution {
        self.find(destination, Some(interface))
    }

    fn find(&self, destination: IpAddr, by: Option<u32>) -> Resolution {
        let destination = destination.to_canonical();
        self.try_find(destination, by).unwrap_or_else(Resolution::Unreachable)
    }

    fn try_find(&self, destination: IpAddr, by: Option<u32>) -> Result<Resolution, Unreachable> {
        refuse_special(destination, by)?;
        let mut reason = Unreachable::NoRoute;
        for table in [Table::Local, Table::Main] {
            for route in self.covering(table, destination) {
                match route.kind {
                    RouteKind::Local => return Err(Unreachable::Local),
                    RouteKind::Broadcast => return Err(Unreachable::Broadcast),
                    RouteKind::Multicast => return Err(Unreachable::Multicast),
                    RouteKind::Blackhole => return Err(Unreachable::Blackhole),
                    RouteKind::Unreachable => return Err(Unreachable::UnreachableRoute),
                    RouteKind::Prohibit => return Err(Unreachable::Prohibited),
                    RouteKind::Throw => break,
                    RouteKind::Unicast => match self.choose(route, destination, by) {
                        Choice::Hop(hop, link) => return self.follow(route, hop, link, destination),
                        Choice::Stop(why) => return Err(why),
                        // What is wrong with the best route says more than that a worse one does not fit.
                        Choice::Next(why) => {
                            if matches!(reason, Unreachable::NoRoute | Unreachable::NoRouteByInterface { .. })
                            {
                                reason = why;
                            }
                        }
                    },
                }
            }
        }
        Err(reason)
    }

    /// The hop of a route that is used, as the kernel would: hops that are dead or whose link is down do not count, hops
    /// without carrier only when there is no other.
    fn choose<'a>(&'a self, route: &'a Route, destination: IpAddr, by: Option<u32>) -> Choice<'a> {
        let mut usable: Vec<(&NextHop, &Link)> = Vec::new();
        let (mut down, mut unknown) = (None, None);
        for hop in &route.hops {
            match self.links.get(&hop.link) {
                _ if hop.encapsulation == Encapsulation::NextHopObject => {
                    unknown = Some(Unreachable::NextHopObject)
                }
                None if by.is_some_and(|index| index != hop.link) => {}
                None => unknown = Some(Unreachable::UnknownInterface { index: hop.link }),
                Some(link) if !leaves_by(link, by) => {}
                Some(link) if hop.dead || !link.up => {
                    down = Some(Unreachable::LinkDown { interface: link.name.clone() });
                }
                Some(link) => usable.push((hop, link)),
            }
        }
        if usable.iter().any(|(_, link)| link.carrier) {
            usable.retain(|(_, link)| link.carrier);
        }
        match (pick(&usable, destination), unknown) {
            (Some((hop, link)), _) => Choice::Hop(hop, link),
            // The kernel forwards by it, so that a worse route would be another way than the kernel's.
            (None, Some(why)) => Choice::Stop(why),
            (None, None) => Choice::Next(down.unwrap_or_else(|| self.not_by(by))),
        }
    }

    fn not_by(&self, by: Option<u32>) -> Unreachable {
        match by {
            None => Unreachable::NoRoute,
            Some(index) => Unreachable::NoRouteByInterface {
                interface: self.links.get(&index).map_or_else(|| index.to_string(), |link| link.name.clone()),
            },
        }
    }

    fn follow(
        &self,
        route: &Route,
        hop: &NextHop,
        link: &Link,
        destination: IpAddr,
    ) -> Result<Resolution, Unreachable> {
        let interface = || link.name.clone();
        if hop.encapsulation != Encapsulation::None {
            return Err(Unreachable::Encapsulated { interface: interface() });
        }
        if !link.carrier {
            return Err(Unreachable::LinkDown { interface: interface() });
        }
        let (frames, vlan) = self.frames(link)?;
        let source_mac = link.mac.ok_or_else(|| Unreachable::NotEthernet { interface: interface() })?;
        let neighbour = NeighbourKey { link: link.index, address: hop.gateway.unwrap_or(destination) };
        let destination_mac = match self.neighbour(&neighbour) {
            Some(Neighbour::Usable(mac)) => mac,
            state => {
                let failed = state == Some(Neighbour::Failed);
                return Ok(Resolution::Pending { neighbour, interface: interface(), failed });
            }
        };
        Ok(Resolution::Resolved(Hop {
            interface_index: frames.index,
            interface_name: frames.name.clone(),
            logical_name: interface(),
            source_mac,
            destination_mac,
            vlan,
            mtu: mtu(route, link, destination),
            neighbour,
        }))
    }

    /// The link that frames leave by, and their VLAN tag.
    fn frames<'a>(&'a self, link: &'a Link) -> Result<(&'a Link, Option<u16>), Unreachable> {
        let unsupported = || Unreachable::UnsupportedVlan { interface: link.name.clone() };
        match link.kind {
            LinkKind::Ethernet => Ok((link, None)),
            LinkKind::Other => Err(Unreachable::NotEthernet { interface: link.name.clone() }),
            LinkKind::ForeignVlan => Err(unsupported()),
            LinkKind::Vlan { parent, id } => {
                let below = self.links.get(&parent).ok_or(Unreachable::UnknownInterface { index: parent })?;
                if below.kind != LinkKind::Ethernet {
                    return Err(unsupported());
                }
                if !below.up || !below.carrier {
                    return Err(Unreachable::LinkDown { interface: below.name.clone() });
                }
                Ok((below, Some(id)))
            }
        }
    }
}

fn leaves_by(link: &Link, by: Option<u32>) -> bool {
    let below = match link.kind {
        LinkKind::Vlan { parent, .. } => Some(parent),
        _ => None,
    };
    by.is_none_or(|index| index == link.index || Some(index) == below)
}

fn refuse_special(destination: IpAddr, by: Option<u32>) -> Result<(), Unreachable> {
    match destination {
        _ if destination.is_unspecified() => Err(Unreachable::Unspecified),
        _ if destination.is_multicast() => Err(Unreachable::Multicast),
        IpAddr::V4(address) if address.is_broadcast() => Err(Unreachable::Broadcast),
        IpAddr::V6(address) if address.is_unicast_link_local() && by.is_none() => {
            Err(Unreachable::LinkLocalWithoutInterface)
        }
        _ => Ok(()),
    }
}

fn pick<'a>(hops: &[(&'a NextHop, &'a Link)], destination: IpAddr) -> Option<(&'a NextHop, &'a Link)> {
    let total: u64 = hops.iter().map(|(hop, _)| u64::from(hop.weight)).sum();
    let mut rest = hash(destination).checked_rem(total)?;
    for (hop, link) in hops {
        match rest.checked_sub(u64::from(hop.weight)) {
            Some(less) => rest = less,
            None => return Some((*hop, *link)),
        }
    }
    None
}

/// FNV-1a, with a finishing shift because the remainder looks at the low bits.
fn hash(destination: IpAddr) -> u64 {
    let fnv = |hash: u64, byte: u8| (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3);
    let basis = 0xcbf2_9ce4_8422_2325;
    let hash = match destination {
        IpAddr::V4(address) => address.octets().into_iter().fold(basis, fnv),
        IpAddr::V6(address) => address.octets().into_iter().fold(basis, fnv),
    };
    hash ^ (hash >> 32)
}

fn mtu(route: &Route, link: &Link, destination: IpAddr) -> u16 {
    let of_family = if destination.is_ipv6() { link.mtu_ipv6 } else { None };
    let smallest = [Some(link.mtu), of_family, route.mtu].into_iter().flatten().min();
    u16::try_from(smallest.unwrap_or(link.mtu)).unwrap_or(u16::MAX)
}

#[cfg(test)]
mod tests;
