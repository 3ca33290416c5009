// SPDX-License-Identifier: MIT OR Apache-2.0
//! Time as the engine knows it.

use std::time::{Duration, Instant};

/// Nanoseconds since the engine's [`Clock`] was started.
#[derive(Copy, Clone, Debug, Default, Eq, PartialEq, Ord, PartialOrd, Hash)]
pub struct Nanos(pub u64);

impl Nanos {
    /// The same moment in units of `rate` per second, modulo 2^32: an RTP timestamp of the relay's own clock.
    pub(crate) fn in_units(self, rate: u32) -> u32 {
        const SECOND: u64 = 1_000_000_000;
        let rate = u64::from(rate);
        let whole = (self.0 / SECOND).wrapping_mul(rate);
        let part = (self.0 % SECOND) * rate / SECOND;
        whole.wrapping_add(part) as u32
    }
}

impl From<Duration> for Nanos {
    fn from(since_start: Duration) -> Nanos {
        Nanos(u64::try_from(since_start.as_nanos()).unwrap_or(u64::MAX))
    }
}

/// The one clock of an engine: workers stamp bursts with it, control reads their stamps by it.
#[derive(Copy, Clone, Debug)]
pub struct Clock {
    start: Instant,
}

impl Clock {
    /// Starts counting.
    pub fn start() -> Clock {
        Clock { start: Instant::now() }
    }

    /// Time since the start.
    pub fn now(&self) -> Nanos {
        self.start.elapsed().into()
    }

    /// The moment that a stamp means.
    pub fn instant(&self, stamp: Nanos) -> Instant {
        self.start + Duration::from_nanos(stamp.0)
    }
}

/// How fast the processor's time stamp counter runs, in cycles per second; `None` where it has none that is constant.
///
/// A worker need not read the counter: at a constant rate, its cycles are nanoseconds times this. The first call measures
/// the rate, which takes some milliseconds.
pub fn cycles_per_second() -> Option<f64> {
    const CYCLES: u64 = 1 << 32;
    if !cfg!(target_arch = "x86_64") {
        return None;
    }
    let nanoseconds = quanta::Clock::new().delta_as_nanos(0, CYCLES);
    // Without a usable counter, the crate counts nanoseconds.
    (nanoseconds != CYCLES).then(|| CYCLES as f64 * 1e9 / nanoseconds as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_counter_runs_at_the_rate_that_was_measured() {
        let Some(rate) = cycles_per_second() else { return };
        let counter = quanta::Clock::new();
        // However long the thread is kept from running between two reads, the truth lies between the clock's.
        let read = || (Instant::now(), counter.raw(), Instant::now());
        let first = read();
        while first.2.elapsed() < Duration::from_millis(20) {
            std::hint::spin_loop();
        }
        let last = read();
        let cycles = (last.1 - first.1) as f64;
        let [longest, shortest] =
            [last.2 - first.0, last.0 - first.2].map(|time| cycles / time.as_secs_f64());
        assert!(longest <= rate * 1.02 && shortest >= rate * 0.98, "{longest}..={shortest}, not {rate}");
        assert_eq!(cycles_per_second(), Some(rate));
    }

    #[test]
    fn units_are_exact_and_do_not_overflow_within_centuries() {
        assert_eq!(Nanos(0).in_units(8000), 0);
        assert_eq!(Nanos(20_000_000).in_units(8000), 160);
        assert_eq!(Nanos(1_500_000_000).in_units(90_000), 135_000);
        let fifty_years = Nanos(50 * 365 * 86_400 * 1_000_000_000);
        assert_eq!(fifty_years.in_units(90_000), (50u64 * 365 * 86_400 * 90_000) as u32);
    }
}
