// SPDX-License-Identifier: MIT OR Apache-2.0

use std::fmt;
use std::time::Duration;

use culvert_benches::table::Table;
use serde_json::{Value, json};

use crate::bed::Memory;
use crate::calls::Rate;
use crate::media::Passed;
use crate::probes::Latencies;
use crate::{Options, Outcome};

/// Longest wait for an answer that is wanted.
const WANTED_LATENCY: Duration = Duration::from_millis(100);
/// Sessions made in a second that are wanted.
const WANTED_RATE: f64 = 5000.0;
/// Of the rate of media and of the time, to count as all of it.
const ENOUGH: f64 = 0.95;

/// All results, for people and for programs.
pub(crate) struct Report {
    lines: Vec<String>,
    latencies: Table,
    rows: Vec<Value>,
    media_rate: u32,
    /// What was wanted and not found.
    missed: Vec<String>,
}

impl Report {
    pub(crate) fn new(options: &Options) -> Report {
        let load = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
        let lines = vec![format!(
            "{} sessions, {}; {} connections with {} requests under way; load before: {}",
            options.sessions,
            options.suite.name(),
            options.connections,
            options.requests,
            load.split(' ').next().unwrap_or_default()
        )];
        let latencies = Table::new(["while", "question", "p50, ms", "p99, ms", "max, ms", "wanted"]);
        Report { lines, latencies, rows: Vec::new(), media_rate: options.media_rate, missed: Vec::new() }
    }

    pub(crate) fn rate(&mut self, what: &'static str, mut rate: Rate) {
        let [p50, p99, max] = quantiles(&mut rate.latencies);
        if rate.per_second() < WANTED_RATE {
            self.missed.push(format!("{what}: {:.0} a second; wanted: {WANTED_RATE}", rate.per_second()));
        }
        self.lines.push(format!(
            "{what}: {} in {:.1} s, {:.0} a second (wanted {WANTED_RATE}), the slowest second {}; request p50 {:.2} ms, \
             p99 {:.2} ms, max {:.2} ms",
            rate.count,
            rate.elapsed.as_secs_f64(),
            rate.per_second(),
            rate.slowest,
            milliseconds(p50),
            milliseconds(p99),
            milliseconds(max),
        ));
        self.rows.push(json!({
            "bench": "scale", "what": what, "sessions": rate.count, "per_second": rate.per_second(),
            "slowest_second": rate.slowest, "p50_us": micros(p50), "p99_us": micros(p99), "max_us": micros(max),
        }));
    }

    pub(crate) fn latencies(&mut self, during: &'static str, latencies: Latencies) {
        for (question, mut times) in latencies {
            let [p50, p99, max] = quantiles(&mut times);
            let verdict = if max < WANTED_LATENCY { "< 100 ms: met" } else { "< 100 ms: missed" };
            if max >= WANTED_LATENCY {
                let found = milliseconds(max);
                self.missed.push(format!("{question} while {during}: {found:.1} ms; wanted: below 100 ms"));
            }
            self.latencies.row([
                during.into(),
                question.into(),
                format!("{:.2}", milliseconds(p50)),
                format!("{:.2}", milliseconds(p99)),
                format!("{:.2}", milliseconds(max)),
                verdict.into(),
            ]);
            self.rows.push(json!({
                "bench": "scale", "what": "latency", "while": during, "question": question, "asked": times.len(),
                "p50_us": micros(p50), "p99_us": micros(p99), "max_us": micros(max),
            }));
        }
    }

    /// Nothing may be lost, and media must have flowed all the time.
    pub(crate) fn media(&mut self, during: &'static str, passed: Passed) {
        let Passed { sent, received, duplicates, wrong, reordered, elapsed, wanted } = passed;
        let lost = sent.saturating_sub(received);
        let rate = sent as f64 / elapsed.as_secs_f64().max(1e-9);
        let (flowed, took) = (elapsed.as_secs_f64(), wanted.as_secs_f64());
        self.lines.push(format!(
            "media while {during}: {sent} sent, {rate:.0} a second for {flowed:.1} s of {took:.1} s; {lost} lost \
             (wanted 0), {wrong} wrong, {duplicates} twice, {reordered} out of order"
        ));
        if lost + wrong + duplicates > 0 {
            self.missed.push(format!(
                "media while {during}: {lost} of {sent} lost, {wrong} wrong, {duplicates} twice; wanted: 0"
            ));
        }
        if rate < ENOUGH * f64::from(self.media_rate) || flowed < ENOUGH * took {
            self.missed.push(format!(
                "media while {during}: {rate:.0} a second for {flowed:.1} s of {took:.1} s; wanted: {} a second, all \
                 the time (--media-seconds)",
                self.media_rate
            ));
        }
        self.rows.push(json!({
            "bench": "scale", "what": "media", "while": during, "sent": sent, "received": received, "lost": lost,
            "wrong": wrong, "duplicates": duplicates, "reordered": reordered, "pps": rate, "seconds": flowed,
        }));
    }

    pub(crate) fn memory(&mut self, sessions: u32, before: Memory, after: Memory) {
        let each = |after: u64, before: u64| after.saturating_sub(before) / u64::from(sessions.max(1));
        let resident = each(after.resident, before.resident);
        let locked = each(after.locked, before.locked);
        self.lines.push(format!(
            "memory: {} MiB resident without sessions, {} MiB with; {resident} bytes a session, {locked} of them locked \
             for keys",
            before.resident >> 20,
            after.resident >> 20,
        ));
        self.rows.push(json!({
            "bench": "scale", "what": "memory", "sessions": sessions, "resident_before": before.resident,
            "resident": after.resident, "bytes_per_session": resident, "locked_per_session": locked,
        }));
    }

    /// Nothing may be left when all sessions have been deleted.
    pub(crate) fn emptied(&mut self, (listed, total): (u64, u64)) -> Outcome<()> {
        if (listed, total) == (0, 0) { Ok(()) } else { Err(format!("{total} sessions are left").into()) }
    }

    /// Whether all that was wanted was found.
    ///
    /// # Errors
    /// With what was not.
    pub(crate) fn verdict(&self) -> Outcome<()> {
        if self.missed.is_empty() { Ok(()) } else { Err(self.missed.join("\n").into()) }
    }

    pub(crate) fn json(&self) -> String {
        Value::Array(self.rows.clone()).to_string() + "\n"
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for line in &self.lines {
            writeln!(f, "{line}")?;
        }
        write!(f, "\n{}", self.latencies)
    }
}

/// Median, 99th percentile and maximum.
fn quantiles(times: &mut [Duration]) -> [Duration; 3] {
    times.sort_unstable();
    let last = times.len().saturating_sub(1);
    [last / 2, last * 99 / 100, last].map(|index| times.get(index).copied().unwrap_or_default())
}

fn milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

fn micros(time: Duration) -> f64 {
    time.as_secs_f64() * 1e6
}
