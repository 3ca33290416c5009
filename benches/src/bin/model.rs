// SPDX-License-Identifier: MIT OR Apache-2.0
//! What the figures of this machine mean for faster links: a table from rows of the crypto and the path bench.
#![expect(clippy::print_stdout, reason = "its output is what it is for")]

use std::error::Error;
use std::path::{Path, PathBuf};

use clap::Parser;
use culvert_benches::markers;
use culvert_benches::model::{Assumptions, table};
use serde_json::Value;

/// Cores that a link of 10, 25 or 100 GbE keeps busy with SRTP to SRTP.
#[derive(Debug, Parser)]
struct Options {
    /// Rows of `cargo xtask bench crypto --json FILE`.
    #[arg(long)]
    crypto: PathBuf,
    /// Rows of `cargo xtask bench path --json FILE`; without them there is no line for copy mode.
    #[arg(long)]
    path: Option<PathBuf>,
    /// Nanoseconds a packet that a zero-copy driver is assumed to take on the relay's core.
    #[arg(long, default_value_t = 60.0)]
    driver: f64,
    /// Clock rate; by default what the kernel says of the first processor.
    #[arg(long)]
    gigahertz: Option<f64>,
    /// Writes the table there, between the markers of a file that has them.
    #[arg(long)]
    markdown: Option<PathBuf>,
}

fn main() -> Result<(), Box<dyn Error + Send + Sync>> {
    let options = Options::parse();
    let crypto = rows(&options.crypto)?;
    let path = options.path.as_deref().map_or(Ok(Value::Null), rows)?;
    let gigahertz =
        options.gigahertz.or_else(clock).ok_or("the kernel gives no clock rate: use --gigahertz")?;
    let assumptions = Assumptions { driver: options.driver, gigahertz };
    let text = format!(
        "Assumed: {} ns a packet for a zero-copy driver; {gigahertz:.2} GHz.\n\n{}",
        options.driver,
        table(&crypto, &path, assumptions)
    );
    println!("{text}");
    if let Some(path) = &options.markdown {
        markers::write(path, "model", &text)?;
    }
    Ok(())
}

fn rows(path: &Path) -> Result<Value, Box<dyn Error + Send + Sync>> {
    let text =
        std::fs::read_to_string(path).map_err(|error| format!("cannot read {}: {error}", path.display()))?;
    serde_json::from_str(&text).map_err(|error| format!("{} holds no rows: {error}", path.display()).into())
}

fn clock() -> Option<f64> {
    let cpuinfo = std::fs::read_to_string("/proc/cpuinfo").ok()?;
    let line = cpuinfo.lines().find(|line| line.starts_with("cpu MHz"))?;
    Some(line.split_once(':')?.1.trim().parse::<f64>().ok()? / 1000.0)
}
