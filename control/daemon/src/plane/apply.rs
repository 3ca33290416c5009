// SPDX-License-Identifier: MIT OR Apache-2.0
//! Effects become commands.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;

use culvert_engine::{Command, Direction, Flow, FlowCounters, FlowSlot, NotEncrypting};
use culvert_session::{Effect, FlowKey, FlowSpec};
use culvert_srtp::KeyError;

use super::endpoints::EndpointError;
use super::next_hops::Change;
use super::{Endpoints, Placed, Plane, translate};

/// Commands that the largest request can need: 16 media with two flows and four endpoints each, and a next hop for
/// each port.
const LARGEST_REQUEST: usize = 16 * (2 + 4 + 4);

/// Why effects could not be carried out. None of them has been.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PlaneError {
    /// A worker is behind with its commands.
    #[error("worker {worker} is behind with its commands: try again")]
    Busy {
        /// Which.
        worker: usize,
    },
    /// A worker has no slot for a flow.
    #[error("worker {worker} has no room for another flow: try again when sessions have ended")]
    NoSlot {
        /// Which.
        worker: usize,
    },
    /// An endpoint.
    #[error("local endpoint {local} cannot be used: {source}")]
    Endpoint {
        /// Which.
        local: SocketAddr,
        /// Why.
        source: EndpointError,
    },
    /// A session's packets are looked at already, or those of too many.
    #[error("session {session} is being explained already, or too many are: try again in some seconds")]
    Probed {
        /// Which.
        session: String,
    },
    /// Keys that passed the checks of the session but not those of SRTP.
    #[error("keys cannot be used: {0}")]
    Keys(#[from] KeyError),
    /// Keys that passed the checks of the session but do not encrypt, on a leg that requires encryption.
    #[error(transparent)]
    NotEncrypting(#[from] NotEncrypting),
    /// A flow or a worker that is not there.
    #[error("flow {media}/{from_leg} of session {session} is not installed: report this defect")]
    Unknown {
        /// Its session.
        session: String,
        /// Index of its media.
        media: u8,
        /// Leg at which it arrives.
        from_leg: u8,
    },
}

impl Plane {
    /// Whether every worker has room for the commands of any request. To be asked before a session is changed, so that
    /// a full ring refuses a request as a whole.
    ///
    /// # Errors
    /// [`PlaneError::Busy`].
    pub fn check_room(&self) -> Result<(), PlaneError> {
        match self.workers.iter().position(|worker| worker.room() < LARGEST_REQUEST) {
            Some(worker) => Err(PlaneError::Busy { worker }),
            None => Ok(()),
        }
    }

    /// Carries out the effects of one request, in order.
    ///
    /// # Errors
    /// [`PlaneError`]; what had been done of the effects is undone, and nothing was sent to a worker.
    pub fn apply(&mut self, effects: Vec<Effect>, now: Instant) -> Result<(), PlaneError> {
        let mut batch = Batch::default();
        for effect in effects {
            if let Err(error) = self.prepare(effect, now, &mut batch) {
                self.undo(batch);
                return Err(error);
            }
        }
        let mut woken = Vec::new();
        for (worker, command) in batch.commands {
            if let Some(entry) = self.workers.get_mut(worker) {
                entry.send(command);
                woken.push(worker);
            }
        }
        let keyed_at = self.clock.now();
        for (key, direction, has_keys) in batch.keyed {
            let keyed = self.flows.get_mut(&key).and_then(|placed| placed.keyed.get_mut(direction as usize));
            if let Some(keyed) = keyed {
                *keyed = has_keys.then_some(keyed_at);
            }
        }
        woken.sort_unstable();
        woken.dedup();
        for worker in woken {
            if let Some(entry) = self.workers.get(worker) {
                entry.handle.wake();
            }
        }
        self.tell_kernel();
        Ok(())
    }

    fn undo(&mut self, batch: Batch) {
        for key in batch.installed {
            if let Some(placed) = self.flows.remove(&key) {
                self.forget(&placed);
            }
        }
        for (worker, slot) in batch.reserved.into_values() {
            if let Some(entry) = self.workers.get_mut(worker) {
                entry.handle.slots.release(slot);
            }
        }
        for local in batch.opened {
            // A socket's command was not sent, and is dropped with the batch.
            let _ = self.endpoints.close(local);
        }
        self.tell_kernel();
    }

    fn prepare(&mut self, effect: Effect, now: Instant, batch: &mut Batch) -> Result<(), PlaneError> {
        match effect {
            Effect::OpenEndpoint { worker, local } => {
                let command =
                    self.endpoints.open(local).map_err(|source| PlaneError::Endpoint { local, source })?;
                batch.opened.push(local);
                batch.extend(worker as usize, command);
                let endpoint = translate::endpoint(local);
                self.tell_others(worker, batch, |worker| Command::RouteElsewhere { endpoint, worker });
            }
            Effect::CloseEndpoint { worker, local } => {
                match self.endpoints.close(local) {
                    Ok(command) => batch.extend(worker as usize, command),
                    // The endpoint serves nobody any more, whatever the map says.
                    Err(error) => tracing::warn!(%local, %error, "local endpoint could not be given up"),
                }
                let endpoint = translate::endpoint(local);
                self.tell_others(worker, batch, |worker| Command::ForgetElsewhere { endpoint, worker });
            }
            Effect::InstallFlow(spec) => self.install(*spec, batch)?,
            Effect::RemoveFlow { flow, .. } => {
                let placed = self.flows.remove(&flow).ok_or_else(|| unknown(&flow))?;
                batch.push(placed.worker, Command::Remove { slot: placed.slot });
                let changes = self.forget_destinations(&placed);
                batch.changes(placed.worker, changes);
            }
            Effect::Rekey { flow, receive, send, .. } => {
                let placed = self.placed(&flow)?;
                let (worker, slot) = (placed.worker, placed.slot);
                let receive = receive.as_ref().map(translate::keys).transpose()?;
                let send = send.as_ref().map(translate::keys).transpose()?;
                for (direction, keys) in [(Direction::Receive, &receive), (Direction::Send, &send)] {
                    if keys.is_some() {
                        batch.keyed.push((flow.clone(), direction, true));
                    }
                }
                if receive.is_some() {
                    let end = now + self.rekey_overlap;
                    if let Some(placed) = self.flows.get_mut(&flow) {
                        placed.overlap_ends = Some(end);
                    }
                    self.overlaps.push_back((end, flow));
                }
                batch.push(worker, Command::Rekey { slot, receive, send });
            }
            Effect::SetReceive { flow, receive, .. } => {
                let receive = Box::new(translate::receive(&receive)?);
                let placed = self.placed(&flow)?;
                batch.keyed.push((flow, Direction::Receive, receive.context().is_some()));
                batch.push(placed.worker, Command::SetReceive { slot: placed.slot, receive });
            }
            Effect::SetSend { flow, send, .. } => {
                let send = Box::new(translate::send(&send)?);
                let placed = self.placed(&flow)?;
                batch.keyed.push((flow, Direction::Send, send.context().is_some()));
                batch.push(placed.worker, Command::SetSend { slot: placed.slot, send });
            }
            Effect::SetSource { flow, component, source, .. } => {
                let placed = self.placed(&flow)?;
                batch.push(
                    placed.worker,
                    Command::SetSource {
                        slot: placed.slot,
                        component: translate::component(component),
                        rule: translate::source(source),
                    },
                );
            }
            Effect::SetEgress { flow, component, egress, .. } => {
                let component = translate::component(component);
                let placed = self.placed(&flow)?;
                let (worker, slot) = (placed.worker, placed.slot);
                let (egress, changes) = self.aim(&flow, component as usize, egress);
                batch.changes(worker, changes);
                batch.push(worker, Command::SetEgress { slot, component, egress });
            }
            Effect::SetHeld { flow, held, .. } => {
                let placed = self.placed(&flow)?;
                batch.push(placed.worker, Command::SetHeld { slot: placed.slot, held });
            }
            Effect::SetDscp { flow, dscp, .. } => {
                let placed = self.placed(&flow)?;
                let dscp = translate::dscp(dscp);
                batch.push(placed.worker, Command::SetDscp { slot: placed.slot, dscp });
            }
            Effect::SetBandwidth { flow, bandwidth, .. } => {
                let placed = self.placed(&flow)?;
                let rate = translate::rate(bandwidth);
                batch.push(placed.worker, Command::SetRate { slot: placed.slot, rate });
            }
            other => tracing::error!(?other, "effect is not known to this version: report this defect"),
        }
        Ok(())
    }

    /// Where a card spreads packets over queues, the workers that do not own an endpoint must know who does. A socket's
    /// packets come to its worker only.
    fn tell_others(&self, owner: u32, batch: &mut Batch, command: impl Fn(u32) -> Command) {
        if matches!(self.endpoints, Endpoints::Xdp(_)) {
            let others = (0..self.workers.len()).filter(|worker| *worker != owner as usize);
            batch.commands.extend(others.map(|worker| (worker, command(owner))));
        }
    }

    fn install(&mut self, spec: FlowSpec, batch: &mut Batch) -> Result<(), PlaneError> {
        let worker = spec.worker as usize;
        let receive = translate::receive(&spec.receive)?;
        let send = translate::send(&spec.send)?;
        let counters = Arc::new(FlowCounters::new(usize::from(spec.max_ssrcs)));
        let slot = self.slot(worker, &spec.key, batch)?;
        let peer_key = FlowKey { from_leg: 1 - spec.key.from_leg, ..spec.key.clone() };
        let peer = match self.flows.get(&peer_key) {
            Some(peer) => peer.slot,
            None => self.slot(worker, &peer_key, batch)?,
        };
        batch.reserved.remove(&spec.key);
        batch.keyed.push((spec.key.clone(), Direction::Receive, receive.context().is_some()));
        batch.keyed.push((spec.key.clone(), Direction::Send, send.context().is_some()));
        self.flows.insert(
            spec.key.clone(),
            Placed {
                worker,
                slot,
                counters: Arc::clone(&counters),
                keyed: [None; 2],
                overlap_ends: None,
                destinations: [None; 2],
                locals: spec.egress.map(|egress| egress.local),
                unresolved: [None; 2],
            },
        );
        if let Some(entry) = self.workers.get_mut(worker) {
            entry.keys.insert(slot, spec.key.clone());
        }
        batch.installed.push(spec.key.clone());
        let [rtp, rtcp] = spec.egress;
        let (rtp, changes) = self.aim(&spec.key, 0, rtp);
        batch.changes(worker, changes);
        let (rtcp, changes) = self.aim(&spec.key, 1, rtcp);
        batch.changes(worker, changes);
        let ingress = spec.ingress.map(translate::ingress);
        let mut flow = Flow::new(ingress, receive, [rtp, rtcp], send, counters);
        flow.rate = translate::rate(spec.bandwidth);
        flow.peer = Some(peer);
        flow.clock_rate = spec.clock_rate;
        flow.dscp = translate::dscp(spec.dscp);
        flow.held = spec.held;
        batch.push(worker, Command::Install { slot, flow: Box::new(flow) });
        Ok(())
    }

    /// The slot reserved for a flow of this batch, or a new one.
    fn slot(&mut self, worker: usize, key: &FlowKey, batch: &mut Batch) -> Result<FlowSlot, PlaneError> {
        if let Some((_, slot)) = batch.reserved.get(key) {
            return Ok(*slot);
        }
        let slot = self
            .workers
            .get_mut(worker)
            .and_then(|entry| entry.handle.slots.allocate())
            .ok_or(PlaneError::NoSlot { worker })?;
        batch.reserved.insert(key.clone(), (worker, slot));
        Ok(slot)
    }

    fn placed(&self, key: &FlowKey) -> Result<&Placed, PlaneError> {
        self.flows.get(key).ok_or_else(|| unknown(key))
    }

    /// Undoes what installing has noted down, of a flow whose command was not sent.
    fn forget(&mut self, placed: &Placed) {
        let changes = self.forget_destinations(placed);
        if let Some(entry) = self.workers.get_mut(placed.worker) {
            entry.keys.remove(&placed.slot);
            entry.handle.slots.release(placed.slot);
            for change in changes {
                entry.send(Command::SetNextHop { id: change.id, hop: change.hop });
            }
        }
    }
}

/// What the effects of one request come to.
#[derive(Debug, Default)]
struct Batch {
    commands: Vec<(usize, Command)>,
    opened: Vec<SocketAddr>,
    installed: Vec<FlowKey>,
    /// Sides that get other keys, or none.
    keyed: Vec<(FlowKey, Direction, bool)>,
    /// Slots of flows whose peers were installed first.
    reserved: HashMap<FlowKey, (usize, FlowSlot)>,
}

impl Batch {
    fn push(&mut self, worker: usize, command: Command) {
        self.commands.push((worker, command));
    }

    fn extend(&mut self, worker: usize, command: Option<Command>) {
        self.commands.extend(command.map(|command| (worker, command)));
    }

    fn changes(&mut self, worker: usize, changes: Vec<Change>) {
        let commands =
            changes.into_iter().map(|change| Command::SetNextHop { id: change.id, hop: change.hop });
        self.commands.extend(commands.map(|command| (worker, command)));
    }
}

fn unknown(key: &FlowKey) -> PlaneError {
    PlaneError::Unknown { session: key.session.to_string(), media: key.media, from_leg: key.from_leg }
}
