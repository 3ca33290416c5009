// SPDX-License-Identifier: MIT OR Apache-2.0
//! What was wanted, held against what was measured: SRTP to SRTP, 160 B, 100 calls, one relay core.

use crate::path::contender::Contender;
use crate::path::results::{Case, Load, Results, placement_name};
use crate::path::scenario::Scenario;
use crate::table::Table;
use crate::wire::placement::Sink;

const CALLS: u32 = 100;
/// Who loses less than that of an overload has not been overloaded.
const ALL: f64 = 0.02;
const OVER_RTPENGINE: f64 = 7.0;
const BEST_OVER_BEST: f64 = 10.0;
const OF_FORWARDER: f64 = 0.9;
const SOCKET_OVER_RTPENGINE: f64 = 2.0;
/// Microseconds: p50 and p99 at 45,000 packets a second, p99 at four fifths of the capacity.
const LATENCY: [f64; 3] = [35.0, 200.0, 1000.0];

/// Every wish, and how it went.
pub fn table(results: &Results) -> Table {
    let mut table = Table::new(["what", "placement", "wanted", "found", ""]);
    let mut row = |what: &str, placement: &str, wanted: String, found: Option<(String, bool)>| {
        let (found, verdict) = match found {
            Some((found, true)) => (found, "reached"),
            Some((found, false)) => (found, "**missed**"),
            None => ("not measured".into(), ""),
        };
        table.row([what.into(), placement.into(), wanted, found, verdict.into()]);
    };
    let ratio = |ours, theirs, load, sink, wanted: f64| {
        let ratio = rate(results, ours, load, sink)? / rate(results, theirs, load, sink)?;
        let all =
            results.find(case(ours, sink), load).is_some_and(|row| load == Load::Overload && row.loss < ALL);
        let bound = if all { "; all that was offered, so a lower bound" } else { "" };
        Some((format!("{ratio:.2}{bound}"), ratio >= wanted))
    };
    let (xdp, rtpengine) = (Contender::CulvertXdp, Contender::Rtpengine);
    for sink in [Sink::Relay, Sink::Edge] {
        let place = placement_name(sink).to_uppercase();
        let least = |wanted: f64| format!("at least {wanted} ×");
        for (load, what) in
            [(Load::Overload, "delivered under overload"), (Load::ZeroLoss, "the most without loss")]
        {
            let found = ratio(xdp, rtpengine, load, sink, OVER_RTPENGINE);
            row(&format!("Culvert on AF_XDP over rtpengine, {what}"), &place, least(OVER_RTPENGINE), found);
        }
        let found = ratio(xdp, Contender::XdpForwarder, Load::Overload, sink, OF_FORWARDER);
        row(
            "Culvert on AF_XDP over the AF_XDP forwarder, delivered under overload",
            &place,
            least(OF_FORWARDER),
            found,
        );
        let found = ratio(Contender::CulvertSocket, rtpengine, Load::Overload, sink, SOCKET_OVER_RTPENGINE);
        row(
            "Culvert on sockets over rtpengine, delivered under overload",
            &place,
            least(SOCKET_OVER_RTPENGINE),
            found,
        );
        let wishes = [(Load::Fixed, 0, "p50"), (Load::Fixed, 1, "p99"), (Load::Most, 1, "p99")];
        for ((load, index, name), wanted) in wishes.into_iter().zip(LATENCY) {
            let percentiles = results.find(case(xdp, sink), load).and_then(|row| row.percentiles);
            let found = percentiles.map(|all| (format!("{:.0} µs", all[index]), all[index] <= wanted));
            let load =
                if load == Load::Fixed { "45,000 packets a second" } else { "80 % of the most without loss" };
            row(
                &format!("Culvert on AF_XDP, {name} at {load}"),
                &place,
                format!("at most {wanted} µs"),
                found,
            );
        }
    }
    let best = |contender| {
        let rates = [Sink::Relay, Sink::Edge]
            .into_iter()
            .filter_map(|sink| rate(results, contender, Load::Overload, sink));
        rates.max_by(f64::total_cmp)
    };
    let found = best(xdp)
        .zip(best(rtpengine))
        .map(|(ours, theirs)| (format!("{:.2}", ours / theirs), ours / theirs >= BEST_OVER_BEST));
    let wanted = format!("at least {BEST_OVER_BEST} ×");
    row("Culvert on AF_XDP over rtpengine, delivered under overload", "best of each", wanted, found);
    table
}

fn case(contender: Contender, sink: Sink) -> Case {
    Case { contender, scenario: Scenario::SrtpSrtp, calls: CALLS, sink }
}

fn rate(results: &Results, contender: Contender, load: Load, sink: Sink) -> Option<f64> {
    results.rate(case(contender, sink), load)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::path::arena::Found;
    use crate::path::results::Row;

    #[test]
    fn wishes_are_judged_where_they_are_measured() {
        let mut results = Results::default();
        let mut add = |contender, sink, load, delivered: f64, microseconds: u64| {
            let latencies = vec![microseconds * 1000; 10];
            let found = Found { delivered, latencies, sent: 100, arrived: 50, ..Found::default() };
            results.rows.push(Row::of(case(contender, sink), load, &[found]));
        };
        add(Contender::CulvertXdp, Sink::Relay, Load::Overload, 700.0, 1);
        add(Contender::CulvertXdp, Sink::Edge, Load::Overload, 899.0, 1);
        add(Contender::Rtpengine, Sink::Relay, Load::Overload, 90.0, 1);
        add(Contender::Rtpengine, Sink::Edge, Load::Overload, 80.0, 1);
        add(Contender::CulvertXdp, Sink::Relay, Load::Fixed, 45.0, 36);
        let found = Found { delivered: 640.0, sent: 100, arrived: 99, ..Found::default() };
        results.rows.push(Row::of(case(Contender::CulvertSocket, Sink::Edge), Load::Overload, &[found]));
        let text = table(&results).to_string();
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines.len(), 2 + 7 + 7 + 1, "{text}");
        assert!(lines[2].ends_with("| A | at least 7 × | 7.78 | reached |"), "{text}");
        assert!(lines[3].ends_with("| not measured |  |"), "{text}");
        assert!(lines[6].ends_with("| at most 35 µs | 36 µs | **missed** |"), "{text}");
        assert!(lines[7].ends_with("| at most 200 µs | 36 µs | reached |"), "{text}");
        assert!(lines[12].ends_with("| 8.00; all that was offered, so a lower bound | reached |"), "{text}");
        assert!(lines[16].ends_with("| best of each | at least 10 × | 9.99 | **missed** |"), "{text}");
    }
}
