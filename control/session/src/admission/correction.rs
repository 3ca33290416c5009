// SPDX-License-Identifier: MIT OR Apache-2.0
//! How far packets cost what the model says.

use std::time::Duration;

/// What a worker did in a second or so.
#[derive(Copy, Clone, Debug, Default, Eq, PartialEq)]
pub struct Observation {
    /// How long was looked at.
    pub interval: Duration,
    /// Time that the worker spent on bursts.
    pub busy: Duration,
    /// Packets that it took in.
    pub received: u64,
    /// Packets that it sent.
    pub transmitted: u64,
}

/// Fewer packets than this say nothing.
const LEAST_PACKETS: u64 = 1000;
/// Where less than this share of the packets was sent on, their cost is that of junk, which no session was promised.
const LEAST_RELAYED: f64 = 0.9;
/// From this utilisation on, packets come in bursts as large as they do at the limit.
const REPRESENTATIVE: f64 = 0.5;
/// The part of a deviation that is taken over: a lasting one is, to nine tenths, within some twenty seconds.
const STEP: f64 = 0.125;
/// A deviation that is left alone, relative to the factor.
const DEAD_BAND: f64 = 0.05;
/// Beyond these the model is wrong, or the machine does something else.
const BOUNDS: std::ops::RangeInclusive<f64> = 0.25..=4.0;

/// By what a worker's predicted costs are multiplied.
///
/// What bursts share (a system call, a wake-up, cold caches) is divided among their packets, so a packet costs the more
/// the smaller its burst, and bursts grow with load. A measurement at low load therefore bounds the cost at high
/// load from above and no more: it may lower the factor and never raises it. Otherwise a relay would look
/// fuller the emptier it is.
#[derive(Copy, Clone, Debug, PartialEq)]
pub(super) struct Correction(f64);

impl Default for Correction {
    fn default() -> Correction {
        Correction(1.0)
    }
}

impl Correction {
    pub(super) fn factor(self) -> f64 {
        self.0
    }

    /// `predicted`: nanoseconds of the mean packet by the model.
    pub(super) fn observe(&mut self, seen: &Observation, predicted: f64) {
        let (received, transmitted) = (seen.received as f64, seen.transmitted as f64);
        if seen.received < LEAST_PACKETS || transmitted < received * LEAST_RELAYED || predicted <= 0.0 {
            return;
        }
        let measured = seen.busy.as_nanos() as f64 / (received * predicted);
        let utilisation = seen.busy.as_secs_f64() / seen.interval.as_secs_f64();
        let deviation = measured - self.0;
        if deviation > 0.0 && utilisation < REPRESENTATIVE || deviation.abs() <= self.0 * DEAD_BAND {
            return;
        }
        self.0 = deviation.mul_add(STEP, self.0).clamp(*BOUNDS.start(), *BOUNDS.end());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A second in which each of so many packets took so many nanoseconds.
    fn second(received: u64, each: u64) -> Observation {
        Observation {
            interval: Duration::from_secs(1),
            busy: Duration::from_nanos(received * each),
            received,
            transmitted: received,
        }
    }

    fn after(seen: &Observation, times: u32) -> f64 {
        let mut correction = Correction::default();
        (0..times).for_each(|_| correction.observe(seen, 1000.0));
        correction.factor()
    }

    #[test]
    fn at_high_load_it_follows_slowly_either_way() {
        let dear = second(400_000, 2000);
        assert_eq!(after(&dear, 1), 1.125);
        assert!((1.9..=2.0).contains(&after(&dear, 20)), "{}", after(&dear, 20));
        let cheap = second(1_200_000, 500);
        assert_eq!(after(&cheap, 1), 0.9375);
        assert!((0.5..=0.55).contains(&after(&cheap, 30)), "{}", after(&cheap, 30));
    }

    #[test]
    fn at_low_load_it_falls_and_never_rises() {
        assert_eq!(after(&second(10_000, 3000), 1000), 1.0);
        assert_eq!(after(&second(10_000, 500), 1), 0.9375);
    }

    #[test]
    fn little_deviations_few_packets_and_junk_are_left_alone() {
        assert_eq!(after(&second(600_000, 1040), 1000), 1.0);
        assert_ne!(after(&second(600_000, 1060), 1), 1.0);
        assert_eq!(after(&second(999, 1), 1000), 1.0);
        let junk = Observation { transmitted: 99_999, received: 200_000, ..second(200_000, 100) };
        assert_eq!(after(&junk, 1000), 1.0);
    }

    #[test]
    fn it_is_bounded() {
        assert_eq!(after(&second(100_000, 100_000), 1000), 4.0);
        assert_eq!(after(&second(10_000_000, 1), 1000), 0.25);
        let nothing = Observation { interval: Duration::ZERO, ..second(10_000, 0) };
        assert!(after(&nothing, 1).is_finite());
    }
}
