// SPDX-License-Identifier: MIT OR Apache-2.0
//! Distributions that a worker writes and anybody reads.
//!
//! Bounds are powers of two: the class of a value is the length of a number in bits, which is one instruction, where
//! bounds of 1, 2 and 5 would take a search. A class is never wider than what lies below it, so that a quantile read
//! off is at most twice the true one.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// Counts of values up to and including 2^`FIRST`, 2^(`FIRST` + 1) and so on; the last class has no bound.
///
/// One thread writes, without locked instructions. Classes read together may be one burst apart.
#[derive(Debug)]
pub struct Histogram<const FIRST: u32, const CLASSES: usize> {
    counts: [AtomicU64; CLASSES],
    sum: AtomicU64,
}

/// A [`Histogram`] at one moment.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct HistogramSnapshot {
    /// Highest value of each class but the last, ascending.
    pub upper_bounds: Vec<u64>,
    /// Values in each class: one more than there are bounds.
    pub counts: Vec<u64>,
    /// Of all values, modulo 2^64.
    pub sum: u64,
}

impl<const FIRST: u32, const CLASSES: usize> Default for Histogram<FIRST, CLASSES> {
    fn default() -> Histogram<FIRST, CLASSES> {
        Histogram { counts: std::array::from_fn(|_| AtomicU64::new(0)), sum: AtomicU64::new(0) }
    }
}

impl<const FIRST: u32, const CLASSES: usize> Histogram<FIRST, CLASSES> {
    /// Counts the same value a number of times.
    pub(crate) fn add(&self, value: u64, times: u64) {
        let add = |count: &AtomicU64, amount| count.store(count.load(Relaxed).wrapping_add(amount), Relaxed);
        if let Some(count) = self.counts.get(Self::class(value)) {
            add(count, times);
        }
        add(&self.sum, value.wrapping_mul(times));
    }

    fn class(value: u64) -> usize {
        // The bound belongs to its class: 2^n is as long as 2^n + 1, but 2^n - 1 is shorter.
        let bits = u64::BITS - value.saturating_sub(1).leading_zeros();
        (bits.saturating_sub(FIRST) as usize).min(CLASSES - 1)
    }

    /// How many values were counted.
    pub fn count(&self) -> u64 {
        self.counts.iter().map(|count| count.load(Relaxed)).fold(0, u64::wrapping_add)
    }

    /// Their sum, modulo 2^64.
    pub fn sum(&self) -> u64 {
        self.sum.load(Relaxed)
    }

    /// All of it now.
    pub fn snapshot(&self) -> HistogramSnapshot {
        HistogramSnapshot {
            upper_bounds: (FIRST..).take(CLASSES - 1).map(|power| 1 << power).collect(),
            counts: self.counts.iter().map(|count| count.load(Relaxed)).collect(),
            sum: self.sum(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bound_belongs_to_the_class_below_it() {
        let histogram = Histogram::<3, 4>::default();
        for value in [0, 1, 8, 9, 16, 17, 32, 33, u64::from(u32::MAX)] {
            histogram.add(value, 1);
        }
        assert_eq!(
            histogram.snapshot(),
            HistogramSnapshot {
                upper_bounds: vec![8, 16, 32],
                counts: vec![3, 2, 2, 2],
                sum: 116 + u64::from(u32::MAX),
            }
        );
        assert_eq!(histogram.count(), 9);
    }

    #[test]
    fn one_write_counts_a_value_many_times() {
        let histogram = Histogram::<0, 3>::default();
        histogram.add(2, 64);
        histogram.add(u64::MAX, 2);
        assert_eq!(histogram.snapshot().counts, [0, 64, 2]);
        assert_eq!(histogram.sum(), 128u64.wrapping_sub(2));
    }
}
