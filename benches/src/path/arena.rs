// SPDX-License-Identifier: MIT OR Apache-2.0
//! The wire, and one run over it.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use culvert_srtp::Suite;
use culvert_traffic::{Run, Traffic, TrafficConfig};

use crate::crypto::library::Library;
use crate::path::contender::Contender;
use crate::path::error::PathError;
use crate::path::scenario::Scenario;
use crate::path::verify;
use crate::wire::load::{self, frame_length};
use crate::wire::placement::Placement;
use crate::wire::run::{callees, drained, generate};
use crate::wire::topology::{EDGE_INTERFACE, Topology};

/// Where contenders are started.
#[derive(Debug)]
pub struct Host<'a> {
    /// The wire.
    pub topology: &'a Topology,
    /// Who has which processor.
    pub placement: Placement,
    /// For what rivals write.
    pub directory: &'a Path,
}

/// What is offered in a run.
#[derive(Copy, Clone, Debug, PartialEq)]
pub struct Offer {
    /// Packets a second.
    pub rate: f64,
    /// For how many seconds.
    pub seconds: f64,
    /// Whether each packet's time on the way is taken.
    pub stamped: bool,
}

/// What came of a run.
#[derive(Clone, Debug, Default)]
pub struct Found {
    /// Packets a second that were sent.
    pub offered: f64,
    /// Packets a second that arrived.
    pub delivered: f64,
    /// Packets that were sent.
    pub sent: u64,
    /// Packets that arrived.
    pub arrived: u64,
    /// Packets that were opened and compared.
    pub verified: usize,
    /// Nanoseconds of every packet that arrived, in ascending order.
    pub latencies: Vec<u64>,
}

impl Found {
    /// Of what was sent, from 0 to 1.
    pub fn loss(&self) -> f64 {
        if self.sent == 0 { 0.0 } else { 1.0 - self.arrived as f64 / self.sent as f64 }
    }

    /// Microseconds within which so many of a thousand have arrived.
    pub fn percentile(&self, per_mille: usize) -> Option<f64> {
        let last = self.latencies.len().checked_sub(1)?;
        self.latencies.get(last * per_mille / 1000).map(|nanoseconds| *nanoseconds as f64 / 1e3)
    }
}

/// Namespaces, generator and sink, and a pool that is filled.
#[derive(Debug)]
pub struct Arena {
    topology: Topology,
    traffic: Traffic,
    placement: Placement,
    directory: PathBuf,
    library: Option<Arc<Library>>,
    interrupted: Arc<AtomicBool>,
    filled: Option<(Option<Suite>, u32)>,
}

impl Arena {
    /// With room for so many packets a run, of so many calls. The library, libsrtp, is needed where SRTP arrives or leaves.
    ///
    /// # Errors
    /// Without root, or when the kernel refuses.
    pub fn new(
        placement: Placement,
        packets: u32,
        calls: u32,
        directory: PathBuf,
        library: Option<Arc<Library>>,
        interrupted: Arc<AtomicBool>,
    ) -> Result<Arena, PathError> {
        let topology = Topology::new()?;
        let longest = frame_length(Some(load::SUITE));
        let mut traffic = Traffic::load(TrafficConfig { frames: packets, longest, flows: calls })?;
        topology.edge.run(|| traffic.generator.attach_sink(EDGE_INTERFACE))??;
        placement.apply(&topology)?;
        Ok(Arena { topology, traffic, placement, directory, library, interrupted, filled: None })
    }

    /// Starts a contender, offers it packets, waits until nothing arrives any more, opens what the sink has kept, and
    /// ends the contender. Every run sends the same packets from the first on.
    ///
    /// # Errors
    /// When one of that fails, or something wrong was delivered.
    pub fn run(
        &mut self,
        contender: Contender,
        scenario: Scenario,
        calls: u32,
        offer: Offer,
    ) -> Result<Found, PathError> {
        self.check()?;
        let suite = scenario.received();
        if self.filled != Some((suite, calls)) {
            load::fill(&mut self.traffic.pool, suite, calls, self.topology.macs)?;
            self.filled = Some((suite, calls));
        }
        self.traffic.meter.end();
        let host = Host { topology: &self.topology, placement: self.placement, directory: &self.directory };
        let service = contender.start(&host, scenario, calls)?;
        let length = frame_length(suite);
        load::aim(&mut self.traffic.pool, length, &service.ports);
        let interval = (1e9 / offer.rate.max(1.0)) as u64;
        let run = Run {
            packets: ((offer.rate * offer.seconds) as u64).clamp(1, self.traffic.pool.frames().into()),
            length,
            interface: self.topology.edge_index,
            interval,
            // What a burst of the wire's other end would be; a pause must not become an overload.
            catch_up: 64 * interval,
            arrival: service.outgoing.arrival(scenario),
            stamped: offer.stamped,
            ..Run::default()
        };
        let meter = &self.traffic.meter;
        meter.begin(&run, &callees(calls))?;
        // Between packets the generator is to look often when each one's time counts.
        generate(&self.topology, &self.traffic, self.placement, if offer.stamped { 8 } else { 64 })?;
        let delivered = drained(meter);
        meter.end();
        self.check()?;
        let sent = meter.sent();
        let span = sent.span.max(delivered.span).max(1) as f64 / 1e9;
        let verified = verify::samples(
            contender.name(),
            &meter.samples(),
            scenario,
            &service.outgoing,
            calls,
            self.library.as_deref(),
        )?;
        let mut latencies = if offer.stamped { meter.latencies() } else { Vec::new() };
        latencies.sort_unstable();
        drop(service);
        Ok(Found {
            offered: sent.packets as f64 / (sent.span.max(1) as f64 / 1e9),
            delivered: delivered.packets as f64 / span,
            sent: sent.packets,
            arrived: delivered.packets,
            verified,
            latencies,
        })
    }

    fn check(&self) -> Result<(), PathError> {
        if self.interrupted.load(Ordering::Relaxed) { Err(PathError::Interrupted) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loss_and_percentiles() {
        let latencies: Vec<u64> = (1..=1001).map(|microseconds| microseconds * 1000).collect();
        let found = Found { sent: 4, arrived: 3, latencies, ..Found::default() };
        assert_eq!(found.loss(), 0.25);
        assert_eq!(found.percentile(500), Some(501.0));
        assert_eq!(found.percentile(999), Some(1000.0));
        assert_eq!(Found::default().percentile(500), None);
    }
}
