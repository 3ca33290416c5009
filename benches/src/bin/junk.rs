// SPDX-License-Identifier: MIT OR Apache-2.0
//! The junk bench: what arrives of calls when ten packets of junk come for each of theirs. Needs root.
#![expect(clippy::print_stdout, reason = "its output is what it is for")]

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use clap::Parser;
use culvert_benches::crypto::machine;
use culvert_benches::junk::error::JunkError;
use culvert_benches::junk::measure::{self, Effort, Row};
use culvert_benches::junk::refusal::Refusal;
use culvert_benches::junk::report;
use culvert_benches::junk::run::{Arena, Found, Offer};
use culvert_benches::markers;
use culvert_benches::wire::placement::{Placement, Sink};

/// Media that arrives at half of what the relay takes without loss, with junk: unknown ports, wrong sources, bad tags, replays and
/// malformed packets, as many of each.
#[derive(Debug, Parser)]
struct Options {
    /// Calls.
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=4000))]
    calls: u32,
    /// Packets of junk for each of media; every five are one of each kind.
    #[arg(long, value_delimiter = ',', default_values_t = [0, 5, 10])]
    junk: Vec<u32>,
    /// Whose processor the far end's receive path is to share.
    #[arg(long, value_enum, value_delimiter = ',', default_values_t = [Sink::Relay, Sink::Edge])]
    sink: Vec<Sink>,
    /// Packets of media a second that the relay takes without loss or junk; measured when it is not given.
    #[arg(long)]
    capacity: Option<f64>,
    /// Share of that which is offered.
    #[arg(long, default_value_t = 0.5)]
    load: f64,
    /// Runs for each row.
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..))]
    runs: u32,
    /// Seconds of a run.
    #[arg(long, default_value_t = 0.6)]
    seconds: f64,
    /// The most packets of a run; each takes 256 bytes of kernel memory.
    #[arg(long, default_value_t = 3_500_000)]
    packets: u32,
    /// Packets of media a second that are more than the relay can take.
    #[arg(long, default_value_t = 1_500_000)]
    rate: u32,
    /// Writes an array of rows there.
    #[arg(long)]
    json: Option<PathBuf>,
    /// Writes the tables there, between the markers of a file that has them.
    #[arg(long)]
    markdown: Option<PathBuf>,
    /// Processor of the generator and of the relay's receive softirq.
    #[arg(long, default_value_t = 0)]
    edge_cpu: usize,
    /// Processor of the relay.
    #[arg(long, default_value_t = 1)]
    relay_cpu: usize,
}

fn main() -> ExitCode {
    match run(&Options::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(options: &Options) -> Result<(), JunkError> {
    let interrupted = Arc::new(AtomicBool::new(false));
    for signal in [signal_hook::consts::SIGINT, signal_hook::consts::SIGTERM, signal_hook::consts::SIGHUP] {
        signal_hook::flag::register(signal, Arc::clone(&interrupted)).map_err(JunkError::Signal)?;
    }
    let load_before = others();
    let refusal = Refusal::measure(options.calls)?;
    let mut rows = Vec::new();
    for &sink in &options.sink {
        let placement = Placement { sink, edge_cpu: options.edge_cpu, relay_cpu: options.relay_cpu };
        println!("Placement {placement}.");
        let mut arena = Arena::new(placement, options.packets, options.calls, Arc::clone(&interrupted))?;
        contest(options, sink, &mut arena, &mut rows)?;
    }
    let machine = format!(
        "{}; load averages before the first run: {load_before}",
        machine::description(options.relay_cpu)
    );
    let text = report::markdown(&machine, options.calls, &rows, &refusal);
    println!("\n{text}");
    let put = |path: &Path, write: &dyn Fn() -> std::io::Result<()>| {
        write().map_err(|source| JunkError::Write { path: path.to_owned(), source })
    };
    if let Some(path) = &options.json {
        put(path, &|| std::fs::write(path, format!("{:#}\n", report::json(options.calls, &rows, &refusal))))?;
    }
    if let Some(path) = &options.markdown {
        put(path, &|| markers::write(path, "junk", &text))?;
    }
    Ok(())
}

/// All rows of a placement.
fn contest(options: &Options, sink: Sink, arena: &mut Arena, rows: &mut Vec<Row>) -> Result<(), JunkError> {
    let effort = Effort {
        overload: f64::from(options.rate),
        step: 0.4,
        steps: 7,
        seconds: options.seconds,
        runs: options.runs,
    };
    let capacity = match options.capacity {
        Some(capacity) => capacity,
        None => measure::capacity(arena, effort)?,
    };
    println!("  {:.3} Mpps without loss or junk", capacity / 1e6);
    let wanted = options.load * capacity;
    let mut row = |arena: &mut Arena, ratio, wanted, searched| {
        let runs = measure::runs(arena, Offer { media: wanted, ratio, seconds: effort.seconds }, effort)?;
        runs.iter().for_each(|found| report(ratio, found));
        let row = Row { sink, capacity, wanted, ratio, searched, runs };
        let missed = row.middle().is_none_or(|found| found.delivery() < measure::WANTED);
        rows.push(row);
        Ok::<bool, JunkError>(missed)
    };
    for &ratio in &options.junk {
        if row(arena, ratio, wanted, false)? {
            println!("  searching for the most media that endures {ratio} of junk each");
            let endured = measure::endured(arena, ratio, wanted, effort)?;
            if endured > 0.0 {
                row(arena, ratio, endured, true)?;
            }
        }
    }
    Ok(())
}

fn report(ratio: u32, found: &Found) {
    let counted: Vec<String> =
        found.counted.iter().map(|(place, packets)| format!("{place} {packets}")).collect();
    println!(
        "  {ratio} of junk each: media {:.3} Mpps, junk {:.3} Mpps; of {} packets of media {} arrived, {} of them by replay ({:.3} %), {} wrong, {} opened and \
         compared; the worker waited {:.1} % of the time; {}; nowhere {}",
        found.media_rate() / 1e6,
        found.junk_rate() / 1e6,
        found.media,
        found.arrived,
        found.by_replay(),
        100.0 * found.delivery(),
        found.wrong,
        found.verified,
        100.0 * found.wait(),
        counted.join(", "),
        found.unaccounted()
    );
}

/// What else the machine does.
fn others() -> String {
    let text = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    text.split(' ').take(3).collect::<Vec<&str>>().join(", ")
}
