// SPDX-License-Identifier: MIT OR Apache-2.0
//! What packets cost on this host: measured at the start, and held against what workers are seen to do.

use std::time::{Duration, Instant};

use culvert_engine::WorkerCounters;
use culvert_engine::cost::{self, Costs};
use culvert_session::Sessions;
use culvert_session::admission::{Admission, CostModel, Line, Observation, SuiteCost};

use crate::config;
use crate::plane::{Endpoints, Plane};

/// How long the start takes for it. Slow builds and processors take what four bursts of each kind take.
const MEASURING: Duration = Duration::from_millis(200);

// What a packet costs to be received and sent, in nanoseconds, until the workers have shown it. In copy mode and with
// sockets nearly all of it is the kernel's, which does not depend on this build: the figures are those of the veth
// benches, on the side of caution.
const ZERO_COPY: f64 = 150.0;
const COPY: f64 = 800.0;
const SOCKET: f64 = 4000.0;

/// Measures what the packet path costs. To be called once the implementation of SRTP is chosen; takes a moment. `None`
/// when nothing is refused for lack of time.
pub fn measure(config: &config::Admission) -> Option<Costs> {
    config.enabled.then(|| cost::measure(MEASURING))
}

/// Sessions of a node that relays by `plane`: with what was measured, those that it cannot carry are refused.
#[must_use]
pub fn admitting(
    sessions: Sessions,
    config: &config::Admission,
    costs: Option<Costs>,
    plane: &Plane,
) -> Sessions {
    let Some(costs) = costs else { return sessions };
    let input_output = match config.packet_cost.as_nanos() {
        0 => usual(plane.endpoints()),
        nanoseconds => nanoseconds as f64,
    };
    tracing::info!(
        input_output_ns = input_output,
        plain_ns = costs.plain.packet,
        limit = config.limit,
        "what a packet costs"
    );
    let workers = u32::try_from(plane.workers().len()).unwrap_or(u32::MAX);
    sessions.with_admission(Admission::new(config.limit, model(costs, input_output), workers))
}

fn usual(endpoints: &Endpoints) -> f64 {
    match endpoints {
        Endpoints::Socket(_) => SOCKET,
        // A packet may leave by any of the interfaces.
        Endpoints::Xdp(xdp) => {
            let mut queues = xdp.interfaces.iter().flat_map(|interface| &interface.queues);
            if queues.all(|queue| queue.zero_copy) { ZERO_COPY } else { COPY }
        }
    }
}

fn model(costs: Costs, input_output: f64) -> CostModel {
    let line = |cost: cost::Line| Line { packet: cost.packet, byte: cost.byte };
    let suite = |cost: cost::SuiteCost| SuiteCost {
        suite: cost.suite,
        open: line(cost.open),
        close: line(cost.close),
    };
    CostModel {
        input_output,
        plain: line(costs.plain),
        suites: costs.suites.into_iter().map(suite).collect(),
    }
}

/// The workers' counters at the last look.
#[derive(Debug, Default)]
pub struct Looks(Vec<Look>);

#[derive(Copy, Clone, Debug)]
struct Look {
    at: Instant,
    busy: u64,
    received: u64,
    transmitted: u64,
}

impl Look {
    fn at(counters: &WorkerCounters) -> Look {
        Look {
            at: Instant::now(),
            busy: counters.busy_nanoseconds(),
            received: counters.received(),
            transmitted: counters.transmitted(),
        }
    }

    fn since(&self, before: &Look) -> Observation {
        Observation {
            interval: self.at.duration_since(before.at),
            busy: Duration::from_nanos(self.busy.saturating_sub(before.busy)),
            received: self.received.saturating_sub(before.received),
            transmitted: self.transmitted.saturating_sub(before.transmitted),
        }
    }
}

impl Looks {
    /// Looks again, and corrects what packets were thought to cost. To be called every second.
    pub fn correct(&mut self, plane: &Plane, sessions: &mut Sessions) {
        let now: Vec<_> = plane.workers().iter().map(|worker| Look::at(&worker.handle().counters)).collect();
        if let Some(admission) = sessions.admission_mut() {
            for (worker, (now, before)) in (0u32..).zip(now.iter().zip(&self.0)) {
                admission.observe(worker, &now.since(before));
            }
        }
        self.0 = now;
    }
}
