// SPDX-License-Identifier: MIT OR Apache-2.0
//! Changes of a running session: first all checks on a copy, then the difference as effects.

use std::{borrow::Cow, collections::BTreeMap, sync::Arc};

use culvert_mras::Verified;

use crate::{
    Component, Effect, ErrorKind, FlowKey, Keys, LegUpdate, ProtectionRequest, SessionError, SessionId,
    Sessions, Side,
    authority::{self, Authority},
    draft::{check_remotes_differ, code_point},
    keys::{self, NewKeys, NewProtection},
    leg::{Leg, Protection},
    policy, remote,
    reuse::{self, LegKeys},
    session::Media,
};

/// In [`LegUpdate::dscp`]: as it came.
const KEEP_DSCP: u32 = 64;

/// Keys that a leg gets. They go into effects and are not kept.
#[derive(Debug, Default)]
struct Incoming {
    receive: NewKeys,
    send: NewKeys,
}

/// One entry of a request.
#[derive(Debug)]
pub(crate) struct Change<'r> {
    /// Path of the entry.
    pub(crate) field: String,
    /// Not copied: it may hold keys.
    pub(crate) update: Cow<'r, LegUpdate>,
    /// The keys are MRAS's, under this credential.
    pub(crate) credential: Option<Arc<Verified>>,
}

/// A leg's place in its session.
type Place = (usize, usize);

