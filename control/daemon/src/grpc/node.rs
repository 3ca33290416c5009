// SPDX-License-Identifier: MIT OR Apache-2.0
//! The state of the node.

use std::collections::HashMap;

use culvert_api::v1;
use culvert_ebpf_loader::AttachMode;
use culvert_engine::{HistogramSnapshot, cycles_per_second};
use culvert_srtp::Path;
use tonic::Status;

use super::{About, answer, capacity};
use crate::node::{Inner, Node};
use crate::plane::{PlaneWorker, XdpInterface, XdpQueue};

pub(super) fn status(node: &Node, about: &About) -> Result<v1::GetNodeResponse, Status> {
    let started = node.started();
    node.read(|inner| {
        let interfaces =
            inner.plane.endpoints().interfaces().iter().map(interface).collect::<Result<_, _>>()?;
        let workers = inner.plane.workers().iter().zip(0u32..).map(|(worker, number)| v1::WorkerStatus {
            capacity: capacity::of_worker(&inner.sessions, number),
            ..self::worker(worker, number)
        });
        Ok(v1::GetNodeResponse {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            started: Some(answer::time(started)),
            draining: inner.sessions.is_draining(),
            sessions: inner.sessions.len() as u64,
            max_sessions: inner.sessions.config().max_sessions as u64,
            backend: inner.plane.endpoints().name().to_owned(),
            interfaces,
            workers: workers.collect(),
            realms: realms(inner, about),
            srtp_path: Path::chosen().name().to_owned(),
            srtp_paths_available: Path::available().map(|path| path.name().to_owned()).collect(),
            fips: about.fips.clone(),
        })
    })
}

fn interface(interface: &XdpInterface) -> Result<v1::InterfaceStatus, Status> {
    let counters = interface.counters().map_err(|error| Status::internal(error.to_string()))?;
    Ok(v1::InterfaceStatus {
        name: interface.name.clone(),
        mtu: u32::from(interface.mtu),
        mode: match interface.mode {
            AttachMode::Native => "native",
            AttachMode::Generic => "generic",
        }
        .to_owned(),
        queues: interface
            .queues
            .iter()
            .zip(0u32..)
            .map(|(queue, number)| self::queue(queue, number))
            .collect(),
        counters: counters.iter().map(|(counter, count)| (counter.name().to_owned(), count)).collect(),
    })
}

fn queue(queue: &XdpQueue, number: u32) -> v1::QueueStatus {
    let socket_drops = match queue.statistics.read() {
        Ok(statistics) => HashMap::from([
            ("receive_dropped".to_owned(), statistics.receive_dropped),
            ("receive_invalid_descriptors".to_owned(), statistics.receive_invalid_descriptors),
            ("transmit_invalid_descriptors".to_owned(), statistics.transmit_invalid_descriptors),
            ("receive_ring_full".to_owned(), statistics.receive_ring_full),
            ("fill_ring_empty".to_owned(), statistics.fill_ring_empty),
            ("transmit_ring_empty".to_owned(), statistics.transmit_ring_empty),
        ]),
        Err(error) => {
            tracing::warn!(queue = number, %error, "socket statistics cannot be read");
            HashMap::new()
        }
    };
    v1::QueueStatus {
        queue: number,
        worker: number,
        zero_copy: queue.zero_copy,
        socket_drops,
        rings: HashMap::new(),
    }
}

fn worker(worker: &PlaneWorker, number: u32) -> v1::WorkerStatus {
    let handle = worker.handle();
    v1::WorkerStatus {
        worker: number,
        cpu: handle.cpu().and_then(|cpu| u32::try_from(cpu).ok()),
        received: handle.counters.received(),
        transmitted: handle.counters.transmitted(),
        drops: answer::drops(handle.counters.drops()),
        flows: handle.counters.flows(),
        max_flows: u64::from(handle.slots.capacity()),
        timing: Some(timing(worker)),
        ..v1::WorkerStatus::default()
    }
}

fn timing(worker: &PlaneWorker) -> v1::WorkerTiming {
    let counters = &worker.handle().counters;
    let busy_nanoseconds = counters.busy_nanoseconds();
    v1::WorkerTiming {
        busy_nanoseconds,
        busy_cycles: cycles(busy_nanoseconds),
        utilisation: worker.utilisation(),
        time_in_relay: Some(histogram(counters.time_in_relay().snapshot())),
        burst_size: Some(histogram(counters.burst_size().snapshot())),
    }
}

/// Of the time stamp counter; 0 where the processor has none.
pub(crate) fn cycles(nanoseconds: u64) -> u64 {
    cycles_per_second().map_or(0, |rate| (nanoseconds as f64 * rate / 1e9) as u64)
}

fn histogram(snapshot: HistogramSnapshot) -> v1::Histogram {
    let HistogramSnapshot { upper_bounds, counts, sum } = snapshot;
    v1::Histogram { upper_bounds, counts, sum }
}

fn realms(inner: &Inner, about: &About) -> Vec<v1::RealmStatus> {
    let usage = inner.sessions.realm_usage();
    about
        .realms
        .iter()
        .map(|realm| {
            let usage = usage.iter().find(|usage| usage.name == realm.name);
            v1::RealmStatus {
                name: realm.name.clone(),
                interface: realm.interface.clone(),
                addresses: realm.addresses.clone(),
                advertised: realm.advertised.clone(),
                ports_used: usage.map_or(0, |usage| usage.used as u64),
                ports_total: usage.map_or(0, |usage| usage.total as u64),
            }
        })
        .collect()
}
