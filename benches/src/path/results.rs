// SPDX-License-Identifier: MIT OR Apache-2.0
//! What was measured, as rows.

use serde_json::{Value, json};

use crate::path::arena::Found;
use crate::path::contender::Contender;
use crate::path::scenario::Scenario;
use crate::table::median;
use crate::wire::placement::Sink;

/// How much was offered.
#[derive(Copy, Clone, Debug, Eq, PartialEq)]
pub enum Load {
    /// Far more than anyone can take.
    Overload,
    /// The most of which nothing is lost.
    ZeroLoss,
    /// 45,000 packets a second: 900 voice streams.
    Fixed,
    /// Four fifths of the most of which nothing is lost.
    Most,
}

impl Load {
    /// As rows name it.
    pub fn name(self) -> &'static str {
        match self {
            Load::Overload => "overload",
            Load::ZeroLoss => "zero-loss",
            Load::Fixed => "45k",
            Load::Most => "80%",
        }
    }
}

/// Who delivers fewer packets than that, and loses most, does not relay slowly but not at all.
const STALLED: u64 = 1000;

/// As rows and options name a placement.
pub fn placement_name(sink: Sink) -> &'static str {
    match sink {
        Sink::Relay => "a",
        Sink::Edge => "b",
    }
}

/// Who was measured at what.
#[derive(Copy, Clone, Debug, Eq, PartialEq)]
pub struct Case {
    /// Who.
    pub contender: Contender,
    /// What it did.
    pub scenario: Scenario,
    /// With how many calls.
    pub calls: u32,
    /// Where the sink was.
    pub sink: Sink,
}

/// A number with what it is of.
#[derive(Clone, Debug)]
pub struct Row {
    /// Of what.
    pub case: Case,
    /// At which load.
    pub load: Load,
    /// Packets a second that arrived, in each run; none when it cannot do that.
    pub pps: Vec<f64>,
    /// Of what was sent, from 0 to 1: the median.
    pub loss: f64,
    /// Microseconds within which 50, 99 and 99.9 % arrived: medians of the runs, each for itself.
    pub percentiles: Option<[f64; 3]>,
    /// Why there is no number, or what is odd about it.
    pub note: Option<String>,
}

impl Row {
    /// Of one or more runs.
    pub fn of(case: Case, load: Load, runs: &[Found]) -> Row {
        let losses: Vec<f64> = runs.iter().map(Found::loss).collect();
        let percentiles = [500, 990, 999].map(|per_mille| {
            median(&runs.iter().filter_map(|run| run.percentile(per_mille)).collect::<Vec<f64>>())
        });
        let percentiles = runs.iter().any(|run| !run.latencies.is_empty()).then_some(percentiles);
        let pps = runs.iter().map(|run| run.delivered).collect();
        let stalled = runs.iter().find(|run| run.arrived < STALLED && run.loss() > 0.5);
        let note = stalled.map(|run| format!("stalls: {} of {} packets arrive", run.arrived, run.sent));
        Row { case, load, pps, loss: median(&losses), percentiles, note }
    }

    /// Of what cannot be measured.
    pub fn without(case: Case, load: Load, note: String) -> Row {
        Row { case, load, pps: Vec::new(), loss: 1.0, percentiles: None, note: Some(note) }
    }

    /// The median.
    pub fn rate(&self) -> Option<f64> {
        (!self.pps.is_empty()).then(|| median(&self.pps))
    }
}

/// A point of the curve of delivered against offered packets a second.
#[derive(Copy, Clone, Debug)]
pub struct Point {
    /// Of what.
    pub case: Case,
    /// Packets a second that were sent.
    pub offered: f64,
    /// Packets a second that arrived.
    pub delivered: f64,
}

/// Everything that was measured.
#[derive(Clone, Debug, Default)]
pub struct Results {
    /// The rows.
    pub rows: Vec<Row>,
    /// Of the curves.
    pub points: Vec<Point>,
    /// Nanoseconds of packets at 45,000 a second, ascending, thinned to some hundreds.
    pub latencies: Vec<(Case, Vec<u64>)>,
}

impl Results {
    /// The row of a case and load.
    pub fn find(&self, case: Case, load: Load) -> Option<&Row> {
        self.rows.iter().find(|row| (row.case, row.load) == (case, load))
    }

    /// The median rate, of what was measured.
    pub fn rate(&self, case: Case, load: Load) -> Option<f64> {
        self.find(case, load)?.rate()
    }

    /// As an array of objects, one per row.
    pub fn json(&self) -> Value {
        let round = |value: f64, digits: f64| (value * digits).round() / digits;
        let row = |row: &Row| {
            let Case { contender, scenario, calls, sink } = row.case;
            let percentile = |index: usize| row.percentiles.map(|all| round(all[index], 10.0));
            let mut object = json!({
                "bench": "path", "contender": contender.name(), "scenario": scenario.name(), "calls": calls,
                "placement": placement_name(sink), "load": row.load.name(),
                "pps": row.rate().map(|rate| round(rate, 1.0)), "loss": round(row.loss, 1e6),
                "p50_us": percentile(0), "p99_us": percentile(1), "p999_us": percentile(2),
            });
            if let (Some(note), Value::Object(fields)) = (&row.note, &mut object) {
                fields.insert("note".into(), note.clone().into());
            }
            object
        };
        self.rows.iter().map(row).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CASE: Case =
        Case { contender: Contender::Rtpengine, scenario: Scenario::SrtpSrtp, calls: 100, sink: Sink::Relay };

    #[test]
    fn rows_are_medians() {
        let run = |delivered, arrived| Found { delivered, sent: 10_000, arrived, ..Found::default() };
        let runs = [run(3.0, 3000), run(1.0, 1000), run(2.4, 10_000)];
        let mut results = Results { rows: vec![Row::of(CASE, Load::Overload, &runs)], ..Results::default() };
        results.rows.push(Row::without(CASE, Load::ZeroLoss, "stalls".into()));
        assert_eq!(results.rate(CASE, Load::Overload), Some(2.4));
        assert_eq!(results.rate(CASE, Load::ZeroLoss), None);
        let json = results.json();
        assert_eq!(
            json[0].to_string(),
            r#"{"bench":"path","calls":100,"contender":"rtpengine","load":"overload","loss":0.7,"p50_us":null,"p999_us":null,"p99_us":null,"placement":"a","pps":2.0,"scenario":"srtp-srtp"}"#
        );
        assert_eq!(json[0].get("note"), None);
        assert_eq!(json[1]["note"], "stalls");
        assert_eq!(json[1]["pps"], Value::Null);
    }

    #[test]
    fn a_stall_is_told() {
        let run = Found { delivered: 250.0, sent: 100_000, arrived: 250, ..Found::default() };
        let row = Row::of(CASE, Load::Overload, &[run]);
        assert_eq!(row.note.as_deref(), Some("stalls: 250 of 100000 packets arrive"));
    }

    #[test]
    fn percentiles_are_in_microseconds() {
        let run = |more: u64| {
            let latencies = (1..=1001).map(|microseconds| (more + microseconds) * 1000).collect();
            Found { latencies, ..Found::default() }
        };
        let row = Row::of(CASE, Load::Fixed, &[run(0)]);
        assert_eq!(row.percentiles, Some([501.0, 991.0, 1000.0]));
        let row = Row::of(CASE, Load::Fixed, &[run(5000), run(1), run(0)]);
        assert_eq!(row.percentiles, Some([502.0, 992.0, 1001.0]));
        assert_eq!(Row::of(CASE, Load::Fixed, &[Found::default()]).percentiles, None);
    }
}