pub(crate) fn apply(
    sessions: &mut Sessions,
    id: &SessionId,
    request: &[Change<'_>],
) -> Result<Vec<Effect>, SessionError> {
    let Some(session) = sessions.sessions.get(id) else { return Ok(Vec::new()) };
    let worker = session.worker;
    let mut media = session.media.clone();
    let mut changed: BTreeMap<Place, (&Change<'_>, Incoming)> = BTreeMap::new();
    for entry in request {
        let place = place(&media, &entry.field, &entry.update)?;
        if changed.contains_key(&place) {
            let message = "names a leg that an earlier entry names; join the two";
            return Err(SessionError::invalid(&entry.field, message));
        }
        let Some(leg) = at(&mut media, place) else { continue };
        let incoming = change(sessions, leg, entry)?;
        changed.insert(place, (entry, incoming));
    }
    for (index, media) in media.iter_mut().enumerate() {
        let field = |leg| changed.get(&(index, leg)).map(|(change, _)| change.field.as_str());
        // Of a leg that does not change, the other's entry is to blame.
        let (one, other) = (field(0), field(1));
        if let Some(fallback) = one.or(other) {
            authority::bind([one.unwrap_or(fallback), other.unwrap_or(fallback)], media)?;
        }
    }

    let mut pairs = Vec::new();
    for (&(m, l), (change, _)) in &changed {
        let field = &change.field;
        if let (Some(old), Some(new)) = (session.media.get(m), media.get(m)) {
            let ends = new.legs.each_ref().map(|leg| leg.remote.map(|remote| (leg.realm, remote)));
            check_remotes_differ(&format!("{field}.remote"), ends)?;
            if let (Some(old), Some(new)) = (old.legs.get(l), new.legs.get(l)) {
                let field = format!("{field}.protection");
                pairs.push(LegKeys { field, before: &old.protection, after: &new.protection });
            }
        }
    }
    reuse::check(&sessions.keys, &pairs)?;
    for pair in &pairs {
        reuse::enter(&mut sessions.keys, pair.before, pair.after);
    }

    let mut effects = Vec::new();
    let mut incoming: BTreeMap<Place, Incoming> = BTreeMap::new();
    let mut moved = Vec::new();
    for (place, (change, keys)) in changed {
        if change.update.remote.is_some() {
            moved.push(place);
        }
        if let Some(credential) = &change.credential {
            sessions.expiries.insert((credential.claims.expires, Some(id.clone())));
        }
        incoming.insert(place, keys);
    }
    for (index, (old, new)) in session.media.iter().zip(&mut media).enumerate() {
        let [mut one, mut other] = [0, 1].map(|leg| incoming.remove(&(index, leg)).unwrap_or_default());
        let ways = [(0, 1, &mut one.receive, &mut other.send), (1, 0, &mut other.receive, &mut one.send)];
        for (from, to, receive, send) in ways {
            let flow = FlowKey { session: id.clone(), media: index as u8, from_leg: from as u8 };
            let moved = [from, to].map(|leg| moved.contains(&(index, leg)));
            let difference =
                Difference { worker, flow, old: order(&old.legs, from), new: order(&new.legs, from), moved };
            difference.tell(&mut effects, std::mem::take(receive), std::mem::take(send));
        }
        for (leg, old) in [0, 1].into_iter().zip(&old.legs) {
            settle(old, &mut new.legs[leg], moved.contains(&(index, leg)));
        }
    }
    if let Some(session) = sessions.sessions.get_mut(id) {
        session.media = media;
    }
    sessions.renew_promise(id);
    Ok(effects)
}

fn order(legs: &[Leg; 2], from: usize) -> [&Leg; 2] {
    let [one, other] = legs;
    if from == 0 { [one, other] } else { [other, one] }
}

fn place(media: &[Media], field: &str, update: &LegUpdate) -> Result<Place, SessionError> {
    let (m, l) = (update.media as usize, update.leg as usize);
    if m >= media.len() {
        let message = format!("is {m}, but the session has {} media, counted from 0", media.len());
        return Err(SessionError::invalid(format!("{field}.media"), message));
    }
    if l >= 2 {
        return Err(SessionError::invalid(format!("{field}.leg"), format!("is {l}; give 0 or 1")));
    }
    Ok((m, l))
}

fn at(media: &mut [Media], (m, l): Place) -> Option<&mut Leg> {
    media.get_mut(m)?.legs.get_mut(l)
}

/// Changes a copy of a leg, and checks what came of it.
fn change(sessions: &Sessions, leg: &mut Leg, change: &Change<'_>) -> Result<Incoming, SessionError> {
    let Change { field, update, credential } = change;
    if let (Some(request), Some(realm)) = (&update.remote, sessions.config.realms.get(leg.realm)) {
        let field = format!("{field}.remote");
        let remote = remote::read(&sessions.config, realm, leg.local.is_multiplexed(), &field, request)?;
        if remote.rtp.is_ipv4() != leg.local.bound.rtp.is_ipv4() {
            let family = if leg.local.bound.rtp.is_ipv4() { "IPv4" } else { "IPv6" };
            let message =
                format!("is of another address family than the leg's local ports, which are {family}");
            return Err(SessionError::invalid(field, message));
        }
        leg.remote = Some(remote);
    }
    if let Some(dscp) = update.dscp {
        leg.dscp = match dscp {
            KEEP_DSCP => None,
            _ => Some(code_point(dscp).ok_or_else(|| {
                let message = format!("is {dscp}; give 0 to 63, or 64 for as it came");
                SessionError::invalid(format!("{field}.dscp"), message)
            })?),
        };
    }
    leg.held = update.held.unwrap_or(leg.held);
    leg.source = update.source.or(leg.source);
    let protection_field = format!("{field}.protection");
    match (&update.protection, credential) {
        (ProtectionRequest::Unset, _) => {}
        (_, Some(credential)) => leg.authority = Some(Authority::valid(Arc::clone(credential))),
        (_, None) if leg.authority.is_some() => {
            let message =
                "is given for a leg that has its keys from MRAS; ask for new ones with IssueSessionKeys";
            return Err(SessionError::new(ErrorKind::FailedPrecondition, protection_field, message));
        }
        (_, None) => {}
    }
    let new = keys::read(&sessions.prints, &protection_field, &update.protection)?;
    let (protection, incoming) = merge(&protection_field, &leg.protection, new)?;
    leg.protection = protection;
    policy::check(field, leg.encryption, &leg.protection, leg.source)?;
    policy::check_approved(field, sessions.config().approved_suites_only, &leg.protection)?;
    Ok(incoming)
}

/// What a leg's protection becomes. Keys that it has already are not incoming.
fn merge(field: &str, old: &Protection, new: NewProtection) -> Result<(Protection, Incoming), SessionError> {
    let (now, mut receive, mut send) = match new {
        NewProtection::Unset => return Ok((old.clone(), Incoming::default())),
        NewProtection::Plain => return Ok((Protection::Plain, Incoming::default())),
        NewProtection::Srtp { suite, receive, send } => (suite, receive, send),
    };
    let (mut kept_receive, mut kept_send) = (Vec::new(), Vec::new());
    if let Protection::Srtp { suite, receive: old_receive, send: old_send } = old {
        if *suite == now {
            (kept_receive, kept_send) = (old_receive.clone(), old_send.clone());
        } else {
            for (part, old, new) in [("receive", old_receive, &receive), ("send", old_send, &send)] {
                if !old.is_empty() && new.keys.is_empty() {
                    let message = format!(
                        "changes the suite from {suite} to {now} but gives no {part} keys; give both directions"
                    );
                    return Err(SessionError::invalid(field, message));
                }
            }
        }
    }
    for (kept, new) in [(&mut kept_receive, &mut receive), (&mut kept_send, &mut send)] {
        if *kept == new.prints {
            *new = NewKeys::default();
        } else if !new.prints.is_empty() {
            kept.clone_from(&new.prints);
        }
    }
    let protection = Protection::Srtp { suite: now, receive: kept_receive, send: kept_send };
    Ok((protection, Incoming { receive, send }))
}

/// Notes on a leg what its change entails.
fn settle(old: &Leg, new: &mut Leg, moved: bool) {
    if moved || Component::ALL.iter().any(|component| old.source(*component) != new.source(*component)) {
        new.learnt = [None; 2];
    }
    let renewed = |old: &[_], new: &[_]| !old.is_empty() && !new.is_empty() && old != new;
    let rekeyed = renewed(old.protection.receive(), new.protection.receive())
        || renewed(old.protection.send(), new.protection.send());
    new.rekeys += u32::from(rekeyed);
}

/// One flow before and after. Legs: from which, to which.
struct Difference<'a> {
    worker: u32,
    flow: FlowKey,
    old: [&'a Leg; 2],
    new: [&'a Leg; 2],
    /// The remote was set.
    moved: [bool; 2],
}

impl Difference<'_> {
    fn tell(self, effects: &mut Vec<Effect>, receive: NewKeys, send: NewKeys) {
        let Difference { worker, flow, old: [old_from, old_to], new: [from, to], moved } = &self;
        let (worker, flow) = (*worker, || flow.clone());
        let (was_held, held) = (old_from.held || old_to.held, from.held || to.held);
        if held && !was_held {
            effects.push(Effect::SetHeld { worker, flow: flow(), held });
        }

        let receive = side(&old_from.protection, from, old_from.protection.receive(), receive);
        let send = side(&old_to.protection, to, old_to.protection.send(), send);
        let (rekey_receive, set_receive) = receive.split();
        let (rekey_send, set_send) = send.split();
        if rekey_receive.is_some() || rekey_send.is_some() {
            effects.push(Effect::Rekey { worker, flow: flow(), receive: rekey_receive, send: rekey_send });
        }
        if let Some(receive) = set_receive {
            effects.push(Effect::SetReceive { worker, flow: flow(), receive });
        }
        if let Some(send) = set_send {
            effects.push(Effect::SetSend { worker, flow: flow(), send });
        }

        for component in Component::ALL {
            if component == Component::Rtcp && from.local.is_multiplexed() {
                continue;
            }
            let source = from.source(component);
            if moved[0] || source != old_from.source(component) {
                effects.push(Effect::SetSource { worker, flow: flow(), component, source });
            }
        }
        for component in Component::ALL.into_iter().filter(|_| moved[1]) {
            let egress = to.egress(component);
            effects.push(Effect::SetEgress { worker, flow: flow(), component, egress });
        }
        let bandwidth = authority::bandwidth([from, to]);
        if bandwidth != authority::bandwidth([old_from, old_to]) {
            effects.push(Effect::SetBandwidth { worker, flow: flow(), bandwidth });
        }
        if old_to.dscp != to.dscp {
            effects.push(Effect::SetDscp { worker, flow: flow(), dscp: to.dscp });
        }
        if was_held && !held {
            effects.push(Effect::SetHeld { worker, flow: flow(), held });
        }
    }
}

/// What happens to one side of a flow.
enum Turn {
    Nothing,
    Rekey(Keys),
    Set(Side),
}

impl Turn {
    fn split(self) -> (Option<Keys>, Option<Side>) {
        match self {
            Turn::Nothing => (None, None),
            Turn::Rekey(keys) => (Some(keys), None),
            Turn::Set(side) => (None, Some(side)),
        }
    }
}

fn side(old: &Protection, leg: &Leg, old_keys: &[keys::KeyPrint], new: NewKeys) -> Turn {
    let permit = leg.encryption.permit_clear();
    match (&leg.protection, old) {
        (Protection::Unset, _) | (Protection::Plain, Protection::Plain) => Turn::Nothing,
        (Protection::Plain, _) => Turn::Set(Side::plain(leg.encryption)),
        (Protection::Srtp { suite, .. }, _) if !new.keys.is_empty() => {
            let keys = Keys { suite: *suite, keys: new.keys };
            if old_keys.is_empty() {
                Turn::Set(Side::Srtp { keys, max_ssrcs: leg.max_ssrcs, permit })
            } else {
                Turn::Rekey(keys)
            }
        }
        // Plain no longer, and the keys are still to come.
        (Protection::Srtp { .. }, Protection::Plain) => Turn::Set(Side::NotReady { permit }),
        (Protection::Srtp { .. }, _) => Turn::Nothing,
    }
}
