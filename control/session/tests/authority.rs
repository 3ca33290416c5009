// SPDX-License-Identifier: MIT OR Apache-2.0
//! Legs that MRAS keys: what their credentials bind, and what happens when one ends.
#![expect(clippy::unwrap_used, reason = "what cannot be set up must fail the test")]

mod common;

use std::sync::Arc;
use std::time::Duration;

use common::*;
use culvert_mras::{Bounds, Claims, CredentialId, Identity, Kind, Subject, Verified};
use culvert_session::{
    AuthorityState, Caller, Effect, EncryptionLevel, ErrorKind, FreshKeys, IssueRequest, KeyMaterial,
    LegUpdate, MediaKind, NodeConfig, Owner, ParticipantKeys, ProtectionRequest, SessionRequest, Sessions,
    Side, Source, SourceRule, UpdateRequest,
};
use culvert_srtp::Suite;

/// When the credentials of these tests expire.
const EXPIRY: u64 = 1_000_000 + 3600;

fn credential(name: &str, bounds: Bounds) -> Arc<Verified> {
    let claims = Claims {
        subject: Subject::Known(Identity::new(name).unwrap()),
        location: None,
        issued: None,
        expires: EXPIRY,
        bounds,
    };
    Arc::new(Verified { claims, epoch: Some(1), kind: Kind::Culvert, id: CredentialId::of(name) })
}

/// Two legs whose keys are still to come: one outside and one inside.
fn unkeyed(id: &str) -> SessionRequest {
    let mut request = request(id, 1);
    for leg in &mut request.media[0].legs {
        (leg.protection, leg.encryption) = (ProtectionRequest::Unset, Some(EncryptionLevel::Required));
    }
    request
}

fn node() -> Sessions {
    let mut node = common::node();
    node.create(&owner(), &unkeyed("a"), now()).unwrap();
    node
}

fn keys(leg: u32, credential: &Arc<Verified>, number: u32) -> ParticipantKeys {
    let fresh = FreshKeys { receive: key(number), send: key(number + 1) };
    ParticipantKeys { leg, credential: Arc::clone(credential), media: vec![fresh] }
}

fn issue(participants: Vec<ParticipantKeys>) -> IssueRequest {
    IssueRequest { session_id: "a".into(), suite: Suite::AesCm128HmacSha1_80, participants }
}

fn both(node: &mut Sessions, alice: Bounds, bob: Bounds) -> Result<Vec<Effect>, String> {
    let participants = vec![
        keys(0, &credential("sip:alice@example.org", alice), 100),
        keys(1, &credential("sip:bob@example.org", bob), 200),
    ];
    let issued = node.issue(&caller(), issue(participants)).map_err(|error| {
        assert_eq!(error.kind, ErrorKind::FailedPrecondition);
        error.to_string()
    })?;
    Ok(issued.effects)
}

fn prefix(text: &str) -> Option<culvert_mras::Prefix> {
    Some(text.parse().unwrap())
}

#[test]
fn keys_come_into_force_and_the_view_says_under_which_credential() {
    let mut node = node();
    let effects = both(&mut node, Bounds::default(), Bounds::default()).unwrap();
    let sides = effects.iter().filter(|effect| {
        matches!(
            effect,
            Effect::SetReceive { receive: Side::Srtp { permit: None, .. }, .. }
                | Effect::SetSend { send: Side::Srtp { permit: None, .. }, .. }
        )
    });
    assert_eq!((sides.count(), effects.len()), (4, 4));
    let view = node.get(&caller(), "a").unwrap();
    for (leg, name) in view.media[0].legs.iter().zip(["sip:alice@example.org", "sip:bob@example.org"]) {
        let authority = leg.authority.as_ref().unwrap();
        assert_eq!(authority.state, AuthorityState::Valid);
        assert_eq!(authority.credential.id, CredentialId::of(name));
        assert_eq!(leg.protection, "AES_CM_128_HMAC_SHA1_80");
        assert!(leg.key_ids.iter().all(Option::is_some));
    }
    let again = node
        .issue(&caller(), issue(vec![keys(0, &credential("sip:alice@example.org", Bounds::default()), 300)]));
    let rekeys =
        again.unwrap().effects.iter().filter(|effect| matches!(effect, Effect::Rekey { .. })).count();
    assert_eq!(rekeys, 2);
}

