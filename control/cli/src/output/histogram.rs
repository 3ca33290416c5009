// SPDX-License-Identifier: MIT OR Apache-2.0
//! Distributions, and what is read off them.

use culvert_api::v1;
use serde::Serialize;

#[derive(Debug, Default, Serialize)]
pub(super) struct Histogram {
    /// Highest value of each class but the last.
    upper_bounds: Vec<u64>,
    counts: Vec<u64>,
    sum: u64,
}

impl From<v1::Histogram> for Histogram {
    fn from(histogram: v1::Histogram) -> Self {
        let v1::Histogram { upper_bounds, counts, sum } = histogram;
        Self { upper_bounds, counts, sum }
    }
}

impl Histogram {
    /// `None` of nothing.
    pub(super) fn mean(&self) -> Option<f64> {
        ratio(self.sum, self.counts.iter().sum())
    }

    /// The value below which this share of the values lies, taking them to be spread evenly over their class. Of what lies
    /// beyond the last bound, that bound. `None` of nothing.
    pub(super) fn quantile(&self, share: f64) -> Option<f64> {
        let rank = self.counts.iter().sum::<u64>() as f64 * share;
        let mut below = 0.0;
        let mut lower = 0.0;
        for (count, upper) in self.counts.iter().zip(&self.upper_bounds) {
            let (count, upper) = (*count as f64, *upper as f64);
            if count > 0.0 && below + count >= rank {
                return Some(lower + (upper - lower) * (rank - below) / count);
            }
            below += count;
            lower = upper;
        }
        self.counts.iter().any(|count| *count > 0).then_some(lower)
    }
}

/// `None` of nothing.
pub(super) fn ratio(amount: u64, of: u64) -> Option<f64> {
    (of > 0).then(|| amount as f64 / of as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn histogram(counts: [u64; 4]) -> Histogram {
        Histogram { upper_bounds: vec![100, 200, 400], counts: counts.to_vec(), sum: 1000 }
    }

    #[test]
    fn a_quantile_lies_where_its_share_of_a_class_does() {
        let spread = histogram([0, 50, 50, 0]);
        let quantiles = [0.25, 0.5, 0.75, 0.99, 1.0].map(|share| spread.quantile(share));
        assert_eq!(quantiles, [Some(150.0), Some(200.0), Some(300.0), Some(396.0), Some(400.0)]);
        assert_eq!(spread.mean(), Some(10.0));
    }

    #[test]
    fn what_has_no_bound_is_as_large_as_the_last_one() {
        assert_eq!(histogram([1, 0, 0, 9]).quantile(0.5), Some(400.0));
        assert_eq!(histogram([0, 0, 0, 1]).quantile(0.5), Some(400.0));
    }

    #[test]
    fn nothing_has_neither_quantile_nor_mean() {
        assert_eq!((histogram([0; 4]).quantile(0.5), histogram([0; 4]).mean()), (None, None));
        assert_eq!(Histogram::default().quantile(0.99), None);
    }
}
