// SPDX-License-Identifier: MIT OR Apache-2.0
//! Calls through the daemon over sockets on loopback, from the front end's request to the packet that is heard.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod common;

use std::collections::HashMap;

use common::{
    PATIENCE, eventually,
    phone::{Phone, receive},
    relay::{OTHER_FRONT_END, Relay, Setup, refusal},
    request::{Key, Pair, endpoint, leg, plain, session, update},
};
use culvert_api::{Client, EventStream, v1, v1::event::Kind as Event};
use culvert_srtp::{Kind, Reject, Suite};
use tonic::Code;

const CALLER: u32 = 0x0a0a_0a0a;
const CALLEE: u32 = 0x0b0b_0b0b;
const RTP: u64 = 172;
const RTCP: u64 = 28;

/// The keys of either leg, in suites that have nothing in common.
fn keys() -> [Pair; 2] {
    [Pair::new(Suite::AesCm128HmacSha1_80, 1), Pair::new(Suite::AeadAes256Gcm, 0x41)]
}

/// What a front end makes of two telephones, with raw keys where there are any.
async fn call(
    client: &mut Client,
    id: &str,
    phones: [&mut Phone; 2],
    keys: [Option<&Pair>; 2],
    rtcp_mux: bool,
) -> v1::Session {
    let [caller, callee] = phones;
    let protection = |keys: Option<&Pair>| keys.map_or_else(plain, Pair::raw);
    let mut legs = [
        leg("outside", Some(caller.remote(rtcp_mux)), protection(keys[0])),
        leg("inside", Some(callee.remote(rtcp_mux)), protection(keys[1])),
    ];
    for leg in &mut legs {
        leg.rtcp_mux = rtcp_mux;
    }
    let made = client.create_session(session(id, legs)).await.unwrap();
    caller.answer(&made, 0);
    callee.answer(&made, 1);
    made
}

fn phones(relay: &Relay, keys: [Option<&Pair>; 2]) -> (Phone, Phone) {
    let net = relay.net();
    (Phone::new(net.host(3), CALLER, keys[0]), Phone::new(net.host(4), CALLEE, keys[1]))
}

fn received(session: &v1::Session, leg: usize) -> &v1::FlowCounters {
    session.media[0].legs[leg].received.as_ref().unwrap()
}

/// The session as soon as both directions have relayed so many packets.
async fn relayed(client: &mut Client, id: &str, packets: [u64; 2]) -> v1::Session {
    eventually("packets relayed", async || {
        let session = client.get_session(id).await.unwrap();
        let now = [0, 1].map(|leg| received(&session, leg).packets);
        assert!(now[0] <= packets[0] && now[1] <= packets[1], "{now:?} of {packets:?}");
        (now == packets).then_some(session)
    })
    .await
}

/// The session as soon as a leg has dropped so many packets for a reason.
async fn dropped(client: &mut Client, id: &str, leg: usize, reason: &str, count: u64) -> v1::Session {
    eventually("packets dropped", async || {
        let session = client.get_session(id).await.unwrap();
        (received(&session, leg).drops.get(reason) == Some(&count)).then_some(session)
    })
    .await
}

/// Both talk at once, and both hear every packet.
fn converse(caller: &mut Phone, callee: &mut Phone, packets: usize) {
    for _ in 0..packets {
        let (said, answered) = (caller.talk(), callee.talk());
        assert_eq!(callee.hear(), said);
        assert_eq!(caller.hear(), answered);
    }
}

