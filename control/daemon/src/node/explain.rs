// SPDX-License-Identifier: MIT OR Apache-2.0
//! Gathers what is to be known of a session whose media do not pass.

use std::sync::Arc;
use std::time::{Duration, Instant};

use culvert_api::v1;
use culvert_ebpf_loader::Counter;
use culvert_engine::{Cause, DropReason, FlowCounters, ProbeId};
use culvert_session::{Caller, FlowKey, SessionView};

use super::{Inner, Node, NodeError};
use crate::explain::{Counts, Facts, FlowFacts, Loss, judge};
use crate::plane::{Plane, PlaneError, Probing};

/// How long a worker may take to give a probe back.
const LONGEST_RETURN: Duration = Duration::from_secs(2);

/// A session, explained.
#[derive(Clone, Debug, PartialEq)]
pub struct Explained {
    /// The most likely cause first; none when nothing is wrong.
    pub findings: Vec<v1::Finding>,
    /// For how long packets were looked at.
    pub observed: Duration,
}

/// An armed probe. However the request ends, the worker is told to look no more.
struct Armed<'n> {
    node: &'n Node,
    worker: usize,
    id: ProbeId,
}

impl Drop for Armed<'_> {
    fn drop(&mut self) {
        self.node.lock().plane.end_probe(self.worker, self.id);
    }
}

/// What counters say at one moment.
struct Moment {
    flows: Vec<Counts>,
    losses: Vec<Loss>,
}

impl Node {
    /// Looks at the packets of a session for as long as `observe`, and judges what is wrong with it. With 0, what its
    /// counters have counted since it was made is judged. Nothing of the session changes.
    ///
    /// # Errors
    /// [`NodeError::Session`] when the caller sees no such session, and [`PlaneError::Probed`].
    pub async fn explain(
        &self,
        caller: &Caller,
        id: &str,
        observe: Duration,
    ) -> Result<Explained, NodeError> {
        let begun = Instant::now();
        let (probing, counters, before) = {
            let mut inner = self.lock();
            let view = inner.sessions.get(caller, id)?;
            let probing = inner
                .plane
                .probe(keys(&view))
                .ok_or_else(|| PlaneError::Probed { session: id.to_owned() })?;
            let counters: Vec<_> =
                probing.flows.iter().filter_map(|key| inner.plane.counters(key).cloned()).collect();
            let before = Moment::of(&inner, &counters);
            (probing, counters, before)
        };
        let Probing { worker, id: probe, flows, mut back } = probing;
        let armed = Armed { node: self, worker, id: probe };
        if !observe.is_zero() {
            tokio::select! {
                _ = &mut back => return Err(PlaneError::Probed { session: id.to_owned() }.into()),
                () = tokio::time::sleep(observe) => {}
            }
        }
        let observed = if observe.is_zero() { Duration::ZERO } else { begun.elapsed() };
        let (view, after, silence, xdp) = {
            let inner = self.lock();
            let view = inner.sessions.get(caller, id)?;
            let after = Moment::of(&inner, &counters);
            let now = inner.plane.now();
            let silence = |counters: &Arc<FlowCounters>| {
                let last = counters.last_seen()?;
                Some(Duration::from_nanos(now.0.saturating_sub(last.0)))
            };
            let silence: Vec<_> = counters.iter().map(silence).collect();
            (view, after, silence, !inner.plane.endpoints().interfaces().is_empty())
        };
        drop(armed);
        let probed = match tokio::time::timeout(LONGEST_RETURN, back).await {
            Ok(Ok((Cause::Refused, _))) => return Err(PlaneError::Probed { session: id.to_owned() }.into()),
            Ok(Ok((_, probe))) => probe.flows,
            Ok(Err(_)) | Err(_) => {
                tracing::warn!(session = id, worker, "the worker has not given back what it was to look at");
                Vec::new()
            }
        };
        let counts = after
            .flows
            .iter()
            .zip(&before.flows)
            .map(|(after, before)| if observe.is_zero() { after.clone() } else { after.since(before) });
        let losses = after.losses.iter().zip(&before.losses).map(|(after, before)| Loss {
            packets: after.packets.saturating_sub(before.packets),
            ..after.clone()
        });
        let mut probed = probed.into_iter();
        let flows = flows.into_iter().zip(counts).zip(silence).map(|((key, counts), silent_for)| {
            let probed = probed.next();
            FlowFacts {
                media: key.media,
                leg: key.from_leg,
                counts,
                silent_for,
                notes: probed.as_ref().map_or_else(Vec::new, |flow| flow.notes.to_vec()),
                standing: probed.and_then(|flow| flow.standing),
            }
        });
        let facts = Facts { observed, xdp, flows: flows.collect(), losses: losses.collect(), view };
        Ok(Explained { findings: judge(&facts), observed })
    }
}

fn keys(view: &SessionView) -> impl Iterator<Item = FlowKey> + '_ {
    (0..view.media.len()).flat_map(|media| {
        [0, 1].map(|from_leg| FlowKey { session: view.id.clone(), media: media as u8, from_leg })
    })
}

impl Moment {
    fn of(inner: &Inner, counters: &[Arc<FlowCounters>]) -> Moment {
        Moment {
            flows: counters.iter().map(|counters| Counts::of(counters)).collect(),
            losses: losses(&inner.plane),
        }
    }
}

/// What is lost before it reaches a flow. Always as many, in one order.
fn losses(plane: &Plane) -> Vec<Loss> {
    let mut losses = Vec::new();
    for interface in plane.endpoints().interfaces() {
        let no_socket = interface.counters().map_or(0, |counters| counters.get(Counter::NoSocket));
        let sockets = interface.queues.iter().filter_map(|queue| queue.statistics.read().ok());
        let ring_full = sockets.map(|socket| socket.receive_ring_full + socket.fill_ring_empty).sum();
        losses.push(Loss {
            interface: Some(interface.name.clone()),
            reason: "no_socket",
            packets: no_socket,
        });
        losses.push(Loss {
            interface: Some(interface.name.clone()),
            reason: "receive_ring_full",
            packets: ring_full,
        });
    }
    let handover =
        plane.workers().iter().map(|w| w.handle().counters.dropped(DropReason::HandoverFull)).sum();
    losses.push(Loss { interface: None, reason: DropReason::HandoverFull.name(), packets: handover });
    let unreachable =
        plane.workers().iter().map(|w| w.handle().counters.dropped(DropReason::Unreachable)).sum();
    losses.push(Loss { interface: None, reason: DropReason::Unreachable.name(), packets: unreachable });
    losses
}
