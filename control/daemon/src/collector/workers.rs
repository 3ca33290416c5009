// SPDX-License-Identifier: MIT OR Apache-2.0
//! What each worker did, and where its time went.

use std::sync::Arc;

use culvert_api::v1::WorkerCapacity;
use culvert_engine::{DropReason, WorkerCounters};
use prometheus_client::encoding::DescriptorEncoder;

use super::encode::{Encoded, Labels, counter, gauge, histogram};
use crate::grpc::{capacity, node::cycles};
use crate::node::Inner;
use crate::plane::PlaneWorker;

const NANOSECOND: f64 = 1e-9;

/// One worker at the moment of a scrape; its counters go on.
#[derive(Debug)]
pub(super) struct WorkerSample {
    counters: Arc<WorkerCounters>,
    max_flows: u64,
    utilisation: f64,
    capacity: WorkerCapacity,
    failed: bool,
}

impl WorkerSample {
    /// All of them.
    pub(super) fn all(inner: &Inner) -> Vec<WorkerSample> {
        let sample = |(worker, number): (&PlaneWorker, u32)| {
            let handle = worker.handle();
            WorkerSample {
                counters: Arc::clone(&handle.counters),
                max_flows: u64::from(handle.slots.capacity()),
                utilisation: worker.utilisation(),
                // Where sessions are not admitted by what they cost, nothing is promised.
                capacity: capacity::of_worker(&inner.sessions, number).unwrap_or_default(),
                failed: handle.has_failed(),
            }
        };
        inner.plane.workers().iter().zip(0..).map(sample).collect()
    }
}

/// Name, help, and how to read it.
type Read<N> = (&'static str, &'static str, fn(&WorkerSample) -> N);

const COUNTERS: [Read<u64>; 6] = [
    ("worker_received_packets", "Packets taken from the receive side", |worker| worker.counters.received()),
    ("worker_transmitted_packets", "Packets handed to the transmit side", |worker| {
        worker.counters.transmitted()
    }),
    ("worker_bursts", "Bursts with at least one packet", |worker| worker.counters.bursts()),
    ("worker_events_lost", "Events left out because control was behind", |worker| {
        worker.counters.events_lost()
    }),
    ("worker_io_errors", "Calls to the kernel that failed", |worker| worker.counters.io_errors()),
    (
        "worker_busy_cycles",
        "Cycles of the time stamp counter spent on bursts; 0 where there is none",
        |worker| cycles(worker.counters.busy_nanoseconds()),
    ),
];

const GAUGES: [Read<u64>; 3] = [
    ("worker_flows", "Flows now", |worker| worker.counters.flows()),
    ("worker_max_flows", "Flows that there is room for", |worker| worker.max_flows),
    ("worker_failed", "1 once the worker has stopped by itself", |worker| u64::from(worker.failed)),
];

const RATIOS: [Read<f64>; 3] = [
    ("worker_utilisation_ratio", "Share of the last second spent on bursts", |worker| worker.utilisation),
    (
        "worker_capacity_limit_ratio",
        "Share of the worker's time that may be promised to sessions",
        |worker| worker.capacity.limit,
    ),
    ("worker_capacity_promised_ratio", "Share of the worker's time that sessions were promised", |worker| {
        worker.capacity.promised
    }),
];

pub(super) fn encode(workers: &[WorkerSample], encoder: &mut DescriptorEncoder<'_>) -> Encoded {
    for (name, help, read) in COUNTERS {
        counter(encoder, name, help, each(workers, read))?;
    }
    for (name, help, read) in GAUGES {
        gauge(encoder, name, help, each(workers, read))?;
    }
    for (name, help, read) in RATIOS {
        gauge(encoder, name, help, each(workers, read))?;
    }
    let busy = |worker: &WorkerSample| worker.counters.busy_nanoseconds() as f64 * NANOSECOND;
    counter(encoder, "worker_busy_seconds", "Time spent on bursts", each(workers, busy))?;
    gauge(
        encoder,
        "worker_packet_cost_seconds",
        "What a packet with 160 bytes of payload is thought to cost, input and output included, by suites of the two legs",
        workers.iter().enumerate().flat_map(|(number, worker)| costs(number, worker)),
    )?;
    histogram(
        encoder,
        "worker_time_in_relay_seconds",
        "Time of each packet from the receive burst to the transmit ring",
        NANOSECOND,
        each(workers, |worker| worker.counters.time_in_relay().snapshot()),
    )?;
    histogram(
        encoder,
        "worker_burst_packets",
        "Packets in each burst",
        1.0,
        each(workers, |worker| worker.counters.burst_size().snapshot()),
    )?;
    counter(
        encoder,
        "worker_dropped_packets",
        "Packets dropped that belong to no flow, by reason",
        workers.iter().enumerate().flat_map(|(number, worker)| drops(number, worker)),
    )
}

fn each<T>(workers: &[WorkerSample], read: impl Fn(&WorkerSample) -> T) -> impl Iterator<Item = (Labels, T)> {
    workers.iter().enumerate().map(move |(number, worker)| (label(number), read(worker)))
}

fn label(number: usize) -> Labels {
    vec![("worker", number.to_string())]
}

fn costs(number: usize, worker: &WorkerSample) -> impl Iterator<Item = (Labels, f64)> {
    worker.capacity.costs.iter().map(move |cost| {
        let legs = [("receive", cost.receive.clone()), ("send", cost.send.clone())];
        (label(number).into_iter().chain(legs).collect(), cost.nanoseconds * NANOSECOND)
    })
}

/// The reasons of packets without a flow from the start, at 0 too: a rate needs two points.
fn drops(number: usize, worker: &WorkerSample) -> impl Iterator<Item = (Labels, u64)> {
    let counted = DropReason::ALL.into_iter().map(|reason| (reason, worker.counters.dropped(reason)));
    counted.filter(|(reason, count)| *reason as usize >= DropReason::FLOW_COUNT || *count > 0).map(
        move |(reason, count)| {
            (vec![("worker", number.to_string()), ("reason", reason.name().to_owned())], count)
        },
    )
}
