// SPDX-License-Identifier: MIT OR Apache-2.0
//! Changes of running sessions.
#![expect(clippy::unwrap_used, clippy::panic, reason = "what cannot be set up must fail the test")]

mod common;

use common::*;
use culvert_session::{
    EncryptionLevel, ErrorKind, KeyMaterial, LegUpdate, NodeConfig, ProtectionRequest, SessionError,
    Sessions, SourceRule, SrtpKeys, UpdateRequest,
};
use culvert_srtp::Suite;

/// A node with session `a`: leg 0 receives under key 2 and sends under key 3, leg 1 is plain.
fn started() -> Sessions {
    let mut node = node();
    node.create(&owner(), &request("a", 1), now()).unwrap();
    node
}

/// One word or two for each effect.
fn update(node: &mut Sessions, legs: Vec<LegUpdate>) -> Result<Vec<String>, SessionError> {
    use culvert_session::{Effect, Side};
    let side = |side: &Side| match side {
        Side::NotReady { .. } => "not ready",
        Side::Plain(_) => "plain",
        Side::Srtp { .. } => "srtp",
    };
    let changed = node.update(&caller(), &UpdateRequest { session_id: "a".into(), legs })?;
    assert_eq!(changed.view, node.get(&caller(), "a").unwrap());
    let name = |effect: &Effect| match effect {
        Effect::Rekey { flow, receive, send, .. } => {
            let words = [receive.as_ref().map(|_| " receive"), send.as_ref().map(|_| " send")];
            format!("{} rekey{}", flow.from_leg, words.into_iter().flatten().collect::<String>())
        }
        Effect::SetReceive { flow, receive, .. } => format!("{} receive {}", flow.from_leg, side(receive)),
        Effect::SetSend { flow, send, .. } => format!("{} send {}", flow.from_leg, side(send)),
        Effect::SetSource { flow, component, source, .. } => {
            format!("{} source {component:?} {source:?}", flow.from_leg)
        }
        Effect::SetEgress { flow, component, egress, .. } => {
            format!("{} egress {component:?} {}", flow.from_leg, egress.remote.unwrap())
        }
        Effect::SetHeld { flow, held, .. } => format!("{} held {held}", flow.from_leg),
        Effect::SetDscp { flow, dscp, .. } => format!("{} dscp {dscp:?}", flow.from_leg),
        other => panic!("{other:?}"),
    };
    Ok(changed.effects.iter().map(name).collect())
}

fn leg(leg: u32, change: impl FnOnce(&mut LegUpdate)) -> LegUpdate {
    let mut update = LegUpdate { leg, ..LegUpdate::default() };
    change(&mut update);
    update
}

fn keys(leg_index: u32, protection: ProtectionRequest) -> Vec<LegUpdate> {
    vec![leg(leg_index, |update| update.protection = protection)]
}

fn refused(node: &mut Sessions, legs: Vec<LegUpdate>, kind: ErrorKind, text: &str) {
    let before = node.get(&caller(), "a").unwrap();
    let error = update(node, legs).unwrap_err();
    assert_eq!((error.kind, error.to_string().as_str()), (kind, text));
    assert_eq!(node.get(&caller(), "a").unwrap(), before);
}

#[test]
fn an_empty_update_does_nothing() {
    assert_eq!(update(&mut started(), vec![]).unwrap(), [""; 0]);
    assert_eq!(update(&mut started(), vec![LegUpdate::default()]).unwrap(), [""; 0]);
}

#[test]
fn new_keys_are_a_rekey_of_both_flows() {
    let mut node = started();
    assert_eq!(update(&mut node, keys(0, srtp(10, 11))).unwrap(), ["0 rekey receive", "1 rekey send"]);
    assert_eq!(node.get(&caller(), "a").unwrap().media[0].legs[0].rekeys, 1);
    assert_eq!(update(&mut node, keys(0, srtp(12, 11))).unwrap(), ["0 rekey receive"]);
    assert_eq!(update(&mut node, keys(0, srtp(12, 13))).unwrap(), ["1 rekey send"]);
    assert_eq!(node.get(&caller(), "a").unwrap().media[0].legs[0].rekeys, 3);
}

