// SPDX-License-Identifier: MIT OR Apache-2.0
//! What a credential is not good for.

use super::*;

const RTP_IPV4: usize = 20 + 8 + 172 + 10;

/// Telephones, and a session of theirs that has no keys yet.
async fn ready(relay: &Relay, client: &mut Client) -> (Phone, Phone) {
    let (mut caller, mut callee) = phones(relay);
    unkeyed(client, "s", [&mut caller, &mut callee]).await;
    (caller, callee)
}

/// Keys for leg 0 are refused to who holds this credential.
async fn is_refused(client: &mut Client, suite: &str, credential: &v1::Credential, text: &str) {
    let refused = refusal(client.issue_session_keys(keys_for("s", suite, &[(0, credential)])).await);
    assert_eq!(refused, (Code::FailedPrecondition, format!("participants[0]: {text}")));
    let leg = &client.get_session("s").await.unwrap().media[0].legs[0];
    assert_eq!((leg.receive_ready, leg.authority.clone()), (false, None));
}

/// One leg hears its own network only, whichever credential says so.
async fn hears_only_within(leg: usize, bounds: impl Fn(&Relay) -> [v1::Bounds; 2]) {
    let relay = Setup::loopback().with_mras("").start();
    let mut client = relay.front_end().await;
    let (mut caller, mut callee) = ready(&relay, &mut client).await;
    let [one, other] = bounds(&relay);
    let [alice, bob] = issue_bound(&mut client, [bound(ALICE, one), bound(BOB, other)]).await;
    key(&mut client, "s", [(0, &mut caller, &alice), (1, &mut callee, &bob)]).await;
    // The right key, from the wrong place, before anybody has been heard.
    let foreign = Phone::new(relay.net().host(9), 0, None);
    let phone = if leg == 0 { &mut caller } else { &mut callee };
    let packet = phone.packet();
    let wire = phone.protect(Kind::Rtp, &packet);
    foreign.rtp.send_to(&wire, phone.relay()[0]).unwrap();
    let session = dropped(&mut client, "s", leg, "wrong_source", 1).await;
    assert_eq!(session.media[0].legs[leg].learnt, None);
    phone.rtp.send_to(&wire, phone.relay()[0]).unwrap();
    let far = if leg == 0 { &mut callee } else { &mut caller };
    assert_eq!(far.hear(), packet);
    converse(&mut caller, &mut callee, 5);
}

