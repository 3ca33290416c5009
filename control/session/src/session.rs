// SPDX-License-Identifier: MIT OR Apache-2.0
//! What is kept of a session.

use std::time::{Duration, SystemTime};

use crate::{
    Keys, MediaKind, Owner, Side, Traffic,
    admission::{Assumed, Promise},
    draft::LegDraft,
    fingerprint::Fingerprint,
    leg::{Leg, Protection},
    locals::Local,
};

#[derive(Debug)]
pub(crate) struct Session {
    pub(crate) owner: Owner,
    pub(crate) created: SystemTime,
    pub(crate) worker: u32,
    pub(crate) media_timeout: Duration,
    pub(crate) request: Fingerprint,
    pub(crate) media: Vec<Media>,
    /// What is set aside for it.
    pub(crate) promise: Promise,
}

#[derive(Clone, Debug)]
pub(crate) struct Media {
    pub(crate) kind: MediaKind,
    pub(crate) clock_rate: u32,
    pub(crate) expected: Traffic,
    pub(crate) legs: [Leg; 2],
}

impl Media {
    /// What admission needs to know of it.
    pub(crate) fn demand(&self) -> (Traffic, [Assumed; 2]) {
        (self.expected, self.legs.each_ref().map(|leg| leg.protection.assumed(leg.encryption)))
    }
}

impl Session {
    pub(crate) fn legs(&self) -> impl Iterator<Item = &Leg> {
        self.media.iter().flat_map(|media| &media.legs)
    }
}

pub(crate) fn pair<A, B>([a, b]: [A; 2], [c, d]: [B; 2]) -> [(A, B); 2] {
    [(a, c), (b, d)]
}

/// A leg, with its receive and its send side.
pub(crate) fn build(draft: LegDraft, local: Local) -> (Leg, [Side; 2]) {
    let max_ssrcs = draft.max_ssrcs;
    let permit = draft.encryption.permit_clear();
    let side = |keys| match (&draft.protection, keys) {
        (Protection::Plain, _) => Side::plain(draft.encryption),
        (Protection::Srtp { suite, .. }, keys) if !Vec::is_empty(&keys) => {
            Side::Srtp { keys: Keys { suite: *suite, keys }, max_ssrcs, permit }
        }
        (Protection::Srtp { .. } | Protection::Unset, _) => Side::NotReady { permit },
    };
    let sides = [side(draft.receive.keys), side(draft.send.keys)];
    let leg = Leg {
        realm: draft.realm,
        local,
        remote: draft.remote,
        learnt: [None; 2],
        protection: draft.protection,
        encryption: draft.encryption,
        peer_class: draft.peer_class,
        source: draft.source,
        held: false,
        dscp: draft.dscp,
        max_ssrcs,
        rekeys: 0,
        authority: None,
        within: None,
    };
    (leg, sides)
}
