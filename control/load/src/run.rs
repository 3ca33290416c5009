// SPDX-License-Identifier: MIT OR Apache-2.0
//! A run from its first session to the report.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Instant, SystemTime};

use culvert_api::{Client, v1};

use crate::calls::{self, Call, Counted, Made};
use crate::flow::Flows;
use crate::generator::{Generator, Ran, Second};
use crate::plan::Transport;
use crate::report::{self, Context, NodeCounts};
use crate::transport::{STRANGERS, Sockets};
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
    let mut way = match &plan.transport {
        Transport::Sockets => Sockets::bind(&plan)?,
    };
    let started = SystemTime::now();
    let before = node(client).await;
    let begin = Instant::now();
    let Made { calls, asked, error } = calls::create(client, &plan, way.addresses(), &stop).await;
    let setup = begin.elapsed();
    let calls: Option<Vec<Call>> = calls.into_iter().collect();
    let (Some(calls), None) = (calls, &error) else {
        calls::delete(client, &plan, 0..asked).await;
        return Err(error.unwrap_or(LoadError::Stopped));
    };
    observe(Progress::Sessions { made: plan.sessions, seconds: setup.as_secs_f64() });

    let ran = {
        let (plan, stop) = (Arc::clone(&plan), stop);
        let send = move || -> Result<Ran, LoadError> {
            let flows = Flows::new(&plan, calls, first_ssrc(&plan)?)?;
            let generator = Generator::new(&plan, flows, STRANGERS);
            generator.run(&mut way, &stop, &mut |second| observe(Progress::Second(second)))
        };
        tokio::task::spawn_blocking(send).await
    };
    // Sessions are asked for what they counted while the node still has their drops in its own counters.
    let counted: Counted = calls::delete(client, &plan, 0..plan.sessions).await;
    let ran = ran.map_err(|_| LoadError::Thread)??;
    let node = match (before, node(client).await) {
        (Some(before), Some(after)) => Some(NodeCounts::between(&before, &after)),
        _ => None,
    };
    Ok(report::report(Context { plan: &plan, started, setup, counted, node }, ran))
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
