// SPDX-License-Identifier: MIT OR Apache-2.0
//! The node: sessions and the plane that carries them out, behind one lock that is never held across a wait.

mod authority;
mod end;
mod happening;
mod ledger;
mod totals;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use culvert_engine::{DropReason, FlowCounters};
use culvert_session::watch::{Notice, Snapshot, Watch, WatchConfig};
use culvert_session::{
    Caller, Component, Effect, FlowKey, Owner, SessionError, SessionId, SessionRequest, SessionView,
    Sessions, UpdateRequest,
};
use tokio::sync::broadcast;

pub use end::Deleted;
pub use happening::{Happening, What};
pub use totals::Totals;

use self::ledger::Ledger;
use crate::capacity::Looks;
use crate::mras::Mras;
use crate::plane::{Plane, PlaneError, Told};

/// Events that a watcher may be behind before it misses some.
const EVENT_BACKLOG: usize = 4096;
/// How often a creation is tried with other ports.
const MOST_TRIES: u32 = 4;

/// A relay.
#[derive(Debug)]
pub struct Node {
    inner: Mutex<Inner>,
    events: broadcast::Sender<Arc<Happening>>,
    authentication_failures: u64,
    started: SystemTime,
    trail: Option<Trail>,
    mras: Option<Mras>,
}

/// Where receipts go.
#[derive(Debug)]
pub struct Trail {
    /// This node, as receipts name it.
    pub node: String,
    /// Writes them.
    pub writer: culvert_audit::Sender,
}

/// What the lock guards.
#[derive(Debug)]
pub struct Inner {
    /// Decisions.
    pub sessions: Sessions,
    /// What carries them out.
    pub plane: Plane,
    watches: HashMap<FlowKey, Observed>,
    removals: Vec<end::Removal>,
    /// Of flows that have ended.
    ended: Totals,
    ledgers: HashMap<SessionId, Ledger>,
    looks: Looks,
}

impl Inner {
    /// What all flows have counted, those that have ended too.
    pub fn totals(&self) -> Totals {
        let mut totals = self.ended.clone();
        self.watches.values().for_each(|observed| totals.add(&observed.counters));
        totals
    }
}

/// What is needed to look at a flow without asking anybody.
#[derive(Debug)]
struct Observed {
    owner: Owner,
    counters: Arc<FlowCounters>,
    held: bool,
    watch: Watch,
    first_media_told: bool,
}