#[test]
fn a_node_in_fips_mode_issues_keys_for_approved_suites_only() {
    for suite in Suite::ALL {
        let mut node = Sessions::new(NodeConfig { approved_suites_only: true, ..config() }, [7; 64]).unwrap();
        let mut session = unkeyed("a");
        for leg in &mut session.media[0].legs {
            leg.encryption = Some(EncryptionLevel::Supported);
        }
        node.create(&owner(), &session, now()).unwrap();
        let key = |number| KeyMaterial {
            key: vec![number; suite.key_length()].into(),
            salt: vec![number; suite.salt_length()].into(),
            ..KeyMaterial::default()
        };
        let participant = ParticipantKeys {
            leg: 0,
            credential: credential("sip:alice@example.org", Bounds::default()),
            media: vec![FreshKeys { receive: key(1), send: key(2) }],
        };
        let issued =
            node.issue(&caller(), IssueRequest { suite, ..issue(vec![participant]) }).map(|_| suite.name());
        let refusal = format!(
            "suite: is {suite}, which this node, in FIPS mode, does not allow; use one of AES_CM_128_HMAC_SHA1_80, \
             AES_192_CM_HMAC_SHA1_80, AES_256_CM_HMAC_SHA1_80, AEAD_AES_128_GCM, AEAD_AES_256_GCM"
        );
        let expected = if suite.is_fips_approved() { Ok(suite.name()) } else { Err(refusal) };
        assert_eq!(issued.map_err(|error| error.to_string()), expected);
    }
}

#[test]
fn only_mras_changes_keys_that_mras_has_given() {
    let mut node = node();
    both(&mut node, Bounds::default(), Bounds::default()).unwrap();
    let update = LegUpdate { protection: srtp(500, 501), ..LegUpdate::default() };
    let update = UpdateRequest { session_id: "a".into(), legs: vec![update] };
    let error = node.update(&caller(), &update).unwrap_err();
    assert_eq!(error.kind, ErrorKind::FailedPrecondition);
    assert_eq!(
        error.to_string(),
        "legs[0].protection: is given for a leg that has its keys from MRAS; ask for new ones with IssueSessionKeys"
    );
}

#[test]
fn a_credential_binds_what_its_leg_may_be() {
    let none = Bounds::default();
    let refusal = |alice, bob| both(&mut node(), alice, bob).unwrap_err();
    assert_eq!(
        refusal(Bounds { kinds: [MediaKind::Video].into_iter().collect(), ..none }, none),
        "participants[0]: has a credential that is not good for Audio; issue one that is"
    );
    assert_eq!(
        refusal(none, Bounds { suites: [Suite::AeadAes256Gcm].into_iter().collect(), ..none }),
        "participants[1]: has a credential that is not good for AES_CM_128_HMAC_SHA1_80; choose another suite"
    );
    // Alice's endpoint is at 198.51.100.7, and Bob's at 10.0.0.7.
    let outside = "a credential of this media binds it to 192.0.2.0/24; signal an address of that network or issue \
                   another credential";
    assert_eq!(
        refusal(Bounds { source: prefix("192.0.2.0/24"), ..none }, none),
        format!("participants[0]: has its endpoint at 198.51.100.7, and {outside}")
    );
    assert_eq!(
        refusal(Bounds { peer: prefix("192.0.2.0/24"), ..none }, none),
        format!("participants[1]: has its endpoint at 10.0.0.7, and {outside}")
    );
    assert_eq!(
        refusal(
            Bounds { source: prefix("198.51.100.0/24"), ..none },
            Bounds { peer: prefix("192.0.2.0/24"), ..none }
        ),
        "participants[0]: is bound to 198.51.100.0/24 by its own credential and to 192.0.2.0/24 by the other leg's, \
         which have no address in common; issue other credentials"
    );
}

#[test]
fn a_bound_source_is_learnt_within_its_network_only() {
    let mut node = node();
    let alice = Bounds { source: prefix("198.51.100.0/24"), bandwidth: Some(1_000_000), ..Bounds::default() };
    let bob = Bounds { bandwidth: Some(500_000), ..Bounds::default() };
    let effects = both(&mut node, alice, bob).unwrap();
    let within: Vec<_> = effects
        .iter()
        .filter_map(|effect| match effect {
            Effect::SetSource { flow, source, .. } => Some((flow.from_leg, *source)),
            _ => None,
        })
        .collect();
    let network = "198.51.100.0".parse().unwrap();
    assert_eq!(within, [(0, Source::LearnWithin { network, length: 24 })]);
    let bounds: Vec<_> = effects
        .iter()
        .filter_map(|effect| match effect {
            Effect::SetBandwidth { flow, bandwidth, .. } => Some((flow.from_leg, *bandwidth)),
            _ => None,
        })
        .collect();
    assert_eq!(bounds, [(0, Some(500_000)), (1, Some(500_000))]);

    // The endpoint may move, but not away.
    let moved = |address| {
        let update = LegUpdate { remote: remote(address, 7000), ..LegUpdate::default() };
        UpdateRequest { session_id: "a".into(), legs: vec![update] }
    };
    node.update(&caller(), &moved("198.51.100.99")).unwrap();
    let error = node.update(&caller(), &moved("198.51.101.1")).unwrap_err();
    assert!(error.to_string().starts_with("legs[0]: has its endpoint at 198.51.101.1"), "{error}");
    let any = LegUpdate { source: Some(SourceRule::SignalledAddress), ..LegUpdate::default() };
    node.update(&caller(), &UpdateRequest { session_id: "a".into(), legs: vec![any] }).unwrap();
}

