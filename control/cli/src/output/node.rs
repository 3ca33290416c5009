// SPDX-License-Identifier: MIT OR Apache-2.0
//! The node as `--json` writes it.

use culvert_api::v1;
use serde::Serialize;

use super::histogram::Histogram;
use super::model::{Counts, counts, time};

/// `node show`.
#[derive(Debug, Serialize)]
pub(crate) struct Node {
    pub(super) version: String,
    pub(super) started: Option<String>,
    pub(super) draining: bool,
    pub(super) sessions: u64,
    pub(super) max_sessions: u64,
    /// "xdp" or "socket".
    pub(super) backend: String,
    /// "" from a relay that does not say.
    pub(super) srtp_path: String,
    pub(super) srtp_paths_available: Vec<String>,
    /// "" from a relay that does not say.
    pub(super) fips: String,
    pub(super) interfaces: Vec<Interface>,
    pub(super) workers: Vec<Worker>,
    pub(super) realms: Vec<Realm>,
}

#[derive(Debug, Serialize)]
pub(super) struct Interface {
    pub(super) name: String,
    pub(super) mtu: u32,
    /// "native" or "generic"; "" without XDP.
    pub(super) mode: String,
    pub(super) queues: Vec<Queue>,
    pub(super) counters: Counts,
}

#[derive(Debug, Serialize)]
pub(super) struct Queue {
    pub(super) queue: u32,
    pub(super) worker: u32,
    pub(super) zero_copy: bool,
    pub(super) socket_drops: Counts,
}

#[derive(Debug, Serialize)]
pub(super) struct Worker {
    pub(super) worker: u32,
    /// Null: not pinned.
    pub(super) cpu: Option<u32>,
    pub(super) received: u64,
    pub(super) transmitted: u64,
    pub(super) drops: Counts,
    pub(super) flows: u64,
    pub(super) max_flows: u64,
    /// Null from a relay that does not say.
    pub(super) timing: Option<Timing>,
    pub(super) handed_over: u64,
    pub(super) taken_over: u64,
    /// Null from a relay that refuses no session for lack of time.
    pub(super) capacity: Option<Capacity>,
}

/// Since the worker started.
#[derive(Debug, Serialize)]
pub(super) struct Timing {
    pub(super) busy_nanoseconds: u64,
    /// 0 where the processor has no time stamp counter.
    pub(super) busy_cycles: u64,
    /// Of the last second, 0 to 1.
    pub(super) utilisation: f64,
    /// Nanoseconds of each packet.
    pub(super) time_in_relay: Histogram,
    /// Packets of each burst.
    pub(super) burst_size: Histogram,
}

/// Shares of a core's time.
#[derive(Debug, Serialize)]
pub(crate) struct Capacity {
    pub(super) limit: f64,
    pub(super) promised: f64,
    pub(super) costs: Vec<Cost>,
}

#[derive(Debug, Serialize)]
pub(super) struct Cost {
    pub(super) receive: String,
    pub(super) send: String,
    pub(super) payload_bytes: u32,
    pub(super) nanoseconds: f64,
}

#[derive(Debug, Serialize)]
pub(super) struct Realm {
    pub(super) name: String,
    pub(super) interface: String,
    pub(super) addresses: Vec<String>,
    pub(super) advertised: Vec<String>,
    pub(super) ports_used: u64,
    pub(super) ports_total: u64,
}

/// `node drain`.
#[derive(Debug, Serialize)]
pub(crate) struct Drained {
    pub(super) draining: bool,
    pub(super) sessions: u64,
}

impl From<v1::DrainResponse> for Drained {
    fn from(answer: v1::DrainResponse) -> Self {
        Self { draining: answer.draining, sessions: answer.sessions }
    }
}

impl From<v1::GetNodeResponse> for Node {
    fn from(node: v1::GetNodeResponse) -> Self {
        Self {
            version: node.version,
            started: time(node.started),
            draining: node.draining,
            sessions: node.sessions,
            max_sessions: node.max_sessions,
            backend: node.backend,
            srtp_path: node.srtp_path,
            srtp_paths_available: node.srtp_paths_available,
            fips: node.fips,
            interfaces: node.interfaces.into_iter().map(Into::into).collect(),
            workers: node.workers.into_iter().map(Into::into).collect(),
            realms: node.realms.into_iter().map(Into::into).collect(),
        }
    }
}

impl From<v1::InterfaceStatus> for Interface {
    fn from(interface: v1::InterfaceStatus) -> Self {
        Self {
            name: interface.name,
            mtu: interface.mtu,
            mode: interface.mode,
            queues: interface.queues.into_iter().map(Into::into).collect(),
            counters: counts(interface.counters),
        }
    }
}

