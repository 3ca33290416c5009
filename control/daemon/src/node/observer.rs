// SPDX-License-Identifier: MIT OR Apache-2.0
//! The counters of all flows, looked at again and again: events, sums and rates come of it.
//!
//! A look at all of them, a *pass*, goes in slices, so that a lock is never held for longer than one takes. The lock is the
//! observer's own: who holds the node's may take it, not the other way round.

use std::collections::HashMap;
use std::mem;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use culvert_engine::{DropReason, FlowCounters};
use culvert_session::watch::{Notice, Snapshot, Watch, WatchConfig};
use culvert_session::{FlowKey, MediaKind, Owner, SessionId, SessionView};

use super::What;
use super::rates::{Counted, Rates};
use crate::flow_sums::FlowSums;

/// Flows in a slice, at least.
const SLICE: usize = 512;
/// Slices of a pass, at most: with the pauses between them a pass stays below a second.
const MOST_SLICES: usize = 200;
/// Sessions for which there is room from the start, at most: growing takes longer than a slice.
const MOST_RESERVED: usize = 1 << 20;

/// Looks at flows.
#[derive(Debug)]
pub(super) struct Observer {
    state: Mutex<State>,
    sums: Mutex<Arc<FlowSums>>,
}

#[derive(Debug)]
struct State {
    /// By place, which a session keeps.
    sessions: Vec<Option<Box<Observed>>>,
    places: HashMap<SessionId, usize>,
    vacant: Vec<usize>,
    flows: usize,
    /// Of flows that have ended.
    ended: FlowSums,
    pass: Option<Pass>,
    /// Begin of the last whole pass, and of the one before.
    passes: [Option<Duration>; 2],
}

/// A pass under way.
#[derive(Debug)]
struct Pass {
    begun: Duration,
    /// The place at which the next slice begins.
    next: usize,
    slice: usize,
    live: FlowSums,
    /// Of flows that have ended after they were counted as live.
    ended: FlowSums,
}

/// A session under observation.
#[derive(Debug)]
pub(super) struct Observed {
    pub(super) id: SessionId,
    pub(super) owner: Owner,
    pub(super) worker: u32,
    pub(super) rates: Rates,
    counted: Counted,
    /// When its rates were last taken.
    looked: Duration,
    flows: Vec<ObservedFlow>,
}

#[derive(Debug)]
struct ObservedFlow {
    /// Index of the media, and the leg at which it arrives.
    place: (u8, u8),
    clock_rate: u32,
    kind: MediaKind,
    counters: Arc<FlowCounters>,
    held: bool,
    watch: Watch,
    first_media_told: bool,
}

/// What has become of a pass.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Progress {
    /// There are more flows to look at.
    More,
    /// All were looked at.
    Over,
}

impl Observer {
    /// With room for `sessions`.
    pub(super) fn new(sessions: usize) -> Observer {
        let room = sessions.min(MOST_RESERVED);
        let state = State {
            sessions: Vec::with_capacity(room),
            places: HashMap::with_capacity(room),
            vacant: Vec::new(),
            flows: 0,
            ended: FlowSums::default(),
            pass: None,
            passes: [None; 2],
        };
        Observer { state: Mutex::new(state), sums: Mutex::default() }
    }

    /// Observes a session from `now` on. `counters` finds those of its flows.
    pub(super) fn insert(
        &self,
        view: &SessionView,
        authentication_failures: u64,
        now: Duration,
        counters: impl Fn(&FlowKey) -> Option<Arc<FlowCounters>>,
    ) {
        let config = WatchConfig { media_timeout: view.media_timeout, authentication_failures };
        let mut flows = Vec::with_capacity(2 * view.media.len());
        for (media, of) in (0u8..).zip(&view.media) {
            for from_leg in 0..2 {
                let key = FlowKey { session: view.id.clone(), media, from_leg };
                flows.extend(counters(&key).map(|counters| ObservedFlow {
                    place: (media, from_leg),
                    clock_rate: of.clock_rate,
                    kind: of.kind,
                    counters,
                    held: false,
                    watch: Watch::new(config, now),
                    first_media_told: false,
                }));
            }
        }
        let observed = Box::new(Observed {
            id: view.id.clone(),
            owner: view.owner.clone(),
            worker: view.worker,
            rates: Rates::default(),
            counted: Counted::default(),
            looked: now,
            flows,
        });
        let mut state = self.lock();
        state.flows += observed.flows.len();
        let place = state.vacant.pop().unwrap_or(state.sessions.len());
        state.places.insert(view.id.clone(), place);
        match state.sessions.get_mut(place) {
            Some(vacant) => *vacant = Some(observed),
            None => state.sessions.push(Some(observed)),
        }
    }

    /// Observes a session no more. Its flows' counters come back.
    pub(super) fn remove(&self, id: &SessionId) -> HashMap<FlowKey, Arc<FlowCounters>> {
        let mut state = self.lock();
        let state = &mut *state;
        let Some(place) = state.places.remove(id) else { return HashMap::new() };
        let Some(observed) = state.sessions.get_mut(place).and_then(Option::take) else {
            return HashMap::new();
        };
        state.vacant.push(place);
        state.flows -= observed.flows.len();
        let ended = match &mut state.pass {
            Some(pass) if place < pass.next => &mut pass.ended,
            _ => &mut state.ended,
        };
        observed.flows.iter().for_each(|flow| ended.add_ended(&flow.counters));
        observed.into_counters()
    }

