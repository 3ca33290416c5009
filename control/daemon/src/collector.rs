// SPDX-License-Identifier: MIT OR Apache-2.0
//! The node's counters as Prometheus metrics. Labels are of bounded cardinality: workers, interfaces, reasons, realms.

use std::collections::BTreeMap;
use std::sync::Arc;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;

use crate::mras::Mras;
use crate::node::{Inner, Node};

/// Reads the node at each scrape.
#[derive(Debug)]
pub struct NodeCollector {
    node: Arc<Node>,
}

impl NodeCollector {
    /// A collector of a node.
    pub fn new(node: Arc<Node>) -> NodeCollector {
        NodeCollector { node }
    }
}

impl Collector for NodeCollector {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), std::fmt::Error> {
        self.node.read(|inner| {
            sessions(inner, &mut encoder)?;
            workers(inner, &mut encoder)?;
            flows(inner, &mut encoder)?;
            interfaces(inner, &mut encoder)
        })?;
        mras(&self.node, &mut encoder)?;
        audit(&self.node, &mut encoder)
    }
}

/// Name, help, and how to read it.
type Count = (&'static str, &'static str, fn(&culvert_engine::WorkerCounters) -> u64);

type Encoded = Result<(), std::fmt::Error>;

fn sessions(inner: &Inner, encoder: &mut DescriptorEncoder<'_>) -> Encoded {
    let count = inner.sessions.len() as u64;
    gauge(encoder, "sessions", "Sessions now", [(no_labels(), count)])?;
    let draining = u64::from(inner.sessions.is_draining());
    gauge(encoder, "draining", "1 while new sessions are refused", [(no_labels(), draining)])?;
    let usage = inner.sessions.realm_usage();
    let label = |name: &str| vec![("realm", name.to_owned())];
    gauge(
        encoder,
        "realm_ports_used",
        "Ports in use",
        usage.iter().map(|realm| (label(&realm.name), realm.used as u64)),
    )?;
    gauge(
        encoder,
        "realm_ports",
        "Ports in all",
        usage.iter().map(|realm| (label(&realm.name), realm.total as u64)),
    )
}

fn workers(inner: &Inner, encoder: &mut DescriptorEncoder<'_>) -> Encoded {
    let workers =
        || inner.plane.workers().iter().enumerate().map(|(number, worker)| (number, worker.handle()));
    let label = |number: usize| vec![("worker", number.to_string())];
    let counters: [Count; 4] = [
        ("worker_received_packets", "Packets taken from the receive side", |counters| counters.received()),
        ("worker_transmitted_packets", "Packets handed to the transmit side", |counters| {
            counters.transmitted()
        }),
        ("worker_bursts", "Bursts with at least one packet", |counters| counters.bursts()),
        ("worker_events_lost", "Events left out because control was behind", |counters| {
            counters.events_lost()
        }),
    ];
    for (name, help, read) in counters {
        counter(
            encoder,
            name,
            help,
            workers().map(|(number, handle)| (label(number), read(&handle.counters))),
        )?;
    }
    gauge(
        encoder,
        "worker_flows",
        "Flows now",
        workers().map(|(number, handle)| (label(number), handle.counters.flows())),
    )?;
    counter(
        encoder,
        "worker_dropped_packets",
        "Packets dropped that belong to no flow, by reason",
        workers().flat_map(|(number, handle)| {
            handle.counters.drops().map(move |(reason, count)| {
                (vec![("worker", number.to_string()), ("reason", reason.name().to_owned())], count)
            })
        }),
    )
}

/// Sums over live flows would fall when a flow ends; the node keeps those of ended ones.
fn flows(inner: &Inner, encoder: &mut DescriptorEncoder<'_>) -> Encoded {
    let totals = inner.totals();
    counter(encoder, "relayed_packets", "Packets relayed", [(no_labels(), totals.packets)])?;
    counter(encoder, "relayed_bytes", "UDP payload relayed, in bytes", [(no_labels(), totals.bytes)])?;
    let drops: BTreeMap<_, _> = totals.drops.iter().collect();
    counter(
        encoder,
        "dropped_packets",
        "Packets of flows that were dropped, by reason",
        drops.into_iter().map(|(reason, count)| (vec![("reason", reason.name().to_owned())], *count)),
    )
}

fn interfaces(inner: &Inner, encoder: &mut DescriptorEncoder<'_>) -> Encoded {
    let mut samples = Vec::new();
    for interface in inner.plane.endpoints().interfaces() {
        match interface.counters() {
            Ok(counters) => samples.extend(counters.iter().map(|(counter, count)| {
                let labels =
                    vec![("interface", interface.name.clone()), ("verdict", counter.name().to_owned())];
                (labels, count)
            })),
            Err(error) => tracing::warn!(interface = interface.name, %error, "XDP counters cannot be read"),
        }
    }
    counter(encoder, "xdp_packets", "Packets to relay ports as the XDP program judged them", samples)
}

fn mras(node: &Node, encoder: &mut DescriptorEncoder<'_>) -> Encoded {
    let Some(counts) = node.mras().map(Mras::counts) else { return Ok(()) };
    let issued = counts.issued.iter().map(|(kind, count)| (vec![("kind", kind.name().to_owned())], *count));
    counter(encoder, "mras_credentials_issued", "Credentials issued, by kind", issued)?;
    let refused =
        counts.refused.iter().map(|(reason, count)| (vec![("reason", reason.label().to_owned())], *count));
    counter(
        encoder,
        "mras_credentials_refused",
        "Credentials presented that did not hold, by reason",
        refused,
    )
}

fn audit(node: &Node, encoder: &mut DescriptorEncoder<'_>) -> Encoded {
    let Some(status) = node.audit_status() else { return Ok(()) };
    let one = |count| [(no_labels(), count)];
    counter(encoder, "audit_receipts_lost", "Receipts that could not be kept", one(status.lost))?;
    counter(encoder, "audit_failures", "Failed attempts to write to the audit log", one(status.failures))
}

type Labels = Vec<(&'static str, String)>;

fn no_labels() -> Labels {
    Vec::new()
}

fn counter(
    encoder: &mut DescriptorEncoder<'_>,
    name: &str,
    help: &str,
    samples: impl IntoIterator<Item = (Labels, u64)>,
) -> Encoded {
    family(encoder, name, help, samples, ConstCounter::new)
}

fn gauge(
    encoder: &mut DescriptorEncoder<'_>,
    name: &str,
    help: &str,
    samples: impl IntoIterator<Item = (Labels, u64)>,
) -> Encoded {
    family(encoder, name, help, samples, ConstGauge::new)
}

fn family<M: EncodeMetric>(
    encoder: &mut DescriptorEncoder<'_>,
    name: &str,
    help: &str,
    samples: impl IntoIterator<Item = (Labels, u64)>,
    metric: impl Fn(u64) -> M,
) -> Encoded {
    let mut samples = samples.into_iter();
    let Some((labels, first)) = samples.next() else { return Ok(()) };
    let mut family = encoder.encode_descriptor(name, help, None, metric(first).metric_type())?;
    if labels.is_empty() {
        // A family of one without labels is no family: `name 1`, not `name{} 1`.
        return metric(first).encode(family);
    }
    for (labels, value) in std::iter::once((labels, first)).chain(samples) {
        metric(value).encode(family.encode_family(&labels)?)?;
    }
    Ok(())
}
