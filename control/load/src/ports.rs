// SPDX-License-Identifier: MIT OR Apache-2.0
//! Sessions for others to send to.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use culvert_api::Client;

use crate::calls::{self, Made};
use crate::transport::Sockets;
use crate::{LoadError, Plan, Stop};

/// How soon a stop is noticed.
const NAP: Duration = Duration::from_millis(50);

/// Makes the plan's sessions, hands the relay's endpoint of each leg A to `print`, and deletes the sessions when `stop` is
/// set. Sends nothing: that is for a flood from elsewhere, such as the kernel's pktgen.
///
/// # Errors
/// As [`run`](crate::run); what `print` refuses.
pub async fn print_ports(
    client: &Client,
    plan: Plan,
    stop: Stop,
    mut print: impl FnMut(SocketAddr) -> io::Result<()>,
) -> Result<(), LoadError> {
    plan.check()?;
    let plan = Arc::new(plan);
    let way = Sockets::bind(&plan)?;
    let Made { calls, asked, error } = calls::create(client, &plan, way.addresses(), &stop).await;
    let printed = calls.iter().flatten().try_for_each(|call| print(call.legs[0].relay));
    if error.is_none() && printed.is_ok() {
        while !stop.is_set() {
            tokio::time::sleep(NAP).await;
        }
    }
    calls::delete(client, &plan, 0..asked).await;
    match error {
        Some(error) => Err(error),
        None => printed.map_err(LoadError::Output),
    }
}
