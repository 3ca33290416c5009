// SPDX-License-Identifier: MIT OR Apache-2.0
//! Legs that MRAS has keyed: under which credential, and what that binds.

use std::sync::Arc;

use culvert_mras::{Prefix, Verified};

use crate::{ErrorKind, SessionError, SourceRule, leg::Leg, leg::Protection, session::Media};

/// What has become of the credential under which a leg was keyed.
#[derive(Copy, Clone, Debug, Eq, PartialEq, Hash)]
pub enum AuthorityState {
    /// It is good.
    Valid,
    /// It was revoked, and the leg has lost its keys.
    Revoked,
    /// It has expired, and the leg has lost its keys.
    Expired,
}

/// The credential under which a leg was keyed.
#[derive(Clone, Debug)]
pub struct Authority {
    /// The credential, as it was verified.
    pub credential: Arc<Verified>,
    /// What has become of it.
    pub state: AuthorityState,
}

impl Authority {
    pub(crate) fn valid(credential: Arc<Verified>) -> Authority {
        Authority { credential, state: AuthorityState::Valid }
    }
}

impl PartialEq for Authority {
    fn eq(&self, other: &Authority) -> bool {
        self.credential.id == other.credential.id && self.state == other.state
    }
}

impl Eq for Authority {}

/// Holds a media as it is to be against the bounds of its legs' credentials, and notes on each leg where its packets may
/// come from. `fields` are the paths of what the error is about, one for each leg.
pub(crate) fn bind(fields: [&str; 2], media: &mut Media) -> Result<(), SessionError> {
    let kind = media.kind;
    let within = within(fields, &media.legs)?;
    for ((leg, within), field) in media.legs.iter_mut().zip(within).zip(fields) {
        leg.within = within;
        let refuse = |message: String| Err(SessionError::new(ErrorKind::FailedPrecondition, field, message));
        if let Some(authority) = &leg.authority {
            let bounds = &authority.credential.claims.bounds;
            if !bounds.kinds.permits(kind) {
                return refuse(format!("has a credential that is not good for {kind:?}; issue one that is"));
            }
            if let Protection::Srtp { suite, .. } = leg.protection
                && !bounds.suites.permits(suite)
            {
                return refuse(format!(
                    "has a credential that is not good for {suite}; choose another suite"
                ));
            }
        }
        let Some(within) = within else { continue };
        if let Some(remote) = leg.remote
            && let Some(outside) =
                [remote.rtp, remote.rtcp].into_iter().find(|end| !within.contains(end.ip()))
        {
            let outside = outside.ip();
            return refuse(format!(
                "has its endpoint at {outside}, and a credential of this media binds it to {within}; signal an \
                 address of that network or issue another credential"
            ));
        }
        if leg.rule() == SourceRule::LearnAny {
            return refuse(format!(
                "has the source rule LEARN_ANY, which cannot be held to {within}, to which a credential of this \
                 media binds it; use SIGNALLED_ADDRESS or FIXED"
            ));
        }
    }
    Ok(())
}

/// Where each leg's packets must come from: its own credential's source and the other's peer.
fn within(fields: [&str; 2], legs: &[Leg; 2]) -> Result<[Option<Prefix>; 2], SessionError> {
    let [one, other] = legs.each_ref().map(|leg| leg.authority.as_ref().map(|a| &a.credential.claims.bounds));
    let mut found = [None; 2];
    for (index, (own, far)) in [(one, other), (other, one)].into_iter().enumerate() {
        let (source, peer) = (own.and_then(|own| own.source), far.and_then(|far| far.peer));
        found[index] = match (source, peer) {
            (Some(source), Some(peer)) => Some(source.intersection(&peer).ok_or_else(|| {
                let message = format!(
                    "is bound to {source} by its own credential and to {peer} by the other leg's, which have no \
                     address in common; issue other credentials"
                );
                SessionError::new(ErrorKind::FailedPrecondition, fields[index], message)
            })?),
            (source, peer) => source.or(peer),
        };
    }
    Ok(found)
}

/// The bound on each direction of a media, in bits a second.
pub(crate) fn bandwidth(legs: [&Leg; 2]) -> Option<u64> {
    let bound = |leg: &Leg| leg.authority.as_ref().and_then(|a| a.credential.claims.bounds.bandwidth);
    legs.into_iter().filter_map(bound).min()
}
