// SPDX-License-Identifier: MIT OR Apache-2.0
//! A run from its first session to the report.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Instant, SystemTime};

use culvert_api::{Client, v1};

use crate::calls::{self, Call, Counted, Made};
use crate::flow::Flows;
use crate::generator::{Generator, Ran, Second};
use crate::live;
use crate::next_hop::next_hop;
use crate::plan::{LegPlan, Transport};
use crate::report::{self, Context, NodeCounts};
use crate::transport::{AfXdp, STRANGERS, Sockets};
use crate::{LoadError, Plan, Report, Stop};

/// What a run tells while it goes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Progress {
    /// The sessions are there.
    Sessions {
        /// How many.
        made: u32,
        /// How long that took.
        seconds: f64,
    },
    /// A second of media is over.
    Second(Second),
}

/// Makes the plan's sessions, sends what it says, deletes the sessions and reports.
///
/// To be awaited to its end: what ends it early is `stop`. `observe` is called from another thread.
///
/// # Errors
/// When the plan contradicts itself, the relay refuses a session, or packets cannot be sent. The sessions that were made
/// are deleted then, too.
pub async fn run(
    client: &Client,
    plan: Plan,
    stop: Stop,
    mut observe: impl FnMut(Progress) + Send + 'static,
) -> Result<Report, LoadError> {
    plan.check()?;
    let plan = Arc::new(plan);
    let prepared = Prepared::new(&plan)?;
    let started = SystemTime::now();
    let before = node(client).await;
    let begin = Instant::now();
    let Made { calls, asked, error } = calls::create(client, &plan, prepared.addresses(), &stop).await;
    let setup = begin.elapsed();
    let calls: Option<Vec<Call>> = calls.into_iter().collect();
    let (Some(calls), None) = (calls, &error) else {
        calls::delete(client, &plan, 0..asked).await;
        return Err(error.unwrap_or(LoadError::Stopped));
    };
    observe(Progress::Sessions { made: plan.sessions, seconds: setup.as_secs_f64() });

    let ran = send(&plan, prepared, calls, stop, observe).await;
    // Sessions are asked for what they counted while the node still has their drops in its own counters.
    let counted: Counted = calls::delete(client, &plan, 0..plan.sessions).await;
    let ran = ran?;
    let node = match (before, node(client).await) {
        (Some(before), Some(after)) => Some(NodeCounts::between(&before, &after)),
        _ => None,
    };
    Ok(report::report(Context { plan: &plan, started, setup, counted, node }, ran))
}

/// What there is of a way before the relay has said where it receives.
enum Prepared {
    Sockets(Box<Sockets>),
    /// Addresses for frames with headers of their own.
    Addresses([Vec<SocketAddr>; 2]),
}

impl Prepared {
    fn new(plan: &Plan) -> Result<Prepared, LoadError> {
        Ok(match plan.transport {
            Transport::Sockets => Prepared::Sockets(Box::new(Sockets::bind(plan)?)),
            Transport::AfXdp { .. } | Transport::Xdp { .. } => {
                Prepared::Addresses(plan.legs.each_ref().map(LegPlan::addresses))
            }
        })
    }

    fn addresses(&self) -> &[Vec<SocketAddr>; 2] {
        match self {
            Prepared::Sockets(sockets) => sockets.addresses(),
            Prepared::Addresses(addresses) => addresses,
        }
    }
}

