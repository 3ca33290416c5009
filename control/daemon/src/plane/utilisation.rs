// SPDX-License-Identifier: MIT OR Apache-2.0

use culvert_engine::Nanos;

/// Shorter looks apart would show single bursts.
const INTERVAL: u64 = 1_000_000_000;

/// The share of its time that a worker spent on bursts, from two looks at its counter.
#[derive(Debug, Default)]
pub(super) struct Utilisation {
    /// When the last look was, and what it saw.
    last: (Nanos, u64),
    share: f64,
}

impl Utilisation {
    /// Looks again, if the last look is a second ago. `busy`: nanoseconds since the worker started.
    pub(super) fn look(&mut self, now: Nanos, busy: u64) {
        let (then, was_busy) = self.last;
        let passed = now.0.saturating_sub(then.0);
        if passed < INTERVAL {
            return;
        }
        // A burst that began in the interval before counts in this one, so it can be more than all.
        self.share = (busy.saturating_sub(was_busy) as f64 / passed as f64).min(1.0);
        self.last = (now, busy);
    }

    /// Between the last two looks, 0..=1.
    pub(super) fn share(&self) -> f64 {
        self.share
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_that_of_the_last_whole_second() {
        let mut utilisation = Utilisation::default();
        let mut look = |milliseconds: u64, busy: u64| {
            utilisation.look(Nanos(milliseconds * 1_000_000), busy * 1_000_000);
            utilisation.share()
        };
        assert_eq!(look(999, 900), 0.0);
        assert_eq!(look(1_000, 250), 0.25);
        assert_eq!(look(1_500, 750), 0.25);
        assert_eq!(look(3_000, 1_250), 0.5);
        assert_eq!(look(4_000, 2_251), 1.0);
        assert_eq!(look(5_000, 2_251), 0.0);
    }
}
