// SPDX-License-Identifier: MIT OR Apache-2.0
//! Times, counted in buckets whose width grows with them.

/// Buckets in each power of two: a time is known to 1/32 of itself.
const PART: u32 = 32;
const BITS: u32 = PART.ilog2();
const BUCKETS: usize = ((64 - BITS + 1) * PART) as usize;

/// A log-linear histogram of nanoseconds. Below 32 ns it is exact, above within 3.2 %.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Histogram {
    counts: Box<[u64]>,
    count: u64,
    sum: u128,
    max: u64,
}

impl Default for Histogram {
    fn default() -> Histogram {
        Histogram { counts: vec![0; BUCKETS].into_boxed_slice(), count: 0, sum: 0, max: 0 }
    }
}

impl Histogram {
    /// Counts one time.
    pub fn record(&mut self, nanoseconds: u64) {
        if let Some(bucket) = self.counts.get_mut(bucket(nanoseconds)) {
            *bucket += 1;
        }
        self.count += 1;
        self.sum += u128::from(nanoseconds);
        self.max = self.max.max(nanoseconds);
    }

    /// Counts so many times at once, all of them `nanoseconds`.
    pub fn record_many(&mut self, nanoseconds: u64, times: u64) {
        if times > 0 {
            if let Some(bucket) = self.counts.get_mut(bucket(nanoseconds)) {
                *bucket += times;
            }
            self.count += times;
            self.sum += u128::from(nanoseconds) * u128::from(times);
            self.max = self.max.max(nanoseconds);
        }
    }

    /// Times counted.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// The longest, exactly.
    pub fn max(&self) -> u64 {
        self.max
    }

    /// The mean, exactly; 0 of none.
    pub fn mean(&self) -> u64 {
        u64::try_from(self.sum.checked_div(u128::from(self.count)).unwrap_or(0)).unwrap_or(u64::MAX)
    }

    /// The time that a share of all times does not exceed: the upper end of its bucket, and never more than the longest.
    /// 0 of none.
    pub fn quantile(&self, share: f64) -> u64 {
        let rank = (share.clamp(0.0, 1.0) * self.count as f64).ceil() as u64;
        self.steps().find(|(_, below)| *below >= rank).map_or(0, |(time, _)| time)
    }

    /// The distribution: each bucket's upper end with how many times do not exceed it, without empty buckets.
    pub fn steps(&self) -> impl Iterator<Item = (u64, u64)> + '_ {
        let mut below = 0;
        self.counts.iter().enumerate().filter(|(_, count)| **count > 0).map(move |(bucket, count)| {
            below += count;
            (upper(bucket).min(self.max), below)
        })
    }
}

fn bucket(value: u64) -> usize {
    let Some(octave) = value.checked_ilog2().filter(|octave| *octave >= BITS) else { return value as usize };
    let part = value >> (octave - BITS);
    ((octave - BITS) as usize) * PART as usize + part as usize
}

/// The greatest value of a bucket.
fn upper(bucket: usize) -> u64 {
    let (octave, part) = (bucket / PART as usize, (bucket % PART as usize) as u64);
    match octave.checked_sub(1) {
        None => part,
        Some(shift) => {
            let next = (u128::from(PART) + u128::from(part) + 1) << shift;
            u64::try_from(next - 1).unwrap_or(u64::MAX)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_value_lies_in_its_bucket_and_in_no_other() {
        let mut values: Vec<u64> = (0..5000).collect();
        values.extend((0..64).flat_map(|bit| {
            let power = 1u64 << bit;
            [power - 1, power, power + power / 3, power.wrapping_add(power - 1)]
        }));
        values.push(u64::MAX);
        for value in values {
            let bucket = bucket(value);
            assert!(value <= upper(bucket), "{value}");
            assert!(bucket == 0 || value > upper(bucket - 1), "{value}");
            assert!(upper(bucket) - value <= value / u64::from(PART), "{value}");
        }
        assert_eq!(bucket(u64::MAX), BUCKETS - 1);
    }

    #[test]
    fn quantiles_are_those_of_the_sorted_values() {
        let mut histogram = Histogram::default();
        (1..=1000u64).for_each(|value| histogram.record(value * 100));
        for (share, exact) in [(0.5, 50_000), (0.99, 99_000), (0.999, 99_900), (1.0, 100_000), (0.0, 100)] {
            let found = histogram.quantile(share);
            assert!(found >= exact && found <= exact + exact / 32, "{share}: {found}");
        }
        assert_eq!((histogram.count(), histogram.max(), histogram.mean()), (1000, 100_000, 50_050));
        assert_eq!(histogram.steps().last(), Some((100_000, 1000)));
    }

    #[test]
    fn none_is_none() {
        let histogram = Histogram::default();
        assert_eq!((histogram.quantile(0.5), histogram.max(), histogram.mean()), (0, 0, 0));
        assert_eq!(histogram.steps().next(), None);
    }

    #[test]
    fn many_at_once_are_as_many_one_by_one() {
        let (mut once, mut singly) = (Histogram::default(), Histogram::default());
        once.record_many(77_777, 3);
        once.record_many(5, 0);
        (0..3).for_each(|_| singly.record(77_777));
        assert_eq!(once, singly);
    }
}
