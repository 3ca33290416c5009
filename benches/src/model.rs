// SPDX-License-Identifier: MIT OR Apache-2.0
//! How many cores a link of a given speed keeps busy, from rows of the crypto and the path bench.

use serde_json::Value;

use crate::table::Table;

/// Gigabits a second of the links.
pub const LINKS: [u32; 3] = [10, 25, 100];
/// Bytes of RTP payload.
pub const PAYLOADS: [u32; 2] = [160, 1200];
/// Suites, with the bytes of their tags.
pub const SUITES: [(&str, u32); 2] = [("AES_CM_128_HMAC_SHA1_80", 10), ("AEAD_AES_128_GCM", 16)];
/// Preamble, Ethernet, IPv4, UDP and RTP headers, frame check sequence, and the gap between frames.
const AROUND: u32 = 8 + 14 + 20 + 8 + 12 + 4 + 12;
/// Streams and sessions of the rows that are taken.
const STREAMS: u32 = 1000;

/// What the rows do not say.
#[derive(Copy, Clone, Debug, PartialEq)]
pub struct Assumptions {
    /// Nanoseconds per packet that a driver takes on the relay's core to hand a frame over and take one back without a copy.
    pub driver: f64,
    /// Cycles in a nanosecond.
    pub gigahertz: f64,
}

/// Packets a second that fill a link in one direction, and so what a relay on it takes in and sends out.
pub fn packets(gigabits: u32, payload: u32, tag: u32) -> f64 {
    f64::from(gigabits) * 1e9 / (8.0 * f64::from(AROUND + payload + tag))
}

/// Nanoseconds per packet.
#[derive(Copy, Clone, Debug, PartialEq)]
pub struct Cost {
    /// On the engine alone, from ring to ring.
    pub engine: f64,
    /// With a driver that needs no copy.
    pub zero_copy: f64,
    /// With the kernel's copies and socket buffers, as on a veth pair.
    pub copy: Option<f64>,
}

/// Of SRTP to SRTP with both legs of a suite. `None` when a row is missing.
pub fn cost(
    crypto: &Value,
    path: &Value,
    suite: &str,
    payload: u32,
    assumptions: Assumptions,
) -> Option<Cost> {
    let engine = |suite| engine(crypto, suite);
    let longer = rekey(crypto, suite, payload)? - rekey(crypto, suite, 160)?;
    let engine_here = engine(suite)? + longer;
    // What the wire bench's suite takes besides the engine is what the kernel takes from any.
    let kernel = || Some(wire(path)? - engine("AES_CM_128_HMAC_SHA1_80")?);
    Some(Cost {
        engine: engine_here,
        zero_copy: engine_here + assumptions.driver,
        copy: kernel().map(|kernel| engine_here + kernel),
    })
}

