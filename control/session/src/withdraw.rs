// SPDX-License-Identifier: MIT OR Apache-2.0
//! Credentials that end, and the keys that end with them.

use std::time::{Duration, SystemTime};

use culvert_mras::Verified;

use crate::{
    AuthorityState, Effect, FlowKey, Owner, SessionId, Sessions, Side,
    authority::Authority,
    leg::{Leg, Protection},
    reuse,
    session::Session,
};

/// A session some of whose legs have lost their keys.
#[derive(Clone, Debug)]
pub struct Withdrawn {
    /// Its name.
    pub id: SessionId,
    /// Who made it.
    pub owner: Owner,
    /// Media and leg.
    pub legs: Vec<(u8, u8)>,
    /// What must happen now.
    pub effects: Vec<Effect>,
}

impl Sessions {
    /// Takes the keys from every leg whose credential is `revoked`.
    pub fn revoke(&mut self, revoked: impl Fn(&Verified) -> bool) -> Vec<Withdrawn> {
        let ids: Vec<SessionId> = self.sessions.keys().cloned().collect();
        let of = |id| self.withdraw(id, AuthorityState::Revoked, &revoked);
        ids.into_iter().filter_map(of).collect()
    }

    /// Takes the keys from every leg whose credential expired at least `grace` ago. To be called every second.
    pub fn expire(&mut self, now: SystemTime, grace: Duration) -> Vec<Withdrawn> {
        let Some(before) = now.checked_sub(grace).map(unix) else { return Vec::new() };
        let later = self.expiries.split_off(&(before.saturating_add(1), None));
        let due = std::mem::replace(&mut self.expiries, later);
        let expired = |credential: &Verified| credential.claims.expires <= before;
        due.into_iter().filter_map(|(_, id)| self.withdraw(id?, AuthorityState::Expired, &expired)).collect()
    }

    fn withdraw(
        &mut self,
        id: SessionId,
        state: AuthorityState,
        ends: &impl Fn(&Verified) -> bool,
    ) -> Option<Withdrawn> {
        let Session { owner, worker, media, .. } = self.sessions.get_mut(&id)?;
        let (mut legs, mut effects) = (Vec::new(), Vec::new());
        for (number, media) in (0u8..).zip(media) {
            for (leg, from_leg) in media.legs.iter_mut().zip(0u8..) {
                let Some(before) = end(leg, state, ends) else { continue };
                reuse::enter(&mut self.keys, &before, &leg.protection);
                let flow = |from_leg| FlowKey { session: id.clone(), media: number, from_leg };
                let (worker, nothing) =
                    (*worker, || Side::NotReady { permit: leg.encryption.permit_clear() });
                // What goes out first: it is the participant who must not be heard or hear.
                effects.push(Effect::SetSend { worker, flow: flow(1 - from_leg), send: nothing() });
                effects.push(Effect::SetReceive { worker, flow: flow(from_leg), receive: nothing() });
                legs.push((number, from_leg));
            }
        }
        (!legs.is_empty()).then(|| Withdrawn { id, owner: owner.clone(), legs, effects })
    }
}

/// Ends a leg's credential if it is good and is meant, and answers with the protection that the leg had.
fn end(leg: &mut Leg, state: AuthorityState, ends: &impl Fn(&Verified) -> bool) -> Option<Protection> {
    let authority = leg.authority.as_mut()?;
    if authority.state != AuthorityState::Valid || !ends(&authority.credential) {
        return None;
    }
    *authority = Authority { state, ..authority.clone() };
    let Protection::Srtp { suite, .. } = leg.protection else { return None };
    let without = Protection::Srtp { suite, receive: Vec::new(), send: Vec::new() };
    Some(std::mem::replace(&mut leg.protection, without))
}

/// Whole seconds since 1970.
fn unix(time: SystemTime) -> u64 {
    time.duration_since(SystemTime::UNIX_EPOCH).map_or(0, |since| since.as_secs())
}
