// SPDX-License-Identifier: MIT OR Apache-2.0
//! What the relay counts, while it counts.

use std::io::{IsTerminal, Write, stdout};
use std::time::Duration;

use serde_json::Value;

const HEAD: &str =
    "call    from     in as                     packets    bytes  re-keys   lost  jitter ms  drops by reason";

/// A table that is redrawn in place on a terminal, and appended elsewhere.
#[derive(Default)]
pub(super) struct View {
    drawn: usize,
}

impl View {
    /// Draws `culvert --json session list`.
    pub(super) fn draw(&mut self, sessions: &Value, elapsed: Duration) {
        let rows = rows(sessions);
        let mut out = stdout().lock();
        let in_place = out.is_terminal();
        if in_place && self.drawn > 0 {
            let _ = write!(out, "\x1b[{}A", self.drawn);
        }
        let end = if in_place { "\x1b[K\n" } else { "\n" };
        let _ = write!(out, "{:4.1} s  {HEAD}{end}", elapsed.as_secs_f64());
        for row in &rows {
            let _ = write!(out, "        {row}{end}");
        }
        let _ = out.flush();
        self.drawn = rows.len() + 1;
    }
}

/// One line per leg.
fn rows(sessions: &Value) -> Vec<String> {
    let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
    let mut rows = Vec::new();
    for session in list(&sessions["sessions"]) {
        for media in list(&session["media"]) {
            for (leg, name) in list(&media["legs"]).iter().zip(["caller", "callee"]) {
                rows.push(row(session["session_id"].as_str().unwrap_or("?"), name, leg));
            }
        }
    }
    rows
}

fn row(call: &str, from: &str, leg: &Value) -> String {
    let received = &leg["received"];
    let streams = received["streams"].as_array().cloned().unwrap_or_default();
    let lost: i64 = streams.iter().filter_map(|stream| stream["lost"].as_i64()).sum();
    let jitter = streams.iter().filter_map(|stream| stream["jitter_ms"].as_f64()).fold(0.0, f64::max);
    format!(
        "{call:<7} {from:<8} {:<24} {:>5} {:>8} {:>8} {lost:>6} {jitter:>10.2}  {}",
        leg["protection"].as_str().unwrap_or("?"),
        received["packets"].as_u64().unwrap_or_default(),
        received["bytes"].as_u64().unwrap_or_default(),
        leg["rekeys"].as_u64().unwrap_or_default(),
        drops_text(received),
    )
}

fn drops_text(received: &Value) -> String {
    let drops: Vec<_> = drops(received).map(|(reason, count)| format!("{reason} {count}")).collect();
    if drops.is_empty() { "none".to_owned() } else { drops.join(", ") }
}

/// Reasons and counts of one direction.
pub(super) fn drops(received: &Value) -> impl Iterator<Item = (&str, u64)> {
    let drops = received["drops"].as_object().into_iter().flatten();
    drops.map(|(reason, count)| (reason.as_str(), count.as_u64().unwrap_or_default()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_leg_is_a_line() {
        let sessions = json!({"sessions": [{"session_id": "call-1", "media": [{"legs": [
            {"protection": "AES_CM_128_HMAC_SHA1_80", "rekeys": 1, "received": {
                "packets": 250, "bytes": 43000, "drops": {"replayed": 2, "wrong_source": 1},
                "streams": [{"lost": 1, "jitter_ms": 0.5}, {"lost": 2, "jitter_ms": 0.25}],
            }},
            {"protection": "plain"},
        ]}]}]});
        assert_eq!(
            rows(&sessions),
            [
                "call-1  caller   AES_CM_128_HMAC_SHA1_80    250    43000        1      3       0.50  replayed 2, wrong_source 1",
                "call-1  callee   plain                        0        0        0      0       0.00  none",
            ]
        );
    }
}
