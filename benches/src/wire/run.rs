// SPDX-License-Identifier: MIT OR Apache-2.0
//! One run: a relay, the whole pool through it, and what came of that.

use std::thread;
use std::time::{Duration, Instant};

use aya::Ebpf;
use core_affinity::CoreId;

use crate::relay::{Backend, Relay};
use crate::wire::error::WireError;
use crate::wire::maps::{self, Delivered, Pace, Sent};
use crate::wire::placement::Placement;
use crate::wire::topology::Topology;
use crate::wire::{kernel, programs, verify};

/// Nanoseconds of a run of the generator that sends nothing. Calls are sized by it to outlast the pool, as every call
/// begins with some 24 ms of silence.
const RUN: u64 = 50;
/// The sink is done when it has counted nothing for so long.
const QUIET: Duration = Duration::from_millis(250);
/// A generator that has not sent everything by then never will.
const LONGEST: Duration = Duration::from_secs(60);

/// What came of a run.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// What the generator did.
    pub sent: Sent,
    /// What the sink counted.
    pub delivered: Delivered,
    /// Delivered packets that were opened and compared.
    pub verified: usize,
    /// How the relay got its packets.
    pub mode: String,
    /// Where packets were lost, as far as the relay knows.
    pub losses: Vec<(String, u64)>,
}

impl Outcome {
    /// Packets per second that the generator sent.
    pub fn offered(&self) -> f64 {
        rate(self.sent.packets, self.sent.span)
    }

    /// Packets per second that arrived at the sink.
    pub fn throughput(&self) -> f64 {
        rate(self.delivered.packets, self.delivered.span)
    }
}

fn rate(packets: u64, nanoseconds: u64) -> f64 {
    if nanoseconds == 0 { 0.0 } else { packets.saturating_sub(1) as f64 / (nanoseconds as f64 / 1e9) }
}

/// Starts a relay, sends the pool once, waits until nothing arrives any more, and checks what did.
///
/// # Errors
/// When something could not be set up, or a packet was delivered that should not have been.
pub fn once(
    topology: &Topology,
    object: &mut Ebpf,
    backend: Backend,
    pace: Pace,
    placement: Placement,
) -> Result<Outcome, WireError> {
    maps::reset(object, pace)?;
    let lost_before = kernel::udp_losses(&topology.relay)?;
    let relay =
        topology.relay.run(|| Relay::start(backend, pace.flows, topology.macs, placement.relay_cpu))??;
    topology.edge.run(|| generate(object, pace, placement.edge_cpu))??;
    let delivered = drained(object)?;
    let mode = relay.mode();
    let transmitted = relay.transmitted();
    let mut losses = relay.stop()?;
    losses.push(("between relay and sink".into(), transmitted.saturating_sub(delivered.packets)));
    let lost_after = kernel::udp_losses(&topology.relay)?;
    for ((name, after), (_, before)) in lost_after.into_iter().zip(lost_before) {
        losses.push((name, after.saturating_sub(before)));
    }
    losses.retain(|(_, packets)| *packets > 0);
    let verified = verify::samples(&maps::samples(object, pace.packets)?, pace.flows)?;
    Ok(Outcome { sent: maps::sent(object)?, delivered, verified, mode, losses })
}

fn generate(object: &Ebpf, pace: Pace, cpu: usize) -> Result<(), WireError> {
    if !core_affinity::set_for_current(CoreId { id: cpu }) {
        return Err(WireError::Affinity(cpu));
    }
    let start = Instant::now();
    // Each packet's interval may hold some runs that find nothing due.
    let runs = pace.packets.saturating_add((u64::from(pace.packets) * pace.interval / RUN) as u32);
    while maps::sent(object)?.packets < u64::from(pace.packets) && start.elapsed() < LONGEST {
        programs::generate(object, runs)?;
    }
    Ok(())
}

/// Waits until nothing arrives any more. There is no event for that.
fn drained(object: &Ebpf) -> Result<Delivered, WireError> {
    let mut before = maps::delivered(object)?;
    loop {
        thread::sleep(QUIET);
        let now = maps::delivered(object)?;
        if now == before {
            return Ok(now);
        }
        before = now;
    }
}
