// SPDX-License-Identifier: MIT OR Apache-2.0
//! What was wanted, held against what was measured.

use culvert_srtp::{Path, Suite};

use crate::crypto::case::{Case, PAYLOADS, STREAMS, SUITES};
use crate::crypto::engine;
use crate::crypto::results::Results;
use crate::table::Table;

const IPSEC_MB: &str = "ipsec-mb";
const AWS_LC: &str = "libsrtp-aws-lc";
const CM: Suite = Suite::AesCm128HmacSha1_80;
const GCM: Suite = Suite::AeadAes128Gcm;

/// The other's time over ours, by payload, at a burst of 64.
const RATIOS: [(Suite, &str, [f64; 4]); 4] = [
    (CM, IPSEC_MB, [2.2, 2.0, 1.4, 1.17]),
    (CM, AWS_LC, [5.8, 5.0, 4.1, 3.7]),
    (GCM, IPSEC_MB, [2.7, 2.5, 1.65, 1.4]),
    (GCM, AWS_LC, [7.0, 5.3, 3.6, 2.5]),
];
const BURST: usize = 64;
/// Bursts at which a relay with little to do must not be slower than libsrtp.
const QUIET: [usize; 3] = [1, 2, 4];
const WITHOUT_AVX_512: f64 = 2.5;
const ENGINE_NANOSECONDS: f64 = 150.0;
const ENGINE_GROWTH: f64 = 1.5;

/// Every wish that this run can judge, and how it went.
pub fn tables(results: &Results) -> String {
    format!("{}\n{}", ratios(results), others(results))
}

fn verdict(reached: bool) -> &'static str {
    if reached { "reached" } else { "**missed**" }
}

fn ratios(results: &Results) -> Table {
    let headings = ["at a burst of 64", "streams"].into_iter().map(str::to_owned);
    let mut table = Table::new(headings.chain(PAYLOADS.map(|payload| format!("{payload} B"))));
    for (suite, rival, wishes) in RATIOS {
        for streams in STREAMS {
            let cells = PAYLOADS.into_iter().zip(wishes).map(|(payload, wish)| {
                match results.ratio("culvert", rival, Case { suite, streams, payload }, BURST) {
                    Some(ratio) => format!("{ratio:.2}, wanted {wish}: {}", verdict(ratio >= wish)),
                    None => format!("not measured, wanted {wish}"),
                }
            });
            table.row([format!("{suite} over {rival}"), streams.to_string()].into_iter().chain(cells));
        }
    }
    table
}

fn others(results: &Results) -> Table {
    let mut table = Table::new(["what", "wanted", "found", ""]);
    let mut row = |what: String, wanted: String, found: Option<(String, bool)>| {
        let (found, verdict) = match found {
            Some((found, reached)) => (found, verdict(reached)),
            None => ("not measured".into(), ""),
        };
        table.row([what, wanted, found, verdict.into()]);
    };
    for burst in QUIET {
        row(
            format!("over {AWS_LC} at a burst of {burst}, any suite, payload and number of streams"),
            "at least 1".into(),
            quiet(results, burst),
        );
    }
    let without = path_without_avx_512();
    for streams in STREAMS {
        let case = Case { suite: CM, streams, payload: 160 };
        let found = results
            .ratio(&without, AWS_LC, case, BURST)
            .map(|ratio| (format!("{ratio:.2}"), ratio >= WITHOUT_AVX_512));
        row(
            format!("`{without}` over {AWS_LC}, {case}, burst of {BURST}"),
            format!("at least {WITHOUT_AVX_512}"),
            found,
        );
    }
    let engine = |sessions| {
        results.find(&engine::row(engine::RINGS, Some(CM), sessions)).map(|measured| measured.median)
    };
    let [few, many] = engine::SESSIONS;
    row(
        format!("engine on in-memory rings, {CM}, 160 B, {few} sessions"),
        format!("at most {ENGINE_NANOSECONDS} ns a packet"),
        engine(few).map(|found| (format!("{found:.1} ns"), found <= ENGINE_NANOSECONDS)),
    );
    row(
        format!("the same with {many} sessions"),
        format!("at most {ENGINE_GROWTH} times that"),
        engine(few).zip(engine(many)).map(|(few, many)| {
            (format!("{many:.1} ns, {:.2} times", many / few), many <= ENGINE_GROWTH * few)
        }),
    );
    table
}

/// The worst cell of all that were measured.
fn quiet(results: &Results, burst: usize) -> Option<(String, bool)> {
    let (mut cells, mut slower) = (0, 0);
    let mut worst: Option<(f64, Case)> = None;
    for suite in SUITES {
        for streams in STREAMS {
            for payload in PAYLOADS {
                let case = Case { suite, streams, payload };
                let Some(ratio) = results.ratio("culvert", AWS_LC, case, burst) else { continue };
                cells += 1;
                slower += usize::from(ratio < 1.0);
                if worst.is_none_or(|(worst, _)| ratio < worst) {
                    worst = Some((ratio, case));
                }
            }
        }
    }
    let (ratio, case) = worst?;
    let found = format!("lowest of {cells}: {ratio:.2} ({case}); below 1: {slower}");
    Some((found, slower == 0))
}

/// The contender that a processor without AVX-512 would have; paths are in the order of their speed.
fn path_without_avx_512() -> String {
    let path = Path::ALL
        .into_iter()
        .find(|path| path.is_available() && !path.name().replace('-', "").contains("avx512"))
        .unwrap_or(Path::Portable);
    format!("culvert/{path}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::case::BURSTS;
    use crate::crypto::results::{Measurement, Row};

    #[test]
    fn a_cell_is_judged_by_its_own_wish() {
        let mut results = Results::default();
        let case = Case { suite: CM, streams: 1, payload: 60 };
        for (contender, nanoseconds) in [("culvert", 10.0), (IPSEC_MB, 22.0), (AWS_LC, 57.9)] {
            for burst in [1, BURST] {
                let row = Row::crypto(contender, case, burst);
                results.0.push(Measurement::new(row, vec![nanoseconds]));
            }
        }
        let table = ratios(&results).to_string();
        let lines: Vec<&str> = table.lines().collect();
        assert!(lines[2].contains("| 2.20, wanted 2.2: reached | not measured, wanted 2 |"), "{table}");
        assert!(lines[4].contains("| 5.79, wanted 5.8: **missed** |"), "{table}");
        assert_eq!(quiet(&results, 2), None);
        let (found, reached) = quiet(&results, 1).unwrap();
        assert!(reached && found.starts_with("lowest of 1: 5.79"), "{found}");
    }

    #[test]
    fn bursts_that_are_judged_are_measured() {
        assert!(QUIET.iter().chain([&BURST]).all(|burst| BURSTS.contains(burst)));
    }
}
