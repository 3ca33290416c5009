// SPDX-License-Identifier: MIT OR Apache-2.0
//! Everything that the kernel knows, asked for at once.

use futures::StreamExt as _;
use rtnetlink::{
    Handle,
    packet_core::{NLM_F_DUMP, NLM_F_DUMP_INTR, NLM_F_REQUEST, NetlinkMessage, NetlinkPayload},
    packet_route::{
        AddressFamily, RouteNetlinkMessage, address::AddressMessage, link::LinkMessage,
        neighbour::NeighbourMessage, route::RouteMessage,
    },
};

use crate::{RouteTable, decode::decode};

/// A dump that changes meanwhile is begun anew, so many times.
const ATTEMPTS: usize = 8;

#[derive(Debug, thiserror::Error)]
pub(crate) enum DumpError {
    #[error(transparent)]
    Request(#[from] rtnetlink::Error),
    #[error("the kernel answered {0}")]
    Refused(std::io::Error),
    #[error("the kernel's tables changed during each of {ATTEMPTS} dumps")]
    Interrupted,
}

/// A table with all links, addresses, neighbours and routes.
pub(crate) async fn dump(handle: &Handle) -> Result<RouteTable, DumpError> {
    for _ in 0..ATTEMPTS {
        let mut table = RouteTable::new();
        if fill(handle, &mut table).await? {
            return Ok(table);
        }
    }
    Err(DumpError::Interrupted)
}

async fn fill(handle: &Handle, table: &mut RouteTable) -> Result<bool, DumpError> {
    let routes = |family| {
        let mut message = RouteMessage::default();
        message.header.address_family = family;
        RouteNetlinkMessage::GetRoute(message)
    };
    let requests = [
        RouteNetlinkMessage::GetLink(LinkMessage::default()),
        RouteNetlinkMessage::GetAddress(AddressMessage::default()),
        RouteNetlinkMessage::GetNeighbour(NeighbourMessage::default()),
        routes(AddressFamily::Inet),
        routes(AddressFamily::Inet6),
    ];
    for request in requests {
        if !fill_from(handle, table, request).await? {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Whether the answer is consistent.
async fn fill_from(
    handle: &Handle,
    table: &mut RouteTable,
    request: RouteNetlinkMessage,
) -> Result<bool, DumpError> {
    let mut message = NetlinkMessage::from(request);
    message.header.flags = NLM_F_REQUEST | NLM_F_DUMP;
    let mut answers = handle.clone().request(message)?;
    let mut consistent = true;
    while let Some(answer) = answers.next().await {
        consistent &= answer.header.flags & NLM_F_DUMP_INTR == 0;
        match answer.payload {
            NetlinkPayload::InnerMessage(inner) => {
                if let Some(update) = decode(inner, answer.header.flags) {
                    table.apply(update);
                }
            }
            NetlinkPayload::Error(error) if error.code.is_some() => {
                return Err(DumpError::Refused(error.to_io()));
            }
            _ => {}
        }
    }
    Ok(consistent)
}
