// SPDX-License-Identifier: MIT OR Apache-2.0
//! Whether a run was good enough.

use std::fmt;
use std::time::Duration;

use crate::Report;

/// Bounds on a report. What is `None` is not looked at.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Thresholds {
    /// Greatest share of packets that may be lost, in each direction: 0.001 is 0.1 %.
    pub max_loss: Option<f64>,
    /// Greatest 99th percentile of the latency, in each direction.
    pub max_p99: Option<Duration>,
    /// Least packets delivered a second, in each direction.
    pub min_rate: Option<f64>,
}

/// A bound that was not kept.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Missed {
    /// Too much was lost.
    Loss {
        /// `a_to_b` or `b_to_a`.
        direction: &'static str,
        /// Share that was lost.
        found: f64,
        /// Share that may be.
        limit: f64,
    },
    /// It took too long.
    P99 {
        /// `a_to_b` or `b_to_a`.
        direction: &'static str,
        /// Microseconds; none arrived if there are none.
        found: Option<f64>,
        /// Microseconds.
        limit: f64,
    },
    /// Too little arrived.
    Rate {
        /// `a_to_b` or `b_to_a`.
        direction: &'static str,
        /// Packets a second.
        found: f64,
        /// Packets a second.
        limit: f64,
    },
    /// Packets arrived that the relay should not have sent. No option asks for it: it holds of every run.
    Content {
        /// `a_to_b` or `b_to_a`.
        direction: &'static str,
        /// Sampled packets that did not authenticate, or were not what was sent.
        found: u64,
    },
}

impl Thresholds {
    /// What the report does not keep.
    pub fn judge(&self, report: &Report) -> Vec<Missed> {
        let mut missed = Vec::new();
        for found in &report.directions {
            let direction = found.name;
            if let Some(limit) = self.max_loss.filter(|limit| found.loss > *limit) {
                missed.push(Missed::Loss { direction, found: found.loss, limit });
            }
            if let Some(limit) = self.max_p99.map(|limit| limit.as_secs_f64() * 1e6) {
                let p99 = (found.latency.count > 0).then_some(found.latency.p99_us);
                if p99.is_none_or(|p99| p99 > limit) {
                    missed.push(Missed::P99 { direction, found: p99, limit });
                }
            }
            if let Some(limit) = self.min_rate.filter(|limit| found.delivered_rate < *limit) {
                missed.push(Missed::Rate { direction, found: found.delivered_rate, limit });
            }
            let wrong = found.samples.unauthentic + found.samples.different;
            if wrong > 0 {
                missed.push(Missed::Content { direction, found: wrong });
            }
        }
        missed
    }
}

impl fmt::Display for Missed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Loss { direction, found, limit } => {
                write!(f, "{direction}: {} % lost, more than {} %", percent(*found), percent(*limit))
            }
            Self::P99 { direction, found: Some(found), limit } => {
                write!(f, "{direction}: p99 latency {found:.1} us, more than {limit:.1} us")
            }
            Self::P99 { direction, found: None, limit } => {
                write!(f, "{direction}: nothing arrived whose latency could be under {limit:.1} us")
            }
            Self::Rate { direction, found, limit } => {
                write!(f, "{direction}: {found:.1} packets a second delivered, fewer than {limit:.1}")
            }
            Self::Content { direction, found } => {
                write!(f, "{direction}: {found} sampled packets are not what was sent")
            }
        }
    }
}

fn percent(share: f64) -> String {
    let text = format!("{:.4}", share * 100.0);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::tests::report;

    #[test]
    fn bounds_are_kept_up_to_the_bound_itself() {
        let report = report();
        let found = &report.directions[0];
        let exact = Thresholds {
            max_loss: Some(found.loss),
            max_p99: Some(Duration::from_secs_f64(found.latency.p99_us / 1e6)),
            min_rate: Some(found.delivered_rate),
        };
        assert_eq!(exact.judge(&report), []);
        assert_eq!(Thresholds::default().judge(&report), []);
    }

    #[test]
    fn what_is_missed_says_by_how_much() {
        let mut report = report();
        report.directions[0].samples.different = 3;
        let hard = Thresholds {
            max_loss: Some(0.001),
            max_p99: Some(Duration::from_micros(10)),
            min_rate: Some(1e6),
        };
        let texts: Vec<_> = hard.judge(&report).iter().map(ToString::to_string).collect();
        assert_eq!(
            texts,
            [
                "a_to_b: 2 % lost, more than 0.1 %",
                "a_to_b: p99 latency 990.0 us, more than 10.0 us",
                "a_to_b: 490.0 packets a second delivered, fewer than 1000000.0",
                "a_to_b: 3 sampled packets are not what was sent",
            ]
        );
    }

    #[test]
    fn nothing_arrived_is_no_good_latency() {
        let mut report = report();
        report.directions[0].latency = crate::Latency::of(&crate::Histogram::default());
        let thresholds = Thresholds { max_p99: Some(Duration::from_secs(9)), ..Thresholds::default() };
        assert!(matches!(thresholds.judge(&report)[..], [Missed::P99 { found: None, .. }]));
    }
}
