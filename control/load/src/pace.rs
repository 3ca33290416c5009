// SPDX-License-Identifier: MIT OR Apache-2.0
//! When which packet is due.

use std::time::Duration;

/// Spreads packets evenly in time, or with a rate that grows linearly over a ramp. Knows no clock.
///
/// What a pause has held up is made good, but never by more than `burst` packets at once: the rest is given up, and
/// counted.
#[derive(Clone, Debug)]
pub(crate) struct Pacer {
    /// Packets in a nanosecond, after the ramp.
    rate: f64,
    ramp: f64,
    end: u64,
    limit: u64,
    burst: u64,
    taken: u64,
    given_up: u64,
}

impl Pacer {
    /// `rate` is in packets a second; at most `limit` packets, none after `end`.
    pub(crate) fn new(rate: f64, ramp: Duration, end: Duration, limit: u64, burst: u32) -> Pacer {
        Pacer {
            rate: rate.max(0.0) / 1e9,
            ramp: ramp.as_nanos() as f64,
            end: u64::try_from(end.as_nanos()).unwrap_or(u64::MAX),
            limit,
            burst: u64::from(burst.max(1)),
            taken: 0,
            given_up: 0,
        }
    }

    /// How many packets are to be sent `now`, in nanoseconds since the begin. They are taken as sent.
    pub(crate) fn due(&mut self, now: u64) -> u32 {
        if self.taken >= self.limit {
            return 0;
        }
        let due = self.scheduled(now).saturating_sub(self.taken + self.given_up);
        let now = due.min(self.burst).min(self.limit - self.taken);
        self.given_up += due.saturating_sub(self.burst);
        self.taken += now;
        u32::try_from(now).unwrap_or(u32::MAX)
    }

    /// When the next packet is due; `None` after the last.
    pub(crate) fn next(&self) -> Option<u64> {
        let next = self.taken + self.given_up;
        if self.taken >= self.limit || next >= self.scheduled(u64::MAX) || self.rate <= 0.0 {
            return None;
        }
        let number = next as f64;
        let ramped = self.rate * self.ramp / 2.0;
        let time = if number < ramped {
            (2.0 * number * self.ramp / self.rate).sqrt()
        } else {
            (number - ramped) / self.rate + self.ramp
        };
        Some(time.ceil() as u64)
    }

    /// Packets that were due and have been given up.
    pub(crate) fn given_up(&self) -> u64 {
        self.given_up
    }

    /// Packets due from the begin to `now`, with the one that is due just then.
    fn scheduled(&self, now: u64) -> u64 {
        if self.rate <= 0.0 {
            return 0;
        }
        // Rounding must not make one more of a whole number.
        const SLACK: f64 = 1e-6;
        match now >= self.end {
            true => (self.integral(self.end as f64) - SLACK).ceil() as u64,
            false => (self.integral(now as f64) + SLACK).floor() as u64 + 1,
        }
    }

    fn integral(&self, time: f64) -> f64 {
        match time < self.ramp {
            true => self.rate * time * time / (2.0 * self.ramp),
            false => self.rate * (time - self.ramp / 2.0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: u64 = 1_000_000_000;

    /// Asks just when something is due, and says when that was.
    fn run(mut pacer: Pacer) -> Vec<u64> {
        let mut times = Vec::new();
        while let Some(next) = pacer.next() {
            let due = pacer.due(next);
            assert_eq!(due, 1, "at {next}");
            times.push(next);
        }
        assert_eq!((pacer.due(u64::MAX), pacer.given_up()), (0, 0));
        times
    }

    #[test]
    fn packets_are_evenly_spaced_and_exact_in_number() {
        for (rate, seconds, count) in [(50.0, 2, 100), (3.0, 7, 21), (1000.0, 3, 3000), (0.5, 4, 2)] {
            let pacer = Pacer::new(rate, Duration::ZERO, Duration::from_secs(seconds), u64::MAX, 1);
            let times = run(pacer);
            assert_eq!(times.len(), count);
            let gap = (1e9 / rate).ceil() as u64;
            assert!(times.windows(2).all(|pair| pair[1] - pair[0] <= gap && pair[1] - pair[0] >= gap - 1));
        }
    }

    #[test]
    fn a_limit_ends_it_early() {
        let pacer = Pacer::new(50.0, Duration::ZERO, Duration::from_secs(9), 7, 64);
        assert_eq!(run(pacer).len(), 7);
    }

    #[test]
    fn a_ramp_sends_half_of_what_its_end_would() {
        let ramp = Duration::from_secs(10);
        let times = run(Pacer::new(100.0, ramp, Duration::from_secs(20), u64::MAX, 1));
        assert_eq!(times.len(), 500 + 1000);
        let in_ramp = |from: u64, to| times.iter().filter(|time| (from..to).contains(*time)).count();
        // 100/10 t^2/2 grows by 5 (2 t + 1) in each second.
        for second in 0..10 {
            let found = in_ramp(second * SECOND, (second + 1) * SECOND);
            assert!(found.abs_diff(5 * (2 * second as usize + 1)) <= 1, "{second}: {found}");
        }
        assert_eq!(in_ramp(10 * SECOND, 20 * SECOND), 1000);
    }

    #[test]
    fn a_pause_is_made_good_within_the_bound_and_the_rest_given_up() {
        let mut pacer = Pacer::new(1000.0, Duration::ZERO, Duration::from_secs(10), u64::MAX, 16);
        assert_eq!(pacer.due(0), 1);
        assert_eq!(pacer.due(10_000_000), 10);
        assert_eq!(pacer.due(110_000_000), 16);
        assert_eq!(pacer.given_up(), 84);
        assert_eq!(pacer.due(110_000_000), 0);
        assert_eq!(pacer.next(), Some(111_000_000));
    }

    #[test]
    fn nothing_is_due_at_no_rate() {
        let mut pacer = Pacer::new(0.0, Duration::ZERO, Duration::from_secs(1), u64::MAX, 16);
        assert_eq!((pacer.next(), pacer.due(SECOND), pacer.given_up()), (None, 0, 0));
    }
}
