// SPDX-License-Identifier: MIT OR Apache-2.0
//! What was measured, as rows.

use serde_json::{Value, json};

use crate::crypto::case::Case;

/// What a number is of.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Row {
    /// `crypto`, or one of the engine's.
    pub bench: &'static str,
    /// Who.
    pub contender: String,
    /// The suite's name, or `plain`.
    pub suite: &'static str,
    /// Bytes of payload.
    pub payload: usize,
    /// Streams or sessions.
    pub streams: u32,
    /// Packets of a call.
    pub burst: usize,
}

impl Row {
    /// Of the contest.
    pub fn crypto(contender: &str, case: Case, burst: usize) -> Row {
        Row {
            bench: "crypto",
            contender: contender.into(),
            suite: case.suite.name(),
            payload: case.payload,
            streams: case.streams,
            burst,
        }
    }
}

/// Nanoseconds per packet.
#[derive(Clone, Debug, PartialEq)]
pub struct Measurement {
    /// Of what.
    pub row: Row,
    /// A quarter of the samples are faster.
    pub lower: f64,
    /// The middle one.
    pub median: f64,
    /// A quarter are slower.
    pub upper: f64,
}

impl Measurement {
    /// Of samples in any order.
    pub fn new(row: Row, mut samples: Vec<f64>) -> Measurement {
        samples.sort_by(f64::total_cmp);
        let at = |quarters: usize| {
            samples.get(samples.len().saturating_sub(1) * quarters / 4).copied().unwrap_or_default()
        };
        Measurement { row, lower: at(1), median: at(2), upper: at(3) }
    }
}

/// Everything that was measured.
#[derive(Clone, Debug, Default)]
pub struct Results(pub Vec<Measurement>);

impl Results {
    /// The median of a row.
    pub fn find(&self, wanted: &Row) -> Option<&Measurement> {
        self.0.iter().find(|measurement| measurement.row == *wanted)
    }

    /// The same for the contest.
    pub fn crypto(&self, contender: &str, case: Case, burst: usize) -> Option<&Measurement> {
        self.find(&Row::crypto(contender, case, burst))
    }

    /// The other's time over ours, where both were measured.
    pub fn ratio(&self, ours: &str, theirs: &str, case: Case, burst: usize) -> Option<f64> {
        Some(self.crypto(theirs, case, burst)?.median / self.crypto(ours, case, burst)?.median)
    }

    /// As an array of objects, one per row.
    pub fn json(&self) -> Value {
        let row = |measurement: &Measurement| {
            let Row { bench, contender, suite, payload, streams, burst } = &measurement.row;
            let ns = (measurement.median * 100.0).round() / 100.0;
            json!({
                "bench": bench, "contender": contender, "suite": suite, "payload": payload,
                "streams": streams, "burst": burst, "ns": ns,
            })
        };
        self.0.iter().map(row).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use culvert_srtp::Suite;

    #[test]
    fn quartiles_ratio_and_json() {
        let case = Case { suite: Suite::AeadAes128Gcm, streams: 1, payload: 160 };
        let ours = Measurement::new(Row::crypto("culvert", case, 64), vec![5.0, 1.0, 4.0, 2.0, 3.0]);
        assert_eq!((ours.lower, ours.median, ours.upper), (2.0, 3.0, 4.0));
        let theirs = Measurement::new(Row::crypto("other", case, 64), vec![7.5]);
        let results = Results(vec![ours, theirs]);
        assert_eq!(results.ratio("culvert", "other", case, 64), Some(2.5));
        assert_eq!(results.ratio("culvert", "other", case, 1), None);
        assert_eq!(
            results.json()[1].to_string(),
            r#"{"bench":"crypto","burst":64,"contender":"other","ns":7.5,"payload":160,"streams":1,"suite":"AEAD_AES_128_GCM"}"#
        );
    }
}