#[test]
fn the_same_keys_again_are_no_change() {
    let mut node = started();
    assert_eq!(update(&mut node, keys(0, srtp(2, 3))).unwrap(), [""; 0]);
    assert_eq!(node.get(&caller(), "a").unwrap().media[0].legs[0].rekeys, 0);
}

#[test]
fn a_direction_without_keys_stays() {
    let mut node = started();
    let half = SrtpKeys { suite: SUITE.into(), receive: vec![key(10)], send: vec![] };
    assert_eq!(update(&mut node, keys(0, ProtectionRequest::Srtp(half))).unwrap(), ["0 rekey receive"]);
    assert!(node.get(&caller(), "a").unwrap().media[0].legs[0].send_ready);
}

#[test]
fn old_send_keys_do_not_come_back() {
    let mut node = started();
    update(&mut node, keys(0, srtp(10, 11))).unwrap();
    let text =
        "legs[0].protection: has a send key that has been used for sending on this relay; make a new one";
    refused(&mut node, keys(0, srtp(10, 3)), ErrorKind::FailedPrecondition, text);
}

#[test]
fn a_send_key_does_not_pass_to_another_suite() {
    let mut node = started();
    let other = |receive, send| {
        ProtectionRequest::Srtp(SrtpKeys { suite: "AES_CM_128_HMAC_SHA1_32".into(), receive, send })
    };
    let text = "legs[0].protection: has a send key that is in use for sending on this relay; make a new one";
    refused(&mut node, keys(0, other(vec![key(2)], vec![key(3)])), ErrorKind::FailedPrecondition, text);
    let text = "legs[0].protection: changes the suite from AES_CM_128_HMAC_SHA1_80 to AES_CM_128_HMAC_SHA1_32 \
                but gives no send keys; give both directions";
    refused(&mut node, keys(0, other(vec![key(10)], vec![])), ErrorKind::InvalidArgument, text);
    let effects = update(&mut node, keys(0, other(vec![key(10)], vec![key(11)]))).unwrap();
    assert_eq!(effects, ["0 rekey receive", "1 rekey send"]);
}

#[test]
fn keys_are_checked_against_the_other_direction_as_it_stands() {
    let mut node = started();
    let text = "legs[0].protection: has one key in both directions; give each direction its own";
    let half = SrtpKeys { suite: SUITE.into(), receive: vec![key(3)], send: vec![] };
    refused(&mut node, keys(0, ProtectionRequest::Srtp(half)), ErrorKind::InvalidArgument, text);
}

#[test]
fn protection_comes_and_goes_where_the_level_allows() {
    let mut node = node();
    let mut open = request("a", 1);
    open.media[0].legs[0].encryption = Some(EncryptionLevel::Supported);
    open.media[0].legs[0].protection = ProtectionRequest::Unset;
    node.create(&owner(), &open, now()).unwrap();
    let signalled = "0 source Rtp LearnFrom(198.51.100.7)";
    assert_eq!(
        update(&mut node, keys(0, ProtectionRequest::Plain)).unwrap(),
        ["0 receive plain", signalled, "1 send plain"]
    );
    let half = SrtpKeys { suite: SUITE.into(), receive: vec![key(2)], send: vec![] };
    assert_eq!(
        update(&mut node, keys(0, ProtectionRequest::Srtp(half))).unwrap(),
        ["0 receive srtp", "0 source Rtp Learn", "1 send not ready"]
    );
    assert_eq!(update(&mut node, keys(0, srtp(2, 3))).unwrap(), ["1 send srtp"]);
    assert_eq!(
        update(&mut node, keys(0, ProtectionRequest::Plain)).unwrap(),
        ["0 receive plain", signalled, "1 send plain"]
    );
    let text =
        "legs[0].protection: has a send key that has been used for sending on this relay; make a new one";
    refused(&mut node, keys(0, srtp(2, 3)), ErrorKind::FailedPrecondition, text);
}

