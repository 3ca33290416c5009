// SPDX-License-Identifier: MIT OR Apache-2.0
//! Legs that MRAS keys, and what becomes of them when credentials end.

use std::time::{Duration, Instant, SystemTime};

use culvert_mras::Verified;
use culvert_session::{AuthorityState, Caller, IssueRequest, SessionView, Withdrawn};

use super::{Inner, Node, NodeError, What};

impl Node {
    /// Puts keys of MRAS into force.
    ///
    /// # Errors
    /// [`NodeError`]; nothing has changed.
    pub fn issue(&self, caller: &Caller, request: &IssueRequest) -> Result<SessionView, NodeError> {
        let mut inner = self.lock();
        let inner = &mut *inner;
        inner.plane.check_room()?;
        let changed = inner.sessions.issue(caller, request)?;
        inner.carry_out(changed.effects)?;
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
            if let Err(error) = inner.carry_out(session.effects) {
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
    /// Has the plane do what was decided.
    pub(super) fn carry_out(&mut self, effects: Vec<culvert_session::Effect>) -> Result<(), NodeError> {
        Ok(self.plane.apply(effects, Instant::now())?)
    }
}
