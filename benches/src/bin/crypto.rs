// SPDX-License-Identifier: MIT OR Apache-2.0
//! The crypto bench: Culvert's re-keying of SRTP against ipsec-mb and libsrtp, on one core, and the engine around it.
#![expect(clippy::print_stdout, reason = "its output is what it is for")]

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use clap::{Parser, ValueEnum};
use core_affinity::CoreId;
use culvert_srtp::Suite;

use culvert_benches::crypto::case::{BURSTS, Case, PAYLOADS, STREAMS, SUITES};
use culvert_benches::crypto::contender::Entrant;
use culvert_benches::crypto::error::CryptoError;
use culvert_benches::crypto::library::Library;
use culvert_benches::crypto::measure::{Contest, Effort};
use culvert_benches::crypto::results::Results;
use culvert_benches::crypto::{engine, machine, report, verify};
use culvert_benches::fixture::SplitMix;
use culvert_benches::markers;

#[derive(Copy, Clone, Debug, Eq, PartialEq, ValueEnum)]
enum Bench {
    /// Re-keying, against others
    Crypto,
    /// The engine on in-memory rings
    Engine,
}

/// Nanoseconds per packet to unprotect under one key and protect under another, against other libraries.
#[derive(Debug, Parser)]
struct Options {
    /// Which benches; without filters both, with filters `crypto`.
    #[arg(long, value_enum, value_delimiter = ',')]
    bench: Vec<Bench>,
    /// Suites whose names contain one of these, e.g. `CM_128`.
    #[arg(long, value_delimiter = ',')]
    suite: Vec<String>,
    /// Bytes of payload; any number.
    #[arg(long, value_delimiter = ',', value_parser = payload)]
    payload: Vec<usize>,
    /// Numbers of streams; any.
    #[arg(long, value_delimiter = ',', value_parser = clap::value_parser!(u32).range(1..=10_000))]
    streams: Vec<u32>,
    /// Packets of a call; any up to 64.
    #[arg(long, value_delimiter = ',', value_parser = burst)]
    burst: Vec<usize>,
    /// Contenders; `culvert/` means all of Culvert's paths.
    #[arg(long, value_delimiter = ',')]
    contender: Vec<String>,
    /// A tenth of the time.
    #[arg(long)]
    quick: bool,
    /// Milliseconds of a case and burst, for all contenders together.
    #[arg(long, default_value_t = 1500)]
    milliseconds: u64,
    /// Processor to run on; by default the last.
    #[arg(long)]
    cpu: Option<usize>,
    /// Where the rivals' shared objects are.
    #[arg(long, default_value = "target/rivals")]
    rivals: PathBuf,
    /// Writes an array of rows there.
    #[arg(long)]
    json: Option<PathBuf>,
    /// Writes the tables there, between the markers of a file that has them.
    #[arg(long)]
    markdown: Option<PathBuf>,
}

fn payload(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(payload @ 16..=1400) => Ok(payload),
        _ => Err("between 16 and 1400 bytes".into()),
    }
}

fn burst(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(burst @ 1..=64) => Ok(burst),
        _ => Err("between 1 and 64 packets".into()),
    }
}

/// Who makes the packets, and whose bytes count.
const REFERENCE: &str = "libsrtp-aws-lc";
const RIVALS: [&str; 4] = ["ipsec-mb", "ipsec-mb-sse", "libsrtp-openssl", REFERENCE];

