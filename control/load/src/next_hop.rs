// SPDX-License-Identifier: MIT OR Apache-2.0
//! Where frames to the relay go, for the ways that write their own headers.

use std::net::IpAddr;
use std::time::Duration;

use culvert_route::{Hop, Resolution, RouteWatcher};

use crate::LoadError;

/// How long a neighbour may take to answer.
const PATIENCE: Duration = Duration::from_secs(3);

/// The next hop to an address, as the kernel's tables have it; `mac` replaces the neighbour's.
pub(crate) async fn next_hop(destination: IpAddr, mac: Option<[u8; 6]>) -> Result<Hop, LoadError> {
    let failed = |reason: String| LoadError::NextHop { destination, reason };
    let watcher = RouteWatcher::start().await?;
    let mut changes = watcher.changes();
    let found = async {
        loop {
            match watcher.resolve(destination) {
                Resolution::Resolved(hop) => return Ok(hop),
                Resolution::Unreachable(why) => return Err(failed(why.to_string())),
                Resolution::Pending { neighbour, .. } => watcher.request_neighbour(neighbour),
            }
            if changes.changed().await.is_err() {
                return Err(failed("the kernel's tables are not followed any more".to_owned()));
            }
        }
    };
    let hop = tokio::time::timeout(PATIENCE, found).await.unwrap_or_else(|_| {
        let seconds = PATIENCE.as_secs();
        Err(failed(format!("its neighbour has not answered within {seconds} s; is the relay's host up?")))
    })?;
    Ok(Hop { destination_mac: mac.unwrap_or(hop.destination_mac), ..hop })
}
