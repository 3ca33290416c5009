// SPDX-License-Identifier: MIT OR Apache-2.0
//! The path bench: Culvert against its rivals on the same wire. Needs root, rtpengine and coturn.
#![expect(clippy::print_stdout, reason = "its output is what it is for")]

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use clap::{Parser, ValueEnum};
use culvert_benches::crypto::library::Library;
use culvert_benches::crypto::machine;
use culvert_benches::markers;
use culvert_benches::path::arena::{Arena, Found};
use culvert_benches::path::contender::Contender;
use culvert_benches::path::error::PathError;
use culvert_benches::path::measure::{self, Effort};
use culvert_benches::path::plot::{Axis, Line, Scale, svg};
use culvert_benches::path::report;
use culvert_benches::path::results::{Case, Load, Results, Row, placement_name};
use culvert_benches::path::scenario::Scenario;
use culvert_benches::table::median;
use culvert_benches::wire::placement::{Placement, Sink};

#[derive(Copy, Clone, Debug, Eq, PartialEq, ValueEnum)]
enum Place {
    /// The far end's receive path on the relay's processor
    A,
    /// On the generator's
    B,
}

impl Place {
    fn sink(self) -> Sink {
        match self {
            Place::A => Sink::Relay,
            Place::B => Sink::Edge,
        }
    }
}

/// Packets per second that contenders relay from the callers to the callees of many calls, and how long each takes.
#[derive(Debug, Parser)]
struct Options {
    /// Numbers of calls, up to 4,000.
    #[arg(long, value_delimiter = ',', default_values_t = [1, 100, 1000], value_parser = clap::value_parser!(u32).range(1..=4000))]
    calls: Vec<u32>,
    /// What the legs speak.
    #[arg(long, value_enum, value_delimiter = ',', default_values_t = [Scenario::SrtpSrtp, Scenario::SrtpRtp, Scenario::RtpRtp])]
    scenario: Vec<Scenario>,
    /// Who; by default all.
    #[arg(long, value_enum, value_delimiter = ',')]
    contender: Vec<Contender>,
    /// Whose processor the far end's receive path is to share.
    #[arg(long, value_enum, value_delimiter = ',', default_values_t = [Place::A, Place::B])]
    placement: Vec<Place>,
    /// Runs of each contender under overload; they take turns.
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..))]
    runs: u32,
    /// The most without loss, curves and latency in every case, not of SRTP to SRTP with 100 calls alone.
    #[arg(long)]
    latency: bool,
    /// Shorter runs, and fewer.
    #[arg(long)]
    quick: bool,
    /// Packets per second that the generator aims at for an overload.
    #[arg(long, default_value_t = 1_500_000)]
    rate: u32,
    /// Writes an array of rows there.
    #[arg(long)]
    json: Option<PathBuf>,
    /// Writes the tables there, between the markers of a file that has them, and plots into `plots` beside it.
    #[arg(long)]
    markdown: Option<PathBuf>,
    /// Where the rivals' shared objects are: libsrtp opens what is delivered.
    #[arg(long, default_value = "target/rivals")]
    rivals: PathBuf,
    /// Processor of the generator and of the relay's receive softirq.
    #[arg(long, default_value_t = 0)]
    edge_cpu: usize,
    /// Processor of the relay.
    #[arg(long, default_value_t = 1)]
    relay_cpu: usize,
}

impl Options {
    fn effort(&self) -> Effort {
        let overload = f64::from(self.rate);
        if self.quick {
            Effort { overload, seconds: 0.4, latency: 0.5, latencies: 1, step: 0.2, steps: 5 }
        } else {
            Effort { overload, seconds: 0.8, latency: 0.6, latencies: 3, step: 0.4, steps: 7 }
        }
    }

    fn contenders(&self, scenario: Scenario) -> Vec<Contender> {
        let all = if self.contender.is_empty() { Contender::value_variants() } else { &self.contender };
        all.iter().copied().filter(|contender| contender.takes(scenario)).collect()
    }

