// SPDX-License-Identifier: MIT OR Apache-2.0
//! Making, seeing and ending sessions.
#![expect(clippy::unwrap_used, reason = "what cannot be set up must fail the test")]

mod common;

use common::*;
use culvert_session::{
    Caller, Component, Effect, ErrorKind, FlowKey, LegRequest, MediaKind, Owner, Side, Source, SourceRule,
};

fn endpoint(text: &str) -> std::net::SocketAddr {
    text.parse().unwrap()
}

#[test]
fn a_session_opens_its_endpoints_and_installs_both_directions() {
    let mut node = node();
    let made = node.create(&owner(), &request("a", 1), now()).unwrap();
    assert!(!made.existed);
    let [outside, inside] = &made.view.media[0].legs;
    assert_eq!((made.view.media[0].kind, made.view.media[0].clock_rate), (MediaKind::Audio, 8000));
    assert_eq!(made.view.media_timeout, config().media_timeout);

    assert_eq!(outside.bound.rtp, outside.bound.rtcp);
    assert_eq!(outside.local.rtp, format!("203.0.113.9:{}", outside.bound.rtp.port()).parse().unwrap());
    assert_eq!(outside.bound.rtp.ip().to_string(), "192.0.2.1");
    assert_eq!(inside.local, inside.bound);
    assert_eq!(inside.bound.rtp.port() % 2, 0);
    assert_eq!(inside.bound.rtcp.port(), inside.bound.rtp.port() + 1);
    assert_eq!((outside.protection, inside.protection), (SUITE, "plain"));
    assert_eq!((outside.source, inside.source), (SourceRule::Learn, SourceRule::SignalledAddress));
    assert!(outside.rtcp_mux && !inside.rtcp_mux);
    assert!([outside, inside].iter().all(|leg| leg.receive_ready && leg.send_ready && !leg.held));
    assert_eq!(inside.signalled.map(|remote| remote.rtcp), Some(endpoint("10.0.0.7:6001")));

    let [open_0, open_1, open_2, flow_0, flow_1] = made.effects.as_slice() else {
        panic!("{:?}", made.effects)
    };
    for (effect, expected) in
        [(open_0, outside.bound.rtp), (open_1, inside.bound.rtp), (open_2, inside.bound.rtcp)]
    {
        assert!(
            matches!(effect, Effect::OpenEndpoint { worker: 0, local } if *local == expected),
            "{effect:?}"
        );
    }
    let (Effect::InstallFlow(inward), Effect::InstallFlow(outward)) = (flow_0, flow_1) else { panic!() };
    let key = |from_leg| FlowKey { session: made.view.id.clone(), media: 0, from_leg };
    assert_eq!((&inward.key, &outward.key), (&key(0), &key(1)));

    assert_eq!(inward.ingress.map(|side| (side.local, side.source)), [(outside.bound.rtp, Source::Learn); 2]);
    assert_eq!(inward.egress[0].remote, Some(endpoint("10.0.0.7:6000")));
    assert_eq!(inward.egress[1].remote, Some(endpoint("10.0.0.7:6001")));
    assert_eq!(inward.egress[1].local, inside.bound.rtcp);
    assert!(
        matches!(&inward.receive, Side::Srtp { keys, max_ssrcs: 4, permit: None } if keys.keys.len() == 1)
    );
    assert!(matches!(inward.send, Side::Plain(_)));

    let from_inside = Source::LearnFrom("10.0.0.7".parse().unwrap());
    assert_eq!(outward.ingress.map(|side| side.source), [from_inside; 2]);
    assert_eq!(outward.egress.map(|side| side.remote), [Some(endpoint("198.51.100.7:5000")); 2]);
    assert!(matches!(outward.receive, Side::Plain(_)));
    assert!(matches!(&outward.send, Side::Srtp { keys, .. } if keys.suite.name() == SUITE));
}

