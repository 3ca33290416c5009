// SPDX-License-Identifier: MIT OR Apache-2.0
//! One run: a relay, media with junk through it, and where each packet of both was counted.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use culvert_traffic::{Arrival, Run, Traffic, TrafficConfig};

use crate::junk::error::JunkError;
use crate::junk::kind::Kind;
use crate::junk::mix;
use crate::relay::{Backend, Relay};
use crate::wire::load::{HEADERS, NUMBER, SUITE, frame_length};
use crate::wire::placement::Placement;
use crate::wire::run::{callees, drained, generate};
use crate::wire::topology::{EDGE_INTERFACE, Topology};
use crate::wire::verify;

/// Runs of the generator after which what is due goes out: less than a veth's ring of 256 holds.
const BATCH: u32 = 64;

/// What is offered.
#[derive(Copy, Clone, Debug, PartialEq)]
pub struct Offer {
    /// Packets of media a second.
    pub media: f64,
    /// Packets of junk for each of media.
    pub ratio: u32,
    /// For how long.
    pub seconds: f64,
}

/// What came of it.
#[derive(Clone, Debug, Default)]
pub struct Found {
    /// Packets of media that were sent.
    pub media: u64,
    /// Packets of junk that were sent.
    pub junk: u64,
    /// Nanoseconds that took.
    pub span: u64,
    /// Packets of media that arrived, each once.
    pub arrived: u64,
    /// Packets that came again, or should not have come at all.
    pub wrong: u64,
    /// Packets that arrived, were opened and compared.
    pub verified: usize,
    /// Nanoseconds that the worker was ready and something else had its processor. More of it than its rings hold is loss that is not
    /// the relay's.
    pub waited: u64,
    /// Packets that were counted and did not arrive, by place and reason.
    pub counted: BTreeMap<String, u64>,
}

/// Sent, and never seen by the relay's program: the ring of its veth was full.
pub const BEFORE_PROGRAM: &str = "before the XDP program";
/// Sent by the relay, and not seen by the sink.
pub const AFTER_RELAY: &str = "between relay and sink";

impl Found {
    /// Of media, from 0 to 1, what arrived by itself.
    pub fn delivery(&self) -> f64 {
        let arrived = self.arrived.saturating_sub(self.by_replay());
        if self.media == 0 { 0.0 } else { arrived as f64 / self.media as f64 }
    }

    /// Packets of media that were lost, and of which a replay, which then is none, was relayed. As many replays are sent as packets
    /// from wrong sources, and rings that are full take as many of both: the difference was relayed.
    pub fn by_replay(&self) -> u64 {
        let [of_wrong_source, replayed] =
            [Kind::WrongSource, Kind::Replay].map(|kind| self.counted(kind.places()[0]));
        of_wrong_source.saturating_sub(replayed)
    }

    /// Packets of media a second that were sent.
    pub fn media_rate(&self) -> f64 {
        self.rate(self.media)
    }

    /// Packets of junk a second that were sent.
    pub fn junk_rate(&self) -> f64 {
        self.rate(self.junk)
    }

    /// Of the run, from 0 to 1, what the worker waited for its processor.
    pub fn wait(&self) -> f64 {
        self.waited as f64 / self.span.max(1) as f64
    }

    fn rate(&self, packets: u64) -> f64 {
        packets as f64 / (self.span.max(1) as f64 / 1e9)
    }

    /// Packets that one place counted.
    pub fn counted(&self, place: &str) -> u64 {
        self.counted.get(place).copied().unwrap_or_default()
    }

    /// Packets, of media or junk, that were neither delivered nor counted anywhere.
    pub fn unaccounted(&self) -> i64 {
        let seen = self.arrived + self.counted.values().sum::<u64>();
        (self.media + self.junk) as i64 - seen as i64
    }
}

/// Namespaces, generator and sink.
#[derive(Debug)]
pub struct Arena {
    topology: Topology,
    traffic: Traffic,
    placement: Placement,
    calls: u32,
    filled: Option<u32>,
    interrupted: Arc<AtomicBool>,
}

impl Arena {
    /// With room for so many packets a run.
    ///
    /// # Errors
    /// Without root, or when the kernel refuses.
    pub fn new(
        placement: Placement,
        packets: u32,
        calls: u32,
        interrupted: Arc<AtomicBool>,
    ) -> Result<Arena, JunkError> {
        let topology = Topology::new()?;
        let longest = frame_length(Some(SUITE));
        let mut traffic = Traffic::load(TrafficConfig { frames: packets, longest, flows: calls })?;
        topology.edge.run(|| traffic.generator.attach_sink(EDGE_INTERFACE))??;
        placement.apply(&topology)?;
        Ok(Arena { topology, traffic, placement, calls, filled: None, interrupted })
    }

