// SPDX-License-Identifier: MIT OR Apache-2.0
//! 100,000 sessions on one relay: how fast they are made over gRPC, what they take, how long answers take then, and
//! whether media notices. Needs root, and culvertd built with the same profile.
#![expect(clippy::print_stdout, reason = "its output is what it is for")]

mod bed;
mod calls;
mod media;
mod probes;
mod report;

use std::error::Error;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;
use culvert_srtp::Suite;

use bed::Bed;
use calls::Calls;
use media::Media;
use probes::Probes;
use report::Report;

/// What went wrong, as text: there is nobody but the reader to handle it.
type Outcome<T> = Result<T, Box<dyn Error + Send + Sync>>;

/// Sessions on a real culvertd on AF_XDP, in network namespaces of its own.
#[derive(Clone, Debug, Parser)]
struct Options {
    /// Sessions to make; two legs each, RTCP multiplexed.
    #[arg(long, default_value_t = 100_000)]
    sessions: u32,
    /// Connections of the front end.
    #[arg(long, default_value_t = 2)]
    connections: u32,
    /// Requests that wait for an answer at a time, on all connections.
    #[arg(long, default_value_t = 64)]
    requests: u32,
    /// Suite of both legs.
    #[arg(long, default_value = "AES_CM_128_HMAC_SHA1_80", value_parser = suite)]
    suite: Suite,
    /// Of the sessions, how many carry media meanwhile.
    #[arg(long, default_value_t = 1000)]
    talking: u32,
    /// Packets per second of all media.
    #[arg(long, default_value_t = 300_000)]
    media_rate: u32,
    /// The longest that media can flow at a time; its packets are made before.
    #[arg(long, default_value_t = 40.0)]
    media_seconds: f64,
    /// Processor of the generator.
    #[arg(long, default_value_t = 0)]
    media_cpu: usize,
    /// Questions of each kind, for the latencies.
    #[arg(long, default_value_t = 50)]
    questions: u32,
    /// Processor of the relay's worker.
    #[arg(long, default_value_t = 1)]
    relay_cpu: u32,
    /// The daemon. By default culvertd beside this program.
    #[arg(long)]
    culvertd: Option<PathBuf>,
    /// Write the results there.
    #[arg(long)]
    json: Option<PathBuf>,
    /// Give the daemon this much time between its last session and the end, to be looked at.
    #[arg(long, default_value_t = 0)]
    linger: u64,
}

fn suite(name: &str) -> Result<Suite, String> {
    Suite::from_name(name).ok_or_else(|| format!("{name} is no suite"))
}

fn main() -> Outcome<ExitCode> {
    let options = Options::parse();
    let bed = Bed::start(&options)?;
    let mut report = Report::new(&options);
    let run = || -> Outcome<()> {
        // Made in the relay's namespace: so are its threads, and all that they connect to.
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
        runtime.block_on(bench(&options, &bed, &mut report))
    };
    bed.relay.run(run)??;
    println!("{report}");
    if let Some(file) = &options.json {
        std::fs::write(file, report.json())?;
    }
    match report.verdict() {
        Err(missed) => {
            println!("missed:\n{missed}");
            Ok(ExitCode::FAILURE)
        }
        Ok(()) => Ok(ExitCode::SUCCESS),
    }
}

async fn bench(options: &Options, bed: &Bed, report: &mut Report) -> Outcome<()> {
    let calls = Calls::connect(options, bed).await?;
    let empty = bed.memory()?;
    let talking = options.talking.min(options.sessions);
    let mut ends: Vec<SocketAddr> = Vec::new();
    for number in 0..talking {
        ends.push(calls.create_talking(number).await?);
    }
    let mut media = Media::new(options, bed, &ends)?;
    // What is measured is a relay whose ways are known and whose media flows.
    media.settle(bed).await?;

    let probes = Probes::new(options, bed).await?;
    let creating = async {
        let ask = probes.ask_all(Duration::from_millis(100));
        let (made, during) = tokio::join!(calls.create_all(talking..options.sessions), ask);
        Ok((made?, during?))
    };
    let ((made, during), passed) = media.meanwhile(bed, creating).await?;
    report.rate("create", made);
    report.latencies("creating", during);
    report.media("creating", passed);
    report.memory(options.sessions, empty, bed.memory()?);

    let (live, passed) = media.meanwhile(bed, probes.ask_all(Duration::from_millis(20))).await?;
    report.latencies("live", live);
    report.media("live", passed);
    tokio::time::sleep(Duration::from_secs(options.linger)).await;

    let deleting = calls.delete_all(talking..options.sessions);
    let (deleted, passed) = media.meanwhile(bed, deleting).await?;
    report.rate("delete", deleted);
    report.media("deleting", passed);
    calls.delete_all(0..talking).await?;
    report.emptied(calls.node().await?)?;
    Ok(())
}
