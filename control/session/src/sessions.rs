// SPDX-License-Identifier: MIT OR Apache-2.0
//! All sessions of a node.

use std::{
    borrow::Cow,
    collections::{BTreeMap, BTreeSet, HashMap},
    net::SocketAddr,
    ops::Bound,
    time::SystemTime,
};

use zeroize::Zeroize;

use crate::{
    Caller, Changed, Component, ConfigError, Created, Effect, ErrorKind, FlowKey, NodeConfig, Owner, Page,
    SessionError, SessionId, SessionRequest, SessionView, UpdateRequest,
    admission::{Admission, Promise},
    draft::{self, LegDraft, MediaDraft, SessionDraft},
    fingerprint::{Fingerprint, Fingerprinter},
    key_register::KeyRegister,
    leg::{self, Leg, Protection},
    locals::{Local, Locals},
    page,
    reuse::{self, LegKeys},
    session::{Media, Session, build, pair},
    update::{self, Change},
    view::MediaView,
};

/// The state machine. See the crate's documentation.
pub struct Sessions {
    pub(crate) config: NodeConfig,
    pub(crate) prints: Fingerprinter,
    pub(crate) keys: KeyRegister,
    locals: Locals,
    pub(crate) sessions: BTreeMap<SessionId, Session>,
    owned: HashMap<Owner, BTreeSet<SessionId>>,
    /// By worker.
    flows: Vec<usize>,
    draining: bool,
    /// `None`: no core refuses anything.
    admission: Option<Admission>,
    /// When credentials of sessions expire, in Unix seconds. An entry may outlive what it is about.
    pub(crate) expiries: BTreeSet<(u64, Option<SessionId>)>,
}

/// How full a realm is.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct RealmUsage {
    /// The realm.
    pub name: String,
    /// Ports in use, over all addresses.
    pub used: usize,
    /// Ports in all.
    pub total: usize,
}

impl Sessions {
    /// No sessions yet. `secret` must be random and of this process: it keys the fingerprints of keys, and the order of
    /// ports depends on it. The caller erases its own copy.
    ///
    /// # Errors
    /// See [`ConfigError`].
    pub fn new(config: NodeConfig, mut secret: [u8; 64]) -> Result<Sessions, ConfigError> {
        config.check()?;
        let prints = Fingerprinter::new(&secret);
        secret.zeroize();
        Ok(Sessions {
            locals: Locals::new(&config, &prints),
            flows: vec![0; config.workers as usize],
            config,
            prints,
            keys: KeyRegister::default(),
            sessions: BTreeMap::new(),
            owned: HashMap::new(),
            draining: false,
            admission: None,
            expiries: BTreeSet::new(),
        })
    }

    /// Refuses sessions for which no worker has time left. To be called before there are any.
    #[must_use]
    pub fn with_admission(self, admission: Admission) -> Sessions {
        Sessions { admission: Some(admission), ..self }
    }

    /// What the workers can carry and have promised; `None` when nothing is refused for it.
    pub fn admission(&self) -> Option<&Admission> {
        self.admission.as_ref()
    }

    /// The same, to tell it what was observed.
    pub fn admission_mut(&mut self) -> Option<&mut Admission> {
        self.admission.as_mut()
    }

