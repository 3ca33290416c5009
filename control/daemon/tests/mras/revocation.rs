// SPDX-License-Identifier: MIT OR Apache-2.0
//! Credentials that are ended in mid-call.

use std::time::Instant;

use v1::revoke_request::Target;

use super::*;
use crate::common::live::LiveCall;

/// From the answer to Revoke until the last packet.
const BOUND: Duration = Duration::from_secs(1);
/// So many are sent in longer than that, one each millisecond.
const LONGER: u64 = 1200;
const REFUSED: &str = "the username and password do not hold; ask for new ones";

/// What one case revokes, who asks for it, the legs that end by it, and the identities of a call that goes on.
struct Case {
    name: &'static str,
    target: fn(&[v1::Credential; 2]) -> Target,
    by_operator: bool,
    legs: &'static [u32],
    others: [&'static str; 2],
}

async fn ends(case: Case) {
    let relay = Setup::loopback().with_mras("").start();
    let mut client = relay.front_end().await;
    let mut operator = relay.operator().await;
    let credentials = issue(&mut client, [ALICE, BOB]).await;
    assert_eq!(operator.rotate_signing_key().await.unwrap(), 2);
    let others = issue(&mut client, case.others).await;
    let (mut caller, mut callee) = phones(&relay);
    call(&mut client, "s", [&mut caller, &mut callee], credentials.each_ref()).await;
    converse(&mut caller, &mut callee, 5);
    let (mut other, mut another) = phones(&relay);
    call(&mut client, "other", [&mut other, &mut another], others.each_ref()).await;
    converse(&mut other, &mut another, 5);
    let mut events = client.watch_events("").await.unwrap();

    let live = LiveCall::start(&mut client, "s", [caller, callee]).await;
    let target = (case.target)(&credentials);
    let revoker = if case.by_operator { &mut operator } else { &mut client };
    let asked = Instant::now();
    let legs = revoker.revoke(target.clone()).await.unwrap();
    let answered = Instant::now();
    assert_eq!(legs, case.legs.len() as u64);
    converse(&mut other, &mut another, 100);
    let mut over = live.end(&mut client, "s", LONGER).await;
    let after = over.after(answered);
    println!(
        "revoked by {}: the last packet came {:?} after the request, {after:?} after the answer",
        case.name,
        over.after(asked)
    );
    assert!(after < BOUND, "{}: {after:?}", case.name);

    let mut told = Vec::new();
    for _ in case.legs {
        told.push(ended(&mut events).await);
    }
    let revoked = v1::AuthorityState::Revoked;
    assert_eq!(told, case.legs.iter().map(|leg| (*leg, revoked)).collect::<Vec<_>>());
    let session = client.get_session("s").await.unwrap();
    let protection = v1::GetProtectionRequest { session_id: "s".into(), ..Default::default() };
    let links = client.get_protection(protection).await.unwrap().media;
    for leg in [0, 1] {
        let is_ended = case.legs.contains(&leg);
        let state = if is_ended { revoked } else { v1::AuthorityState::Valid };
        let id = credentials[leg as usize].credential_id.clone();
        assert_eq!(authority(&session, leg as usize), (id, state));
        assert_eq!(session.media[0].legs[leg as usize].receive_ready, !is_ended);
        let link = &links[leg as usize];
        assert_eq!(link.receive.as_ref().unwrap().key_id.is_empty(), is_ended);
        assert_eq!(link.authority.as_ref().unwrap().state(), state);
    }
    for leg in case.legs {
        let request = keys_for("s", "", &[(*leg, &credentials[*leg as usize])]);
        let refused = refusal(client.issue_session_keys(request).await);
        assert_eq!(refused, (Code::PermissionDenied, format!("participants[0]: {REFUSED}")));
    }

    // The other call has lost nothing, and goes on.
    relayed(&mut client, "other", [105, 105]).await;
    converse(&mut other, &mut another, 5);

    // Somebody else takes the place.
    let [fresh] = issue(&mut client, [ERIN]).await;
    for leg in case.legs {
        key(&mut client, "s", [(*leg, &mut over.phones[*leg as usize], &fresh)]).await;
    }
    let [caller, callee] = &mut over.phones;
    converse(caller, callee, 10);

    let receipt = client.end_session("s").await.unwrap().receipt;
    let receipt: culvert_audit::Receipt = serde_json::from_str(&receipt).unwrap();
    for leg in [0, 1] {
        let uses = receipt.media[0].legs[leg].keys.len();
        assert_eq!(uses, if case.legs.contains(&(leg as u32)) { 4 } else { 2 }, "leg {leg}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_identity_that_is_revoked_in_mid_call_is_not_heard_any_more() {
    ends(Case {
        name: "identity",
        // However it is written.
        target: |_| Target::Identity("sip:BOB@Example.org".into()),
        by_operator: false,
        legs: &[1],
        others: [CAROL, DAVE],
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_credential_that_is_revoked_in_mid_call_leaves_the_identitys_others() {
    ends(Case {
        name: "credential",
        target: |[alice, _]| Target::Credential(alice.credential_id.clone()),
        by_operator: false,
        legs: &[0],
        others: [ALICE, BOB],
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_signing_key_that_is_revoked_in_mid_call_leaves_those_of_the_next() {
    ends(Case {
        name: "epoch",
        target: |_| Target::Epoch(1),
        by_operator: true,
        legs: &[0, 1],
        others: [ALICE, BOB],
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn revocations_survive_a_restart_until_they_are_taken_back() {
    let mut relay = Setup::loopback().with_mras("").start();
    let mut client = relay.front_end().await;
    let mut operator = relay.operator().await;
    let [alice, bob, carol] = issue(&mut client, [ALICE, BOB, CAROL]).await;
    operator.rotate_signing_key().await.unwrap();
    let [dave] = issue(&mut client, [DAVE]).await;
    assert_eq!(client.revoke(Target::Identity(ALICE.into())).await.unwrap(), 0);
    // By its username, too.
    assert_eq!(client.revoke(Target::Credential(dave.username.clone())).await.unwrap(), 0);
    assert_eq!(operator.revoke(Target::Epoch(1)).await.unwrap(), 0);
    let before = operator.list_revocations().await.unwrap();
    let mut targets: Vec<_> =
        before.revocations.iter().map(|one| format!("{:?}", one.target.as_ref().unwrap())).collect();
    targets.sort();
    let expected = [
        format!("CredentialId({:?})", dave.credential_id),
        "Epoch(1)".to_owned(),
        format!("Identity({ALICE:?})"),
    ];
    assert_eq!(targets, expected);
    let keys: Vec<_> = before.signing_keys.iter().map(|key| (key.epoch, key.signs)).collect();
    assert_eq!(keys, [(2, true), (1, false)]);

    relay.restart();
    let mut client = relay.front_end().await;
    let mut operator = relay.operator().await;
    assert_eq!(operator.list_revocations().await.unwrap(), before);
    let (mut caller, mut callee) = phones(&relay);
    unkeyed(&mut client, "s", [&mut caller, &mut callee]).await;
    for credential in [&alice, &bob, &carol, &dave] {
        let refused = refusal(client.issue_session_keys(keys_for("s", "", &[(0, credential)])).await);
        assert_eq!(refused, (Code::PermissionDenied, format!("participants[0]: {REFUSED}")));
    }
    let refused = refusal(client.issue_credentials(credentials_for(vec![asked(BOB), asked(ALICE)])).await);
    let text = "credentials[1].identity: revoked; reinstate it first".to_owned();
    assert_eq!(refused, (Code::FailedPrecondition, text));

    use v1::reinstate_request::Target as Again;
    for (target, was_revoked) in [
        (Again::Identity(ALICE.into()), true),
        (Again::Identity(ALICE.into()), false),
        (Again::Credential(dave.credential_id.clone()), true),
        (Again::Credential(bob.credential_id.clone()), false),
    ] {
        assert_eq!(operator.reinstate(target).await.unwrap(), was_revoked);
    }
    let [alice] = issue(&mut client, [ALICE]).await;
    key(&mut client, "s", [(0, &mut caller, &alice), (1, &mut callee, &dave)]).await;
    converse(&mut caller, &mut callee, 5);
}