    /// Whether capacity and latency are measured, too.
    fn in_depth(&self, scenario: Scenario, calls: u32) -> bool {
        let scenario = scenario == Scenario::SrtpSrtp || self.scenario == [scenario];
        self.latency || scenario && (calls == 100 || self.calls == [calls])
    }
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

fn run(options: &Options) -> Result<(), PathError> {
    let interrupted = Arc::new(AtomicBool::new(false));
    for signal in [signal_hook::consts::SIGINT, signal_hook::consts::SIGTERM, signal_hook::consts::SIGHUP] {
        signal_hook::flag::register(signal, Arc::clone(&interrupted)).map_err(PathError::Thread)?;
    }
    let library = Library::open(&options.rivals, "libsrtp-openssl")?;
    let directory =
        tempfile::tempdir().map_err(|source| PathError::Write { path: std::env::temp_dir(), source })?;
    let mut results = Results::default();
    let mut failed = false;
    for place in &options.placement {
        let placement =
            Placement { sink: place.sink(), edge_cpu: options.edge_cpu, relay_cpu: options.relay_cpu };
        println!("Placement {placement}.");
        let effort = options.effort();
        let packets = (effort.overload * effort.seconds) as u32;
        let calls = options.calls.iter().copied().max().unwrap_or(1);
        let path = directory.path().to_owned();
        let mut arena = Arena::new(
            placement,
            packets,
            calls,
            path,
            Some(Arc::clone(&library)),
            Arc::clone(&interrupted),
        )?;
        for &scenario in &options.scenario {
            for &calls in &options.calls {
                failed |= contest(options, &mut arena, place.sink(), scenario, calls, &mut results)?;
            }
        }
    }
    if failed {
        println!("Logs of rivals are kept in {}.", directory.keep().display());
    }
    write(options, &results)
}

/// All contenders at one thing; says whether one failed.
fn contest(
    options: &Options,
    arena: &mut Arena,
    sink: Sink,
    scenario: Scenario,
    calls: u32,
    results: &mut Results,
) -> Result<bool, PathError> {
    let effort = options.effort();
    let contenders = options.contenders(scenario);
    // What came of each run, and what went wrong last. Who once delivers something wrong is out.
    let mut runs: Vec<(Vec<Found>, Option<PathError>)> =
        contenders.iter().map(|_| (Vec::new(), None)).collect();
    let case = |contender| Case { contender, scenario, calls, sink };
    for _ in 0..if options.quick { 1 } else { options.runs } {
        for (&contender, (found, fault)) in contenders.iter().zip(&mut runs) {
            if matches!(fault, Some(PathError::Delivered { .. })) {
                continue;
            }
            match measure::overload(arena, case(contender), effort, results) {
                Ok(run) => {
                    println!(
                        "  {}, {calls} calls, {contender}: offered {:.3}, delivered {:.3} Mpps, {} samples opened",
                        scenario.name(),
                        run.offered / 1e6,
                        run.delivered / 1e6,
                        run.verified
                    );
                    found.push(run);
                }
                Err(error) if error.is_of_run() => {
                    println!("  {}, {calls} calls, {contender}: {error}", scenario.name());
                    *fault = Some(error);
                }
                Err(error) => return Err(error),
            }
        }
    }
    let mut failed = false;
    for (contender, (runs, fault)) in contenders.into_iter().zip(runs) {
        let case = case(contender);
        failed |= fault.is_some();
        if let Some(fault) =
            fault.filter(|fault| runs.is_empty() || matches!(fault, PathError::Delivered { .. }))
        {
            results.rows.push(Row::without(case, Load::Overload, fault.to_string()));
            continue;
        }
        let most = median(&runs.iter().map(|run| run.delivered).collect::<Vec<f64>>());
        results.rows.push(Row::of(case, Load::Overload, &runs));
        if !options.in_depth(scenario, calls) {
            continue;
        }
        match measure::capacity(arena, case, effort, most.max(10_000.0), results) {
            Ok(()) => {}
            Err(error) if error.is_of_run() => {
                println!("  {}, {calls} calls, {contender}: {error}", scenario.name());
                failed = true;
                results.rows.push(Row::without(case, Load::ZeroLoss, error.to_string()));
            }
            Err(error) => return Err(error),
        }
        if let Some(rate) = results.rate(case, Load::ZeroLoss) {
            let p99 = |load| {
                results.find(case, load).and_then(|row| row.percentiles).map_or(0.0, |[_, p99, _]| p99)
            };
            println!(
                "  {}, {calls} calls, {contender}: {:.3} Mpps without loss; p99 {:.0} µs at 45,000 a second, {:.0} µs at 80 %",
                scenario.name(),
                rate / 1e6,
                p99(Load::Fixed),
                p99(Load::Most)
            );
        }
    }
    Ok(failed)
}

fn write(options: &Options, results: &Results) -> Result<(), PathError> {
    let put = |path: &Path, write: &dyn Fn() -> std::io::Result<()>| {
        write().map_err(|source| PathError::Write { path: path.to_owned(), source })
    };
    let plots = plots(results);
    let links: Vec<(String, String)> =
        plots.iter().map(|(title, file, _)| (title.clone(), format!("plots/{file}"))).collect();
    let machine = format!("{}; the rivals: {}", machine::description(options.relay_cpu), versions());
    let text = report::markdown(&machine, &links, results);
    println!("\n{text}");
    if let Some(path) = &options.json {
        put(path, &|| std::fs::write(path, format!("{:#}\n", results.json())))?;
    }
    if let Some(path) = &options.markdown {
        put(path, &|| markers::write(path, "path", &text))?;
        let directory = path.parent().unwrap_or(Path::new("")).join("plots");
        put(&directory, &|| std::fs::create_dir_all(&directory))?;
        for (_, file, text) in &plots {
            let path = directory.join(file);
            put(&path, &|| std::fs::write(&path, text))?;
        }
    }
    Ok(())
}

/// Title, name of the file, and content, of SRTP to SRTP with 100 calls, or what comes first, in each placement.
fn plots(results: &Results) -> Vec<(String, String, String)> {
    let mut plots = Vec::new();
    for sink in [Sink::Relay, Sink::Edge] {
        let wanted =
            |case: &Case| case.sink == sink && case.scenario == Scenario::SrtpSrtp && case.calls == 100;
        let place = placement_name(sink);
        let title = |what| {
            format!(
                "{what}: SRTP to SRTP, 160 B, 100 calls, one relay core, placement {}",
                place.to_uppercase()
            )
        };
        let line = |contender: Contender, points: Vec<(f64, f64)>| {
            let colour = Contender::value_variants().iter().position(|known| *known == contender);
            Line { name: contender.name().into(), colour: colour.unwrap_or_default(), points }
        };
        let rates: Vec<Line> = Contender::value_variants()
            .iter()
            .map(|&contender| {
                let points = results
                    .points
                    .iter()
                    .filter(|point| point.case.contender == contender && wanted(&point.case));
                let mut points: Vec<(f64, f64)> =
                    points.map(|point| (point.offered / 1e6, point.delivered / 1e6)).collect();
                points.sort_by(|one, other| one.0.total_cmp(&other.0));
                line(contender, points)
            })
            .filter(|line| !line.points.is_empty())
            .collect();
        let (x, y) = ("offered, million packets a second", "delivered, million packets a second");
        let (x, y) = (Axis { title: x, scale: Scale::Linear }, Axis { title: y, scale: Scale::Linear });
        if !rates.is_empty() {
            let title = title("Delivered against offered");
            plots.push((title.clone(), format!("path-{place}-delivered.svg"), svg(&title, x, y, &rates)));
        }
        let latencies = results.latencies.iter().filter(|(case, all)| wanted(case) && !all.is_empty());
        let latencies: Vec<Line> = latencies
            .map(|(case, all)| {
                let share = |place: usize| 100.0 * (place + 1) as f64 / all.len() as f64;
                let points =
                    all.iter().enumerate().map(|(place, latency)| (*latency as f64 / 1e3, share(place)));
                line(case.contender, points.collect())
            })
            .collect();
        let x = Axis {
            title: "µs from generator to sink, at 45,000 packets a second",
            scale: Scale::Logarithmic,
        };
        let y = Axis { title: "% of packets", scale: Scale::Linear };
        if !latencies.is_empty() {
            let title = title("Latency");
            plots.push((title.clone(), format!("path-{place}-latency.svg"), svg(&title, x, y, &latencies)));
        }
    }
    plots
}

fn versions() -> String {
    let query = Command::new("dpkg-query")
        .args(["--show", "--showformat", "${Package} ${Version}\\n", "rtpengine-daemon", "coturn"])
        .output();
    let text = query.map(|output| String::from_utf8_lossy(&output.stdout).trim().replace('\n', ", "));
    text.ok().filter(|text| !text.is_empty()).unwrap_or_else(|| "of unknown versions".into())
}
