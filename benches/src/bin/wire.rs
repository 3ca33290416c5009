// SPDX-License-Identifier: MIT OR Apache-2.0
//! The wire bench: the AF_XDP back end against the socket back end, under the same load. Needs root.
#![expect(clippy::print_stdout, reason = "its output is what it is for")]

use std::error::Error;
use std::time::Instant;

use clap::Parser;
use culvert_benches::relay::Backend;
use culvert_benches::table::{Table, median};
use culvert_benches::wire::placement::{Placement, Sink};
use culvert_benches::wire::run::{Outcome, once};
use culvert_benches::wire::topology::{EDGE_INTERFACE, Topology};
use culvert_benches::wire::{error::WireError, load};
use culvert_traffic::{Arrival, Run, Traffic, TrafficConfig};

/// Delivered packets per second of the AF_XDP and of the socket back end, on one relay core, SRTP to SRTP.
#[derive(Debug, Parser)]
struct Options {
    /// Packets of a run; each takes 256 bytes of kernel memory.
    #[arg(long, default_value_t = 3_000_000)]
    packets: u32,
    /// Packets per second that the generator aims at.
    #[arg(long, default_value_t = 1_500_000)]
    rate: u32,
    /// Numbers of flows.
    #[arg(long, value_delimiter = ',', default_values_t = [1, 100, 1000])]
    flows: Vec<u32>,
    /// Runs of each contender; they take turns.
    #[arg(long, default_value_t = 3)]
    repetitions: u32,
    /// Whose processor the far end's receive path is to share.
    #[arg(long, value_enum, value_delimiter = ',', default_values_t = [Sink::Relay, Sink::Edge])]
    sink: Vec<Sink>,
    /// Processor of the generator and of the relay's receive softirq.
    #[arg(long, default_value_t = 0)]
    edge_cpu: usize,
    /// Processor of the worker and of the sink's softirq.
    #[arg(long, default_value_t = 1)]
    relay_cpu: usize,
}

const CONTENDERS: [Backend; 2] = [Backend::Xdp, Backend::Socket];

fn main() -> Result<(), Box<dyn Error + Send + Sync>> {
    let options = Options::parse();
    println!(
        "veth pair; {} to {}, 160 B payload, frames of 224 B; {} packets a run at {} a second; medians of {}.",
        load::SUITE,
        load::SUITE,
        options.packets,
        options.rate,
        options.repetitions
    );
    for &sink in &options.sink {
        let placement = Placement { sink, edge_cpu: options.edge_cpu, relay_cpu: options.relay_cpu };
        println!("\nPlacement {placement}.\n");
        println!("\n{}", contest(&options, placement)?);
    }
    Ok(())
}

fn contest(options: &Options, placement: Placement) -> Result<Table, Box<dyn Error + Send + Sync>> {
    let topology = Topology::new()?;
    let length = load::frame_length(Some(load::SUITE));
    let flows = options.flows.iter().copied().max().unwrap_or(1);
    let mut traffic = Traffic::load(TrafficConfig { frames: options.packets, longest: length, flows })?;
    topology.edge.run(|| traffic.generator.attach_sink(EDGE_INTERFACE))??;
    placement.apply(&topology)?;
    let mut table = Table::new([
        "flows",
        "back end",
        "offered, Mpps",
        "delivered, Mpps",
        "lowest to highest",
        "AF_XDP : socket",
    ]);
    for &flows in &options.flows {
        let start = Instant::now();
        load::fill(&mut traffic.pool, Some(load::SUITE), flows, topology.macs)?;
        println!("{flows} flows: pool filled in {:.1} s", start.elapsed().as_secs_f64());
        let interval = 1_000_000_000 / u64::from(options.rate.max(1));
        let run = Run {
            packets: options.packets.into(),
            length,
            interface: topology.edge_index,
            interval,
            catch_up: 64 * interval,
            arrival: Arrival { length: length - 42, number: load::NUMBER },
            ..Run::default()
        };
        let mut results: [Vec<Outcome>; 2] = Default::default();
        for _ in 0..options.repetitions {
            for (contender, results) in CONTENDERS.into_iter().zip(&mut results) {
                let outcome = once(&topology, &traffic, contender, &run, flows, placement)?;
                report(&outcome);
                if outcome.delivered.packets == 0 {
                    return Err(WireError::NothingDelivered.into());
                }
                results.push(outcome);
            }
        }
        rows(&mut table, flows, &results);
    }
    Ok(table)
}

fn report(outcome: &Outcome) {
    let losses: Vec<String> =
        outcome.losses.iter().map(|(name, packets)| format!("{name} {packets}")).collect();
    println!(
        "  {}: offered {:.3} Mpps, delivered {:.3} Mpps; sent {}, delivered {} ({} duplicates, {} wrong), {} opened \
         and compared; {}",
        outcome.mode,
        outcome.offered() / 1e6,
        outcome.throughput() / 1e6,
        outcome.sent.packets,
        outcome.delivered.packets,
        outcome.delivered.duplicates,
        outcome.delivered.wrong,
        outcome.verified,
        if losses.is_empty() { "nothing counted as lost".into() } else { losses.join(", ") }
    );
}

fn rows(table: &mut Table, flows: u32, results: &[Vec<Outcome>; 2]) {
    let delivered = results.each_ref().map(|runs| runs.iter().map(Outcome::throughput).collect::<Vec<f64>>());
    let [xdp, socket] = delivered.each_ref().map(|rates| median(rates));
    for (number, (runs, rates)) in results.iter().zip(&delivered).enumerate() {
        let offered: Vec<f64> = runs.iter().map(Outcome::offered).collect();
        let low = rates.iter().copied().fold(f64::INFINITY, f64::min);
        let high = rates.iter().copied().fold(0.0, f64::max);
        table.row([
            flows.to_string(),
            runs.first().map(|run| run.mode.clone()).unwrap_or_default(),
            format!("{:.2}", median(&offered) / 1e6),
            format!("{:.3}", median(rates) / 1e6),
            format!("{:.3} to {:.3}", low / 1e6, high / 1e6),
            if number == 0 { format!("{:.2}", xdp / socket) } else { String::new() },
        ]);
    }
}
