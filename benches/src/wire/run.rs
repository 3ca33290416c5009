// SPDX-License-Identifier: MIT OR Apache-2.0
//! One run: a relay, the whole pool through it, and what came of that.

use std::net::SocketAddrV4;
use std::thread;
use std::time::Duration;

use culvert_traffic::{Delivered, Meter, Run, Sent, Traffic, TrafficError};

use crate::relay::{Backend, Relay};
use crate::wire::error::WireError;
use crate::wire::load::SUITE;
use crate::wire::placement::Placement;
use crate::wire::topology::{Endpoints, Topology};
use crate::wire::{kernel, verify};

/// Runs of the generator after which what is due goes out.
const BATCH: u32 = 64;
/// The sink is done when it has counted nothing for so long.
const QUIET: Duration = Duration::from_millis(250);
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
    traffic: &Traffic,
    backend: Backend,
    run: &Run,
    flows: u32,
    placement: Placement,
) -> Result<Outcome, WireError> {
    let meter = &traffic.meter;
    meter.begin(run, &callees(flows))?;
    let lost_before = kernel::udp_losses(&topology.relay)?;
    let legs = (Some(SUITE), Some(SUITE));
    let relay =
        topology.relay.run(|| Relay::start(backend, flows, legs, topology.macs, placement.relay_cpu))??;
    generate(topology, traffic, placement, BATCH)?;
    let delivered = drained(meter);
    let mode = relay.mode();
    let transmitted = relay.transmitted();
    let mut losses = relay.stop()?;
    losses.push(("between relay and sink".into(), transmitted.saturating_sub(delivered.packets)));
    let lost_after = kernel::udp_losses(&topology.relay)?;
    for ((name, after), (_, before)) in lost_after.into_iter().zip(lost_before) {
        losses.push((name, after.saturating_sub(before)));
    }
    losses.retain(|(_, packets)| *packets > 0);
    let verified = verify::samples(&meter.samples(), flows)?;
    Ok(Outcome { sent: meter.sent(), delivered, verified, mode, losses })
}

/// Where each flow's packets must arrive.
pub fn callees(flows: u32) -> Vec<SocketAddrV4> {
    let callees = (0..flows).map(|flow| Endpoints::of(flow).callee.to_socket_addr());
    callees
        .filter_map(|callee| if let std::net::SocketAddr::V4(callee) = callee { Some(callee) } else { None })
        .collect()
}

/// Sends what the meter's run says, from the edge's processor.
///
/// # Errors
/// When the kernel refuses.
pub fn generate(
    topology: &Topology,
    traffic: &Traffic,
    placement: Placement,
    batch: u32,
) -> Result<(), WireError> {
    let send = || -> Result<(), TrafficError> {
        culvert_traffic::pin(placement.edge_cpu)?;
        traffic.generator.send(&traffic.meter, batch)
    };
    Ok(topology.edge.run(send)??)
}

/// Waits until nothing arrives any more. There is no event for that.
pub fn drained(meter: &Meter) -> Delivered {
    let mut before = meter.delivered();
    loop {
        if before.packets == meter.sent().packets {
            return before;
        }
        thread::sleep(QUIET);
        let now = meter.delivered();
        if now == before {
            return now;
        }
        before = now;
    }
}