    /// Makes a session. The same request again, also while the node drains, returns the session as it stands.
    ///
    /// # Errors
    /// Any [`ErrorKind`] but [`ErrorKind::NotFound`]. Nothing has changed then.
    pub fn create(
        &mut self,
        owner: &Owner,
        request: &SessionRequest,
        now: SystemTime,
    ) -> Result<Created, SessionError> {
        let id = SessionId::new(&request.session_id)?;
        let print = self.prints.request(request);
        if let Some(session) = self.sessions.get(&id) {
            if session.owner != *owner || session.request != print {
                let message = "is in use for another session; choose another, or delete that session first";
                return Err(SessionError::new(ErrorKind::AlreadyExists, "session_id", message));
            }
            return Ok(Created { view: self.view(&id, session), effects: Vec::new(), existed: true });
        }
        if self.draining {
            let message = "this relay is draining and takes no new sessions; use another one";
            return Err(SessionError::new(ErrorKind::Unavailable, "", message));
        }
        let draft = draft::read(&self.config, &self.prints, request)?;
        self.check_keys(&draft)?;
        let admission = self.admission.as_ref();
        let promise =
            admission.map(|admission| admission.promise(draft.media.iter().map(MediaDraft::demand)));
        let promise = promise.unwrap_or_default();
        let worker = self.room(draft.media.len() * 2, promise)?;
        let locals = self.take_locals(&draft)?;

        let mut effects = Vec::new();
        for local in locals.iter().flatten().flat_map(Local::endpoints) {
            effects.push(Effect::OpenEndpoint { worker, local });
        }
        let mut media = Vec::with_capacity(draft.media.len());
        for (index, (draft, locals)) in draft.media.into_iter().zip(locals).enumerate() {
            let [(one, one_sides), (other, other_sides)] =
                pair(draft.legs, locals).map(|(leg, local)| build(leg, local));
            let ([one_receive, one_send], [other_receive, other_send]) = (one_sides, other_sides);
            let key = |from_leg| FlowKey { session: id.clone(), media: index as u8, from_leg };
            for spec in [
                leg::flow(key(0), worker, draft.clock_rate, [&one, &other], one_receive, other_send),
                leg::flow(key(1), worker, draft.clock_rate, [&other, &one], other_receive, one_send),
            ] {
                effects.push(Effect::InstallFlow(Box::new(spec)));
            }
            media.push(Media {
                kind: draft.kind,
                clock_rate: draft.clock_rate,
                expected: draft.expected,
                legs: [one, other],
            });
        }

        let session = Session {
            owner: owner.clone(),
            created: now,
            worker,
            media_timeout: draft.media_timeout,
            request: print,
            media,
            promise,
        };
        for leg in session.legs() {
            reuse::enter(&mut self.keys, &Protection::Unset, &leg.protection);
        }
        self.count_flows(&session, 1);
        if let Some(admission) = &mut self.admission {
            admission.take(worker, promise);
        }
        self.owned.entry(owner.clone()).or_default().insert(id.clone());
        let view = self.view(&id, &session);
        self.sessions.insert(id, session);
        Ok(Created { view, effects, existed: false })
    }

    /// Changes a session: all of the request, or none of it.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`], [`ErrorKind::InvalidArgument`], [`ErrorKind::FailedPrecondition`].
    pub fn update(&mut self, caller: &Caller, request: &UpdateRequest) -> Result<Changed, SessionError> {
        let id = self.find(caller, &request.session_id)?;
        let change = |(index, update)| Change {
            field: format!("legs[{index}]"),
            update: Cow::Borrowed(update),
            credential: None,
        };
        let changes: Vec<Change<'_>> = request.legs.iter().enumerate().map(change).collect();
        let effects = update::apply(self, &id, &changes)?;
        Ok(Changed { view: self.get(caller, id.as_str())?, effects })
    }

    /// A session as it stands.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`].
    pub fn get(&self, caller: &Caller, id: &str) -> Result<SessionView, SessionError> {
        match self.sessions.get_key_value(id) {
            Some((id, session)) if caller.sees(&session.owner) => Ok(self.view(id, session)),
            _ => Err(not_found()),
        }
    }

    /// A page of the sessions that the caller sees, in order of their names.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidArgument`] on `page_size` or `page_token`.
    pub fn list(&self, caller: &Caller, page_size: u32, page_token: &str) -> Result<Page, SessionError> {
        let size = page::size(page_size)?;
        let after = page::start(page_token)?;
        let range = (after.as_ref().map_or(Bound::Unbounded, Bound::Excluded), Bound::Unbounded);
        let (total, mut ids): (usize, Vec<&SessionId>) = match caller {
            Caller::Operator => {
                let ids = self.sessions.range::<SessionId, _>(range).map(|(id, _)| id).take(size + 1);
                (self.sessions.len(), ids.collect())
            }
            Caller::FrontEnd(owner) => match self.owned.get(owner) {
                Some(own) => (own.len(), own.range::<SessionId, _>(range).take(size + 1).collect()),
                None => (0, Vec::new()),
            },
        };
        let more = ids.len() > size;
        ids.truncate(size);
        let next_page_token = ids.last().filter(|_| more).map(|last| page::token(last)).unwrap_or_default();
        let sessions = ids.into_iter().filter_map(|id| Some(self.view(id, self.sessions.get(id)?))).collect();
        Ok(Page { sessions, next_page_token, total })
    }

