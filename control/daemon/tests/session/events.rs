// SPDX-License-Identifier: MIT OR Apache-2.0
//! What watchers are told.

use super::*;

#[tokio::test(flavor = "multi_thread")]
async fn what_happens_to_a_session_is_told_in_order() {
    let mut setup = Setup::loopback();
    setup.media = "authentication_failure_rate = 1\n".into();
    let relay = setup.start();
    let mut client = relay.front_end().await;
    let mut events = client.watch_events("").await.unwrap();
    let mut foreign = relay.connect(OTHER_FRONT_END).await.watch_events("").await.unwrap();
    let keys = keys();
    let both = keys.each_ref().map(Some);
    let (mut caller, mut callee) = phones(&relay, both);
    // The caller is behind a NAT: it sends from elsewhere than it says.
    let signalled = Phone::new(relay.net().host(6), 0, None);
    let mut request = session(
        "s",
        [
            leg("outside", Some(signalled.remote(true)), keys[0].raw()),
            leg("inside", Some(callee.remote(true)), keys[1].raw()),
        ],
    );
    request.media_timeout = Some(prost_types::Duration { seconds: 3, nanos: 0 });
    let made = client.create_session(request).await.unwrap();
    caller.answer(&made, 0);
    callee.answer(&made, 1);
    assert_eq!(next(&mut events).await, (0, Event::SessionCreated(v1::SessionCreated {})));

    let learnt = |phone: &Phone| {
        let source = Some(endpoint(phone.rtp.local_addr().unwrap()));
        Event::AddressLearnt(v1::AddressLearnt { source, rtcp: false })
    };
    let said = caller.talk();
    assert_eq!(callee.hear(), said);
    let told = [next(&mut events).await, next(&mut events).await];
    assert!(told.contains(&(0, Event::FirstMedia(v1::FirstMedia {}))), "{told:?}");
    assert!(told.contains(&(0, learnt(&caller))), "{told:?}");
    // The callee's packets reach the caller where it is, not where it said it was.
    let answered = callee.talk();
    assert_eq!(caller.hear(), answered);
    let mut told = vec![next(&mut events).await];
    if told[0].1 == learnt(&callee) {
        told.push(next(&mut events).await);
    }
    assert!(told.contains(&(1, Event::FirstMedia(v1::FirstMedia {}))), "{told:?}");

    let mut silent = Vec::new();
    while silent.len() < 2 {
        match next(&mut events).await {
            (leg, Event::MediaTimeout(timeout)) => {
                assert!(timeout.silent_for.unwrap().seconds >= 3);
                silent.push(leg);
            }
            (1, event) if event == learnt(&callee) => {}
            other => panic!("{other:?}"),
        }
    }
    silent.sort_unstable();
    assert_eq!(silent, [0, 1]);

    let packet = caller.packet();
    let mut forged = caller.protect(Kind::Rtp, &packet);
    *forged.last_mut().unwrap() ^= 1;
    for _ in 0..40 {
        caller.rtp.send_to(&forged, caller.relay()[0]).unwrap();
    }
    let (leg, told) = next(&mut events).await;
    let Event::AuthenticationFailures(failures) = told else { panic!("{told:?}") };
    assert_eq!(leg, 0);
    assert!(failures.in_last_second > 1 && failures.total <= 40, "{failures:?}");
    dropped(&mut client, "s", 0, "authentication_failed", 40).await;

    client.delete_session("s").await.unwrap();
    let last = loop {
        match next(&mut events).await {
            (0, Event::AuthenticationFailures(_)) => {}
            other => break other,
        }
    };
    assert_eq!(last, (0, Event::SessionDeleted(v1::SessionDeleted {})));
    // Another front end was told of its own only.
    let mut other = relay.connect(OTHER_FRONT_END).await;
    let legs = [leg_without_remote("outside"), leg_without_remote("inside")];
    other.create_session(session("theirs", legs)).await.unwrap();
    let event = tokio::time::timeout(PATIENCE, foreign.next()).await.unwrap().unwrap().unwrap();
    assert_eq!(event.session_id, "theirs");
}
