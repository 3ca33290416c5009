// SPDX-License-Identifier: MIT OR Apache-2.0
//! What 100,000 sessions cost in memory on a worker: two flows each, with keys and room for four SSRCs a leg.
#![expect(clippy::print_stdout, reason = "its output is what it is for")]

use std::error::Error;
use std::path::PathBuf;
use std::sync::Arc;

use clap::Parser;
use culvert_benches::fixture::{Leg, keys};
use culvert_benches::relay::flow;
use culvert_benches::streams::SSRCS;
use culvert_benches::table::Table;
use culvert_engine::io::memory::{MemoryConfig, MemoryIo};
use culvert_engine::{
    Command, Event, Flow, FlowCounters, FlowSlot, WorkerConfig, WorkerCounters, WorkerState,
};
use culvert_srtp::{ReceiveContext, SendContext, Suite};
use peak_alloc::PeakAlloc;
use rtrb::{Consumer, RingBuffer};
use serde_json::{Value, json};

#[global_allocator]
static ALLOCATED: PeakAlloc = PeakAlloc;

const SESSIONS: u32 = 100_000;
const FLOWS: u32 = 2 * SESSIONS;

/// Memory of 100,000 sessions.
#[derive(Debug, Parser)]
struct Options {
    /// Writes an array of rows there: bench, suite, sessions, bytes_per_session, bytes_per_flow.
    #[arg(long)]
    json: Option<PathBuf>,
}

fn main() -> Result<(), Box<dyn Error + Send + Sync>> {
    let options = Options::parse();
    let mut rows: Vec<Value> = Vec::new();
    let suites = [
        Suite::AesCm128HmacSha1_80,
        Suite::AesCm256HmacSha1_80,
        Suite::AeadAes128Gcm,
        Suite::AeadAes256Gcm,
        Suite::NullHmacSha1_80,
    ];
    let mut parts =
        Table::new(["bytes of a flow", "flow", "receive side", "send side", "counters", "tables", "sum"]);
    let mut sessions =
        Table::new(["suite of both legs", "100,000 sessions, MiB", "bytes per session", "per flow"]);
    for suite in suites {
        parts.row(one_flow(suite)?);
        let bytes = all_sessions(suite)?;
        rows.push(json!({
            "bench": "memory", "suite": suite.name(), "sessions": SESSIONS,
            "bytes_per_session": bytes / SESSIONS as usize, "bytes_per_flow": bytes / FLOWS as usize,
        }));
        sessions.row([
            suite.name().into(),
            (bytes >> 20).to_string(),
            (bytes / SESSIONS as usize).to_string(),
            (bytes / FLOWS as usize).to_string(),
        ]);
    }
    println!("{parts}\n{sessions}");
    // What an allocator adds to what it is asked for shows only here.
    println!("Most that was resident at a time: {} MiB.", resident()? >> 20);
    if let Some(path) = &options.json {
        std::fs::write(path, format!("{:#}\n", Value::Array(rows)))?;
    }
    Ok(())
}

/// What each part of a flow asks the allocators for.
fn one_flow(suite: Suite) -> Result<[String; 7], Box<dyn Error + Send + Sync>> {
    let inside = size_of::<Flow>();
    let (receive, receive_bytes) = measure(|| Ok(ReceiveContext::new(keys(suite, Leg::A, 0)?, SSRCS)))?;
    let (send, send_bytes) = measure(|| Ok(SendContext::new(keys(suite, Leg::B, 0)?, SSRCS)))?;
    let (counters, counter_bytes) = measure(|| Ok(Arc::new(FlowCounters::new(SSRCS))))?;
    let (tables, table_bytes) = measure(|| Ok(state()?.0))?;
    drop((receive, send, counters, tables));
    let table_bytes = table_bytes / FLOWS as usize;
    let sum = inside + receive_bytes + send_bytes + counter_bytes + table_bytes;
    let sizes = [inside, receive_bytes, send_bytes, counter_bytes, table_bytes, sum];
    let mut row = std::array::from_fn(|_| suite.name().to_owned());
    for (cell, size) in row.iter_mut().skip(1).zip(sizes) {
        *cell = size.to_string();
    }
    Ok(row)
}

/// Bytes that a worker and its flows ask the allocators for.
fn all_sessions(suite: Suite) -> Result<usize, Box<dyn Error + Send + Sync>> {
    let (mut io, _peer, _waker) = MemoryIo::new(MemoryConfig::default())?;
    let ((state, _told), bytes) = measure(|| {
        let (mut state, told) = state()?;
        for number in 0..FLOWS {
            let flow = flow(number, Some(suite), Some(suite))?;
            state.apply(Command::Install { slot: FlowSlot(number), flow }, &mut io);
        }
        Ok((state, told))
    })?;
    assert_eq!(state.counters().flows(), u64::from(FLOWS));
    Ok(bytes)
}

fn state() -> Result<(WorkerState, Consumer<Event>), Box<dyn Error + Send + Sync>> {
    let config = WorkerConfig { max_flows: FLOWS, ..WorkerConfig::default() };
    let (events, told) = RingBuffer::new(config.events);
    Ok((WorkerState::new(&config, events, Arc::new(WorkerCounters::default())), told))
}

fn measure<T>(
    make: impl FnOnce() -> Result<T, Box<dyn Error + Send + Sync>>,
) -> Result<(T, usize), Box<dyn Error + Send + Sync>> {
    let before = allocated();
    let made = make()?;
    Ok((made, allocated() - before))
}

/// On the heap and in the memory for keys.
fn allocated() -> usize {
    ALLOCATED.current_usage() + culvert_secret::usage().in_use
}

/// The most memory that was resident, in bytes.
fn resident() -> Result<usize, Box<dyn Error + Send + Sync>> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap_or_default();
    let kibibytes: usize = line.trim().trim_end_matches(" kB").parse()?;
    Ok(kibibytes << 10)
}