fn main() -> ExitCode {
    match run(&Options::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(options: &Options) -> Result<(), CryptoError> {
    let cpu = options
        .cpu
        .unwrap_or_else(|| std::thread::available_parallelism().map_or(1, usize::from).saturating_sub(1));
    if !core_affinity::set_for_current(CoreId { id: cpu }) {
        return Err(CryptoError::Pin(cpu));
    }
    let (entrants, libraries) = entrants(options)?;
    let machine = machine::description(cpu);
    println!("{machine}.");
    let mut results = Results::default();
    if options.wants(Bench::Crypto) {
        contest(options, &entrants, &libraries, &mut results)?;
    }
    if options.wants(Bench::Engine) {
        for suite in engine::SUITES {
            for sessions in engine::SESSIONS {
                println!("engine: {}, {sessions} sessions", suite.map_or("plain", Suite::name));
                results.0.extend(engine::measure(suite, sessions, 2 * options.time())?);
            }
        }
    }
    let names: Vec<String> = entrants.iter().map(|entrant| entrant.name.clone()).collect();
    let versions: Vec<String> =
        libraries.iter().map(|library| format!("`{}` is {}", library.name(), library.version())).collect();
    let text = report::markdown(&machine, &versions, &names, &results);
    println!("\n{text}");
    let write = |path: &PathBuf, write: &dyn Fn() -> std::io::Result<()>| {
        write().map_err(|source| CryptoError::Write { path: path.clone(), source })
    };
    if let Some(path) = &options.json {
        write(path, &|| std::fs::write(path, format!("{:#}\n", results.json())))?;
    }
    if let Some(path) = &options.markdown {
        write(path, &|| markers::write(path, "crypto", &text))?;
    }
    Ok(())
}

impl Options {
    fn wants(&self, bench: Bench) -> bool {
        let filtered = [self.suite.len(), self.payload.len(), self.streams.len()].iter().sum::<usize>()
            + self.burst.len()
            + self.contender.len();
        match self.bench.as_slice() {
            [] => bench == Bench::Crypto || filtered == 0,
            benches => benches.contains(&bench),
        }
    }

    fn time(&self) -> Duration {
        Duration::from_millis(self.milliseconds) / if self.quick { 10 } else { 1 }
    }
}

/// What was asked for, or all.
fn or_all<T: Copy>(asked: &[T], all: &[T]) -> Vec<T> {
    if asked.is_empty() { all.to_vec() } else { asked.to_vec() }
}

fn entrants(options: &Options) -> Result<(Vec<Entrant>, Vec<Arc<Library>>), CryptoError> {
    // intel-ipsec-mb is for x86-64 only.
    let rivals =
        RIVALS.into_iter().filter(|name| cfg!(target_arch = "x86_64") || !name.starts_with("ipsec-mb"));
    let libraries = rivals.map(|name| Library::open(&options.rivals, name)).collect::<Result<Vec<_>, _>>()?;
    let mut entrants = vec![Entrant::culvert()];
    entrants.extend(libraries.iter().map(|library| Entrant::rival(Arc::clone(library))));
    entrants.extend(Entrant::culvert_paths());
    let matches = |entrant: &Entrant, name: &String| {
        entrant.name == *name || (name.ends_with('/') && entrant.name.starts_with(name.as_str()))
    };
    for name in &options.contender {
        if !entrants.iter().any(|entrant| matches(entrant, name)) {
            let known: Vec<String> = entrants.into_iter().map(|entrant| entrant.name).collect();
            return Err(CryptoError::Unknown { name: name.clone(), known: known.join(", ") });
        }
    }
    if !options.contender.is_empty() {
        entrants.retain(|entrant| options.contender.iter().any(|name| matches(entrant, name)));
    }
    Ok((entrants, libraries))
}

fn contest(
    options: &Options,
    entrants: &[Entrant],
    libraries: &[Arc<Library>],
    results: &mut Results,
) -> Result<(), CryptoError> {
    let reference = libraries.iter().find(|library| library.name() == REFERENCE);
    let Some(reference) = reference else { return Err(CryptoError::Nothing) };
    let asked = |suite: &Suite| {
        options.suite.is_empty() || options.suite.iter().any(|part| suite.name().contains(part.as_str()))
    };
    let suites: Vec<Suite> = SUITES.into_iter().filter(asked).collect();
    if suites.is_empty() {
        return Err(CryptoError::Nothing);
    }
    let (payloads, bursts) = (or_all(&options.payload, &PAYLOADS), or_all(&options.burst, &BURSTS));
    let streams = or_all(&options.streams, &STREAMS);
    let sittings = if options.quick { 1 } else { 3 };
    let effort = Effort { time: options.time(), sittings };
    let contest = Contest { entrants, reference, payloads: &payloads, bursts: &bursts, effort };
    let mut random = SplitMix(1);
    for suite in suites {
        for &streams in &streams {
            println!("{suite}, streams: {streams}");
            for &payload in &payloads {
                verify::entrants(entrants, reference, Case { suite, streams, payload }, &bursts)?;
            }
            results.0.extend(contest.run(Case { suite, streams, payload: 0 }, &mut random)?);
        }
    }
    Ok(())
}
