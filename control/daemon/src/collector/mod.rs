// SPDX-License-Identifier: MIT OR Apache-2.0
//! What the node knows as Prometheus metrics. Labels are of bounded cardinality: workers, interfaces, queues, reasons, realms,
//! kinds. Nothing is labelled by session, address or identity, so that the number of series does not grow with calls.

mod encode;
mod flows;
mod interfaces;
mod process;
mod state;
mod workers;

use std::sync::Arc;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::DescriptorEncoder;

pub use process::ProcessCollector;

use crate::node::{Inner, Node};
use encode::Encoded;
use interfaces::InterfaceSample;
use state::StateSample;
use workers::WorkerSample;

/// Reads the node at each scrape.
#[derive(Debug)]
pub struct NodeCollector {
    node: Arc<Node>,
    fips: String,
}

impl NodeCollector {
    /// A collector of a node. `fips`: as [`crate::fips::report`] has it.
    pub fn new(node: Arc<Node>, fips: String) -> NodeCollector {
        NodeCollector { node, fips }
    }
}

/// What has to be read under the node's lock. The rest, and writing it all out, happens without.
#[derive(Debug)]
struct Sample {
    state: StateSample,
    workers: Vec<WorkerSample>,
    interfaces: Vec<InterfaceSample>,
}

impl Sample {
    fn of(inner: &Inner) -> Sample {
        Sample {
            state: StateSample::of(inner),
            workers: WorkerSample::all(inner),
            interfaces: inner.plane.endpoints().interfaces().iter().map(InterfaceSample::of).collect(),
        }
    }
}

impl Collector for NodeCollector {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Encoded {
        let sample = self.node.read(Sample::of);
        state::build(&sample.state, &self.fips, &mut encoder)?;
        state::sessions(&sample.state, &mut encoder)?;
        workers::encode(&sample.workers, &mut encoder)?;
        flows::encode(&self.node.flow_sums(), &mut encoder)?;
        interfaces::encode(&sample.interfaces, &mut encoder)?;
        state::keys(&mut encoder)?;
        state::mras(&self.node, &mut encoder)?;
        state::audit(&self.node, &mut encoder)
    }
}
