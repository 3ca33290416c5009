// SPDX-License-Identifier: MIT OR Apache-2.0
//! The tables, as markdown, and rows.

use std::fmt::Write as _;

use serde_json::{Value, json};

use crate::junk::kind::{Kind, Place};
use crate::junk::measure::{Row, WANTED};
use crate::junk::refusal::Refusal;
use crate::junk::run::{AFTER_RELAY, BEFORE_PROGRAM, Found};
use crate::path::results::placement_name;
use crate::table::Table;

const RINGS: [&str; 2] = ["AF_XDP receive ring full", "AF_XDP no frame to fill"];

/// Every table. `machine` says where and in what company it was measured.
pub fn markdown(machine: &str, calls: u32, rows: &[Row], refusal: &Refusal) -> String {
    let mut text = format!(
        "The machine: {machine}.\n\n#### What arrives\n\n{calls} calls, SRTP to SRTP, 160 B, one relay core. Wanted: at least {} of media, at half of what is \
         relayed without loss.\n\n{}",
        percent(WANTED),
        delivery(rows)
    );
    let _ = write!(
        text,
        "\n#### Where the rest is counted\n\nPackets of the run in the middle, with the most junk.\n\n{}",
        places(rows)
    );
    let _ = write!(
        text,
        "\n#### What the engine pays for a packet\n\nOn in-memory rings, in bursts of one kind, {calls} calls, medians. What the XDP program drops costs an \
         engine on AF_XDP nothing; one on sockets pays that.\n\n{}",
        costs(refusal)
    );
    text
}

fn percent(share: f64) -> String {
    let text = format!("{:.3}", 100.0 * share);
    format!("{} %", text.trim_end_matches('0').trim_end_matches('.'))
}

fn mega(rate: f64) -> String {
    format!("{:.3}", rate / 1e6)
}

fn delivery(rows: &[Row]) -> Table {
    let mut table = Table::new([
        "placement",
        "without loss or junk, Mpps",
        "junk for each of media",
        "media asked for, Mpps",
        "media sent, Mpps",
        "junk sent, Mpps",
        "media that arrives",
        "in the worst run",
        "worker waits for its processor",
        "",
    ]);
    for row in rows {
        let Some(found) = row.middle() else { continue };
        let verdict = match (row.searched, found.delivery() >= WANTED, row.offered()) {
            (true, ..) => "the most that is endured",
            (false, true, true) => "reached",
            (false, true, false) => "reached with what the generator could send",
            (false, false, true) => "**missed**",
            (false, false, false) => "**missed**; the generator could not send all",
        };
        let share = format!("{} ({:.0} % of capacity)", mega(row.wanted), 100.0 * row.wanted / row.capacity);
        table.row([
            placement_name(row.sink).to_uppercase(),
            mega(row.capacity),
            row.ratio.to_string(),
            share,
            mega(found.media_rate()),
            mega(found.junk_rate()),
            percent(found.delivery()),
            percent(row.worst()),
            format!("{:.1} %", 100.0 * found.wait()),
            verdict.into(),
        ]);
    }
    table
}

