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
use std::time::{Duration, Instant};

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
    #[arg(long, default_value_t = 500)]
    talking: u32,
    /// Packets per second of all media.
    #[arg(long, default_value_t = 20_000)]
    rate: u32,
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

fn main() -> Outcome<()> {
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
    Ok(())
}

async fn bench(options: &Options, bed: &Bed, report: &mut Report) -> Outcome<()> {
    let calls = Calls::connect(options, bed).await?;
    let empty = bed.memory()?;
    let talking = options.talking.min(options.sessions);
    let sink = bed.sink()?;
    let mut ends: Vec<SocketAddr> = Vec::new();
    for number in 0..talking {
        ends.push(calls.create(number, Some(sink.local_addr()?)).await?);
    }
    let mut media = Media::start(options, bed, sink, ends)?;
    // What is measured is a relay whose ways are known and whose media flows.
    media.settle().await?;

    media.begin();
    let probes = Probes::new(options, bed).await?;
    let (made, during) = tokio::join!(calls.create_all(talking..options.sessions), async {
        probes.ask_all(Duration::from_millis(100)).await
    });
    report.rate("create", made?);
    report.latencies("creating", during?);
    report.media("creating", media.end().await?);
    report.memory(options.sessions, empty, bed.memory()?);

    media.begin();
    report.latencies("live", probes.ask_all(Duration::from_millis(20)).await?);
    report.media("live", media.end().await?);
    tokio::time::sleep(Duration::from_secs(options.linger)).await;

    media.begin();
    let begun = Instant::now();
    report.rate("delete", calls.delete_all(talking..options.sessions).await?);
    let left = Duration::from_secs(1).saturating_sub(begun.elapsed());
    tokio::time::sleep(left).await;
    report.media("deleting", media.end().await?);
    calls.delete_all(0..talking).await?;
    report.emptied(calls.node().await?)?;
    Ok(())
}
