// SPDX-License-Identifier: MIT OR Apache-2.0
//! What the kernel tells about links, addresses, routes and neighbours, reduced to what next hops need.

use std::net::IpAddr;

use crate::NeighbourKey;

/// One thing that the kernel says has changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Update {
    /// A link is there, in this state.
    Link(Link),
    /// The link of this index is gone.
    LinkGone(u32),
    /// An address is on a link.
    Address {
        /// Index of the link.
        link: u32,
        /// The host's own address.
        address: IpAddr,
    },
    /// An address has left a link.
    AddressGone {
        /// Index of the link.
        link: u32,
        /// The host's own address.
        address: IpAddr,
    },
    /// A route is there.
    Route(Route, Insert),
    /// A route, or the named next hops of a multipath route, are gone.
    RouteGone(Route),
    /// A neighbour is there: with its MAC address when it may be sent to, with `None` while that is not known.
    Neighbour(NeighbourKey, Option<[u8; 6]>),
    /// The kernel tried to resolve this neighbour in vain.
    NeighbourFailed(NeighbourKey),
    /// The kernel may still send to this neighbour, and has not heard from it for a while.
    NeighbourStale(NeighbourKey, [u8; 6]),
    /// The kernel has forgotten this neighbour.
    NeighbourGone(NeighbourKey),
}

/// A network interface.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    /// Interface index.
    pub index: u32,
    /// Interface name.
    pub name: String,
    /// Its hardware address, when it has one of six bytes.
    pub mac: Option<[u8; 6]>,
    /// Largest IP packet, in bytes.
    pub mtu: u32,
    /// Smaller limit for IPv6 that a router advertised.
    pub mtu_ipv6: Option<u32>,
    /// Administratively up.
    pub up: bool,
    /// The lower layer is up: a cable is in.
    pub carrier: bool,
    /// What it is.
    pub kind: LinkKind,
}

/// What sort of interface a [`Link`] is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LinkKind {
    /// Carries Ethernet frames.
    Ethernet,
    /// An IEEE 802.1Q sub-interface.
    Vlan {
        /// Index of the interface below.
        parent: u32,
        /// VLAN identifier, 1 to 4094.
        id: u16,
    },
    /// A VLAN sub-interface that cannot be followed: IEEE 802.1ad, or its parent is in another namespace.
    ForeignVlan,
    /// Loopback, tunnels and other links without Ethernet headers or without neighbours.
    Other,
}

/// Which of the kernel's tables. They are looked up in this order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Table {
    /// The host's own and broadcast addresses.
    Local,
    /// Everything else.
    Main,
}

/// Where among the routes of equal prefix and metric a new one goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Insert {
    /// Before them.
    First,
    /// After them.
    Last,
    /// In place of the first of them.
    Replace,
}

/// A route.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Route {
    /// The table it is in.
    pub table: Table,
    /// First address of the destination prefix.
    pub destination: IpAddr,
    /// Length of the destination prefix in bits.
    pub prefix_length: u8,
    /// The smaller, the better.
    pub metric: u32,
    /// What becomes of packets.
    pub kind: RouteKind,
    /// Largest IP packet on this route, when it has a limit of its own.
    pub mtu: Option<u32>,
    /// By which next hops; several for multipath.
    pub hops: Vec<NextHop>,
}

/// What a route does with packets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RouteKind {
    /// Send to a next hop.
    Unicast,
    /// Deliver to this host.
    Local,
    /// Send to all on the link.
    Broadcast,
    /// Send to a group.
    Multicast,
    /// Drop silently.
    Blackhole,
    /// Drop as unreachable.
    Unreachable,
    /// Drop as prohibited.
    Prohibit,
    /// Go on with the next table.
    Throw,
}

/// One way to forward on a route.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NextHop {
    /// Index of the link.
    pub link: u32,
    /// `None`: the destination itself is on the link.
    pub gateway: Option<IpAddr>,
    /// Share among the hops of a multipath route, 1 to 256.
    pub weight: u16,
    /// The kernel says that it does not use this hop now.
    pub dead: bool,
    /// What else is put around packets.
    pub encapsulation: Encapsulation,
}

/// Whether packets leave as they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Encapsulation {
    /// As they are.
    #[default]
    None,
    /// Inside something else (MPLS, SRv6, a light-weight tunnel).
    Tunnel,
    /// Hidden in a next-hop object, which the kernel was told not to spell out.
    NextHopObject,
}