    /// Ends a session. Its ports are free, and its send keys are spent.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`].
    pub fn delete(&mut self, caller: &Caller, id: &str) -> Result<Changed, SessionError> {
        let id = self.find(caller, id)?;
        self.take_out(&id, KeyRegister::retire_sending).ok_or_else(not_found)
    }

    /// Undoes a creation whose effects could not be carried out. Only as long as none of the session's flows has been
    /// installed: its send keys count as unused, and the request may be made again.
    pub fn roll_back(&mut self, id: &SessionId) -> Option<Changed> {
        self.take_out(id, KeyRegister::forget_sending)
    }

    /// Stops (`true`) or resumes (`false`) the taking of new sessions.
    pub fn set_draining(&mut self, draining: bool) {
        self.draining = draining;
    }

    /// Whether new sessions are refused.
    pub fn is_draining(&self) -> bool {
        self.draining
    }

    /// Notes what a source rule has bound to, for views.
    pub fn note_learnt(&mut self, flow: &FlowKey, component: Component, source: SocketAddr) {
        let media = self
            .sessions
            .get_mut(&flow.session)
            .and_then(|session| session.media.get_mut(usize::from(flow.media)));
        let Some(leg) = media.and_then(|media| media.legs.get_mut(usize::from(flow.from_leg))) else {
            return;
        };
        let [rtp, rtcp] = &mut leg.learnt;
        match component {
            Component::Rtp if leg.local.is_multiplexed() => (*rtp, *rtcp) = (Some(source), Some(source)),
            Component::Rtp => *rtp = Some(source),
            Component::Rtcp => *rtcp = Some(source),
        }
    }

    /// Sessions there are.
    pub fn len(&self) -> usize {
        self.sessions.len()
    }

    /// Whether there is no session.
    pub fn is_empty(&self) -> bool {
        self.sessions.is_empty()
    }

    /// The configuration.
    pub fn config(&self) -> &NodeConfig {
        &self.config
    }

    /// How full the realms are, in the order of the configuration.
    pub fn realm_usage(&self) -> Vec<RealmUsage> {
        let usage = self.config.realms.iter().zip(self.locals.usage());
        usage.map(|(realm, (used, total))| RealmUsage { name: realm.name.clone(), used, total }).collect()
    }

    /// Flows of each worker.
    pub fn worker_flows(&self) -> &[usize] {
        &self.flows
    }

    /// The name of a session, if the caller sees it.
    pub(crate) fn find(&self, caller: &Caller, id: &str) -> Result<SessionId, SessionError> {
        match self.sessions.get_key_value(id) {
            Some((id, session)) if caller.sees(&session.owner) => Ok(id.clone()),
            _ => Err(not_found()),
        }
    }

    fn view(&self, id: &SessionId, session: &Session) -> SessionView {
        let realm =
            |leg: &Leg| self.config.realms.get(leg.realm).map(|realm| realm.name.clone()).unwrap_or_default();
        let media = |media: &Media| MediaView {
            kind: media.kind,
            clock_rate: media.clock_rate,
            legs: media.legs.each_ref().map(|leg| leg.view(realm(leg))),
        };
        SessionView {
            id: id.clone(),
            owner: session.owner.clone(),
            created: session.created,
            worker: session.worker,
            media_timeout: session.media_timeout,
            media: session.media.iter().map(media).collect(),
        }
    }

    fn check_keys(&self, draft: &SessionDraft) -> Result<(), SessionError> {
        let mut legs = Vec::new();
        for (media, draft) in draft.media.iter().enumerate() {
            for (leg, draft) in draft.legs.iter().enumerate() {
                let field = format!("{}.protection", draft::leg_field(media, leg));
                legs.push(LegKeys { field, before: &Protection::Unset, after: &draft.protection });
            }
        }
        reuse::check(&self.keys, &legs)
    }

