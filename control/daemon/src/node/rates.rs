// SPDX-License-Identifier: MIT OR Apache-2.0
//! What a session does now: differences between two looks at its counters.

use std::time::Duration;

use culvert_engine::FlowCounters;
use culvert_session::MediaKind;

use crate::quality::StreamQuality;

/// Between looks that are closer a single packet would be a rate of its own.
const SHORTEST: Duration = Duration::from_millis(100);

/// What a session did between the last two looks, all directions and media together.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Rates {
    /// Packets relayed in a second.
    pub packets: f64,
    /// UDP payload relayed, bits in a second.
    pub bits: f64,
    /// Packets dropped in a second.
    pub drops: f64,
    /// Share of the expected packets that did not come, 0 to 1: of the worst stream, since it began.
    pub loss_ratio: f64,
    /// Interarrival jitter in milliseconds, of the worst stream.
    pub jitter_ms: f64,
    /// Mean opinion score of the worst stream; 0 where there is none.
    pub mos: f64,
}

/// What the flows of a session have counted, at one moment.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Counted {
    packets: u64,
    bytes: u64,
    drops: u64,
    loss_ratio: f64,
    jitter_ms: f64,
    mos: Option<f64>,
}

impl Counted {
    /// Adds a flow. `clock_rate`: RTP timestamp units in a second.
    pub(super) fn add(&mut self, flow: &FlowCounters, clock_rate: u32, kind: MediaKind) {
        self.packets += flow.packets();
        self.bytes += flow.bytes();
        self.drops += flow.drops().map(|(_, count)| count).sum::<u64>();
        for stream in flow.streams() {
            let quality = StreamQuality::of(&stream, clock_rate, kind);
            self.loss_ratio = self.loss_ratio.max(quality.loss_ratio);
            self.jitter_ms = self.jitter_ms.max(quality.jitter.as_secs_f64() * 1000.0);
            self.mos = match (self.mos, quality.mos) {
                (Some(worst), Some(mos)) => Some(worst.min(mos)),
                (worst, mos) => worst.or(mos),
            };
        }
    }

    /// What has happened since `before`, which was `elapsed` ago. `None`: too short ago to tell.
    pub(super) fn since(&self, before: &Counted, elapsed: Duration) -> Option<Rates> {
        if elapsed < SHORTEST {
            return None;
        }
        let rate = |now: u64, before: u64| now.saturating_sub(before) as f64 / elapsed.as_secs_f64();
        Some(Rates {
            packets: rate(self.packets, before.packets),
            bits: 8.0 * rate(self.bytes, before.bytes),
            drops: rate(self.drops, before.drops),
            loss_ratio: self.loss_ratio,
            jitter_ms: self.jitter_ms,
            mos: self.mos.unwrap_or_default(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_are_differences_over_the_time_between() {
        let before = Counted { packets: 100, bytes: 16_000, drops: 3, ..Counted::default() };
        let now = Counted {
            packets: 150,
            bytes: 26_000,
            drops: 4,
            loss_ratio: 0.25,
            jitter_ms: 1.5,
            mos: Some(3.5),
        };
        let rates = now.since(&before, Duration::from_millis(500)).unwrap();
        let expected =
            Rates { packets: 100.0, bits: 160_000.0, drops: 2.0, loss_ratio: 0.25, jitter_ms: 1.5, mos: 3.5 };
        assert_eq!(rates, expected);
        assert_eq!(now.since(&before, Duration::from_millis(99)), None);
        // Counters of a flow that was made anew.
        assert_eq!(before.since(&now, Duration::from_secs(1)).unwrap().packets, 0.0);
    }
}
