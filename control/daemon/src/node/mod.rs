// SPDX-License-Identifier: MIT OR Apache-2.0
//! The node: sessions and the plane that carries them out, behind one lock that is never held across a wait.

mod authority;
mod end;
mod explain;
mod happening;
mod ledger;
mod observer;
mod rates;
mod top;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use culvert_engine::Clock;
use culvert_session::{
    Caller, Component, Effect, Owner, SessionError, SessionId, SessionRequest, SessionView, Sessions,
    UpdateRequest,
};
use tokio::sync::broadcast;

pub use end::Deleted;
pub use explain::Explained;
pub use happening::{Happening, What};
pub use rates::Rates;
pub use top::{Order, Ranked, Top};

use self::ledger::Ledger;
use self::observer::{Observer, Progress};
use crate::capacity::Looks;
use crate::flow_sums::FlowSums;
use crate::mras::Mras;
use crate::plane::{Plane, PlaneError, Told};

/// Events that a watcher may be behind before it misses some.
const EVENT_BACKLOG: usize = 4096;
/// How often a creation is tried with other ports.
const MOST_TRIES: u32 = 4;
/// Between two slices of a look at all flows.
const BREATH: Duration = Duration::from_millis(2);

/// A relay.
#[derive(Debug)]
pub struct Node {
    inner: Mutex<Inner>,
    observer: Observer,
    /// Of the workers' stamps.
    clock: Clock,
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
    removals: Vec<end::Removal>,
    ledgers: HashMap<SessionId, Ledger>,
    looks: Looks,
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
        let observer = Observer::new(sessions.config().max_sessions);
        let clock = plane.clock();
        let inner =
            Inner { sessions, plane, removals: Vec::new(), ledgers: HashMap::new(), looks: Looks::default() };
        let (events, _) = broadcast::channel(EVENT_BACKLOG);
        Node {
            inner: Mutex::new(inner),
            observer,
            clock,
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

    /// What all flows have counted, those that have ended too, and how good their streams are, as of the last look at them.
    /// Takes the lock of nobody who works.
    pub fn flow_sums(&self) -> Arc<FlowSums> {
        self.observer.sums()
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
        let view = loop {
            let created = inner.sessions.create(owner, request, SystemTime::now())?;
            if created.existed {
                return Ok(created.view);
            }
            match inner.plane.apply(created.effects, Instant::now()) {
                Ok(()) => break created.view,
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
        let plane = &inner.plane;
        let counters = |key: &_| plane.counters(key).cloned();
        self.observer.insert(&view, self.authentication_failures, self.now(), counters);
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
            if let Effect::SetHeld { flow, held, .. } = effect {
                self.observer.set_held(flow, *held);
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

    /// Looks at the counters of all flows for silence and for failing authentication, and for sums and rates. To be
    /// called every second; takes less.
    pub async fn watch(&self) {
        let (mut slices, mut longest) = (0, Duration::ZERO);
        let mut more = true;
        while more {
            let begun = Instant::now();
            let tell = |id: &_, owner: &_, place, what| self.publish(id, owner, place, what);
            more = self.observer.look(self.now(), tell) == Progress::More;
            longest = longest.max(begun.elapsed());
            slices += 1;
            if more {
                tokio::time::sleep(BREATH).await;
            }
        }
        tracing::trace!(slices, ?longest, "looked at all flows");
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
                if let Some(owner) = self.observer.first_media(&flow) {
                    self.publish(&flow.session, &owner, (flow.media, flow.from_leg), What::FirstMedia);
                }
                return;
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
        if let Some(owner) = self.observer.owner(&flow.session) {
            self.publish(&flow.session, &owner, (flow.media, leg), what);
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

    /// On the clock of the workers' stamps.
    fn now(&self) -> Duration {
        Duration::from_nanos(self.clock.now().0)
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Receive keys are those of the leg at which a flow arrives, send keys those of the other.
fn leg_of(flow: &culvert_session::FlowKey, direction: culvert_engine::Direction) -> u8 {
    match direction {
        culvert_engine::Direction::Receive => flow.from_leg,
        culvert_engine::Direction::Send => 1 - flow.from_leg,
    }
}