fn rows(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

fn is(row: &Value, wanted: &[(&str, Value)]) -> bool {
    wanted.iter().all(|(name, value)| row.get(name) == Some(value))
}

fn engine(crypto: &Value, suite: &str) -> Option<f64> {
    let wanted = [("bench", "engine".into()), ("suite", suite.into()), ("streams", STREAMS.into())];
    rows(crypto).find(|row| is(row, &wanted))?.get("ns")?.as_f64()
}

fn rekey(crypto: &Value, suite: &str, payload: u32) -> Option<f64> {
    let wanted = [
        ("bench", "crypto".into()),
        ("contender", "culvert".into()),
        ("suite", suite.into()),
        ("payload", payload.into()),
        ("streams", STREAMS.into()),
        ("burst", 64.into()),
    ];
    rows(crypto).find(|row| is(row, &wanted))?.get("ns")?.as_f64()
}

/// The least of the placements: the one in which the relay's core does nothing else.
fn wire(path: &Value) -> Option<f64> {
    let wanted = [
        ("bench", "path".into()),
        ("contender", "culvert-xdp".into()),
        ("scenario", "srtp-srtp".into()),
        ("load", "overload".into()),
        ("calls", STREAMS.into()),
    ];
    let rates = rows(path).filter(|row| is(row, &wanted)).filter_map(|row| row.get("pps")?.as_f64());
    rates.filter(|rate| *rate > 0.0).map(|rate| 1e9 / rate).min_by(f64::total_cmp)
}

/// One row per suite and payload.
pub fn table(crypto: &Value, path: &Value, assumptions: Assumptions) -> Table {
    let headings = ["suite", "payload", "Mpps a GbE", "way", "ns a packet", "cycles a packet", "Mpps a core"];
    let headings = headings.into_iter().map(str::to_owned);
    let mut table = Table::new(headings.chain(LINKS.map(|link| format!("cores at {link} GbE"))));
    for (suite, tag) in SUITES {
        for payload in PAYLOADS {
            let Some(cost) = cost(crypto, path, suite, payload, assumptions) else { continue };
            for (way, nanoseconds) in [("zero-copy", Some(cost.zero_copy)), ("copy", cost.copy)] {
                let Some(nanoseconds) = nanoseconds else { continue };
                let cores =
                    LINKS.map(|link| format!("{:.1}", packets(link, payload, tag) * nanoseconds / 1e9));
                let cells = [
                    suite.into(),
                    format!("{payload} B"),
                    format!("{:.2}", packets(1, payload, tag) / 1e6),
                    way.into(),
                    format!("{nanoseconds:.0}"),
                    format!("{:.0}", nanoseconds * assumptions.gigahertz),
                    format!("{:.2}", 1e3 / nanoseconds),
                ];
                table.row(cells.into_iter().chain(cores));
            }
        }
    }
    table
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const ASSUMED: Assumptions = Assumptions { driver: 50.0, gigahertz: 2.0 };

    fn crypto() -> Value {
        let rekey = |payload: u32, streams: u32, ns: f64| {
            json!({"bench": "crypto", "contender": "culvert", "suite": SUITES[0].0, "payload": payload,
                   "streams": streams, "burst": 64, "ns": ns})
        };
        json!([
            {"bench": "engine", "contender": "culvert", "suite": SUITES[0].0, "payload": 160, "streams": 1000, "burst": 64, "ns": 200.0},
            rekey(160, 1, 1.0), rekey(160, 1000, 120.0), rekey(1200, 1000, 340.0),
        ])
    }

    #[test]
    fn a_gigabit_holds_so_many_frames() {
        // 160 B of voice: 248 bytes with everything around it.
        assert_eq!(packets(1, 160, 10).round(), 504_032.0);
        assert_eq!(packets(10, 160, 10).round(), 5_040_323.0);
    }

    #[test]
    fn longer_packets_cost_what_cryptography_costs_more() {
        let path = json!([
            {"bench": "path", "contender": "culvert-xdp", "scenario": "srtp-srtp", "load": "overload", "calls": 1000, "pps": 500_000.0},
            {"bench": "path", "contender": "culvert-xdp", "scenario": "srtp-srtp", "load": "overload", "calls": 1000, "pps": 1_000_000.0},
            {"bench": "path", "contender": "rtpengine", "scenario": "srtp-srtp", "load": "overload", "calls": 1000, "pps": 5_000_000.0},
            {"bench": "path", "contender": "culvert-xdp", "scenario": "srtp-srtp", "load": "overload", "calls": 1000, "pps": null},
        ]);
        let found = cost(&crypto(), &path, SUITES[0].0, 1200, ASSUMED);
        assert_eq!(found, Some(Cost { engine: 420.0, zero_copy: 470.0, copy: Some(1220.0) }));
        let found = cost(&crypto(), &json!([]), SUITES[0].0, 160, ASSUMED);
        assert_eq!(found, Some(Cost { engine: 200.0, zero_copy: 250.0, copy: None }));
        assert_eq!(cost(&crypto(), &path, SUITES[1].0, 160, ASSUMED), None);
    }

    #[test]
    fn a_row_has_cycles_and_cores() {
        let text = table(&crypto(), &json!([]), ASSUMED).to_string();
        let row = text.lines().nth(2).unwrap();
        assert_eq!(
            row,
            "| AES_CM_128_HMAC_SHA1_80 | 160 B | 0.50 | zero-copy | 250 | 500 | 4.00 | 1.3 | 3.2 | 12.6 |"
        );
    }
}
