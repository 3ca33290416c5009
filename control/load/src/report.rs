// SPDX-License-Identifier: MIT OR Apache-2.0
//! What came of a run.

mod html;
mod text;

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use serde::Serialize;

use crate::HostileKind;
use crate::calls::Counted;
use crate::generator::{Ran, Second};
use crate::histogram::Histogram;
use crate::plan::Plan;
use crate::sink::Heard;

/// What came of a run. Serialises to what the documentation of `culvert load` describes.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Report {
    /// The run's name.
    pub run: String,
    /// When the first session was asked for, RFC 3339.
    pub started: String,
    /// Whether it was ended early.
    pub interrupted: bool,
    /// By which way packets went: `sockets`, `af_xdp`, `xdp`.
    pub transport: &'static str,
    /// The sessions.
    pub sessions: SessionsReport,
    /// RTP payload in bytes.
    pub payload: u16,
    /// From the first packet to the end of sending.
    pub elapsed_seconds: f64,
    /// From A to B; with both directions, from B to A as well.
    pub directions: Vec<Direction>,
    /// Packets that were due and not sent, because the generator could not keep up.
    pub given_up: u64,
    /// Packets that could not be protected, because a key had served its lifetime.
    pub key_expired: u64,
    /// Arrivals that are no packet of the run.
    pub foreign: u64,
    /// What was sent besides media.
    pub hostile: Vec<HostileReport>,
    /// What the relay has counted meanwhile.
    pub relay: RelayReport,
    /// Second by second; the last are those in which the sink still listened.
    pub seconds: Vec<Second>,
}

/// The sessions of a run.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct SessionsReport {
    /// How many.
    pub made: u32,
    /// How long it took to make them.
    pub seconds: f64,
    /// Of leg A and leg B: the suite, or `plain`.
    pub protection: [String; 2],
}

/// One direction.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Direction {
    /// `a_to_b` or `b_to_a`.
    pub name: &'static str,
    /// Packets sent.
    pub sent: u64,
    /// Distinct packets that arrived where they should.
    pub delivered: u64,
    /// Packets sent that did not.
    pub lost: u64,
    /// The same as a share of what was sent.
    pub loss: f64,
    /// Packets sent a second.
    pub offered_rate: f64,
    /// Packets delivered a second.
    pub delivered_rate: f64,
    /// Packets that came again.
    pub duplicates: u64,
    /// Packets that came after such as were sent later (RFC 4737 section 3).
    pub reordered: u64,
    /// The greatest reordering extent (RFC 4737 section 4.2.1), told up to 32.
    pub reordering_extent: u32,
    /// Packets so far behind that they count as lost: more than 512 of their flow.
    pub late: u64,
    /// Packets that came from a wrong endpoint or to a wrong one.
    pub misdirected: u64,
    /// Packets that were opened and compared.
    pub samples: SampleReport,
    /// From sending to arrival.
    pub latency: Latency,
}

/// Packets that were opened under the receiving leg's key and compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct SampleReport {
    /// How many.
    pub checked: u64,
    /// Those that did not authenticate.
    pub unauthentic: u64,
    /// Those that were not what was sent.
    pub different: u64,
}

/// Times in microseconds, each known to 3.2 %, the greatest and the mean exactly.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Latency {
    /// Packets whose time is known.
    pub count: u64,
    /// Mean.
    pub mean_us: f64,
    /// Median.
    pub p50_us: f64,
    /// 99th percentile.
    pub p99_us: f64,
    /// 99.9th percentile.
    pub p999_us: f64,
    /// Greatest.
    pub max_us: f64,
    /// The distribution: times, and the share of packets that took no longer.
    pub distribution: Vec<(f64, f64)>,
}

/// A kind of hostile traffic.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct HostileReport {
    /// `forged`, `replayed`, `malformed`, `sprayed`, `stun`, `unknown_port`.
    pub kind: &'static str,
    /// Packets sent.
    pub sent: u64,
    /// What the relay has dropped for the kind's reasons. `None` where it does not count them by session.
    pub dropped: Option<u64>,
}

/// What the relay has counted.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct RelayReport {
    /// `xdp`, `socket`; `None` where the caller may not see the node.
    pub backend: Option<String>,
    /// Packets relayed, by the leg that they came in on.
    pub relayed: [u64; 2],
    /// Drops of the run's sessions by reason.
    pub drops: BTreeMap<String, u64>,
    /// Drops of all workers by reason, of packets of any session or of none, from before the run to after it.
    pub worker_drops: BTreeMap<String, u64>,
    /// What the XDP program has counted meanwhile.
    pub interfaces: BTreeMap<String, u64>,
    /// What the AF_XDP sockets have dropped meanwhile.
    pub socket_drops: BTreeMap<String, u64>,
    /// Sessions whose counters are not in this, because the relay did not delete them.
    pub sessions_left: u64,
    /// Why not, of one of them.
    pub reason: Option<String>,
}

