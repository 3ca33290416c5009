// SPDX-License-Identifier: MIT OR Apache-2.0
//! Bounds on a flow's bandwidth.

use crate::clock::Nanos;

/// Credit that a flow can save up, in time.
const DEPTH: u64 = 100_000_000;
/// But never less than this: a frame is not larger, so that any packet can pass.
const LEAST_DEPTH_BYTES: u64 = 4096;
const BITS: u64 = 8;
/// Credit is counted in billionths of a bit, so that a bit per second is one for each nanosecond and nothing is rounded.
const BIT: u64 = 1_000_000_000;

/// How fast a flow may relay: a bucket that fills at a rate, and from which every packet takes its size.
///
/// It holds what comes together in 100 ms, at least 4,096 bytes, and is full at first.
#[derive(Debug)]
pub struct Rate {
    bits_per_second: u64,
    credit: u64,
    filled: Nanos,
}

impl Rate {
    /// So many bits per second, of IP packets; 0 is taken for 1.
    pub fn new(bits_per_second: u64) -> Rate {
        let bits_per_second = bits_per_second.max(1);
        let credit = depth(bits_per_second);
        Rate { bits_per_second, credit, filled: Nanos(0) }
    }

    /// Bits per second.
    pub fn bits_per_second(&self) -> u64 {
        self.bits_per_second
    }

    /// Takes an IP packet's size from the bucket; false, and nothing taken, when there is not enough in it.
    pub(crate) fn allow(&mut self, bytes: usize, now: Nanos) -> bool {
        let elapsed = now.0.saturating_sub(self.filled.0);
        let earned = self.bits_per_second.saturating_mul(elapsed);
        self.credit = self.credit.saturating_add(earned).min(depth(self.bits_per_second));
        self.filled = self.filled.max(now);
        let price = (bytes as u64).saturating_mul(BITS * BIT);
        let left = self.credit.checked_sub(price);
        self.credit = left.unwrap_or(self.credit);
        left.is_some()
    }
}

fn depth(bits_per_second: u64) -> u64 {
    bits_per_second.saturating_mul(DEPTH).max(LEAST_DEPTH_BYTES * BITS * BIT)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MILLISECOND: u64 = 1_000_000;

    fn allowed(rate: &mut Rate, bytes: usize, times: impl Iterator<Item = u64>) -> usize {
        times.filter(|time| rate.allow(bytes, Nanos(time * MILLISECOND))).count()
    }

    #[test]
    fn a_second_has_its_bits_and_what_was_saved_up() {
        // 80,000 bit/s of 100 bytes: 100 packets a second. The bucket holds 4,096 bytes, 40 packets and 96 bytes.
        let mut rate = Rate::new(80_000);
        assert_eq!(allowed(&mut rate, 100, std::iter::repeat_n(0, 1000)), 40);
        // 96 bytes and 10 each millisecond, for a second.
        assert_eq!(allowed(&mut rate, 100, 1..=1000), 100);
        // After a long silence it holds no more than at first.
        assert_eq!(allowed(&mut rate, 100, std::iter::repeat_n(3_600_000, 1000)), 40);
        // 8 Mbit/s: 100 ms are 100,000 bytes.
        let mut rate = Rate::new(8_000_000);
        assert_eq!(allowed(&mut rate, 1000, std::iter::repeat_n(5, 1000)), 100);
        assert_eq!(allowed(&mut rate, 1000, (5..1005).flat_map(|time| [time; 4])), 999);
    }

    #[test]
    fn extremes_neither_overflow_nor_get_stuck() {
        let mut rate = Rate::new(u64::MAX);
        assert!((0..1000).all(|time| rate.allow(1500, Nanos(time * 1000))));
        let mut rate = Rate::new(0);
        assert_eq!(rate.bits_per_second(), 1);
        assert!(rate.allow(4096, Nanos(u64::MAX)) && !rate.allow(1, Nanos(u64::MAX)));
        // Time that goes back earns nothing.
        assert!(!rate.allow(1, Nanos(0)) && !rate.allow(1, Nanos(u64::MAX)));
        // Larger than the bucket: never.
        assert!(!Rate::new(8).allow(4097, Nanos(u64::MAX)));
    }
}
