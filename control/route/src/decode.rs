// SPDX-License-Identifier: MIT OR Apache-2.0
//! From rtnetlink messages to [`Update`]s.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use rtnetlink::{
    packet_core::{NLM_F_APPEND, NLM_F_MULTIPART, NLM_F_REPLACE},
    packet_route::{
        AddressFamily, RouteNetlinkMessage,
        address::{AddressAttribute, AddressMessage},
        link::{
            AfSpecInet6, AfSpecUnspec, InfoData, InfoKind, InfoVlan, LinkAttribute, LinkFlags, LinkInfo,
            LinkLayerType, LinkMessage, VlanProtocol,
        },
        neighbour::{NeighbourAddress, NeighbourAttribute, NeighbourFlags, NeighbourMessage, NeighbourState},
        route::{
            RouteAddress, RouteAttribute, RouteFlags, RouteLwEnCapType, RouteMessage, RouteMetric,
            RouteNextHop, RouteNextHopFlags, RouteType, RouteVia,
        },
    },
};

use crate::{Encapsulation, Insert, Link, LinkKind, NeighbourKey, NextHop, Route, RouteKind, Table, Update};

/// RT_TABLE_MAIN and RT_TABLE_LOCAL of linux/rtnetlink.h.
const MAIN: u32 = 254;
const LOCAL: u32 = 255;

/// The update in a message with these header flags; `None` when it is of no concern to next hops.
pub(crate) fn decode(message: RouteNetlinkMessage, flags: u16) -> Option<Update> {
    match message {
        RouteNetlinkMessage::NewLink(message) => link(message).map(Update::Link),
        // The bridge family announces that a port has left its bridge, not that the link is gone.
        RouteNetlinkMessage::DelLink(message) if message.header.interface_family == AddressFamily::Unspec => {
            Some(Update::LinkGone(message.header.index))
        }
        RouteNetlinkMessage::NewAddress(message) => {
            own_address(&message).map(|address| Update::Address { link: message.header.index, address })
        }
        RouteNetlinkMessage::DelAddress(message) => {
            own_address(&message).map(|address| Update::AddressGone { link: message.header.index, address })
        }
        RouteNetlinkMessage::NewNeighbour(message) => neighbour(&message),
        RouteNetlinkMessage::DelNeighbour(message) => neighbour_key(&message).map(Update::NeighbourGone),
        RouteNetlinkMessage::NewRoute(message) => {
            let insert = insert(flags, message.header.address_family);
            route(message).map(|route| Update::Route(route, insert))
        }
        RouteNetlinkMessage::DelRoute(message) => route(message).map(Update::RouteGone),
        _ => None,
    }
}

/// A dump lists routes in the kernel's order. A new IPv4 route goes before its equals unless appended, an IPv6 route after.
fn insert(flags: u16, family: AddressFamily) -> Insert {
    if flags & NLM_F_MULTIPART != 0 || flags & NLM_F_APPEND != 0 {
        Insert::Last
    } else if flags & NLM_F_REPLACE != 0 {
        Insert::Replace
    } else if family == AddressFamily::Inet6 {
        Insert::Last
    } else {
        Insert::First
    }
}

fn link(message: LinkMessage) -> Option<Link> {
    if message.header.interface_family != AddressFamily::Unspec {
        return None;
    }
    let header = message.header;
    let mut link = Link {
        index: header.index,
        name: String::new(),
        mac: None,
        mtu: 0,
        mtu_ipv6: None,
        up: header.flags.contains(LinkFlags::Up),
        carrier: header.flags.contains(LinkFlags::LowerUp),
        kind: match header.link_layer_type {
            LinkLayerType::Ether => LinkKind::Ethernet,
            _ => LinkKind::Other,
        },
    };
    let (mut parent, mut foreign, mut vlan) = (None, false, None);
    for attribute in message.attributes {
        match attribute {
            LinkAttribute::IfName(name) => link.name = name,
            LinkAttribute::Address(bytes) => link.mac = bytes.try_into().ok(),
            LinkAttribute::Mtu(mtu) => link.mtu = mtu,
            LinkAttribute::Link(index) => parent = Some(index),
            LinkAttribute::LinkNetNsId(_) => foreign = true,
            LinkAttribute::LinkInfo(infos) => vlan = vlan_id(&infos),
            LinkAttribute::AfSpecUnspec(families) => link.mtu_ipv6 = advertised_mtu(&families),
            _ => {}
        }
    }
    link.kind = match (vlan, parent) {
        (None, _) => link.kind,
        (Some(Some(id)), Some(parent)) if !foreign => LinkKind::Vlan { parent, id },
        _ => LinkKind::ForeignVlan,
    };
    Some(link)
}