/// What a node has counted during the run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct NodeCounts {
    pub(crate) backend: String,
    pub(crate) workers: BTreeMap<String, u64>,
    pub(crate) interfaces: BTreeMap<String, u64>,
    pub(crate) queues: BTreeMap<String, u64>,
}

/// All that the generator does not know.
pub(crate) struct Context<'p> {
    pub(crate) plan: &'p Plan,
    pub(crate) started: SystemTime,
    pub(crate) setup: Duration,
    pub(crate) counted: Counted,
    pub(crate) node: Option<NodeCounts>,
}

pub(crate) fn report(context: Context<'_>, ran: Ran) -> Report {
    let Context { plan, started, setup, counted, node } = context;
    let elapsed = ran.elapsed.as_secs_f64();
    let names = ["a_to_b", "b_to_a"].into_iter().take(if plan.both { 2 } else { 1 });
    let directions = names.zip(ran.sent).zip(&ran.sink.heard);
    let dropped = |kind: HostileKind| {
        let reasons = kind.reasons();
        let count = |reason: &&str| counted.drops.get(*reason).copied().unwrap_or(0);
        (!reasons.is_empty()).then(|| reasons.iter().map(count).sum())
    };
    let hostile = ran.hostile.iter().map(|(kind, sent)| HostileReport {
        kind: kind.name(),
        sent: *sent,
        dropped: dropped(*kind),
    });
    let suite = |leg: usize| match plan.legs[leg].suite {
        Some(suite) => suite.name().to_owned(),
        None => "plain".to_owned(),
    };
    let node = node.map(|node| (Some(node.backend), node.workers, node.interfaces, node.queues));
    let (backend, worker_drops, interfaces, socket_drops) = node.unwrap_or_default();
    Report {
        run: plan.run.clone(),
        started: humantime::format_rfc3339_millis(started).to_string(),
        interrupted: ran.interrupted,
        transport: plan.transport.name(),
        sessions: SessionsReport {
            made: plan.sessions,
            seconds: setup.as_secs_f64(),
            protection: [suite(0), suite(1)],
        },
        payload: plan.payload,
        elapsed_seconds: elapsed,
        directions: directions.map(|((name, sent), heard)| direction(name, sent, heard, elapsed)).collect(),
        given_up: ran.given_up,
        key_expired: ran.refused,
        foreign: ran.sink.foreign,
        hostile: hostile.collect(),
        relay: RelayReport {
            backend,
            relayed: counted.relayed,
            worker_drops,
            interfaces,
            socket_drops,
            sessions_left: counted.unknown,
            reason: counted.reason.clone(),
            drops: counted.drops.clone(),
        },
        seconds: ran.seconds,
    }
}

fn direction(name: &'static str, sent: u64, heard: &Heard, elapsed: f64) -> Direction {
    let lost = sent.saturating_sub(heard.delivered);
    let rate = |count: u64| if elapsed > 0.0 { count as f64 / elapsed } else { 0.0 };
    Direction {
        name,
        sent,
        delivered: heard.delivered,
        lost,
        loss: share(lost, sent),
        offered_rate: rate(sent),
        delivered_rate: rate(heard.delivered),
        duplicates: heard.duplicates,
        reordered: heard.reordered,
        reordering_extent: heard.extent,
        late: heard.late,
        misdirected: heard.misdirected,
        samples: SampleReport {
            checked: heard.samples.checked,
            unauthentic: heard.samples.unauthentic,
            different: heard.samples.different,
        },
        latency: Latency::of(&heard.latency),
    }
}

impl Latency {
    /// What a report says of a histogram.
    pub fn of(histogram: &Histogram) -> Latency {
        let micros = |nanoseconds: u64| nanoseconds as f64 / 1000.0;
        let at = |share| micros(histogram.quantile(share));
        Latency {
            count: histogram.count(),
            mean_us: micros(histogram.mean()),
            p50_us: at(0.5),
            p99_us: at(0.99),
            p999_us: at(0.999),
            max_us: micros(histogram.max()),
            distribution: histogram
                .steps()
                .map(|(time, below)| (micros(time), share(below, histogram.count())))
                .collect(),
        }
    }
}

fn share(part: u64, whole: u64) -> f64 {
    if whole == 0 { 0.0 } else { part as f64 / whole as f64 }
}

#[cfg(test)]
pub(crate) mod tests;