#[test]
fn what_is_not_known_yet_is_not_ready() {
    let mut node = node();
    let mut early = request("a", 1);
    early.media[0].legs[0] = LegRequest { realm: "outside".into(), ipv6: true, ..LegRequest::default() };
    early.media[0].legs[1].remote = None;
    let made = node.create(&owner(), &early, now()).unwrap();
    let [outside, inside] = &made.view.media[0].legs;
    assert!(outside.bound.rtp.is_ipv6());
    assert_eq!((outside.protection, outside.receive_ready, outside.send_ready), ("", false, false));
    assert_eq!((inside.protection, inside.receive_ready, inside.send_ready), ("plain", true, false));
    let flows: Vec<_> = made
        .effects
        .iter()
        .filter_map(|effect| if let Effect::InstallFlow(flow) = effect { Some(flow) } else { None })
        .collect();
    assert!(matches!((&flows[0].receive, &flows[0].send), (Side::NotReady { .. }, Side::Plain(_))));
    assert!(matches!((&flows[1].receive, &flows[1].send), (Side::Plain(_), Side::NotReady { .. })));
    assert_eq!(flows[1].ingress[0].source, Source::Nobody);
    assert_eq!(flows[0].egress[0].remote, None);
}

#[test]
fn the_same_request_again_returns_the_session() {
    let mut node = node();
    let first = node.create(&owner(), &request("a", 1), now()).unwrap();
    node.set_draining(true);
    let again = node.create(&owner(), &request("a", 1), now() + std::time::Duration::from_secs(5)).unwrap();
    assert!(again.existed && again.effects.is_empty());
    assert_eq!(again.view, first.view);
    assert_eq!(node.len(), 1);
}

#[test]
fn another_request_or_owner_under_the_same_name_is_refused() {
    let mut node = node();
    node.create(&owner(), &request("a", 1), now()).unwrap();
    let mut other_dscp = request("a", 1);
    other_dscp.media[0].legs[0].dscp = Some(46);
    let text = "session_id: is in use for another session; choose another, or delete that session first";
    for (owner, request) in
        [(owner(), request("a", 2)), (owner(), other_dscp), (Owner::new("other"), request("a", 1))]
    {
        let error = node.create(&owner, &request, now()).unwrap_err();
        assert_eq!((error.kind, error.to_string().as_str()), (ErrorKind::AlreadyExists, text));
    }
}

#[test]
fn a_front_end_knows_its_own_sessions_only_and_operators_know_all() {
    let mut node = node();
    node.create(&owner(), &request("a", 1), now()).unwrap();
    let other = Caller::FrontEnd(Owner::new("other"));
    let text = "session_id: names no session of yours; list the sessions to see their names";
    for id in ["a", "b", ""] {
        let error = node.get(&other, id).unwrap_err();
        assert_eq!((error.kind, error.to_string().as_str()), (ErrorKind::NotFound, text));
        assert_eq!(node.delete(&other, id).unwrap_err().kind, ErrorKind::NotFound);
    }
    assert_eq!(node.list(&other, 0, "").unwrap().total, 0);
    assert_eq!(node.get(&Caller::Operator, "a").unwrap(), node.get(&caller(), "a").unwrap());
    assert!(node.delete(&Caller::Operator, "a").is_ok());
}

