// SPDX-License-Identifier: MIT OR Apache-2.0
//! Sums over all flows, and how the quality of their streams is distributed. Metrics show these: their size does not depend on
//! the number of sessions.

use culvert_engine::{DropReason, FlowCounters};
use culvert_session::MediaKind;

use crate::quality::StreamQuality;

/// 10 % of lost packets make any call unusable; 0.1 % nobody hears.
const LOSS_RATIOS: &[f64] = &[0.0, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5];
/// In seconds.
const JITTERS: &[f64] = &[0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5];
/// Where user satisfaction changes its name (ITU-T G.107 table B.1), and finer below what any of these users would bear.
const SCORES: &[f64] = &[1.5, 2.0, 2.58, 3.1, 3.6, 4.03, 4.34];

/// How many values lie up to and including each bound, and above the one before.
#[derive(Clone, Debug, PartialEq)]
pub struct Distribution {
    bounds: &'static [f64],
    /// One more than bounds.
    counts: Vec<u64>,
}

impl Distribution {
    fn new(bounds: &'static [f64]) -> Distribution {
        Distribution { bounds, counts: vec![0; bounds.len() + 1] }
    }

    fn add(&mut self, value: f64) {
        let class = self.bounds.partition_point(|bound| *bound < value);
        if let Some(count) = self.counts.get_mut(class) {
            *count += 1;
        }
    }

    /// How many values are at most so great, for each bound; the last is infinite, and its count that of all values.
    pub fn cumulative(&self) -> impl Iterator<Item = (f64, u64)> {
        let bounds = self.bounds.iter().copied().chain([f64::INFINITY]);
        let mut sum = 0;
        bounds.zip(&self.counts).map(move |(bound, count)| {
            sum += count;
            (bound, sum)
        })
    }
}

/// What flows have counted, and the quality of those streams that sessions have now.
#[derive(Clone, Debug, PartialEq)]
pub struct FlowSums {
    /// Packets relayed.
    pub packets: u64,
    /// UDP payload relayed, in bytes.
    pub bytes: u64,
    /// Of the relayed packets, those of RTCP.
    pub rtcp_packets: u64,
    /// Of the relayed packets, those that left unencrypted.
    pub plain_packets: u64,
    /// Packets dropped, by [`DropReason`].
    pub drops: [u64; DropReason::FLOW_COUNT],
    /// Flows now, by [`MediaKind`].
    flows: [u64; KINDS.len()],
    /// Share of lost packets of each stream.
    pub loss_ratio: Distribution,
    /// Interarrival jitter of each stream, in seconds.
    pub jitter: Distribution,
    /// Mean opinion score of each audio stream.
    pub mos: Distribution,
}

/// Kinds of media, and their names in labels.
const KINDS: [(MediaKind, &str); 3] = [
    (MediaKind::Audio, "audio"),
    (MediaKind::Video, "video"),
    (MediaKind::ApplicationSharing, "application_sharing"),
];

impl Default for FlowSums {
    fn default() -> FlowSums {
        FlowSums {
            packets: 0,
            bytes: 0,
            rtcp_packets: 0,
            plain_packets: 0,
            drops: [0; DropReason::FLOW_COUNT],
            flows: [0; KINDS.len()],
            loss_ratio: Distribution::new(LOSS_RATIOS),
            jitter: Distribution::new(JITTERS),
            mos: Distribution::new(SCORES),
        }
    }
}

impl FlowSums {
    /// Adds a flow of a session that is there. `clock_rate`: timestamp units per second.
    pub fn add(&mut self, counters: &FlowCounters, clock_rate: u32, kind: MediaKind) {
        self.add_ended(counters);
        for ((of, _), flows) in KINDS.iter().zip(&mut self.flows) {
            *flows += u64::from(*of == kind);
        }
        for stream in counters.streams() {
            let quality = StreamQuality::of(&stream, clock_rate, kind);
            self.loss_ratio.add(quality.loss_ratio);
            self.jitter.add(quality.jitter.as_secs_f64());
            if let Some(mos) = quality.mos {
                self.mos.add(mos);
            }
        }
    }

    /// Adds what a flow has counted that is no more. Totals would fall without.
    pub fn add_ended(&mut self, counters: &FlowCounters) {
        self.packets += counters.packets();
        self.bytes += counters.bytes();
        self.rtcp_packets += counters.rtcp_packets();
        self.plain_packets += counters.plain_packets();
        for (reason, count) in counters.drops() {
            if let Some(sum) = self.drops.get_mut(reason as usize) {
                *sum += count;
            }
        }
    }

    /// Adds other sums.
    pub fn merge(&mut self, other: &FlowSums) {
        self.packets += other.packets;
        self.bytes += other.bytes;
        self.rtcp_packets += other.rtcp_packets;
        self.plain_packets += other.plain_packets;
        let add =
            |sums: &mut [u64], more: &[u64]| sums.iter_mut().zip(more).for_each(|(sum, more)| *sum += more);
        add(&mut self.drops, &other.drops);
        add(&mut self.flows, &other.flows);
        add(&mut self.loss_ratio.counts, &other.loss_ratio.counts);
        add(&mut self.jitter.counts, &other.jitter.counts);
        add(&mut self.mos.counts, &other.mos.counts);
    }

    /// Packets dropped for each reason that flows can have, those without any too.
    pub fn drops(&self) -> impl Iterator<Item = (DropReason, u64)> {
        DropReason::ALL.into_iter().zip(self.drops)
    }

    /// Flows now, by the name of their kind of media.
    pub fn flows(&self) -> impl Iterator<Item = (&'static str, u64)> {
        KINDS.iter().zip(self.flows).map(|((_, name), flows)| (*name, flows))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bound_belongs_to_the_class_below_it() {
        let mut ratios = Distribution::new(&[0.0, 0.5]);
        [0.0, 0.0, 0.1, 0.5, 0.6, 1.0].into_iter().for_each(|ratio| ratios.add(ratio));
        assert_eq!(ratios.cumulative().collect::<Vec<_>>(), [(0.0, 2), (0.5, 4), (f64::INFINITY, 6)]);
    }

    #[test]
    fn sums_of_two_parts_are_sums_of_the_whole() {
        let part = |kind, packets, mos| {
            let mut sums = FlowSums::default();
            sums.add(&FlowCounters::new(4), 8000, kind);
            (sums.packets, sums.drops[3]) = (packets, 2 * packets);
            sums.mos.add(mos);
            sums
        };
        let mut sums = part(MediaKind::Audio, 3, 4.4);
        sums.merge(&part(MediaKind::Video, 4, 1.0));
        assert_eq!((sums.packets, sums.drops[3], sums.flows), (7, 14, [1, 1, 0]));
        assert_eq!((sums.mos.counts[0], sums.mos.counts[SCORES.len()]), (1, 1));
    }

    #[test]
    fn a_flow_without_streams_is_a_flow_of_its_kind() {
        let mut sums = FlowSums::default();
        sums.add(&FlowCounters::new(4), 8000, MediaKind::Audio);
        sums.add(&FlowCounters::new(4), 90_000, MediaKind::Video);
        sums.add(&FlowCounters::new(4), 90_000, MediaKind::Video);
        let flows: Vec<_> = sums.flows().collect();
        assert_eq!(flows, [("audio", 1), ("video", 2), ("application_sharing", 0)]);
        assert_eq!(sums.loss_ratio, Distribution::new(LOSS_RATIOS));
        assert_eq!(sums.drops().count(), DropReason::FLOW_COUNT);
    }
}