#[test]
fn a_leg_that_requires_encryption_never_becomes_plain() {
    let text = "legs[0].protection: is plain on a leg that requires encryption; give SRTP keys";
    refused(&mut started(), keys(0, ProtectionRequest::Plain), ErrorKind::InvalidArgument, text);
}

#[test]
fn a_remote_starts_learning_afresh() {
    let mut node = started();
    let id = node.get(&caller(), "a").unwrap().id;
    let flow = culvert_session::FlowKey { session: id, media: 0, from_leg: 1 };
    node.note_learnt(&flow, culvert_session::Component::Rtp, "10.0.0.7:9".parse().unwrap());
    let moved = vec![leg(1, |update| update.remote = remote("10.0.0.8", 7000))];
    assert_eq!(
        update(&mut node, moved.clone()).unwrap(),
        [
            "0 egress Rtp 10.0.0.8:7000",
            "0 egress Rtcp 10.0.0.8:7001",
            "1 source Rtp LearnFrom(10.0.0.8)",
            "1 source Rtcp LearnFrom(10.0.0.8)"
        ]
    );
    assert_eq!(node.get(&caller(), "a").unwrap().media[0].legs[1].learnt, [None; 2]);
    assert_eq!(update(&mut node, moved).unwrap().len(), 4);
    let muxed = vec![leg(0, |update| update.remote = remote("198.51.100.8", 7000))];
    assert_eq!(
        update(&mut node, muxed).unwrap(),
        ["0 source Rtp Learn", "1 egress Rtp 198.51.100.8:7000", "1 egress Rtcp 198.51.100.8:7000"]
    );
}

#[test]
fn a_hold_stops_both_directions_until_both_legs_are_off_hold() {
    let mut node = started();
    let hold = |index, held| vec![leg(index, |update| update.held = Some(held))];
    assert_eq!(update(&mut node, hold(0, true)).unwrap(), ["0 held true", "1 held true"]);
    assert_eq!(update(&mut node, hold(1, true)).unwrap(), [""; 0]);
    assert_eq!(update(&mut node, hold(0, false)).unwrap(), [""; 0]);
    assert_eq!(update(&mut node, hold(1, false)).unwrap(), ["0 held false", "1 held false"]);
}

#[test]
fn markings_and_rules() {
    let mut node = started();
    let dscp = |dscp| vec![leg(1, |update| update.dscp = Some(dscp))];
    assert_eq!(update(&mut node, dscp(46)).unwrap(), ["0 dscp Some(46)"]);
    assert_eq!(update(&mut node, dscp(64)).unwrap(), ["0 dscp None"]);
    refused(
        &mut node,
        dscp(65),
        ErrorKind::InvalidArgument,
        "legs[0].dscp: is 65; give 0 to 63, or 64 for as it came",
    );
    let source = |source| vec![leg(1, |update| update.source = Some(source))];
    assert_eq!(
        update(&mut node, source(SourceRule::Fixed)).unwrap(),
        ["1 source Rtp Fixed(10.0.0.7:6000)", "1 source Rtcp Fixed(10.0.0.7:6001)"]
    );
    let text = "legs[0].source: is LEARN on a plain leg, where nothing authenticates; use SIGNALLED_ADDRESS or FIXED";
    refused(&mut node, source(SourceRule::Learn), ErrorKind::InvalidArgument, text);
}

