// SPDX-License-Identifier: MIT OR Apache-2.0
//! The tables, as markdown.

use std::fmt::Write as _;

use crate::path::results::{Case, Load, Results, placement_name};
use crate::path::wanted;
use crate::table::Table;

/// What was wanted, and every row. `plots` are files to be shown, as the document names them.
pub fn markdown(machine: &str, plots: &[(String, String)], results: &Results) -> String {
    let mut text = format!("The machine: {machine}.\n\n#### What was wanted\n\n{}", wanted::table(results));
    for (title, file) in plots {
        let _ = write!(text, "\n![{title}]({file})\n");
    }
    let _ = write!(text, "\n#### Delivered under overload\n\n{}", overload(results));
    let _ = write!(text, "\n#### The most without loss, and latency\n\n{}", capacity(results));
    text
}

fn mega(rate: f64) -> String {
    format!("{:.3}", rate / 1e6)
}

fn headings(case: &Case) -> [String; 4] {
    [
        placement_name(case.sink).to_uppercase(),
        case.scenario.name().into(),
        case.calls.to_string(),
        format!("`{}`", case.contender),
    ]
}

fn overload(results: &Results) -> Table {
    let mut table = Table::new([
        "placement",
        "scenario",
        "calls",
        "contender",
        "delivered, Mpps",
        "lowest to highest",
        "of what was offered",
    ]);
    for row in results.rows.iter().filter(|row| row.load == Load::Overload) {
        let cells = match row.rate() {
            Some(rate) => {
                let low = row.pps.iter().copied().fold(f64::INFINITY, f64::min);
                let high = row.pps.iter().copied().fold(0.0, f64::max);
                let share = format!("{:.1} %", 100.0 * (1.0 - row.loss));
                let share = row.note.as_ref().map_or(share.clone(), |note| format!("{share}; {note}"));
                [mega(rate), format!("{} to {}", mega(low), mega(high)), share]
            }
            None => [row.note.clone().unwrap_or_default(), String::new(), String::new()],
        };
        table.row(headings(&row.case).into_iter().chain(cells));
    }
    table
}

fn capacity(results: &Results) -> Table {
    let mut table = Table::new([
        "placement",
        "scenario",
        "calls",
        "contender",
        "without loss, Mpps",
        "at 45,000 a second: p50, p99, p99.9, µs",
        "at 80 %: p50, p99, p99.9, µs",
    ]);
    for row in results.rows.iter().filter(|row| row.load == Load::ZeroLoss) {
        let rate = row.rate().map_or_else(|| row.note.clone().unwrap_or_default(), mega);
        let latency = |load| {
            let row = results.find(row.case, load)?;
            let [p50, p99, p999] = row.percentiles?;
            let lost =
                if row.loss > 0.0 { format!("; {:.2} % lost", 100.0 * row.loss) } else { String::new() };
            Some(format!("{p50:.0}, {p99:.0}, {p999:.0}{lost}"))
        };
        let cells = [rate, latency(Load::Fixed).unwrap_or_default(), latency(Load::Most).unwrap_or_default()];
        table.row(headings(&row.case).into_iter().chain(cells));
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::path::arena::Found;
    use crate::path::contender::Contender;
    use crate::path::results::Row;
    use crate::path::scenario::Scenario;
    use crate::wire::placement::Sink;

    #[test]
    fn a_contender_that_cannot_says_why() {
        let case =
            Case { contender: Contender::Coturn, scenario: Scenario::SrtpSrtp, calls: 1, sink: Sink::Edge };
        let run = Found { delivered: 125_400.0, sent: 8_000_000, arrived: 1_000_000, ..Found::default() };
        let rows = vec![
            Row::of(case, Load::Overload, &[run]),
            Row::without(case, Load::ZeroLoss, "loses packets at 10 a second".into()),
        ];
        let results = Results { rows, ..Results::default() };
        let text = markdown("m", &[("Latency".into(), "plots/x.svg".into())], &results);
        assert!(
            text.contains("| B | srtp-srtp | 1 | `coturn` | 0.125 | 0.125 to 0.125 | 12.5 % |"),
            "{text}"
        );
        assert!(
            text.contains("| B | srtp-srtp | 1 | `coturn` | loses packets at 10 a second |  |  |"),
            "{text}"
        );
        assert!(text.contains("![Latency](plots/x.svg)"), "{text}");
    }
}