/// Of a run, what was sent of each kind and form, by the place that is to count it, and what that place has counted.
fn kinds(found: &Found, ratio: u32) -> Vec<(&'static str, Place, u64, u64)> {
    let mut kinds: Vec<(&'static str, Place, u64, u64)> = Vec::new();
    for (kind, form) in (0..ratio).map(Kind::at) {
        let place = kind.places()[form];
        match kinds.iter_mut().find(|(name, other, ..)| (*name, *other) == (kind.name(), place)) {
            Some((_, _, sent, _)) => *sent += found.media,
            None => kinds.push((kind.name(), place, found.media, found.counted(place))),
        }
    }
    kinds
}

fn places(rows: &[Row]) -> Table {
    let mut table =
        Table::new(["placement", "media asked for, Mpps", "packets", "counted as", "sent", "counted"]);
    let most = rows.iter().map(|row| row.ratio).max().unwrap_or_default();
    for row in rows.iter().filter(|row| row.ratio == most && !row.searched) {
        let Some(found) = row.middle() else { continue };
        let mut add = |packets: &str, place: &str, sent: String, counted: String| {
            let placement = placement_name(row.sink).to_uppercase();
            table.row([placement, mega(row.wanted), packets.into(), place.into(), sent, counted]);
        };
        let saved = found.by_replay();
        add("media", "delivered", found.media.to_string(), found.arrived.saturating_sub(saved).to_string());
        if saved > 0 {
            add("media", "lost, but a replay of it delivered", String::new(), saved.to_string());
        }
        let kinds = kinds(found, row.ratio);
        for (kind, place, sent, counted) in &kinds {
            add(kind, &format!("`{place}`"), sent.to_string(), counted.to_string());
        }
        let known = |place: &str| kinds.iter().any(|(_, other, ..)| *other == place);
        for place in RINGS.into_iter().chain([BEFORE_PROGRAM, AFTER_RELAY]) {
            add("of all", place, String::new(), found.counted(place).to_string());
        }
        for (place, packets) in &found.counted {
            let told = RINGS.contains(&&place[..]) || [BEFORE_PROGRAM, AFTER_RELAY].contains(&&place[..]);
            if !told && !known(place) {
                add("of all", &format!("`{place}`"), String::new(), packets.to_string());
            }
        }
        add("of all", "nowhere", String::new(), found.unaccounted().to_string());
    }
    table
}

fn costs(refusal: &Refusal) -> Table {
    let mut table = Table::new(["packet", "first form, ns", "second form, ns"]);
    table.row(["media, relayed".into(), format!("{:.0}", refusal.media), String::new()]);
    for (kind, [first, second]) in &refusal.junk {
        table.row([kind.name().into(), format!("{first:.0}"), format!("{second:.0}")]);
    }
    table
}

/// An array of objects, one per row and one per kind of packet on in-memory rings.
pub fn json(calls: u32, rows: &[Row], refusal: &Refusal) -> Value {
    let row = |row: &Row| {
        let found = row.middle()?;
        Some(json!({
            "bench": "junk", "contender": "culvert-xdp", "scenario": "srtp-srtp", "calls": calls,
            "placement": placement_name(row.sink),
            "load": if row.searched { "endured" } else { "50%" },
            "junk": row.ratio,
            "capacity_pps": row.capacity.round(), "wanted_pps": row.wanted.round(),
            "offered_pps": found.media_rate().round(), "junk_pps": found.junk_rate().round(),
            "pps": (found.media_rate() * found.delivery()).round(),
            "loss": 1.0 - found.delivery(), "worst_loss": 1.0 - row.worst(), "worker_wait": found.wait(),
            "drops": found.counted, "unaccounted": found.unaccounted(),
        }))
    };
    let cost = |packet: &str, form: usize, nanoseconds: f64| json!({"bench": "junk", "contender": "engine", "calls": calls, "packet": packet, "form": form, "ns": nanoseconds});
    let mut all: Vec<Value> = rows.iter().filter_map(row).collect();
    all.push(cost("media", 0, refusal.media));
    for (kind, forms) in &refusal.junk {
        all.extend((0..).zip(forms).map(|(form, nanoseconds)| cost(kind.name(), form, *nanoseconds)));
    }
    all.into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::placement::Sink;

    fn row() -> Row {
        let counted = [("XDP program unknown_port", 2000), ("flow too_short", 999), ("worker not_udp", 1)];
        let found = Found {
            media: 1000,
            junk: 10_000,
            span: 1_000_000_000,
            waited: 15_000_000,
            arrived: 998,
            counted: counted.map(|(place, count)| (place.into(), count)).into(),
            ..Found::default()
        };
        Row {
            sink: Sink::Edge,
            capacity: 2000.0,
            wanted: 1000.0,
            ratio: 10,
            searched: false,
            runs: vec![found],
        }
    }

    const REFUSAL: Refusal = Refusal {
        media: 250.4,
        junk: [
            (Kind::UnknownPort, [10.0, 11.0]),
            (Kind::WrongSource, [12.0, 13.0]),
            (Kind::BadTag, [14.0, 15.0]),
            (Kind::Replay, [16.0, 17.0]),
            (Kind::Malformed, [18.0, 19.0]),
        ],
    };

    #[test]
    fn every_packet_has_its_line() {
        let text = markdown("m", 100, &[row()], &REFUSAL);
        for line in [
            "| B | 0.002 | 10 | 0.001 (50 % of capacity) | 0.001 | 0.010 | 99.8 % | 99.8 % | 1.5 % | **missed** |",
            "| B | 0.001 | media | delivered | 1000 | 998 |",
            "| B | 0.001 | unknown port | `XDP program unknown_port` | 2000 | 2000 |",
            "| B | 0.001 | bad tag | `flow authentication_failed` | 2000 | 0 |",
            "| B | 0.001 | malformed | `flow too_short` | 1000 | 999 |",
            "| B | 0.001 | of all | `worker not_udp` |  | 1 |",
            "| B | 0.001 | of all | nowhere |  | 7002 |",
            "| media, relayed | 250 |  |",
            "| malformed | 18 | 19 |",
        ] {
            assert!(text.lines().any(|other| other == line), "{line}\n{text}");
        }
    }

    #[test]
    fn rows_have_drops_by_place() {
        let rows = json(100, &[row()], &REFUSAL);
        assert_eq!(rows[0]["drops"]["flow too_short"], 999);
        assert_eq!((&rows[0]["placement"], &rows[0]["pps"]), (&json!("b"), &json!(998.0)));
        assert_eq!(rows[1]["ns"], 250.4);
        assert_eq!(rows.as_array().map(Vec::len), Some(1 + 1 + 10));
    }
}