    /// Sets aside for a session what its legs now take. More than is left is promised all the same: the call is up, and
    /// to refuse it its keys would end it for certain, which promising too much does not. New sessions wait instead.
    pub(crate) fn renew_promise(&mut self, id: &SessionId) {
        let (Some(admission), Some(session)) = (&mut self.admission, self.sessions.get_mut(id)) else {
            return;
        };
        admission.give_back(session.worker, session.promise);
        session.promise = admission.promise(session.media.iter().map(Media::demand));
        admission.take(session.worker, session.promise);
    }

    /// The worker with the most time left, or without admission that with the fewest flows, if it and the node have room.
    fn room(&self, flows: usize, promise: Promise) -> Result<u32, SessionError> {
        let full = |message| Err(SessionError::new(ErrorKind::ResourceExhausted, "", message));
        let max = self.config.max_sessions;
        if self.sessions.len() >= max {
            return full(format!("this relay has {max} of {max} sessions; end some or use another relay"));
        }
        let max = self.config.max_flows_per_worker;
        let Some((worker, used)) = (0_u32..).zip(&self.flows).min_by_key(|(_, used)| **used) else {
            return full("this relay has no worker".to_owned());
        };
        if used + flows > max {
            return full(format!(
                "the session takes {flows} flows, and the emptiest worker has {used} of {max} in use; \
                 end sessions or use another relay"
            ));
        }
        let Some(admission) = &self.admission else { return Ok(worker) };
        let used = |worker: usize| self.flows.get(worker).copied().unwrap_or(max);
        match admission.place(promise, |worker| used(worker) + flows <= max, used) {
            Some(Ok(worker)) => Ok(worker),
            Some(Err(refused)) => full(refused.to_string()),
            None => Ok(worker),
        }
    }

    fn take_locals(&mut self, draft: &SessionDraft) -> Result<Vec<[Local; 2]>, SessionError> {
        let mut taken: Vec<Local> = Vec::new();
        for (media, draft) in draft.media.iter().enumerate() {
            for (leg, draft) in draft.legs.iter().enumerate() {
                let field = draft::leg_field(media, leg);
                let LegDraft { realm, ipv6, multiplexed, .. } = *draft;
                match self.locals.take(&self.config, &field, realm, ipv6, multiplexed) {
                    Ok(local) => taken.push(local),
                    Err(error) => {
                        taken.iter().for_each(|local| self.locals.release(local));
                        return Err(error);
                    }
                }
            }
        }
        let (pairs, _) = taken.as_chunks::<2>();
        Ok(pairs.to_vec())
    }

    fn take_out(
        &mut self,
        id: &SessionId,
        end_sending: fn(&mut KeyRegister, Fingerprint),
    ) -> Option<Changed> {
        let session = self.sessions.remove(id)?;
        let view = self.view(id, &session);
        if let Some(own) = self.owned.get_mut(&session.owner) {
            own.remove(id);
            if own.is_empty() {
                self.owned.remove(&session.owner);
            }
        }
        self.count_flows(&session, -1);
        if let Some(admission) = &mut self.admission {
            admission.give_back(session.worker, session.promise);
        }
        let worker = session.worker;
        let mut effects = Vec::new();
        for index in 0..session.media.len() {
            for from_leg in 0..2 {
                let flow = FlowKey { session: id.clone(), media: index as u8, from_leg };
                effects.push(Effect::RemoveFlow { worker, flow });
            }
        }
        for leg in session.legs() {
            leg.protection.receive().iter().for_each(|print| self.keys.remove_receiving(print.key));
            leg.protection.send().iter().for_each(|print| end_sending(&mut self.keys, print.key));
            self.locals.release(&leg.local);
            effects.extend(leg.local.endpoints().map(|local| Effect::CloseEndpoint { worker, local }));
        }
        Some(Changed { view, effects })
    }

    fn count_flows(&mut self, session: &Session, sign: isize) {
        if let Some(flows) = self.flows.get_mut(session.worker as usize) {
            *flows = flows.saturating_add_signed(sign * 2 * session.media.len() as isize);
        }
    }
}

impl std::fmt::Debug for Sessions {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Sessions")
            .field("sessions", &self.sessions.len())
            .field("flows", &self.flows)
            .field("draining", &self.draining)
            .finish_non_exhaustive()
    }
}

fn not_found() -> SessionError {
    let message = "names no session of yours; list the sessions to see their names";
    SessionError::new(ErrorKind::NotFound, "session_id", message)
}
