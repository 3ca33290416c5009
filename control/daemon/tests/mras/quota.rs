// SPDX-License-Identifier: MIT OR Apache-2.0
//! Quotas, and what gives back what they count.

use culvert_api::v1::media_relay_auth_client::MediaRelayAuthClient;

use super::*;

fn exhausted(text: &str) -> (Code, String) {
    (Code::ResourceExhausted, text.to_owned())
}

async fn empty(client: &mut Client, ids: &[&str]) {
    for id in ids {
        let legs = [required("outside", None), required("inside", None)];
        client.create_session(session(id, legs)).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn credentials_of_a_minute_that_are_used_up_come_back() {
    let quota = "[mras.quota]\nfront_end_credentials = 5\nidentity_credentials = 2\n";
    let relay = Setup::loopback().with_mras(quota).start();
    let mut client = MediaRelayAuthClient::new(relay.channel(FRONT_END).await);
    let mut ask = async |identities: &[&str]| {
        let request = credentials_for(identities.iter().map(|identity| asked(identity)).collect());
        client.issue_credentials(request).await
    };
    ask(&[ALICE, ALICE]).await.unwrap();
    // Seconds until enough have come back, of which part may have gone by.
    let wait = |status: &tonic::Status, before: &str, most: u64| {
        let seconds: u64 = status.metadata().get("retry-after").unwrap().to_str().unwrap().parse().unwrap();
        assert!((most - 10..=most).contains(&seconds), "{seconds}");
        let text = format!("{before}; come back in {seconds} s");
        assert_eq!((status.code(), status.message()), (Code::ResourceExhausted, text.as_str()));
    };
    let status = ask(&[BOB, ALICE]).await.unwrap_err();
    let text = "credentials[1].identity: the identity asks for 1 credentials and has 0 left of 2 a minute";
    wait(&status, text, 30);
    // Nothing of that was taken: three are left.
    let status = ask(&[BOB, BOB, CAROL, DAVE]).await.unwrap_err();
    wait(&status, "the front end asks for 4 credentials and has 3 left of 5 a minute", 12);
    ask(&[BOB, BOB, CAROL]).await.unwrap();
    // So many are never granted at once: there is nothing to wait for.
    let status = ask(&[ERIN, ERIN, ERIN]).await.unwrap_err();
    assert_eq!(status.code(), Code::ResourceExhausted);
    // Another front end has a quota of its own.
    let mut other = relay.connect(OTHER_FRONT_END).await;
    issue(&mut other, [DAVE]).await;
    let request = credentials_for(vec![asked(ERIN); 3]);
    let text = "credentials[0].identity: the identity asks for 3 credentials and has 2 left of 2 a minute; ask for \
                fewer at once";
    assert_eq!(refusal(other.issue_credentials(request.clone()).await), exhausted(text));
    let mut raw = MediaRelayAuthClient::new(relay.channel(OTHER_FRONT_END).await);
    let status = raw.issue_credentials(request).await.unwrap_err();
    assert!(status.metadata().get("retry-after").is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn sessions_are_given_back_by_their_end() {
    let quota = "[mras.quota]\nfront_end_sessions = 2\nidentity_sessions = 1\n";
    let relay = Setup::loopback().with_mras(quota).start();
    let mut client = relay.front_end().await;
    let [alice, bob, carol, dave] = issue(&mut client, [ALICE, BOB, CAROL, DAVE]).await;
    empty(&mut client, &["a", "b", "c"]).await;
    let mut ask = async |id: &str, one, other| {
        client.issue_session_keys(keys_for(id, "", &[(0, one), (1, other)])).await.map(|_| ())
    };
    ask("a", &alice, &bob).await.unwrap();
    // A re-key is the same session; so is one for another participant.
    ask("a", &alice, &bob).await.unwrap();
    let of_alice = exhausted("the identity has all of its 1 sessions; end one first");
    assert_eq!(refusal(ask("b", &carol, &alice).await), of_alice);
    ask("b", &carol, &dave).await.unwrap();
    let of_front_end = exhausted("the front end has all of its 2 sessions; end one first");
    assert_eq!(refusal(ask("c", &carol, &dave).await), of_front_end);
    // A re-key that is refused leaves the account as it was, for whatever reason it is.
    assert_eq!(refusal(ask("b", &carol, &alice).await), of_alice);
    let video = v1::Bounds { kinds: vec![v1::MediaKind::Video.into()], ..Default::default() };
    let [erin] = issue_bound(&mut client, [bound(ERIN, video)]).await;
    let refused = refusal(client.issue_session_keys(keys_for("b", "", &[(0, &erin), (1, &dave)])).await);
    assert_eq!(refused.0, Code::FailedPrecondition);
    client.delete_session("a").await.unwrap();
    let request = keys_for("c", "", &[(0, &carol), (1, &bob)]);
    let of_carol = exhausted("the identity has all of its 1 sessions; end one first");
    assert_eq!(refusal(client.issue_session_keys(request).await), of_carol);
    let mut ask = async |id: &str, one, other| {
        client.issue_session_keys(keys_for(id, "", &[(0, one), (1, other)])).await.map(|_| ())
    };
    ask("c", &alice, &bob).await.unwrap();
    assert_eq!(refusal(ask("b", &alice, &dave).await), of_alice);
}

#[tokio::test(flavor = "multi_thread")]
async fn bandwidth_is_given_back_by_the_end_of_a_session() {
    let quota = "[mras.quota]\nfront_end_bandwidth = 200\nidentity_bandwidth = 100\n";
    let relay = Setup::loopback().with_mras(quota).start();
    let mut client = relay.front_end().await;
    let of = |identity, bandwidth| bound(identity, v1::Bounds { bandwidth, ..Default::default() });
    let [alice, bob, wide, carol] =
        issue_bound(&mut client, [of(ALICE, 60_000), of(BOB, 80_000), of(CAROL, 100_001), of(CAROL, 61_000)])
            .await;
    empty(&mut client, &["a", "b"]).await;
    let ask = |id, participants: &[(u32, &v1::Credential)]| keys_for(id, "", participants);
    client.issue_session_keys(ask("a", &[(0, &alice), (1, &bob)])).await.unwrap();
    for (participant, text) in [
        (&wide, "the front end asks for 100001 bit/s and has 60000 left of 200000"),
        (&alice, "the identity asks for 60000 bit/s and has 40000 left of 100000"),
        (&carol, "the front end asks for 61000 bit/s and has 60000 left of 200000"),
    ] {
        let refused = refusal(client.issue_session_keys(ask("b", &[(0, participant)])).await);
        assert_eq!(refused, exhausted(&format!("{text}; ask for less, or end a session")));
    }
    client.delete_session("a").await.unwrap();
    client.issue_session_keys(ask("b", &[(0, &alice), (1, &carol)])).await.unwrap();
    client.delete_session("b").await.unwrap();
    empty(&mut client, &["c"]).await;
    let refused = refusal(client.issue_session_keys(ask("c", &[(0, &wide)])).await);
    let text =
        "the identity asks for 100001 bit/s and has 100000 left of 100000; ask for less, or end a session";
    assert_eq!(refused, exhausted(text));
}