fn check_counters(session: &v1::Session, leg: usize, ssrc: u32, bytes: u64) {
    let counters = received(session, leg);
    assert_eq!((counters.packets, counters.rtcp_packets, counters.bytes), (21, 1, bytes), "leg {leg}");
    assert_eq!(counters.drops, HashMap::new());
    assert!(counters.last_packet.is_some());
    let [stream] = counters.streams.as_slice() else { panic!("{:?}", counters.streams) };
    assert_eq!(
        (stream.ssrc, stream.packets, stream.lost, stream.highest_sequence),
        (ssrc, 20, 0, 119),
        "leg {leg}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn srtp_under_two_suites_both_ways_with_rtcp_on_one_port_or_two() {
    let relay = Setup::loopback().start();
    let mut client = relay.front_end().await;
    for (id, rtcp_mux, number) in [("mux", true, 1), ("apart", false, 3)] {
        let keys =
            [Pair::new(Suite::AesCm128HmacSha1_80, number), Pair::new(Suite::AeadAes256Gcm, number + 0x40)];
        let both = keys.each_ref().map(Some);
        let (mut caller, mut callee) = phones(&relay, both);
        let made = call(&mut client, id, [&mut caller, &mut callee], both, rtcp_mux).await;
        let [rtp, rtcp] = caller.relay();
        assert_eq!(rtcp.port() - rtp.port(), u16::from(!rtcp_mux));
        assert_eq!(rtp.ip(), relay.net().host(1));
        assert_eq!(callee.relay()[0].ip(), relay.net().host(2));
        let names = made.media[0].legs.iter().map(|leg| leg.protection.as_str()).collect::<Vec<_>>();
        assert_eq!(names, ["AES_CM_128_HMAC_SHA1_80", "AEAD_AES_256_GCM"]);

        converse(&mut caller, &mut callee, 20);
        let (said, answered) = (caller.tell(), callee.tell());
        assert_eq!(callee.read(), said);
        assert_eq!(caller.read(), answered);

        let session = relayed(&mut client, id, [21, 21]).await;
        check_counters(&session, 0, CALLER, 20 * (RTP + 16) + RTCP + 16 + 4);
        check_counters(&session, 1, CALLEE, 20 * (RTP + 10) + RTCP + 10 + 4);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn srtp_bridged_to_plain_rtp() {
    let relay = Setup::loopback().start();
    let mut client = relay.front_end().await;
    let [pair, _] = keys();
    let both = [Some(&pair), None];
    let (mut caller, mut callee) = phones(&relay, both);
    call(&mut client, "bridge", [&mut caller, &mut callee], both, true).await;
    for _ in 0..20 {
        let said = caller.talk();
        // To the byte what was said: nothing else is on a plain leg.
        assert_eq!(callee.wire(), said);
        let answered = callee.talk();
        let wire = caller.wire();
        assert_eq!(wire.len() as u64, RTP + 10);
        assert_ne!(wire[12..172], answered[12..]);
        assert_eq!(caller.unprotect(Kind::Rtp, &wire), Ok(answered));
    }
    let (said, answered) = (caller.tell(), callee.tell());
    assert_eq!((callee.read(), caller.read()), (said, answered));
    let session = relayed(&mut client, "bridge", [21, 21]).await;
    check_counters(&session, 0, CALLER, 20 * RTP + RTCP);
    check_counters(&session, 1, CALLEE, 20 * (RTP + 10) + RTCP + 10 + 4);
    assert_eq!(session.media[0].legs[1].protection, "plain");
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_as_sdes_attributes_with_and_without_mki() {
    let relay = Setup::loopback().start();
    let mut client = relay.front_end().await;
    let keys = [
        Pair::new(Suite::AesCm256HmacSha1_32, 1).with_mki(&[0, 0, 1, 7]),
        Pair::new(Suite::AeadAes128Gcm, 0x41),
    ];
    let (mut caller, mut callee) = phones(&relay, keys.each_ref().map(Some));
    let legs = [
        leg("outside", Some(caller.remote(true)), keys[0].sdes()),
        leg("inside", Some(callee.remote(true)), keys[1].sdes()),
    ];
    let made = client.create_session(session("sdes", legs)).await.unwrap();
    caller.answer(&made, 0);
    callee.answer(&made, 1);
    converse(&mut caller, &mut callee, 20);
    let answered = callee.talk();
    let wire = caller.wire();
    assert_eq!((wire.len() as u64, &wire[172..176]), (RTP + 4 + 4, [0, 0, 1, 7].as_slice()));
    assert_eq!(caller.unprotect(Kind::Rtp, &wire), Ok(answered));
    let (said, answered) = (caller.tell(), callee.tell());
    assert_eq!((callee.read(), caller.read()), (said, answered));
}

#[tokio::test(flavor = "multi_thread")]
async fn ipv4_on_one_leg_and_ipv6_on_the_other() {
    let relay = Setup::loopback().with_ipv6().start();
    let mut client = relay.front_end().await;
    let keys = keys();
    let mut caller = Phone::new(relay.net().host(3), CALLER, Some(&keys[0]));
    let mut callee = Phone::new("::1".parse().unwrap(), CALLEE, Some(&keys[1]));
    let legs = [
        leg("outside", Some(caller.remote(true)), keys[0].raw()),
        leg("six", Some(callee.remote(true)), keys[1].raw()),
    ];
    let made = client.create_session(session("families", legs)).await.unwrap();
    caller.answer(&made, 0);
    callee.answer(&made, 1);
    assert_eq!(callee.relay()[0].ip().to_string(), "::1");
    converse(&mut caller, &mut callee, 20);
    relayed(&mut client, "families", [20, 20]).await;
}

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

async fn next(events: &mut EventStream) -> (u32, Event) {
    let event = tokio::time::timeout(PATIENCE, events.next()).await.unwrap().unwrap().unwrap();
    (event.leg, event.kind.unwrap())
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

fn leg_without_remote(realm: &str) -> v1::Leg {
    leg(realm, None, plain())
}

fn empty(id: &str) -> v1::CreateSessionRequest {
    session(id, [leg_without_remote("outside"), leg_without_remote("inside")])
}

#[tokio::test(flavor = "multi_thread")]
async fn creation_is_idempotent_and_lists_come_in_pages() {
    let relay = Setup::loopback().start();
    let mut client = relay.front_end().await;
    let made = client.create_session(empty("s-0")).await.unwrap();
    assert_eq!(client.create_session(empty("s-0")).await.unwrap(), made);
    let mut other = empty("s-0");
    other.media[0].kind = v1::MediaKind::Video.into();
    let (code, text) = refusal(client.create_session(other).await);
    assert_eq!(
        (code, text.as_str()),
        (
            Code::AlreadyExists,
            "session_id: is in use for another session; choose another, or delete that session first"
        )
    );
    for number in 1..5 {
        client.create_session(empty(&format!("s-{number}"))).await.unwrap();
    }
    let mut names = Vec::new();
    let mut token = String::new();
    loop {
        let page = client.list_sessions(2, token).await.unwrap();
        assert_eq!(page.total, 5);
        names.push(page.sessions.into_iter().map(|session| session.session_id).collect::<Vec<_>>());
        token = page.next_page_token;
        if token.is_empty() {
            break;
        }
    }
    assert_eq!(names, [vec!["s-0", "s-1"], vec!["s-2", "s-3"], vec!["s-4"]]);
}

#[tokio::test(flavor = "multi_thread")]
async fn sessions_are_their_makers_and_the_operators() {
    let relay = Setup::loopback().start();
    let mut client = relay.front_end().await;
    client.create_session(empty("mine")).await.unwrap();
    let mut other = relay.connect(OTHER_FRONT_END).await;
    let unknown = (
        Code::NotFound,
        "session_id: names no session of yours; list the sessions to see their names".to_owned(),
    );
    let hold = || update("mine", v1::LegUpdate { held: Some(true), ..Default::default() });
    assert_eq!(refusal(other.get_session("mine").await), unknown);
    assert_eq!(refusal(other.update_session(hold()).await), unknown);
    assert_eq!(refusal(other.delete_session("mine").await), unknown);
    assert_eq!(refusal(other.watch_events("mine").await), unknown);
    assert_eq!(other.list_sessions(0, "").await.unwrap().total, 0);

    let mut operator = relay.operator().await;
    assert_eq!(operator.get_session("mine").await.unwrap().owner, "front-end.culvert.test");
    assert_eq!(operator.list_sessions(0, "").await.unwrap().total, 1);
    assert_eq!(operator.drain(true).await.unwrap(), v1::DrainResponse { draining: true, sessions: 1 });
    assert_eq!(
        refusal(client.create_session(empty("more")).await),
        (Code::Unavailable, "this relay is draining and takes no new sessions; use another one".to_owned())
    );
    // The session that runs goes on, and its maker may ask for it again.
    client.create_session(empty("mine")).await.unwrap();
    assert!(operator.get_node().await.unwrap().draining);
    operator.drain(false).await.unwrap();
    client.create_session(empty("more")).await.unwrap();
    operator.delete_session("mine").await.unwrap();
    assert_eq!(refusal(client.get_session("mine").await), unknown);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deletion_returns_the_last_counters_and_frees_the_ports() {
    let relay = Setup::loopback().start();
    let mut client = relay.front_end().await;
    let keys = keys();
    let both = keys.each_ref().map(Some);
    let (mut caller, mut callee) = phones(&relay, both);
    let made = call(&mut client, "s", [&mut caller, &mut callee], both, true).await;
    converse(&mut caller, &mut callee, 7);
    relayed(&mut client, "s", [7, 7]).await;
    let last = client.delete_session("s").await.unwrap();
    assert_eq!([0, 1].map(|leg| received(&last, leg).packets), [7, 7]);
    assert_eq!(received(&last, 0).bytes, 7 * (RTP + 16));
    assert_eq!((last.session_id, last.created), (made.session_id, made.created));
    let node = relay.operator().await.get_node().await.unwrap();
    assert_eq!((node.sessions, node.workers[0].flows), (0, 0));
    assert!(node.realms.iter().all(|realm| (realm.ports_used, realm.ports_total) == (0, 100)), "{node:?}");
    // Nobody receives there any more.
    std::net::UdpSocket::bind(caller.relay()[0]).unwrap();
}

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
    let told = loop {
        match next(&mut events).await {
            (_, Event::AddressLearnt(_) | Event::FirstMedia(_)) => {}
            other => break other,
        }
    };
    assert_eq!(told, (0, Event::KeyExpired(v1::KeyExpired {})));
    let new = Pair::new(Suite::AesCm128HmacSha1_80, 0x81);
    let change = v1::LegUpdate { leg: 0, protection: Some(new.raw()), ..Default::default() };
    client.update_session(update("s", change)).await.unwrap();
    caller.rekey(&new);
    converse(&mut caller, &mut callee, 10);
}

#[tokio::test(flavor = "multi_thread")]
async fn sessions_are_spread_over_workers() {
    let mut setup = Setup::loopback();
    setup.engine += "workers = 2\n";
    let relay = setup.start();
    let mut client = relay.front_end().await;
    let mut workers = Vec::new();
    for number in [1, 3, 5, 7] {
        let keys =
            [Pair::new(Suite::AesCm128HmacSha1_80, number), Pair::new(Suite::AeadAes256Gcm, number + 0x40)];
        let both = keys.each_ref().map(Some);
        let (mut caller, mut callee) = phones(&relay, both);
        let id = format!("call-{number}");
        workers.push(call(&mut client, &id, [&mut caller, &mut callee], both, true).await.worker);
        converse(&mut caller, &mut callee, 5);
    }
    workers.sort_unstable();
    assert_eq!(workers, [0, 0, 1, 1]);
    let node = relay.operator().await.get_node().await.unwrap();
    let counts = node.workers.iter().map(|worker| (worker.flows, worker.received)).collect::<Vec<_>>();
    assert_eq!(counts, [(4, 20), (4, 20)]);
}