/// Why a request was refused.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum NodeError {
    /// By the rules of sessions.
    #[error(transparent)]
    Session(#[from] SessionError),
    /// By the state of the data plane.
    #[error(transparent)]
    Plane(#[from] PlaneError),
}

impl Node {
    /// A node without sessions. `authentication_failures`: how many in a second are worth an event.
    pub fn new(sessions: Sessions, plane: Plane, authentication_failures: u64) -> Node {
        let inner = Inner {
            sessions,
            plane,
            watches: HashMap::new(),
            removals: Vec::new(),
            ended: Totals::default(),
            ledgers: HashMap::new(),
            looks: Looks::default(),
        };
        let (events, _) = broadcast::channel(EVENT_BACKLOG);
        Node {
            inner: Mutex::new(inner),
            events,
            authentication_failures,
            started: SystemTime::now(),
            trail: None,
            mras: None,
        }
    }

    /// Writes a receipt of each session that ends.
    #[must_use]
    pub fn with_trail(self, trail: Option<Trail>) -> Node {
        Node { trail, ..self }
    }

    /// Gives back to MRAS what ended sessions took of quotas.
    #[must_use]
    pub fn with_mras(self, mras: Option<Mras>) -> Node {
        Node { mras, ..self }
    }

    /// MRAS, when it is on.
    pub fn mras(&self) -> Option<&Mras> {
        self.mras.as_ref()
    }

    /// How the writing of the audit trail goes.
    pub fn audit_status(&self) -> Option<culvert_audit::Status> {
        self.trail.as_ref().map(|trail| trail.writer.status())
    }

    /// The last record of the audit trail.
    pub fn audit_head(&self) -> Option<culvert_audit::Head> {
        self.trail.as_ref().map(|trail| trail.writer.head())
    }

    /// Looks at the node as it stands. Be quick: requests wait meanwhile.
    pub fn read<T>(&self, look: impl FnOnce(&Inner) -> T) -> T {
        look(&self.lock())
    }

    /// When it began.
    pub fn started(&self) -> SystemTime {
        self.started
    }

    /// Events from now on.
    pub fn subscribe(&self) -> broadcast::Receiver<Arc<Happening>> {
        self.events.subscribe()
    }

    /// Makes a session, or finds the one that the same request has made.
    ///
    /// # Errors
    /// [`NodeError`]; nothing has changed.
    pub fn create(&self, owner: &Owner, request: &SessionRequest) -> Result<SessionView, NodeError> {
        culvert_secret::scrubbed(|| self.make(owner, request))
    }

    fn make(&self, owner: &Owner, request: &SessionRequest) -> Result<SessionView, NodeError> {
        let mut inner = self.lock();
        let inner = &mut *inner;
        inner.plane.check_room()?;
        let mut tries = 1;
        let (view, installed) = loop {
            let created = inner.sessions.create(owner, request, SystemTime::now())?;
            if created.existed {
                return Ok(created.view);
            }
            let installed = installed_by(&created.effects);
            match inner.plane.apply(created.effects, Instant::now()) {
                Ok(()) => break (created.view, installed),
                Err(error) => {
                    // Nothing of it was installed, so its effects of removal are void.
                    inner.sessions.roll_back(&created.view.id);
                    // Another program may have taken a port since the start; the next ones are others.
                    if !matches!(error, PlaneError::Endpoint { .. }) || tries == MOST_TRIES {
                        return Err(error.into());
                    }
                    tracing::warn!(session = %created.view.id, %error, "trying other ports");
                    tries += 1;
                }
            }
        };
        let config = WatchConfig {
            media_timeout: view.media_timeout,
            authentication_failures: self.authentication_failures,
        };
        let now = Duration::from_nanos(inner.plane.now().0);
        for key in installed {
            let Some(counters) = inner.plane.counters(&key).cloned() else { continue };
            let watch = Watch::new(config, now);
            let observed =
                Observed { owner: owner.clone(), counters, held: false, watch, first_media_told: false };
            inner.watches.insert(key, observed);
        }
        if self.trail.is_some() {
            inner.ledgers.insert(view.id.clone(), Ledger::new(&view, view.created));
        }
        self.publish(&view.id, owner, (0, 0), What::Created);
        Ok(view)
    }

    /// Changes a session.
    ///
    /// # Errors
    /// [`NodeError::Session`], and [`PlaneError::Busy`]: nothing has changed. What the session has let pass, the plane
    /// carries out; any other [`PlaneError`] is a defect.
    pub fn update(&self, caller: &Caller, request: &UpdateRequest) -> Result<SessionView, NodeError> {
        culvert_secret::scrubbed(|| self.change(caller, request))
    }

    fn change(&self, caller: &Caller, request: &UpdateRequest) -> Result<SessionView, NodeError> {
        let mut inner = self.lock();
        let inner = &mut *inner;
        inner.plane.check_room()?;
        let changed = inner.sessions.update(caller, request)?;
        for effect in &changed.effects {
            if let Effect::SetHeld { flow, held, .. } = effect
                && let Some(observed) = inner.watches.get_mut(flow)
            {
                observed.held = *held;
            }
        }
        inner.carry_out(&changed.view, changed.effects)?;
        Ok(changed.view)
    }

    /// Stops or resumes the taking of new sessions; says how many there are.
    pub fn drain(&self, draining: bool) -> usize {
        let mut inner = self.lock();
        inner.sessions.set_draining(draining);
        inner.sessions.len()
    }

    /// Takes in what the workers tell. To be called every few milliseconds.
    pub fn poll(&self) {
        let mut inner = self.lock();
        let inner = &mut *inner;
        for told in inner.plane.poll() {
            self.take(inner, told);
        }
        inner.plane.tick(Instant::now());
    }

    /// Looks at all counters for silence and for failing authentication. To be called every second.
    pub fn watch(&self) {
        let mut inner = self.lock();
        let now = Duration::from_nanos(inner.plane.now().0);
        for (key, observed) in &mut inner.watches {
            let counters = &observed.counters;
            let seen = Snapshot {
                packets: counters.packets(),
                last_packet: counters.last_seen().map(|stamp| Duration::from_nanos(stamp.0)),
                authentication_failures: counters.dropped(DropReason::AuthenticationFailed),
                held: observed.held,
            };
            for notice in observed.watch.look(now, &seen) {
                let what = match notice {
                    Notice::FirstMedia if std::mem::replace(&mut observed.first_media_told, true) => continue,
                    Notice::FirstMedia => What::FirstMedia,
                    Notice::MediaTimeout { silent_for } => What::MediaTimeout(silent_for),
                    Notice::AuthenticationFailures { in_last_second, total } => {
                        What::AuthenticationFailures { in_last_second, total }
                    }
                    _ => continue,
                };
                self.publish(&key.session, &observed.owner, (key.media, key.from_leg), what);
            }
        }
    }

    /// Holds what packets were thought to cost against what the workers are seen to do. To be called every second.
    pub fn correct_costs(&self) {
        let mut inner = self.lock();
        let Inner { sessions, plane, looks, .. } = &mut *inner;
        looks.correct(plane, sessions);
    }

    /// Resolves next hops again, after routes have changed.
    pub fn refresh_next_hops(&self) {
        self.lock().plane.refresh_next_hops();
    }

    fn take(&self, inner: &mut Inner, told: Told) {
        let (flow, leg, what) = match told {
            Told::Removed(flow) => return self.removed(inner, &flow),
            Told::FirstMedia(flow) => {
                let told = inner
                    .watches
                    .get_mut(&flow)
                    .is_some_and(|observed| std::mem::replace(&mut observed.first_media_told, true));
                if told {
                    return;
                }
                let leg = flow.from_leg;
                (flow, leg, What::FirstMedia)
            }
            Told::AddressLearnt { flow, rtcp, source } => {
                let component = if rtcp { Component::Rtcp } else { Component::Rtp };
                inner.sessions.note_learnt(&flow, component, source);
                let leg = flow.from_leg;
                (flow, leg, What::AddressLearnt { rtcp, source })
            }
            Told::RekeyDone { flow, direction } => {
                let leg = leg_of(&flow, direction);
                (flow, leg, What::RekeyDone)
            }
            Told::KeyExpiring { flow, direction, packets_left } => {
                let leg = leg_of(&flow, direction);
                (flow, leg, What::KeyExpiring { packets_left })
            }
            Told::KeyExpired { flow, direction } => {
                let leg = leg_of(&flow, direction);
                (flow, leg, What::KeyExpired)
            }
        };
        if let Some(observed) = inner.watches.get(&flow) {
            self.publish(&flow.session, &observed.owner, (flow.media, leg), what);
        }
    }

    fn publish(&self, session: &SessionId, owner: &Owner, place: (u8, u8), what: What) {
        let happening = Happening {
            time: SystemTime::now(),
            session: session.clone(),
            owner: owner.clone(),
            place,
            what,
        };
        // Nobody may be watching.
        let _ = self.events.send(Arc::new(happening));
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn installed_by(effects: &[Effect]) -> Vec<FlowKey> {
    let key = |effect: &Effect| match effect {
        Effect::InstallFlow(spec) => Some(spec.key.clone()),
        _ => None,
    };
    effects.iter().filter_map(key).collect()
}

/// Receive keys are those of the leg at which a flow arrives, send keys those of the other.
fn leg_of(flow: &FlowKey, direction: culvert_engine::Direction) -> u8 {
    match direction {
        culvert_engine::Direction::Receive => flow.from_leg,
        culvert_engine::Direction::Send => 1 - flow.from_leg,
    }
}
