// SPDX-License-Identifier: MIT OR Apache-2.0
//! The tables, as markdown.

use std::fmt::Write as _;

use crate::crypto::case::Case;
use crate::crypto::engine;
use crate::crypto::results::{Measurement, Results};
use crate::crypto::wanted;
use crate::table::Table;

/// Everything: what it was measured on, what was wanted, and every cell.
pub fn markdown(machine: &str, versions: &[String], contenders: &[String], results: &Results) -> String {
    let mut text = format!("The machine: {machine}. The rivals: {}.\n", versions.join("; "));
    let _ = write!(text, "\n#### What was wanted\n\n{}", wanted::tables(results));
    let engine = engine(results);
    if !engine.is_empty() {
        let _ = write!(text, "\n#### The engine\n\n{engine}");
    }
    let cells = cells(contenders, results);
    if !cells.is_empty() {
        text += "\n#### Every cell\n\nns per packet: median (quartiles) = multiple of `culvert`'s.\n";
    }
    for (title, table) in cells {
        let _ = write!(text, "\n##### {title}\n\n{table}");
    }
    text
}

fn spread(measurement: &Measurement) -> String {
    format!("{:.1} ({:.1}–{:.1})", measurement.median, measurement.lower, measurement.upper)
}

fn engine(results: &Results) -> String {
    let mut table = Table::new(["suite", "sessions", "rings, ns", "`process` alone, ns"]);
    let mut any = false;
    for suite in engine::SUITES {
        for sessions in engine::SESSIONS {
            let cell = |bench| results.find(&engine::row(bench, suite, sessions)).map(spread);
            if let (Some(rings), Some(process)) = (cell(engine::RINGS), cell(engine::PROCESS)) {
                any = true;
                let row = engine::row(engine::RINGS, suite, sessions);
                table.row([row.suite.into(), sessions.to_string(), rings, process]);
            }
        }
    }
    if any { table.to_string() } else { String::new() }
}

/// A table per suite and number of streams: ours first, then each other's time and what it is as a multiple of ours.
fn cells(contenders: &[String], results: &Results) -> Vec<(String, Table)> {
    let mut cases: Vec<Case> = Vec::new();
    let mut bursts: Vec<(Case, usize)> = Vec::new();
    for measurement in &results.0 {
        let row = &measurement.row;
        let Some(suite) = culvert_srtp::Suite::from_name(row.suite).filter(|_| row.bench == "crypto") else {
            continue;
        };
        let case = Case { suite, streams: row.streams, payload: row.payload };
        if !bursts.contains(&(case, row.burst)) {
            bursts.push((case, row.burst));
        }
        if !cases.iter().any(|known| (known.suite, known.streams) == (case.suite, case.streams)) {
            cases.push(case);
        }
    }
    let headings = ["payload", "burst"].into_iter().map(str::to_owned);
    let headings: Vec<String> = headings.chain(contenders.iter().cloned()).collect();
    let table = |of: &Case| {
        let mut table = Table::new(headings.clone());
        for (case, burst) in &bursts {
            if (case.suite, case.streams) == (of.suite, of.streams) {
                let cells = contenders.iter().map(|contender| cell(results, contender, *case, *burst));
                table.row([case.payload.to_string(), burst.to_string()].into_iter().chain(cells));
            }
        }
        table
    };
    let plural = |streams| if streams == 1 { "1 stream".to_owned() } else { format!("{streams} streams") };
    cases.iter().map(|case| (format!("{}, {}", case.suite, plural(case.streams)), table(case))).collect()
}

fn cell(results: &Results, contender: &str, case: Case, burst: usize) -> String {
    let Some(measurement) = results.crypto(contender, case, burst) else { return String::new() };
    match results.ratio("culvert", contender, case, burst) {
        Some(ratio) if contender != "culvert" => format!("{} = {ratio:.2}×", spread(measurement)),
        _ => spread(measurement),
    }
}