#[test]
fn all_changes_or_none() {
    let mut node = started();
    let good = leg(0, |update| update.protection = srtp(10, 11));
    let bad = leg(1, |update| update.dscp = Some(99));
    let text = "legs[1].dscp: is 99; give 0 to 63, or 64 for as it came";
    refused(&mut node, vec![good.clone(), bad], ErrorKind::InvalidArgument, text);
    // Had the keys been taken, they would be no change now.
    assert_eq!(update(&mut node, vec![good]).unwrap(), ["0 rekey receive", "1 rekey send"]);
}

#[test]
fn legs_that_are_not_there() {
    let mut node = started();
    let invalid = ErrorKind::InvalidArgument;
    let text = "legs[0].media: is 1, but the session has 1 media, counted from 0";
    refused(&mut node, vec![leg(0, |update| update.media = 1)], invalid, text);
    refused(&mut node, vec![leg(2, |_| {})], invalid, "legs[0].leg: is 2; give 0 or 1");
    let text = "legs[1]: names a leg that an earlier entry names; join the two";
    refused(&mut node, vec![leg(0, |_| {}), leg(0, |_| {})], invalid, text);
    let error = node.update(&caller(), &UpdateRequest { session_id: "b".into(), legs: vec![] }).unwrap_err();
    assert_eq!((error.kind, error.field.as_str()), (ErrorKind::NotFound, "session_id"));
}

#[test]
fn remotes_are_checked_as_at_creation() {
    let mut node = started();
    let invalid = ErrorKind::InvalidArgument;
    let to = |address, port| vec![leg(0, |update| update.remote = remote(address, port))];
    let text = "legs[0].remote.rtp.address: 10.0.0.1 is the relay's own address; give the endpoint's";
    refused(&mut node, to("10.0.0.1", 5000), invalid, text);
    let text = "legs[0].remote: is of another address family than the leg's local ports, which are IPv4";
    refused(&mut node, to("2001:db8::7", 5000), invalid, text);
    refused(
        &mut node,
        to("198.51.100.7", 0),
        invalid,
        "legs[0].remote.rtp.port: is 0; give a UDP port of 1 to 65535",
    );
}

/// Leg 0 under a suite, with keys that a number tells apart.
fn under(suite: Suite, number: u8) -> ProtectionRequest {
    let key = |number: u8| KeyMaterial {
        key: vec![number; suite.key_length()].into(),
        salt: vec![number; suite.salt_length()].into(),
        ..KeyMaterial::default()
    };
    let (receive, send) = (vec![key(2 * number)], vec![key(2 * number + 1)]);
    ProtectionRequest::Srtp(SrtpKeys { suite: suite.name().into(), receive, send })
}

#[test]
fn a_node_in_fips_mode_takes_approved_suites_only() {
    for suite in Suite::ALL {
        let mut node = Sessions::new(NodeConfig { approved_suites_only: true, ..config() }, [7; 64]).unwrap();
        let mut asked = request("b", 1);
        asked.media[0].legs[0].protection = under(suite, 1);
        asked.media[0].legs[0].encryption = Some(EncryptionLevel::Supported);
        let created = node.create(&owner(), &asked, now()).map(drop);
        let refusal = |field: &str| {
            let message = format!(
                "is for {suite}, which this node, in FIPS mode, does not allow; use one of AES_CM_128_HMAC_SHA1_80, \
                 AES_192_CM_HMAC_SHA1_80, AES_256_CM_HMAC_SHA1_80, AEAD_AES_128_GCM, AEAD_AES_256_GCM"
            );
            Err(SessionError::invalid(field, message))
        };
        let approved = suite.is_fips_approved();
        assert_eq!(
            created,
            if approved { Ok(()) } else { refusal("media[0].legs[0].protection") },
            "{suite}"
        );

        let mut asked = request("a", 1);
        asked.media[0].legs[0].encryption = Some(EncryptionLevel::Supported);
        node.create(&owner(), &asked, now()).unwrap();
        let updated = update(&mut node, keys(0, under(suite, 2))).map(drop);
        assert_eq!(updated, if approved { Ok(()) } else { refusal("legs[0].protection") }, "{suite}");
    }
}
