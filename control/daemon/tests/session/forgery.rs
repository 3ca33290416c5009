// SPDX-License-Identifier: MIT OR Apache-2.0
//! Packets of those who have no key.

use super::*;

#[tokio::test(flavor = "multi_thread")]
async fn only_the_right_key_opens_what_the_relay_sends() {
    let relay = Setup::loopback().start();
    let mut client = relay.front_end().await;
    let keys = keys();
    let both = keys.each_ref().map(Some);
    let (mut caller, mut callee) = phones(&relay, both);
    call(&mut client, "s", [&mut caller, &mut callee], both, true).await;
    let stranger = Pair { relay: Key::new(Suite::AeadAes256Gcm, 0xee), ..keys[1].clone() };
    let mut listener = Phone::new(relay.net().host(7), 0, Some(&stranger));
    for _ in 0..10 {
        let said = caller.talk();
        let wire = callee.wire();
        assert_eq!(listener.unprotect(Kind::Rtp, &wire), Err(Reject::AuthenticationFailed));
        assert_eq!(callee.unprotect(Kind::Rtp, &wire), Ok(said));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn forged_packets_change_nothing_but_a_drop_counter() {
    let relay = Setup::loopback().start();
    let mut client = relay.front_end().await;
    let keys = keys();
    let both = keys.each_ref().map(Some);
    let (mut caller, mut callee) = phones(&relay, both);
    call(&mut client, "s", [&mut caller, &mut callee], both, true).await;
    // Past the roll-over.
    caller.sequence = 65_530;
    converse(&mut caller, &mut callee, 12);
    relayed(&mut client, "s", [12, 12]).await;
    let mut before = eventually("sources learnt", async || {
        let session = client.get_session("s").await.unwrap();
        session.media[0].legs.iter().all(|leg| leg.learnt.is_some()).then_some(session)
    })
    .await;

    let template = caller.packet();
    let wire = caller.protect(Kind::Rtp, &template);
    for sequence in [6, 7, 8, 33_000, 40_000, 60_000, 65_000, 65_535, 100, 1000, 16_000, 32_000u16] {
        let mut forged = wire.clone();
        forged[2..4].copy_from_slice(&sequence.to_be_bytes());
        *forged.last_mut().unwrap() ^= 0x80;
        caller.rtp.send_to(&forged, caller.relay()[0]).unwrap();
    }
    let after = dropped(&mut client, "s", 0, "authentication_failed", 7).await;
    // Those behind the window, and one that was there already, are not worth a tag's computation.
    let drops = [("authentication_failed", 7), ("too_old", 4), ("replayed", 1)];
    let counters = before.media[0].legs[0].received.as_mut().unwrap();
    counters.drops = drops.map(|(reason, count)| (reason.to_owned(), count)).into();
    assert_eq!(after, before);

    // The packet that the forger copied comes too, and the call goes on without loss.
    caller.rtp.send_to(&wire, caller.relay()[0]).unwrap();
    assert_eq!(callee.hear(), template);
    converse(&mut caller, &mut callee, 12);

    // Somebody else with the right packet is not heard either.
    let foreign = Phone::new(relay.net().host(8), 0, None);
    let packet = caller.packet();
    let wire = caller.protect(Kind::Rtp, &packet);
    foreign.rtp.send_to(&wire, caller.relay()[0]).unwrap();
    dropped(&mut client, "s", 0, "wrong_source", 1).await;
    caller.rtp.send_to(&wire, caller.relay()[0]).unwrap();
    assert_eq!(receive(&callee.rtp).1, callee.relay()[0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_forger_who_comes_first_is_not_learnt() {
    let relay = Setup::loopback().start();
    let mut client = relay.front_end().await;
    let keys = keys();
    let both = keys.each_ref().map(Some);
    let (mut caller, mut callee) = phones(&relay, both);
    call(&mut client, "s", [&mut caller, &mut callee], both, true).await;
    let foreign = Phone::new(relay.net().host(8), 0, None);
    let packet = caller.packet();
    let mut forged = caller.protect(Kind::Rtp, &packet);
    *forged.last_mut().unwrap() ^= 1;
    foreign.rtp.send_to(&forged, caller.relay()[0]).unwrap();
    let session = dropped(&mut client, "s", 0, "authentication_failed", 1).await;
    assert_eq!(session.media[0].legs[0].learnt, None);
    converse(&mut caller, &mut callee, 5);
    let learnt = eventually("a source learnt", async || {
        client.get_session("s").await.unwrap().media[0].legs[0].learnt.clone()
    })
    .await;
    assert_eq!(learnt.rtp, Some(endpoint(caller.rtp.local_addr().unwrap())));
}
