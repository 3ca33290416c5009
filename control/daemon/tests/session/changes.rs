// SPDX-License-Identifier: MIT OR Apache-2.0
//! Running sessions that change.

use super::*;

#[tokio::test(flavor = "multi_thread")]
async fn a_running_leg_moves_is_held_and_goes_on() {
    let relay = Setup::loopback().start();
    let mut client = relay.front_end().await;
    let keys = keys();
    let both = keys.each_ref().map(Some);
    let (mut caller, mut callee) = phones(&relay, both);
    call(&mut client, "s", [&mut caller, &mut callee], both, true).await;
    converse(&mut caller, &mut callee, 3);

    // The callee goes elsewhere, and takes its keys along.
    callee.rtp = Phone::new(relay.net().host(5), 0, None).rtp;
    let change = v1::LegUpdate { leg: 1, remote: Some(callee.remote(true)), ..Default::default() };
    let moved = client.update_session(update("s", change)).await.unwrap();
    assert_eq!(moved.media[0].legs[1].signalled.as_ref().unwrap().rtp, callee.remote(true).rtp);
    converse(&mut caller, &mut callee, 3);

    let hold = |held| v1::LegUpdate { leg: 1, held: Some(held), ..Default::default() };
    let held = client.update_session(update("s", hold(true))).await.unwrap();
    assert!(held.media[0].legs[1].held);
    caller.talk();
    callee.talk();
    dropped(&mut client, "s", 0, "held", 1).await;
    dropped(&mut client, "s", 1, "held", 1).await;
    assert!(!client.update_session(update("s", hold(false))).await.unwrap().media[0].legs[1].held);
    // What comes next is what is said next: nothing of the hold has been kept.
    converse(&mut caller, &mut callee, 3);
    relayed(&mut client, "s", [9, 9]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rekey_of_a_running_leg_loses_nothing() {
    let relay = Setup::loopback().start();
    let mut client = relay.front_end().await;
    let keys = keys();
    let both = keys.each_ref().map(Some);
    let (mut caller, mut callee) = phones(&relay, both);
    call(&mut client, "s", [&mut caller, &mut callee], both, true).await;
    converse(&mut caller, &mut callee, 5);

    let mut events = client.watch_events("s").await.unwrap();
    let in_flight: Vec<_> = (0..3)
        .map(|_| {
            let packet = caller.packet();
            (caller.protect(Kind::Rtp, &packet), packet)
        })
        .collect();
    let new = Pair::new(Suite::AesCm128HmacSha1_80, 0x81);
    let change = v1::LegUpdate { leg: 0, protection: Some(new.raw()), ..Default::default() };
    let rekeyed = client.update_session(update("s", change)).await.unwrap();
    assert_eq!(rekeyed.media[0].legs.iter().map(|leg| leg.rekeys).collect::<Vec<_>>(), [1, 0]);

    // What was under way under the old key passes, before and after the first packet under the new one.
    let send = |wire: &[u8], phone: &Phone| phone.rtp.send_to(wire, phone.relay()[0]).unwrap();
    for (wire, packet) in &in_flight[..2] {
        send(wire, &caller);
        assert_eq!(callee.hear(), *packet);
    }
    caller.rekey(&new);
    converse(&mut caller, &mut callee, 5);
    let (wire, packet) = &in_flight[2];
    send(wire, &caller);
    assert_eq!(callee.hear(), *packet);
    converse(&mut caller, &mut callee, 5);

    let told = loop {
        match next(&mut events).await {
            // Of the first packets, which may be told late.
            (_, Event::AddressLearnt(_) | Event::FirstMedia(_)) => {}
            other => break other,
        }
    };
    assert_eq!(told, (0, Event::RekeyDone(v1::RekeyDone {})));
    let session = relayed(&mut client, "s", [18, 15]).await;
    assert_eq!([0, 1].map(|leg| received(&session, leg).drops.len()), [0, 0]);

    // The relay uses the new key: the old one opens nothing.
    let mut old = Phone::new(relay.net().host(3), 0, Some(&keys[0]));
    callee.talk();
    let wire = caller.wire();
    assert_eq!(old.unprotect(Kind::Rtp, &wire), Err(Reject::AuthenticationFailed));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_update_that_is_wrong_in_one_leg_changes_none() {
    let relay = Setup::loopback().start();
    let mut client = relay.front_end().await;
    let keys = keys();
    let both = keys.each_ref().map(Some);
    let (mut caller, mut callee) = phones(&relay, both);
    let made = call(&mut client, "s", [&mut caller, &mut callee], both, true).await;
    let new = Pair::new(Suite::AesCm128HmacSha1_80, 0x81);
    let mut request = update(
        "s",
        v1::LegUpdate { leg: 0, protection: Some(new.raw()), held: Some(true), ..Default::default() },
    );
    request.legs.push(v1::LegUpdate { leg: 1, dscp: Some(65), ..Default::default() });
    let refused = refusal(client.update_session(request).await);
    let sentence = "legs[1].dscp: is 65; give 0 to 63, or 64 for as it came".to_owned();
    assert_eq!(refused, (Code::InvalidArgument, sentence));
    assert_eq!(client.get_session("s").await.unwrap(), made);
    converse(&mut caller, &mut callee, 5);
    // The keys of the refused update were not used up.
    let change = v1::LegUpdate { leg: 0, protection: Some(new.raw()), ..Default::default() };
    client.update_session(update("s", change)).await.unwrap();
    caller.rekey(&new);
    converse(&mut caller, &mut callee, 5);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_has_served_its_lifetime_opens_no_more_until_a_rekey() {
    let relay = Setup::loopback().start();
    let mut client = relay.front_end().await;
    let keys = keys();
    let (mut caller, mut callee) = phones(&relay, keys.each_ref().map(Some));
    let mut limited = keys[0].raw();
    if let Some(v1::protection::Kind::Srtp(keys)) = &mut limited.kind {
        keys.receive[0].lifetime = 5;
    }
    let legs = [
        leg("outside", Some(caller.remote(true)), limited),
        leg("inside", Some(callee.remote(true)), keys[1].raw()),
    ];
    let made = client.create_session(session("s", legs)).await.unwrap();
    caller.answer(&made, 0);
    callee.answer(&made, 1);
    let mut events = client.watch_events("s").await.unwrap();
    converse(&mut caller, &mut callee, 5);
    caller.talk();
    dropped(&mut client, "s", 0, "key_expired", 1).await;
    let mut told = Vec::new();
    while told.len() < 2 {
        match next(&mut events).await {
            (_, Event::AddressLearnt(_) | Event::FirstMedia(_)) => {}
            other => told.push(other),
        }
    }
    let expiring = Event::KeyExpiring(v1::KeyExpiring { packets_left: 1 });
    assert_eq!(told, [(0, expiring), (0, Event::KeyExpired(v1::KeyExpired {}))]);
    let new = Pair::new(Suite::AesCm128HmacSha1_80, 0x81);
    let change = v1::LegUpdate { leg: 0, protection: Some(new.raw()), ..Default::default() };
    client.update_session(update("s", change)).await.unwrap();
    caller.rekey(&new);
    converse(&mut caller, &mut callee, 10);
}
