// SPDX-License-Identifier: MIT OR Apache-2.0
//! Legs that MRAS keys, and what becomes of them when credentials end.

use std::time::{Duration, Instant, SystemTime};

use culvert_mras::Verified;
use culvert_session::{AuthorityState, Caller, Effect, FlowKey, IssueRequest, SessionView, Withdrawn};

use super::{Inner, Node, NodeError, What, ledger};

impl Node {
    /// Puts keys of MRAS into force.
    ///
    /// # Errors
    /// [`NodeError`]; nothing has changed.
    pub fn issue(&self, caller: &Caller, request: IssueRequest) -> Result<SessionView, NodeError> {
        let mut inner = self.lock();
        let inner = &mut *inner;
        inner.plane.check_room()?;
        let changed = inner.sessions.issue(caller, request)?;
        inner.carry_out(&changed.view, changed.effects)?;
        Ok(changed.view)
    }

    /// Takes the keys from all legs whose credential is `revoked`; says how many.
    pub fn revoke(&self, revoked: impl Fn(&Verified) -> bool) -> usize {
        let mut inner = self.lock();
        let withdrawn = inner.sessions.revoke(revoked);
        self.withdraw(&mut inner, withdrawn, AuthorityState::Revoked)
    }

    /// Takes the keys from all legs whose credential expired at least `grace` ago; says how many.
    pub fn expire(&self, now: SystemTime, grace: Duration) -> usize {
        let mut inner = self.lock();
        let withdrawn = inner.sessions.expire(now, grace);
        self.withdraw(&mut inner, withdrawn, AuthorityState::Expired)
    }

    fn withdraw(&self, inner: &mut Inner, withdrawn: Vec<Withdrawn>, state: AuthorityState) -> usize {
        let mut legs = 0;
        for session in withdrawn {
            legs += session.legs.len();
            let carried_out = match inner.sessions.get(&Caller::Operator, session.id.as_str()) {
                Ok(view) => inner.carry_out(&view, session.effects),
                Err(error) => Err(error.into()),
            };
            if let Err(error) = carried_out {
                tracing::error!(session = %session.id, %error, "keys could not be taken away: report this defect");
            }
            for place in session.legs {
                self.publish(&session.id, &session.owner, place, What::AuthorityEnded(state));
            }
        }
        legs
    }
}

impl Inner {
    /// Has the plane do what was decided, and notes what that means for the keys of the session, which is now as `view`
    /// says.
    pub(super) fn carry_out(&mut self, view: &SessionView, effects: Vec<Effect>) -> Result<(), NodeError> {
        if let Some(ledger) = self.ledgers.get_mut(&view.id) {
            let packets = |key: &FlowKey, direction| {
                self.plane.counters(key).map_or(0, |flow| ledger::under_keys(flow, direction))
            };
            ledger.follow(view, SystemTime::now(), packets);
        }
        Ok(self.plane.apply(effects, Instant::now())?)
    }
}
