// SPDX-License-Identifier: MIT OR Apache-2.0
//! The kernel's routes, neighbours and links as next hops.
//!
//! The packet path writes Ethernet headers itself, so it has to know what the kernel knows: by which interface a
//! destination is reached, with which VLAN tag, and under which MAC address the next hop answers.
//!
//! - [`RouteTable`] is pure: it takes [`Update`]s and answers [`RouteTable::resolve`]. No socket, no clock.
//! - [`RouteWatcher`] is a tokio task that keeps such a table equal to the kernel's by rtnetlink, and asks the kernel to
//!   resolve the neighbours that the relay needs.
//!
//! Followed are the tables `local` and `main`, IPv4 and IPv6, by longest prefix and then by metric. Policy rules, VRFs,
//! routes for one type of service or for some sources only, and learnt path MTUs are not.

mod decode;
mod dump;
mod prefix;
mod resolution;
mod resolve;
mod table;
mod update;
mod watcher;

pub use resolution::{Hop, NeighbourKey, Resolution, Unreachable};
pub use table::{Change, RouteTable};
pub use update::{Encapsulation, Insert, Link, LinkKind, NextHop, Route, RouteKind, Table, Update};
pub use watcher::{RouteWatcher, WatchError};
