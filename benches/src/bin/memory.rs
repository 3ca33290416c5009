// SPDX-License-Identifier: MIT OR Apache-2.0
//! What 100,000 sessions cost in memory on a worker: two flows each, with keys and room for four SSRCs a leg.
#![expect(clippy::print_stdout, reason = "its output is what it is for")]

use std::error::Error;
use std::sync::Arc;

use culvert_benches::relay::flow;
use culvert_benches::table::Table;
use culvert_engine::io::memory::{MemoryConfig, MemoryIo};
use culvert_engine::{Command, FlowSlot, WorkerConfig, WorkerCounters, WorkerState};
use culvert_srtp::Suite;
use peak_alloc::PeakAlloc;

#[global_allocator]
static ALLOCATED: PeakAlloc = PeakAlloc;

const SESSIONS: u32 = 100_000;
const FLOWS: u32 = 2 * SESSIONS;

fn main() -> Result<(), Box<dyn Error + Send + Sync>> {
    let mut table = Table::new([
        "suite of both legs",
        "bytes per flow",
        "of that endpoint table and slots",
        "100,000 sessions, MiB",
        "resident, MiB",
    ]);
    for suite in [
        Suite::AesCm128HmacSha1_80,
        Suite::AesCm256HmacSha1_80,
        Suite::AeadAes128Gcm,
        Suite::AeadAes256Gcm,
        Suite::NullHmacSha1_80,
    ] {
        table.row(measure(suite)?);
    }
    println!("{table}");
    Ok(())
}

fn measure(suite: Suite) -> Result<[String; 5], Box<dyn Error + Send + Sync>> {
    let config = WorkerConfig { max_flows: FLOWS, ..WorkerConfig::default() };
    let (mut io, _peer, _waker) = MemoryIo::new(MemoryConfig::default())?;
    let (events, _told) = rtrb::RingBuffer::new(config.events);
    let before = ALLOCATED.current_usage();
    let resident_before = resident()?;
    let mut state = WorkerState::new(&config, events, Arc::new(WorkerCounters::default()));
    let tables = ALLOCATED.current_usage() - before;
    for number in 0..FLOWS {
        let mut flow = flow(number % 5000, Some(suite), Some(suite))?;
        // More flows than one address has ports: an address for every 5,000.
        for end in &mut flow.ingress {
            end.local.address.0[13] = (number / 5000) as u8;
        }
        state.apply(Command::Install { slot: FlowSlot(number), flow }, &mut io);
    }
    assert_eq!(state.counters().flows(), u64::from(FLOWS));
    let used = ALLOCATED.current_usage() - before;
    let resident = resident()? - resident_before;
    Ok([
        suite.name().into(),
        (used / FLOWS as usize).to_string(),
        (tables / FLOWS as usize).to_string(),
        (used >> 20).to_string(),
        (resident >> 20).to_string(),
    ])
}

/// Resident memory of this process, in bytes.
fn resident() -> Result<i64, Box<dyn Error + Send + Sync>> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap_or_default();
    let kibibytes: i64 = line.trim().trim_end_matches(" kB").parse()?;
    Ok(kibibytes << 10)
}