impl From<v1::QueueStatus> for Queue {
    fn from(queue: v1::QueueStatus) -> Self {
        Self {
            queue: queue.queue,
            worker: queue.worker,
            zero_copy: queue.zero_copy,
            socket_drops: counts(queue.socket_drops),
        }
    }
}

impl From<v1::WorkerStatus> for Worker {
    fn from(worker: v1::WorkerStatus) -> Self {
        Self {
            worker: worker.worker,
            cpu: worker.cpu,
            received: worker.received,
            transmitted: worker.transmitted,
            drops: counts(worker.drops),
            flows: worker.flows,
            max_flows: worker.max_flows,
            timing: worker.timing.map(Into::into),
            handed_over: worker.handed_over,
            taken_over: worker.taken_over,
            capacity: worker.capacity.map(Into::into),
        }
    }
}

impl From<v1::WorkerTiming> for Timing {
    fn from(timing: v1::WorkerTiming) -> Self {
        Self {
            busy_nanoseconds: timing.busy_nanoseconds,
            busy_cycles: timing.busy_cycles,
            utilisation: timing.utilisation,
            time_in_relay: timing.time_in_relay.map(Into::into).unwrap_or_default(),
            burst_size: timing.burst_size.map(Into::into).unwrap_or_default(),
        }
    }
}

impl From<v1::WorkerCapacity> for Capacity {
    fn from(capacity: v1::WorkerCapacity) -> Self {
        let cost = |cost: v1::PacketCost| Cost {
            receive: cost.receive,
            send: cost.send,
            payload_bytes: cost.payload_bytes,
            nanoseconds: cost.nanoseconds,
        };
        let costs = capacity.costs.into_iter().map(cost).collect();
        Self { limit: capacity.limit, promised: capacity.promised, costs }
    }
}

impl From<v1::RealmStatus> for Realm {
    fn from(realm: v1::RealmStatus) -> Self {
        Self {
            name: realm.name,
            interface: realm.interface,
            addresses: realm.addresses,
            advertised: realm.advertised,
            ports_used: realm.ports_used,
            ports_total: realm.ports_total,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::output::fixture;
    use serde_json::json;

    #[test]
    fn every_field_of_the_answer_is_there_under_its_name() {
        let expected = json!({
            "version": "0.1.0", "started": "2023-11-14T22:13:20.000Z", "draining": false, "sessions": 2,
            "max_sessions": 1000, "backend": "xdp",
            "srtp_path": "avx2", "srtp_paths_available": ["avx2", "aes-ni", "portable"], "fips": "off",
            "interfaces": [{
                "name": "eth0", "mtu": 1500, "mode": "native", "counters": {"redirected": 9},
                "queues": [
                    {"queue": 0, "worker": 0, "zero_copy": true, "socket_drops": {}},
                    {"queue": 1, "worker": 1, "zero_copy": false, "socket_drops": {"rx_fill_ring_empty_descs": 4}},
                ],
            }],
            "workers": [{
                "worker": 0, "cpu": 2, "received": 100, "transmitted": 90, "drops": {"unknown_destination": 10},
                "flows": 4, "max_flows": 40000, "handed_over": 7, "taken_over": 5,
                "timing": {
                    "busy_nanoseconds": 50000, "busy_cycles": 150000, "utilisation": 0.125,
                    "time_in_relay": {
                        "upper_bounds": [8192, 16384, 32768], "counts": [0, 50, 50, 0], "sum": 1600000,
                    },
                    "burst_size": {"upper_bounds": [1, 2, 4], "counts": [0, 20, 20, 0], "sum": 100},
                },
                "capacity": {"limit": 0.8, "promised": 0.125, "costs": [
                    {"receive": "plain", "send": "AEAD_AES_128_GCM", "payload_bytes": 160, "nanoseconds": 950.5},
                ]},
            }],
            "realms": [{
                "name": "outside", "interface": "eth0", "addresses": ["10.0.0.7", "2001:db8::7"],
                "advertised": ["203.0.113.7"], "ports_used": 4, "ports_total": 20000,
            }],
        });
        assert_eq!(serde_json::to_value(Node::from(fixture::node())).unwrap(), expected);
        let drained = Drained::from(v1::DrainResponse { draining: true, sessions: 2 });
        assert_eq!(serde_json::to_value(drained).unwrap(), json!({"draining": true, "sessions": 2}));
    }
}