    /// Whether silence of a flow is as it should be.
    pub(super) fn set_held(&self, key: &FlowKey, held: bool) {
        if let Some(flow) = self.lock().flow(key) {
            flow.held = held;
        }
    }

    /// The owner of a flow whose first packet was relayed, if that has not been told.
    pub(super) fn first_media(&self, key: &FlowKey) -> Option<Owner> {
        let mut state = self.lock();
        let told = mem::replace(&mut state.flow(key)?.first_media_told, true);
        if told { None } else { Some(state.session(&key.session)?.owner.clone()) }
    }

    /// Whose a session is.
    pub(super) fn owner(&self, id: &SessionId) -> Option<Owner> {
        Some(self.lock().session(id)?.owner.clone())
    }

    /// What all flows have counted, those that have ended too, as of the last pass.
    pub(super) fn sums(&self) -> Arc<FlowSums> {
        Arc::clone(&self.sums.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Between the begin of the last two passes; `None` before the second is over.
    pub(super) fn interval(&self) -> Option<Duration> {
        let [last, before] = self.lock().passes;
        Some(last?.saturating_sub(before?))
    }

    /// Goes on with a pass, or begins one: looks at a slice of the flows. `now` does not go back. What is found is told
    /// under the lock, so that nothing is told of a session that was removed before.
    pub(super) fn look(
        &self,
        now: Duration,
        mut tell: impl FnMut(&SessionId, &Owner, (u8, u8), What),
    ) -> Progress {
        let mut state = self.lock();
        let state = &mut *state;
        let slice = SLICE.max(state.flows.div_ceil(MOST_SLICES));
        let pass = state.pass.get_or_insert_with(|| Pass {
            begun: now,
            next: 0,
            slice,
            live: FlowSums::default(),
            ended: FlowSums::default(),
        });
        let mut looked_at = 0;
        while let Some(place) = state.sessions.get_mut(pass.next) {
            if looked_at >= pass.slice {
                return Progress::More;
            }
            pass.next += 1;
            // A vacant place takes time too, though less.
            looked_at += 1;
            if let Some(observed) = place {
                looked_at += observed.flows.len();
                observed.look(now, &mut pass.live, &mut tell);
            }
        }
        if let Some(Pass { begun, mut live, ended, .. }) = state.pass.take() {
            live.merge(&state.ended);
            state.ended.merge(&ended);
            state.passes = [Some(begun), state.passes[0]];
            *self.sums.lock().unwrap_or_else(PoisonError::into_inner) = Arc::new(live);
        }
        Progress::Over
    }

    /// Shows all sessions to `visit`, slice by slice.
    pub(super) fn visit(&self, mut visit: impl FnMut(&Observed)) {
        let mut next = 0;
        loop {
            let state = self.lock();
            let slice = state.sessions.get(next..).unwrap_or_default();
            if slice.is_empty() {
                return;
            }
            slice.iter().take(SLICE).flatten().for_each(|observed| visit(observed));
            next += SLICE;
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn session(&mut self, id: &SessionId) -> Option<&mut Observed> {
        self.sessions.get_mut(*self.places.get(id)?)?.as_deref_mut()
    }

    fn flow(&mut self, key: &FlowKey) -> Option<&mut ObservedFlow> {
        let place = (key.media, key.from_leg);
        self.session(&key.session)?.flows.iter_mut().find(|flow| flow.place == place)
    }
}

impl Observed {
    fn look(
        &mut self,
        now: Duration,
        live: &mut FlowSums,
        tell: &mut impl FnMut(&SessionId, &Owner, (u8, u8), What),
    ) {
        let mut counted = Counted::default();
        for flow in &mut self.flows {
            live.add(&flow.counters, flow.clock_rate, flow.kind);
            counted.add(&flow.counters, flow.clock_rate, flow.kind);
            let place = flow.place;
            for what in flow.look(now) {
                tell(&self.id, &self.owner, place, what);
            }
        }
        if let Some(rates) = counted.since(&self.counted, now.saturating_sub(self.looked)) {
            (self.rates, self.counted, self.looked) = (rates, counted, now);
        }
    }

    fn into_counters(self) -> HashMap<FlowKey, Arc<FlowCounters>> {
        let key = |(media, from_leg)| FlowKey { session: self.id.clone(), media, from_leg };
        self.flows.into_iter().map(|flow| (key(flow.place), flow.counters)).collect()
    }
}

impl ObservedFlow {
    fn look(&mut self, now: Duration) -> impl Iterator<Item = What> {
        let seen = Snapshot {
            packets: self.counters.packets(),
            last_packet: self.counters.last_seen().map(|stamp| Duration::from_nanos(stamp.0)),
            authentication_failures: self.counters.dropped(DropReason::AuthenticationFailed),
            held: self.held,
        };
        self.watch.look(now, &seen).filter_map(|notice| match notice {
            Notice::FirstMedia if mem::replace(&mut self.first_media_told, true) => None,
            Notice::FirstMedia => Some(What::FirstMedia),
            Notice::MediaTimeout { silent_for } => Some(What::MediaTimeout(silent_for)),
            Notice::AuthenticationFailures { in_last_second, total } => {
                Some(What::AuthenticationFailures { in_last_second, total })
            }
            _ => None,
        })
    }
}
