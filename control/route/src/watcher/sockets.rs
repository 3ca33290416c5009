// SPDX-License-Identifier: MIT OR Apache-2.0
//! Two netlink sockets: one hears, one asks. Were they one, lost announcements could take answers with them.

use std::{io, time::Duration};

use futures::channel::mpsc::UnboundedReceiver;
use rtnetlink::{
    Handle, MulticastGroup,
    packet_core::NetlinkMessage,
    packet_route::{
        RouteNetlinkMessage,
        neighbour::{NeighbourFlags, NeighbourState},
    },
    sys::{AsyncSocket as _, SocketAddr},
};
use tokio::{task::JoinHandle, time::timeout};

use crate::{
    NeighbourKey, RouteTable,
    dump::{DumpError, dump},
};

/// Room for some thousand announcements.
const RECEIVE_BUFFER: u32 = 1 << 20;
const REQUEST_TIMEOUT: Duration = Duration::from_secs(2);

const GROUPS: [MulticastGroup; 6] = [
    MulticastGroup::Link,
    MulticastGroup::Neigh,
    MulticastGroup::Ipv4Ifaddr,
    MulticastGroup::Ipv6Ifaddr,
    MulticastGroup::Ipv4Route,
    MulticastGroup::Ipv6Route,
];

pub(super) struct Sockets {
    handle: Handle,
    pub(super) events: UnboundedReceiver<(NetlinkMessage<RouteNetlinkMessage>, SocketAddr)>,
    connections: [JoinHandle<()>; 2],
}

impl Sockets {
    /// Opens them in the calling thread's network namespace.
    pub(super) fn open() -> io::Result<Sockets> {
        let (mut hearing, _, events) = rtnetlink::new_multicast_connection(&GROUPS)?;
        // The limit of net.core.rmem_max applies silently; a smaller buffer only means an earlier resynchronisation.
        let _ = hearing.socket_mut().socket_mut().set_rx_buf_sz(RECEIVE_BUFFER);
        let (mut asking, handle, _) = rtnetlink::new_connection()?;
        asking.set_forward_done(true);
        Ok(Sockets { handle, events, connections: [tokio::spawn(hearing), tokio::spawn(asking)] })
    }

    pub(super) async fn dump(&self) -> Result<RouteTable, DumpError> {
        dump(&self.handle).await
    }

    /// Tells the kernel that the neighbour is in use: it resolves or verifies it.
    pub(super) async fn use_neighbour(&self, neighbour: NeighbourKey) -> Result<(), rtnetlink::Error> {
        let request = self
            .handle
            .neighbours()
            .add(neighbour.link, neighbour.address)
            .state(NeighbourState::None)
            .flags(NeighbourFlags::Use)
            .replace()
            .execute();
        timeout(REQUEST_TIMEOUT, request).await.unwrap_or(Err(rtnetlink::Error::RequestFailed))
    }
}

impl Drop for Sockets {
    fn drop(&mut self) {
        for connection in &self.connections {
            connection.abort();
        }
    }
}