#[test]
fn a_revoked_leg_neither_hears_nor_is_heard_until_it_is_keyed_again() {
    let mut node = node();
    both(&mut node, Bounds::default(), Bounds::default()).unwrap();
    let alice = CredentialId::of("sip:alice@example.org");
    let withdrawn = node.revoke(|credential| credential.id == alice);
    assert_eq!(withdrawn.len(), 1);
    assert_eq!(withdrawn[0].legs, [(0, 0)]);
    let [Effect::SetSend { flow: to, send, .. }, Effect::SetReceive { flow: from, receive, .. }] =
        withdrawn[0].effects.as_slice()
    else {
        panic!("{:?}", withdrawn[0].effects);
    };
    assert_eq!((to.from_leg, from.from_leg), (1, 0));
    assert!(matches!((send, receive), (Side::NotReady { permit: None }, Side::NotReady { permit: None })));
    let view = node.get(&caller(), "a").unwrap();
    let [leg, other] = &view.media[0].legs;
    assert_eq!(leg.authority.as_ref().unwrap().state, AuthorityState::Revoked);
    assert_eq!((leg.receive_ready, leg.send_ready, leg.key_ids), (false, false, [None, None]));
    assert_eq!(other.authority.as_ref().unwrap().state, AuthorityState::Valid);
    assert!(node.revoke(|credential| credential.id == alice).is_empty());

    // The keys that were taken away are spent.
    let participant = |number| vec![keys(0, &credential("sip:alice@example.org", Bounds::default()), number)];
    let error = node.issue(&caller(), issue(participant(100))).unwrap_err();
    assert!(error.message.contains("has been used for sending"), "{error}");
    let effects = node.issue(&caller(), issue(participant(300))).unwrap().effects;
    assert!(
        effects.iter().all(|effect| matches!(effect, Effect::SetReceive { .. } | Effect::SetSend { .. }))
    );
    let view = node.get(&caller(), "a").unwrap();
    assert_eq!(view.media[0].legs[0].authority.as_ref().unwrap().state, AuthorityState::Valid);
}

#[test]
fn credentials_expire_after_their_grace_and_once() {
    let mut node = node();
    both(&mut node, Bounds::default(), Bounds::default()).unwrap();
    let grace = Duration::from_secs(10);
    let at = |seconds| std::time::UNIX_EPOCH + Duration::from_secs(seconds);
    assert!(node.expire(at(EXPIRY + 9), grace).is_empty());
    let withdrawn = node.expire(at(EXPIRY + 10), grace);
    assert_eq!(
        withdrawn.iter().map(|session| session.legs.as_slice()).collect::<Vec<_>>(),
        [[(0, 0), (0, 1)]]
    );
    let view = node.get(&caller(), "a").unwrap();
    assert!(
        view.media[0].legs.iter().all(|leg| leg.authority.as_ref().unwrap().state == AuthorityState::Expired)
    );
    assert!(node.expire(at(EXPIRY + 11), grace).is_empty());
}

#[test]
fn a_session_of_others_and_a_leg_that_is_not_there() {
    let mut node = node();
    let alice = credential("sip:alice@example.org", Bounds::default());
    let other = Caller::FrontEnd(Owner::new("other.example"));
    let error = node.issue(&other, issue(vec![keys(0, &alice, 100)])).unwrap_err();
    assert_eq!(error.kind, ErrorKind::NotFound);
    let error = node.issue(&caller(), issue(vec![keys(2, &alice, 100)])).unwrap_err();
    assert_eq!(error.to_string(), "participants[0].leg: is 2; give 0 or 1");
    let mut none = keys(0, &alice, 100);
    none.media.clear();
    let error = node.issue(&caller(), issue(vec![none])).unwrap_err();
    assert!(
        error.to_string().starts_with("participants[0]: has keys for another number of media"),
        "{error}"
    );
}