/// `None`: no VLAN. `Some(None)`: a VLAN with another tag than IEEE 802.1Q's.
fn vlan_id(infos: &[LinkInfo]) -> Option<Option<u16>> {
    if !infos.contains(&LinkInfo::Kind(InfoKind::Vlan)) {
        return None;
    }
    let data = infos.iter().find_map(|info| match info {
        LinkInfo::Data(InfoData::Vlan(data)) => Some(data.as_slice()),
        _ => None,
    });
    let data = data.unwrap_or_default();
    let other =
        data.iter().any(|info| matches!(info, InfoVlan::Protocol(p) if *p != VlanProtocol::Ieee8021Q));
    let id = data.iter().find_map(|info| match info {
        InfoVlan::Id(id) => Some(*id),
        _ => None,
    });
    Some(id.filter(|_| !other))
}

fn advertised_mtu(families: &[AfSpecUnspec]) -> Option<u32> {
    families.iter().find_map(|family| match family {
        AfSpecUnspec::Inet6(attributes) => attributes.iter().find_map(|attribute| match attribute {
            AfSpecInet6::RaMtu(mtu) if *mtu > 0 => Some(*mtu),
            _ => None,
        }),
        _ => None,
    })
}

/// On a point-to-point link IFA_ADDRESS is the peer's and IFA_LOCAL is ours; else IFA_ADDRESS is ours.
fn own_address(message: &AddressMessage) -> Option<IpAddr> {
    let local = message.attributes.iter().find_map(|attribute| match attribute {
        AddressAttribute::Local(address) => Some(*address),
        _ => None,
    });
    local.or_else(|| {
        message.attributes.iter().find_map(|attribute| match attribute {
            AddressAttribute::Address(address) => Some(*address),
            _ => None,
        })
    })
}

fn neighbour_key(message: &NeighbourMessage) -> Option<NeighbourKey> {
    if message.header.flags.contains(NeighbourFlags::Proxy) {
        return None;
    }
    let address = message.attributes.iter().find_map(|attribute| match attribute {
        NeighbourAttribute::Destination(NeighbourAddress::Inet(address)) => Some(IpAddr::V4(*address)),
        NeighbourAttribute::Destination(NeighbourAddress::Inet6(address)) => Some(IpAddr::V6(*address)),
        _ => None,
    })?;
    Some(NeighbourKey { link: message.header.ifindex, address })
}

fn neighbour(message: &NeighbourMessage) -> Option<Update> {
    let key = neighbour_key(message)?;
    let mac: Option<[u8; 6]> = message.attributes.iter().find_map(|attribute| match attribute {
        NeighbourAttribute::LinkLayerAddress(bytes) => bytes.as_slice().try_into().ok(),
        _ => None,
    });
    Some(match (message.header.state, mac) {
        (NeighbourState::Failed, _) => Update::NeighbourFailed(key),
        (NeighbourState::Stale, Some(mac)) => Update::NeighbourStale(key, mac),
        (
            NeighbourState::Reachable
            | NeighbourState::Delay
            | NeighbourState::Probe
            | NeighbourState::Permanent
            | NeighbourState::Noarp,
            mac,
        ) => Update::Neighbour(key, mac),
        _ => Update::Neighbour(key, None),
    })
}