    /// Starts a relay, offers media and junk, waits until nothing arrives any more, opens what the sink has kept, and ends the
    /// relay.
    ///
    /// # Errors
    /// When one of that fails, or something was delivered that should not have been.
    pub fn run(&mut self, offer: Offer) -> Result<Found, JunkError> {
        self.check()?;
        let Offer { media, ratio, seconds } = offer;
        let (topology, calls) = (&self.topology, self.calls);
        let frames = self.traffic.pool.frames();
        let (groups, group) = (((media * seconds) as u64).max(1), u64::from(ratio) + 1);
        if groups * group > frames.into() {
            return Err(JunkError::Pool { groups, ratio, frames });
        }
        self.traffic.meter.end();
        if self.filled != Some(ratio) {
            mix::fill(&mut self.traffic.pool, ratio, calls, topology.macs)?;
            self.filled = Some(ratio);
        }
        let (meter, length) = (&self.traffic.meter, frame_length(Some(SUITE)));
        let interval = (1e9 / (media * group as f64)).round().max(1.0) as u64;
        let run = Run {
            packets: groups * group,
            length,
            interface: topology.edge_index,
            interval,
            catch_up: u64::from(BATCH) * interval,
            arrival: Arrival { length: length - HEADERS, number: NUMBER },
            ..Run::default()
        };
        meter.begin(&run, &callees(calls))?;
        let legs = (Some(SUITE), Some(SUITE));
        let relay = topology
            .relay
            .run(|| Relay::start(Backend::Xdp, calls, legs, topology.macs, self.placement.relay_cpu))??;
        let before = waited();
        generate(topology, &self.traffic, self.placement, BATCH)?;
        let waited = waited().saturating_sub(before);
        let delivered = drained(meter);
        meter.end();
        let (redirected, transmitted) = (relay.redirected()?, relay.transmitted());
        let mut counted: BTreeMap<String, u64> = relay.stop()?.into_iter().collect();
        let sent = meter.sent();
        let program = |(place, _): &(&String, &u64)| place.starts_with("XDP program ");
        let judged = redirected + counted.iter().filter(program).map(|(_, packets)| packets).sum::<u64>();
        let arrived = delivered.packets + delivered.duplicates + delivered.wrong;
        counted.insert(BEFORE_PROGRAM.into(), sent.packets.saturating_sub(judged));
        counted.insert(AFTER_RELAY.into(), transmitted.saturating_sub(arrived));
        counted.retain(|_, packets| *packets > 0);
        let verified = verify::samples(&meter.samples(), calls)?;
        self.check()?;
        let media = sent.packets.div_ceil(group);
        Ok(Found {
            media,
            junk: sent.packets - media,
            span: sent.span,
            arrived: delivered.packets,
            wrong: delivered.duplicates + delivered.wrong,
            verified,
            waited,
            counted,
        })
    }

    fn check(&self) -> Result<(), JunkError> {
        if self.interrupted.load(Ordering::Relaxed) { Err(JunkError::Interrupted) } else { Ok(()) }
    }
}

/// Nanoseconds that workers of this process have waited for a processor. 0 where the kernel does not tell.
fn waited() -> u64 {
    let threads = std::fs::read_dir("/proc/self/task").into_iter().flatten().flatten();
    let read = |path: std::path::PathBuf| std::fs::read_to_string(path).unwrap_or_default();
    let workers = threads.filter(|thread| read(thread.path().join("comm")).starts_with("relay-"));
    workers.filter_map(|thread| waited_by(&read(thread.path().join("schedstat")))).sum()
}

/// Of `schedstat`: time on a processor, time waiting for one, slices.
fn waited_by(schedstat: &str) -> Option<u64> {
    schedstat.split_ascii_whitespace().nth(1)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waiting_is_the_second_of_three() {
        assert_eq!(waited_by("100 23 4\n"), Some(23));
        assert_eq!(waited_by(""), None);
        let found = Found { waited: 23, span: 92, ..Found::default() };
        assert_eq!(found.wait(), 0.25);
    }

    #[test]
    fn media_that_a_replay_has_saved_was_lost() {
        let counted = [("flow wrong_source", 20), ("flow replayed", 18)];
        let counted = counted.map(|(place, count)| (place.into(), count)).into();
        let found = Found { media: 10, arrived: 10, counted, ..Found::default() };
        assert_eq!((found.by_replay(), found.delivery()), (2, 0.8));
    }

    #[test]
    fn what_is_counted_nowhere_is_missed() {
        let counted = [("flow replayed", 15), (AFTER_RELAY, 1)].map(|(place, count)| (place.into(), count));
        let found = Found {
            media: 10,
            junk: 20,
            span: 2_000_000_000,
            arrived: 9,
            counted: counted.into(),
            ..Found::default()
        };
        assert_eq!((found.delivery(), found.media_rate(), found.junk_rate()), (0.9, 5.0, 10.0));
        assert_eq!((found.counted("flow replayed"), found.counted("flow held")), (15, 0));
        assert_eq!(found.unaccounted(), 5);
    }
}