/// Sends and receives, on a thread where that may block.
async fn send(
    plan: &Arc<Plan>,
    prepared: Prepared,
    calls: Vec<Call>,
    stop: Stop,
    mut observe: impl FnMut(Progress) + Send + 'static,
) -> Result<Ran, LoadError> {
    let mut observe = move |second| observe(Progress::Second(second));
    let plan = Arc::clone(plan);
    let relays = calls.first().map(|call| call.legs.each_ref().map(|leg| leg.relay.ip()));
    let relays = relays.ok_or_else(|| LoadError::plan("sessions", "there are none"))?;
    let first_ssrc = first_ssrc(&plan)?;
    let flows = {
        let plan = Arc::clone(&plan);
        move || Flows::new(&plan, calls, first_ssrc)
    };
    let ran = match (prepared, plan.transport) {
        (Prepared::Sockets(mut way), _) => tokio::task::spawn_blocking(move || {
            Generator::new(&plan, flows()?, STRANGERS).run(&mut *way, &stop, &mut observe)
        }),
        (Prepared::Addresses(locals), Transport::AfXdp { relay_mac }) => {
            let hops = [next_hop(relays[0], relay_mac).await?, next_hop(relays[1], relay_mac).await?];
            tokio::task::spawn_blocking(move || {
                let mut way = AfXdp::bind(&plan, locals, hops)?;
                Generator::new(&plan, flows()?, STRANGERS).run(&mut way, &stop, &mut observe)
            })
        }
        (Prepared::Addresses(locals), Transport::Xdp { relay_mac, pool }) => {
            let hop = next_hop(relays[0], relay_mac).await?;
            let sink = next_hop(relays[1], relay_mac).await?.interface_name;
            let path = live::Path { hop, sink, locals };
            tokio::task::spawn_blocking(move || live::run(&plan, flows()?, &path, pool, &stop, &mut observe))
        }
        (Prepared::Addresses(_), Transport::Sockets) => return Err(LoadError::Thread),
    };
    ran.await.map_err(|_| LoadError::Thread)?
}

fn first_ssrc(plan: &Plan) -> Result<u32, LoadError> {
    if let Some(ssrc) = plan.ssrc {
        return Ok(ssrc);
    }
    let mut bytes = [0; 4];
    aws_lc_rs::rand::fill(&mut bytes).map_err(|_| LoadError::Random)?;
    Ok(u32::from_be_bytes(bytes))
}

/// `None` where the caller may not see it.
async fn node(client: &Client) -> Option<v1::GetNodeResponse> {
    client.clone().get_node().await.ok()
}

impl NodeCounts {
    fn between(before: &v1::GetNodeResponse, after: &v1::GetNodeResponse) -> NodeCounts {
        let workers = |node: &v1::GetNodeResponse| sum(node.workers.iter().map(|worker| &worker.drops));
        let interfaces =
            |node: &v1::GetNodeResponse| sum(node.interfaces.iter().map(|interface| &interface.counters));
        let queues = |node: &v1::GetNodeResponse| {
            sum(node
                .interfaces
                .iter()
                .flat_map(|interface| &interface.queues)
                .map(|queue| &queue.socket_drops))
        };
        NodeCounts {
            backend: after.backend.clone(),
            workers: difference(&workers(before), workers(after)),
            interfaces: difference(&interfaces(before), interfaces(after)),
            queues: difference(&queues(before), queues(after)),
        }
    }
}

type Counts = BTreeMap<String, u64>;

fn sum<'c>(all: impl Iterator<Item = &'c std::collections::HashMap<String, u64>>) -> Counts {
    let mut sum = Counts::new();
    for (name, count) in all.flatten() {
        *sum.entry(name.clone()).or_default() += count;
    }
    sum
}

/// What has grown.
fn difference(before: &Counts, after: Counts) -> Counts {
    let grown = |(name, count): (String, u64)| {
        let grown = count.saturating_sub(before.get(&name).copied().unwrap_or(0));
        (grown > 0).then_some((name, grown))
    };
    after.into_iter().filter_map(grown).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_node_has_counted_the_difference() {
        let node = |drops: &[(&str, u64)], counters: &[(&str, u64)]| v1::GetNodeResponse {
            workers: vec![v1::WorkerStatus { drops: map(drops), ..Default::default() }; 2],
            interfaces: vec![v1::InterfaceStatus { counters: map(counters), ..Default::default() }],
            backend: "xdp".into(),
            ..Default::default()
        };
        fn map(counts: &[(&str, u64)]) -> std::collections::HashMap<String, u64> {
            counts.iter().map(|(name, count)| ((*name).to_owned(), *count)).collect()
        }
        let counts = NodeCounts::between(
            &node(&[("stun", 2), ("dtls", 1)], &[("redirected", 5)]),
            &node(&[("stun", 5), ("dtls", 1), ("zrtp", 1)], &[("redirected", 9)]),
        );
        assert_eq!(counts.workers, [("stun".to_owned(), 6), ("zrtp".to_owned(), 2)].into());
        assert_eq!(counts.interfaces, [("redirected".to_owned(), 4)].into());
        assert_eq!((counts.queues.len(), counts.backend.as_str()), (0, "xdp"));
    }
}