fn route(message: RouteMessage) -> Option<Route> {
    let header = message.header;
    let any: IpAddr = match header.address_family {
        AddressFamily::Inet => Ipv4Addr::UNSPECIFIED.into(),
        AddressFamily::Inet6 => Ipv6Addr::UNSPECIFIED.into(),
        _ => return None,
    };
    if header.flags.contains(RouteFlags::Cloned) || header.tos != 0 || header.source_prefix_length != 0 {
        return None;
    }
    let kind = route_kind(header.kind)?;
    let mut single = Leg { dead: header.flags.contains(RouteFlags::Dead), ..Leg::default() };
    let (mut table, mut destination, mut metric, mut mtu) = (u32::from(header.table), any, 0, None);
    let (mut multipath, mut object) = (Vec::new(), false);
    for attribute in message.attributes {
        match attribute {
            RouteAttribute::Table(id) => table = id,
            RouteAttribute::Destination(address) => destination = ip(&address)?,
            RouteAttribute::Priority(priority) => metric = priority,
            RouteAttribute::Metrics(metrics) => {
                mtu = metrics.iter().find_map(|metric| match metric {
                    RouteMetric::Mtu(mtu) if *mtu > 0 => Some(*mtu),
                    _ => None,
                });
            }
            RouteAttribute::MultiPath(hops) => multipath = hops,
            RouteAttribute::NhId(_) => object = true,
            attribute => single.take(&attribute),
        }
    }
    let table = match table {
        MAIN => Table::Main,
        LOCAL => Table::Local,
        _ => return None,
    };
    let mut hops: Vec<NextHop> = multipath.iter().filter_map(multipath_hop).collect();
    hops.extend(single.hop(1));
    if hops.is_empty() && object {
        single.encapsulation = Encapsulation::NextHopObject;
        single.link = Some(0);
        hops.extend(single.hop(1));
    }
    Some(Route {
        table,
        destination,
        prefix_length: header.destination_prefix_length,
        metric,
        kind,
        mtu,
        hops,
    })
}

fn route_kind(kind: RouteType) -> Option<RouteKind> {
    Some(match kind {
        RouteType::Unicast => RouteKind::Unicast,
        RouteType::Local | RouteType::Anycast => RouteKind::Local,
        RouteType::Broadcast => RouteKind::Broadcast,
        RouteType::Multicast => RouteKind::Multicast,
        RouteType::BlackHole => RouteKind::Blackhole,
        RouteType::Unreachable => RouteKind::Unreachable,
        RouteType::Prohibit => RouteKind::Prohibit,
        RouteType::Throw => RouteKind::Throw,
        _ => return None,
    })
}

fn multipath_hop(hop: &RouteNextHop) -> Option<NextHop> {
    let mut leg = Leg {
        link: Some(hop.interface_index),
        dead: hop.flags.contains(RouteNextHopFlags::Dead),
        ..Leg::default()
    };
    for attribute in &hop.attributes {
        leg.take(attribute);
    }
    leg.hop(u16::from(hop.hops) + 1)
}

/// The attributes of one next hop, as they come.
#[derive(Default)]
struct Leg {
    link: Option<u32>,
    gateway: Option<IpAddr>,
    dead: bool,
    encapsulation: Encapsulation,
}

impl Leg {
    fn take(&mut self, attribute: &RouteAttribute) {
        match attribute {
            RouteAttribute::Oif(link) => self.link = Some(*link),
            RouteAttribute::Gateway(address) => self.gateway = ip(address),
            RouteAttribute::Via(RouteVia::Inet(address)) => self.gateway = Some((*address).into()),
            RouteAttribute::Via(RouteVia::Inet6(address)) => self.gateway = Some((*address).into()),
            RouteAttribute::EncapType(kind) if *kind != RouteLwEnCapType::None => {
                self.encapsulation = Encapsulation::Tunnel;
            }
            _ => {}
        }
    }

    fn hop(&self, weight: u16) -> Option<NextHop> {
        self.link.map(|link| NextHop {
            link,
            gateway: self.gateway,
            weight,
            dead: self.dead,
            encapsulation: self.encapsulation,
        })
    }
}

fn ip(address: &RouteAddress) -> Option<IpAddr> {
    match address {
        RouteAddress::Inet(address) => Some((*address).into()),
        RouteAddress::Inet6(address) => Some((*address).into()),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
