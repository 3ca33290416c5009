// SPDX-License-Identifier: MIT OR Apache-2.0
//! What a worker can carry, as `GetNode` tells it.

use culvert_api::v1;
use culvert_session::Sessions;
use culvert_session::admission::Assumed;

/// RTP payload of the costs that are told: G.711 in packets of 20 ms.
const PAYLOAD: u32 = 160;

pub(crate) fn of_worker(sessions: &Sessions, worker: u32) -> Option<v1::WorkerCapacity> {
    let admission = sessions.admission()?;
    let capacity = admission.capacity(worker)?;
    let model = admission.costs();
    let cost = |[receive, send]: [Assumed; 2]| v1::PacketCost {
        receive: name(receive).to_owned(),
        send: name(send).to_owned(),
        payload_bytes: PAYLOAD,
        nanoseconds: model.nanoseconds(receive, send, PAYLOAD) * capacity.correction,
    };
    let suites = model.suites.iter().map(|cost| Assumed::Suite(cost.suite));
    let ways = suites.flat_map(|suite| [[suite; 2], [suite, Assumed::Plain], [Assumed::Plain, suite]]);
    let costs = std::iter::once([Assumed::Plain; 2]).chain(ways).map(cost).collect();
    Some(v1::WorkerCapacity { limit: capacity.limit, promised: capacity.promised, costs })
}

fn name(assumed: Assumed) -> &'static str {
    match assumed {
        Assumed::Plain => "plain",
        Assumed::Suite(suite) => suite.name(),
        Assumed::Unknown => "",
    }
}