#[tokio::test(flavor = "multi_thread")]
async fn media_from_outside_of_the_source_prefix_are_dropped() {
    hears_only_within(0, |relay| {
        [v1::Bounds { source: relay.net().host(3).to_string(), ..Default::default() }, v1::Bounds::default()]
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn media_from_outside_of_the_others_peer_prefix_are_dropped() {
    hears_only_within(1, |relay| {
        let peer = format!("{}/31", relay.net().host(4));
        [v1::Bounds { peer, ..Default::default() }, v1::Bounds::default()]
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_that_a_credential_does_not_cover_is_not_keyed() {
    let relay = Setup::loopback().with_mras("").start();
    let mut client = relay.front_end().await;
    let (mut caller, mut callee) = ready(&relay, &mut client).await;
    let net = relay.net();
    let [at, elsewhere, there] = [3, 9, 4].map(|host| net.host(host));
    let of = |bounds| bound(ALICE, bounds);
    let [video, gcm, source, peer, none] = issue_bound(
        &mut client,
        [
            of(v1::Bounds { kinds: vec![v1::MediaKind::Video.into()], ..Default::default() }),
            of(v1::Bounds { suites: vec!["AEAD_AES_256_GCM".into()], ..Default::default() }),
            of(v1::Bounds { source: elsewhere.to_string(), ..Default::default() }),
            of(v1::Bounds { peer: elsewhere.to_string(), ..Default::default() }),
            of(v1::Bounds { source: "192.0.2.0/24".into(), ..Default::default() }),
        ],
    )
    .await;
    let client = &mut client;
    is_refused(client, "", &video, "has a credential that is not good for Audio; issue one that is").await;
    let text = "has a credential that is not good for AES_CM_128_HMAC_SHA1_80; choose another suite";
    is_refused(client, "", &gcm, text).await;
    for (credential, at, within) in
        [(&source, at, format!("{elsewhere}/32")), (&peer, there, format!("{elsewhere}/32"))]
    {
        let text = format!(
            "has its endpoint at {at}, and a credential of this media binds it to {within}; signal an address of \
             that network or issue another credential"
        );
        is_refused(client, "", credential, &text).await;
    }
    // Two credentials that leave no address to one leg.
    let [bob] = issue_bound(
        client,
        [bound(BOB, v1::Bounds { peer: "198.51.100.0/24".into(), ..Default::default() })],
    )
    .await;
    let request = keys_for("s", "", &[(0, &none), (1, &bob)]);
    let text = "participants[0]: is bound to 192.0.2.0/24 by its own credential and to 198.51.100.0/24 by the other \
                leg's, which have no address in common; issue other credentials";
    assert_eq!(
        refusal(client.issue_session_keys(request).await),
        (Code::FailedPrecondition, text.to_owned())
    );

    // What it is good for.
    let request = keys_for("s", "AEAD_AES_256_GCM", &[(0, &gcm), (1, &gcm)]);
    let issued = client.issue_session_keys(request).await.unwrap();
    caller.key(&open(&gcm, &issued.keys[0]));
    callee.key(&open(&gcm, &issued.keys[1]));
    converse(&mut caller, &mut callee, 5);
    // A front end does not get around it with another endpoint, nor with keys of its own.
    let [here] =
        issue_bound(client, [bound(CAROL, v1::Bounds { source: at.to_string(), ..Default::default() })])
            .await;
    key(client, "s", [(0, &mut caller, &here)]).await;
    let moved = Phone::new(elsewhere, 0, None);
    let change = v1::LegUpdate { leg: 0, remote: Some(moved.remote(true)), ..Default::default() };
    let text = format!(
        "legs[0]: has its endpoint at {elsewhere}, and a credential of this media binds it to {at}/32; signal an \
         address of that network or issue another credential"
    );
    assert_eq!(refusal(client.update_session(update("s", change)).await), (Code::FailedPrecondition, text));
    let own = Pair::new(Suite::AesCm128HmacSha1_80, 1).raw();
    let change = v1::LegUpdate { leg: 0, protection: Some(own), ..Default::default() };
    let text = "legs[0].protection: is given for a leg that has its keys from MRAS; ask for new ones with \
                IssueSessionKeys";
    assert_eq!(
        refusal(client.update_session(update("s", change)).await),
        (Code::FailedPrecondition, text.to_owned())
    );
    converse(&mut caller, &mut callee, 5);
}

#[tokio::test(flavor = "multi_thread")]
async fn media_over_the_bandwidth_are_dropped() {
    let relay = Setup::loopback().with_mras("").start();
    let mut client = relay.front_end().await;
    let (mut caller, mut callee) = ready(&relay, &mut client).await;
    // A byte a second: what has been saved up is all that passes.
    let [alice, bob] = issue_bound(
        &mut client,
        [bound(ALICE, v1::Bounds { bandwidth: 8, ..Default::default() }), asked(BOB)],
    )
    .await;
    key(&mut client, "s", [(0, &mut caller, &alice), (1, &mut callee, &bob)]).await;
    let pass = 4096 / RTP_IPV4;
    // Each direction has its own.
    for _ in 0..pass {
        let said = caller.talk();
        assert_eq!(callee.hear(), said);
    }
    for _ in 0..30 {
        caller.talk();
    }
    dropped(&mut client, "s", 0, "over_bandwidth", 30).await;
    for _ in 0..pass + 10 {
        callee.talk();
    }
    let session = dropped(&mut client, "s", 1, "over_bandwidth", 10).await;
    assert_eq!([0, 1].map(|leg| received(&session, leg).packets), [pass as u64; 2]);
    // A credential without the bound lifts it.
    for _ in 0..pass {
        caller.hear();
    }
    let [carol] = issue(&mut client, [CAROL]).await;
    let issued = client.issue_session_keys(keys_for("s", "", &[(0, &carol)])).await.unwrap();
    caller.rekey(&open(&carol, &issued.keys[0]));
    converse(&mut caller, &mut callee, 100);
}
