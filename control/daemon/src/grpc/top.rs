// SPDX-License-Identifier: MIT OR Apache-2.0
//! Sessions ranked by what they do.

use culvert_api::v1::{self, TopOrder};
use culvert_session::{Caller, SessionError};

use crate::node::{Node, Order, Ranked};

const DEFAULT_LIMIT: u32 = 50;
const MAX_LIMIT: u32 = 1000;

pub(super) fn answer(
    node: &Node,
    caller: &Caller,
    request: &v1::TopSessionsRequest,
) -> Result<v1::TopSessionsResponse, SessionError> {
    let order = order(request.order)?;
    let limit = limit(request.limit)?;
    let top = node.top(caller, order, limit, &request.filter);
    Ok(v1::TopSessionsResponse {
        sessions: top.sessions.into_iter().map(rates).collect(),
        total: top.total,
        interval: top.interval.and_then(|interval| prost_types::Duration::try_from(interval).ok()),
    })
}

fn order(asked: i32) -> Result<Order, SessionError> {
    match TopOrder::try_from(asked) {
        Ok(TopOrder::Unspecified | TopOrder::Packets) => Ok(Order::Packets),
        Ok(TopOrder::Bits) => Ok(Order::Bits),
        Ok(TopOrder::Drops) => Ok(Order::Drops),
        Ok(TopOrder::Loss) => Ok(Order::Loss),
        Ok(TopOrder::Jitter) => Ok(Order::Jitter),
        Ok(TopOrder::Mos) => Ok(Order::Mos),
        Err(_) => Err(SessionError::invalid("order", format!("{asked} is not known to this relay"))),
    }
}

fn limit(asked: u32) -> Result<usize, SessionError> {
    match asked {
        0 => Ok(DEFAULT_LIMIT as usize),
        1..=MAX_LIMIT => Ok(asked as usize),
        _ => {
            let message = format!("must be 1 to {MAX_LIMIT}, or 0 for {DEFAULT_LIMIT}, not {asked}");
            Err(SessionError::invalid("limit", message))
        }
    }
}

fn rates(ranked: Ranked) -> v1::SessionRates {
    let Ranked { id, owner, worker, rates } = ranked;
    v1::SessionRates {
        session_id: id.to_string(),
        owner: owner.to_string(),
        worker,
        packets_per_second: rates.packets,
        bits_per_second: rates.bits,
        drops_per_second: rates.drops,
        loss_ratio: rates.loss_ratio,
        jitter_ms: rates.jitter_ms,
        mos: rates.mos,
    }
}
