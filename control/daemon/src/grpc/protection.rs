// SPDX-License-Identifier: MIT OR Apache-2.0
//! What protects each link of the node.

use std::time::SystemTime;

use culvert_api::v1;
use culvert_engine::{Direction, DropReason};
use culvert_session::{Caller, FlowKey, KeyId, LegView, MediaView, SessionError, SessionView};

use culvert_srtp::Suite;

use super::answer;
use crate::node::{Inner, Node};
use crate::tls::{Link, LinkRegister};

pub(super) fn answer(
    node: &Node,
    links: &LinkRegister,
    caller: &Caller,
    request: &v1::GetProtectionRequest,
) -> Result<v1::GetProtectionResponse, SessionError> {
    let first = request.page_token.is_empty();
    let control = match caller {
        Caller::Operator if first => links.links().iter().map(control).collect(),
        _ => Vec::new(),
    };
    let (sessions, next_page_token) = if request.session_id.is_empty() {
        let page = node.read(|inner| inner.sessions.list(caller, request.page_size, &request.page_token))?;
        (page.sessions, page.next_page_token)
    } else {
        (vec![node.read(|inner| inner.sessions.get(caller, &request.session_id))?], String::new())
    };
    let now = SystemTime::now();
    let media = sessions.iter().flat_map(|view| node.read(|inner| self::session(view, inner, now)));
    Ok(v1::GetProtectionResponse {
        control,
        media: media.collect(),
        next_page_token,
        audit_head: node.audit_head().map(|head| head.to_string()).unwrap_or_default(),
    })
}

fn control(link: &Link) -> v1::ControlLink {
    v1::ControlLink {
        service: link.service.to_owned(),
        local_identity: link.local.to_string(),
        peer_identity: link.peer.to_string(),
        peer: Some(answer::endpoint(link.address)),
        tls_version: link.version.to_owned(),
        cipher_suite: link.suite.clone(),
        key_exchange: link.group.clone(),
        since: Some(answer::time(link.since)),
    }
}

fn session(view: &SessionView, inner: &Inner, now: SystemTime) -> Vec<v1::MediaLink> {
    let mut links = Vec::with_capacity(view.media.len() * 2);
    for (number, media) in (0u8..).zip(&view.media) {
        for (leg, place) in media.legs.iter().zip(0u8..) {
            links.push(self::leg(view, media, leg, (number, place), inner, now));
        }
    }
    links
}

fn leg(
    view: &SessionView,
    media: &MediaView,
    leg: &LegView,
    (number, place): (u8, u8),
    inner: &Inner,
    now: SystemTime,
) -> v1::MediaLink {
    let flow = |from_leg| FlowKey { session: view.id.clone(), media: number, from_leg };
    let [receive, send] = leg.key_ids;
    let mut received = direction(&flow(place), Direction::Receive, receive, inner, now);
    if let Some(counters) = inner.plane.counters(&flow(place)) {
        received.authentication_failures = counters.dropped(DropReason::AuthenticationFailed);
        let encrypts = Suite::from_name(leg.protection).is_some_and(Suite::encrypts);
        if !encrypts {
            received.plain_bytes = counters.bytes();
        }
    }
    let leaving = flow(1 - place);
    let mut sent = direction(&leaving, Direction::Send, send, inner, now);
    sent.plain_bytes = inner.plane.counters(&leaving).map_or(0, |counters| counters.plain_bytes());
    v1::MediaLink {
        session_id: view.id.to_string(),
        media: number.into(),
        leg: place.into(),
        kind: answer::media_kind(media.kind).into(),
        realm: leg.realm.clone(),
        peer_class: leg.peer_class.clone(),
        encryption: answer::encryption(leg.encryption).into(),
        protection: leg.protection.to_owned(),
        receive: Some(received),
        send: Some(sent),
        authority: leg.authority.as_ref().map(answer::authority),
    }
}

fn direction(
    flow: &FlowKey,
    direction: Direction,
    key: Option<KeyId>,
    inner: &Inner,
    now: SystemTime,
) -> v1::LinkDirection {
    let Some(key) = key else { return v1::LinkDirection::default() };
    let since = inner.plane.keyed_at(flow, direction).map(|stamp| inner.plane.wall(stamp));
    let age = since.map(|since| now.duration_since(since).unwrap_or_default());
    v1::LinkDirection {
        key_id: key.to_string(),
        key_age: age.and_then(|age| prost_types::Duration::try_from(age).ok()),
        packets_since_rekey: inner.plane.counters(flow).map_or(0, |counters| counters.key_packets(direction)),
        ..v1::LinkDirection::default()
    }
}
