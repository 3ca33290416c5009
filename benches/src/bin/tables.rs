// SPDX-License-Identifier: MIT OR Apache-2.0
//! Prints what criterion measured last as markdown tables.
#![expect(clippy::print_stdout, reason = "its output is what it is for")]

use std::collections::BTreeMap;
use std::error::Error;
use std::path::PathBuf;

use clap::Parser;
use serde_json::{Value, json};

use culvert_benches::estimates::{self, Estimate};
use culvert_benches::table::Table;

const SIZES: [&str; 4] = ["60", "160", "500", "1200"];

/// What criterion measured last.
#[derive(Debug, Parser)]
struct Options {
    /// Writes an array of rows there: bench, name, ns, uncertainty.
    #[arg(long)]
    json: Option<PathBuf>,
}

fn main() -> Result<(), Box<dyn Error + Send + Sync>> {
    let options = Options::parse();
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| PathBuf::from("target"), PathBuf::from);
    let directory = target.join("criterion");
    let estimates = estimates::read(&directory).map_err(|error| {
        format!("cannot read {}: {error}; run `cargo bench -p culvert-benches` first", directory.display())
    })?;
    println!("{}", flat("wire", &estimates));
    println!("{}", srtp(&estimates));
    println!("{}", flat("srtp-1000-streams", &estimates));
    println!("{}", flat("engine", &estimates));
    if let Some(path) = &options.json {
        std::fs::write(path, format!("{:#}\n", rows(&estimates)))?;
    }
    Ok(())
}

/// Every estimate; the bench is the first part of its name.
fn rows(estimates: &[Estimate]) -> Value {
    let round = |nanoseconds: f64| (nanoseconds * 100.0).round() / 100.0;
    let row = |estimate: &Estimate| {
        let (bench, name) = estimate.name.split_once('/').unwrap_or((&estimate.name, ""));
        json!({
            "bench": bench, "name": name, "ns": round(estimate.nanoseconds),
            "uncertainty": round(estimate.uncertainty),
        })
    };
    estimates.iter().map(row).collect()
}

fn flat(group: &str, estimates: &[Estimate]) -> Table {
    let mut table = Table::new([group, "ns per packet", "Mpps"]);
    for estimate in estimates {
        let Some(name) = estimate.name.strip_prefix(group).and_then(|rest| rest.strip_prefix('/')) else {
            continue;
        };
        table.row([
            name.to_owned(),
            format!("{:.1} ± {:.1}", estimate.nanoseconds, estimate.uncertainty),
            format!("{:.2}", 1e3 / estimate.nanoseconds),
        ]);
    }
    table
}

/// One row per suite and work, one column per size.
fn srtp(estimates: &[Estimate]) -> Table {
    let mut rows: BTreeMap<(&str, &str), BTreeMap<&str, f64>> = BTreeMap::new();
    for estimate in estimates {
        if let ["srtp", suite, work, size] = estimate.name.split('/').collect::<Vec<_>>()[..] {
            rows.entry((suite, work)).or_default().insert(size, estimate.nanoseconds);
        }
    }
    let mut table = Table::new(["suite", "ns per packet", "60 B", "160 B", "500 B", "1200 B"]);
    for ((suite, work), sizes) in rows {
        let cells = SIZES
            .map(|size| sizes.get(size).map(|nanoseconds| format!("{nanoseconds:.0}")).unwrap_or_default());
        table.row([suite.to_owned(), work.to_owned()].into_iter().chain(cells));
    }
    table
}