#[test]
fn deletion_takes_away_what_creation_made() {
    let mut node = node();
    let made = node.create(&owner(), &request("a", 1), now()).unwrap();
    assert_eq!(node.realm_usage().iter().map(|realm| realm.used).collect::<Vec<_>>(), [1, 2, 0]);
    assert_eq!(node.worker_flows(), [2, 0]);
    let ended = node.delete(&caller(), "a").unwrap();
    assert_eq!(ended.view, made.view);
    let kinds: Vec<_> = ended
        .effects
        .iter()
        .map(|effect| match effect {
            Effect::RemoveFlow { flow, .. } => format!("remove {}", flow.from_leg),
            Effect::CloseEndpoint { .. } => "close".to_owned(),
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(kinds, ["remove 0", "remove 1", "close", "close", "close"]);
    assert!(node.is_empty());
    assert_eq!(node.realm_usage().iter().map(|realm| realm.used).sum::<usize>(), 0);
    assert_eq!(node.worker_flows(), [0, 0]);
    assert_eq!(node.delete(&caller(), "a").unwrap_err().kind, ErrorKind::NotFound);
}

#[test]
fn a_creation_that_is_rolled_back_may_be_made_again() {
    let mut node = node();
    let made = node.create(&owner(), &request("a", 1), now()).unwrap();
    assert!(node.roll_back(&made.view.id).is_some());
    assert!(node.roll_back(&made.view.id).is_none());
    assert!(node.create(&owner(), &request("a", 1), now()).is_ok());
    node.delete(&caller(), "a").unwrap();
    assert_eq!(
        node.create(&owner(), &request("a", 1), now()).unwrap_err().kind,
        ErrorKind::FailedPrecondition
    );
}

#[test]
fn sessions_go_to_the_worker_with_the_fewest_flows() {
    let mut node = node();
    let mut double = request("double", 9);
    double.media.push(double.media[0].clone());
    double.media[1].legs[0].protection = srtp(200, 201);
    assert_eq!(node.create(&owner(), &double, now()).unwrap().view.worker, 0);
    let mut worker = |id, number| node.create(&owner(), &request(id, number), now()).unwrap().view.worker;
    assert_eq!([worker("a", 1), worker("b", 2), worker("c", 3), worker("d", 4)], [1, 1, 0, 1]);
}

#[test]
fn pages_hold_all_sessions_in_order() {
    let mut node = node();
    for (number, id) in (0..).zip(["e", "a", "d", "c", "b"]) {
        node.create(&owner(), &request(id, number), now()).unwrap();
    }
    node.create(&Owner::new("other"), &request("bb", 9), now()).unwrap();
    let ids = |caller: &Caller, size, token: &str| {
        let page = node.list(caller, size, token).unwrap();
        let ids: Vec<_> = page.sessions.iter().map(|session| session.id.to_string()).collect();
        (ids.join(" "), page.next_page_token, page.total)
    };
    let (first, token, total) = ids(&caller(), 2, "");
    assert_eq!((first.as_str(), total), ("a b", 5));
    let (second, token, _) = ids(&caller(), 2, &token);
    assert_eq!(second, "c d");
    assert_eq!(ids(&caller(), 2, &token), ("e".into(), String::new(), 5));
    assert_eq!(ids(&Caller::Operator, 0, ""), ("a b bb c d e".into(), String::new(), 6));
    assert_eq!(ids(&caller(), 5, ""), ("a b c d e".into(), String::new(), 5));
}

#[test]
fn wrong_pages_are_refused() {
    let node = node();
    let error = node.list(&caller(), 1001, "").unwrap_err();
    assert_eq!(error.to_string(), "page_size: must be 1 to 1000, or 0 for 100, not 1001");
    for token in ["!", "YQ==", "_w", "Lw"] {
        let error = node.list(&caller(), 1, token).unwrap_err();
        let text = "page_token: is not one that this relay gave; leave it empty to begin again";
        assert_eq!((error.kind, error.to_string().as_str()), (ErrorKind::InvalidArgument, text));
    }
}

#[test]
fn what_was_learnt_is_shown_and_makes_a_leg_ready_to_send() {
    let mut node = node();
    let mut early = request("a", 1);
    (early.media[0].legs[0].remote, early.media[0].legs[1].remote) = (None, None);
    let id = node.create(&owner(), &early, now()).unwrap().view.id;
    let flow = |from_leg| FlowKey { session: id.clone(), media: 0, from_leg };
    node.note_learnt(&flow(0), Component::Rtp, endpoint("198.51.100.7:1"));
    node.note_learnt(&flow(1), Component::Rtcp, endpoint("10.0.0.7:2"));
    node.note_learnt(&flow(7), Component::Rtcp, endpoint("10.0.0.7:2"));
    let legs = node.get(&caller(), "a").unwrap().media[0].legs.clone();
    assert_eq!(legs[0].learnt, [Some(endpoint("198.51.100.7:1")); 2]);
    assert_eq!(legs[1].learnt, [None, Some(endpoint("10.0.0.7:2"))]);
    assert_eq!((legs[0].send_ready, legs[1].send_ready), (true, false));
}
