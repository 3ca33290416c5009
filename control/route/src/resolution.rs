// SPDX-License-Identifier: MIT OR Apache-2.0
//! Answers to "how is this destination reached".

use std::{fmt, net::IpAddr};

/// A neighbour: an address on a link.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct NeighbourKey {
    /// Index of the link, which for a VLAN is the sub-interface.
    pub link: u32,
    /// IPv4 or IPv6 address on that link.
    pub address: IpAddr,
}

impl fmt::Display for NeighbourKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} on link {}", self.address, self.link)
    }
}

/// How a destination is reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Resolution {
    /// By this hop.
    Resolved(Hop),
    /// The route is known, its next hop's MAC address is not: ask for it with
    /// [`RouteWatcher::request_neighbour`](crate::RouteWatcher::request_neighbour).
    Pending {
        /// Who has to be resolved.
        neighbour: NeighbourKey,
        /// Name of the link.
        interface: String,
        /// The kernel has tried and got no answer.
        failed: bool,
    },
    /// Not at all, as things stand.
    Unreachable(Unreachable),
}

/// All that an Ethernet header needs, and the largest packet that fits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hop {
    /// Index of the interface that frames leave by; for a VLAN the parent.
    pub interface_index: u32,
    /// Name of that interface.
    pub interface_name: String,
    /// Name of the interface that the route names; differs from `interface_name` for a VLAN.
    pub logical_name: String,
    /// Own MAC address there.
    pub source_mac: [u8; 6],
    /// The next hop's MAC address.
    pub destination_mac: [u8; 6],
    /// VLAN identifier to tag frames with.
    pub vlan: Option<u16>,
    /// Largest IP packet in bytes: the smaller of the route's and the link's limit.
    pub mtu: u16,
    /// Whose MAC address this is. Keep it fresh with
    /// [`RouteWatcher::request_neighbour`](crate::RouteWatcher::request_neighbour): what the packet path sends does not
    /// count as use in the kernel's eyes.
    pub neighbour: NeighbourKey,
}

/// Why a destination cannot be reached.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Unreachable {
    /// No route matches.
    #[error("no route to the destination: add one, or correct the address")]
    NoRoute,
    /// Routes match, none of them by the interface that was asked for.
    #[error("no route to the destination by interface {interface}: add one there")]
    NoRouteByInterface {
        /// The interface's name, or its index when there is none of that index.
        interface: String,
    },
    /// The destination is this host.
    #[error("the destination is an address of this host")]
    Local,
    /// The destination is a broadcast address.
    #[error("the destination is a broadcast address")]
    Broadcast,
    /// The destination is a multicast group.
    #[error("the destination is a multicast group")]
    Multicast,
    /// The destination is 0.0.0.0 or ::.
    #[error("the destination is the unspecified address")]
    Unspecified,
    /// An IPv6 link-local destination, and no interface to say which link.
    #[error("a link-local destination needs an interface")]
    LinkLocalWithoutInterface,
    /// A blackhole route matches.
    #[error("a blackhole route covers the destination")]
    Blackhole,
    /// An unreachable route matches.
    #[error("an unreachable route covers the destination")]
    UnreachableRoute,
    /// A prohibit route matches.
    #[error("a prohibit route covers the destination")]
    Prohibited,
    /// The interface of the route is down or has no carrier.
    #[error("interface {interface} is down: bring it up or plug it in")]
    LinkDown {
        /// The interface's name.
        interface: String,
    },
    /// The route names an interface that is not known (yet).
    #[error("the route's interface (index {index}) is not known")]
    UnknownInterface {
        /// The interface's index.
        index: u32,
    },
    /// The interface does not carry Ethernet.
    #[error("interface {interface} does not carry Ethernet frames with neighbours: route by one that does")]
    NotEthernet {
        /// The interface's name.
        interface: String,
    },
    /// A VLAN inside a VLAN, IEEE 802.1ad, or a parent in another namespace.
    #[error("interface {interface} is a VLAN that is not a single IEEE 802.1Q tag on an Ethernet interface")]
    UnsupportedVlan {
        /// The interface's name.
        interface: String,
    },
    /// The route puts packets inside something else.
    #[error("the route by interface {interface} encapsulates packets, which the relay does not")]
    Encapsulated {
        /// The interface's name.
        interface: String,
    },
    /// The route hides its next hop.
    #[error("the route names a next-hop object only: set net.ipv4.nexthop_compat_mode=1")]
    NextHopObject,
}
