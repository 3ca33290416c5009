// SPDX-License-Identifier: MIT OR Apache-2.0
//! Each fault is made on a running culvertd over sockets, and its verdict read.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

#[path = "../common/mod.rs"]
mod common;
mod netns;

use std::{net::UdpSocket, pin::pin, time::Duration};

use common::{
    counters::relayed,
    phone::{Phone, call, converse},
    relay::{OTHER_FRONT_END, Relay, Setup, refusal},
    request::{Key, Pair, leg, plain, session, update},
};
use culvert_api::{
    Client,
    v1::{self, FindingKind},
};
use culvert_srtp::{Kind, Suite};
use tonic::Code;

const OBSERVE: Duration = Duration::from_millis(500);
const SUITE: Suite = Suite::AesCm128HmacSha1_80;

/// Keys of both legs, all of one suite, so that each could be taken for another.
fn keys() -> [Pair; 2] {
    [Pair::new(SUITE, 1), Pair::new(SUITE, 0x41)]
}

fn phones(relay: &Relay, keys: [Option<&Pair>; 2]) -> (Phone, Phone) {
    let net = relay.net();
    (Phone::new(net.host(3), 0x0a0a_0a0a, keys[0]), Phone::new(net.host(4), 0x0b0b_0b0b, keys[1]))
}

/// Explains a session while something happens again and again. On a machine so busy that hardly anything happened
/// meanwhile, once more.
async fn explain(client: &mut Client, id: &str, mut happens: impl FnMut()) -> Vec<v1::Finding> {
    loop {
        let mut times = 0;
        let mut explained = pin!(client.explain_session(id, OBSERVE));
        let answer = loop {
            tokio::select! {
                answer = &mut explained => break answer.unwrap(),
                () = tokio::time::sleep(Duration::from_millis(5)) => happens(),
            }
            times += 1;
        };
        assert!(Duration::try_from(answer.observed.unwrap()).unwrap() >= OBSERVE);
        if times >= 20 {
            return answer.findings;
        }
    }
}

fn verdicts(findings: &[v1::Finding]) -> Vec<(FindingKind, u32)> {
    for finding in findings {
        assert!(!finding.summary.is_empty() && !finding.evidence.is_empty() && !finding.mend.is_empty());
    }
    findings.iter().map(|finding| (finding.kind(), finding.leg)).collect()
}

fn says(finding: &v1::Finding, part: &str) {
    let all = format!("{}\n{}\n{}", finding.summary, finding.evidence.join("\n"), finding.mend);
    assert!(all.contains(part), "{part:?} is not in:\n{all}");
}

/// A relay with an SRTP call.
async fn bed() -> (Relay, Client, Phone, Phone) {
    let relay = Setup::loopback().start();
    let mut client = relay.front_end().await;
    let keys = keys();
    let both = keys.each_ref().map(Some);
    let (mut caller, mut callee) = phones(&relay, both);
    call(&mut client, "s", [&mut caller, &mut callee], both, true).await;
    (relay, client, caller, callee)
}

/// What is said of a call whose caller is keyed otherwise than the relay, while the callee talks as it should.
async fn caller_keyed(keys: &Pair) -> v1::Finding {
    let (_relay, mut client, mut caller, mut callee) = bed().await;
    caller.key(keys);
    caller_does(&mut client, &mut caller, &mut callee, |caller| {
        caller.talk();
    })
    .await
}

/// The one finding about the caller, while the callee talks as it should.
async fn caller_does(
    client: &mut Client,
    caller: &mut Phone,
    callee: &mut Phone,
    mut does: impl FnMut(&mut Phone),
) -> v1::Finding {
    let mut findings = explain(client, "s", || {
        does(caller);
        callee.talk();
    })
    .await;
    assert_eq!(findings.len(), 1, "{findings:#?}");
    assert_eq!((findings[0].media, findings[0].leg), (0, 0), "{findings:#?}");
    verdicts(&findings);
    findings.remove(0)
}

#[tokio::test]
async fn a_sound_call_has_no_findings_and_goes_on() {
    let (_relay, mut client, mut caller, mut callee) = bed().await;
    let findings = explain(&mut client, "s", || {
        caller.talk();
        callee.talk();
    })
    .await;
    assert_eq!(findings, []);
}

#[tokio::test]
async fn no_packets() {
    let (relay, mut client, ..) = bed().await;
    let findings = explain(&mut client, "s", || {}).await;
    assert_eq!(verdicts(&findings), [(FindingKind::NoPackets, 0), (FindingKind::NoPackets, 1)]);
    says(&findings[0], "0 packets relayed, none dropped");
    says(&findings[0], "no packet was ever accepted");
    says(&findings[0], &relay.net().host(1).to_string());
}

#[tokio::test]
async fn one_way() {
    let (_relay, mut client, mut caller, _callee) = bed().await;
    let findings = explain(&mut client, "s", || {
        caller.talk();
    })
    .await;
    assert_eq!(verdicts(&findings), [(FindingKind::OneWay, 1)]);
}

#[tokio::test]
async fn wrong_source_of_the_endpoint_itself_and_of_a_stranger() {
    let (relay, mut client, mut caller, mut callee) = bed().await;
    converse(&mut caller, &mut callee, 1);
    // The leg has learnt its source: another one is refused, whether it has the key or not.
    let elsewhere = UdpSocket::bind((relay.net().host(5), 0)).unwrap();
    let address = elsewhere.local_addr().unwrap().to_string();
    let finding = caller_does(&mut client, &mut caller, &mut callee, |caller| {
        let packet = caller.packet();
        let wire = caller.protect(Kind::Rtp, &packet);
        elsewhere.send_to(&wire, caller.relay()[0]).unwrap();
    })
    .await;
    assert_eq!(finding.kind(), FindingKind::WrongSource);
    says(&finding, "it is the leg's own endpoint");
    says(&finding, &format!("--leg 0 --remote {address}"));
    says(&finding, &format!("accepted is {} (learnt)", caller.rtp.local_addr().unwrap()));
    caller.key(&Pair { endpoint: Key::random(SUITE), relay: Key::random(SUITE) });
    let finding = caller_does(&mut client, &mut caller, &mut callee, |caller| {
        let packet = caller.packet();
        let wire = caller.protect(Kind::Rtp, &packet);
        elsewhere.send_to(&wire, caller.relay()[0]).unwrap();
    })
    .await;
    assert_eq!(finding.kind(), FindingKind::WrongSource);
    says(&finding, "the packets do not have the leg's key");
}

#[tokio::test]
async fn wrong_source_of_a_plain_leg() {
    let relay = Setup::loopback().start();
    let mut client = relay.front_end().await;
    let (mut caller, mut callee) = phones(&relay, [None, None]);
    call(&mut client, "s", [&mut caller, &mut callee], [None, None], true).await;
    let mut elsewhere = Phone::new(relay.net().host(5), 1, None);
    let answered = client.get_session("s").await.unwrap();
    elsewhere.answer(&answered, 0);
    let finding = caller_does(&mut client, &mut caller, &mut callee, |_| {
        elsewhere.talk();
    })
    .await;
    assert_eq!(finding.kind(), FindingKind::WrongSource);
    says(&finding, &format!("accepted is {} (signalled)", caller.rtp.local_addr().unwrap()));
}

#[tokio::test]
async fn wrong_roll_over_counter() {
    let (_relay, mut client, mut caller, mut callee) = bed().await;
    // Three times round before anybody listens.
    for lap in [40_000, 65_535, 30_000, 60_000, 20_000, 50_000, 10] {
        caller.sequence = lap;
        let packet = caller.packet();
        caller.protect(Kind::Rtp, &packet);
    }
    let finding = caller_does(&mut client, &mut caller, &mut callee, |caller| {
        caller.talk();
    })
    .await;
    assert_eq!(finding.kind(), FindingKind::WrongRollOverCounter);
    says(&finding, "roll-over counter 3; the relay expects 0");
}

#[tokio::test]
async fn wrong_keys() {
    let [own, other] = keys();
    // Of the other leg's endpoint, then that with which the relay sends to it.
    for key in [&other.endpoint, &other.relay] {
        let finding = caller_keyed(&Pair { endpoint: key.clone(), relay: own.relay.clone() }).await;
        assert_eq!(finding.kind(), FindingKind::WrongKey);
        says(&finding, "a key of another leg: leg 1 of medium 0");
    }
    let swapped = Pair { endpoint: own.relay.clone(), relay: own.endpoint.clone() };
    assert_eq!(caller_keyed(&swapped).await.kind(), FindingKind::KeyOfOtherDirection);
    let stranger = Pair { endpoint: Key::random(SUITE), relay: own.relay };
    let finding = caller_keyed(&stranger).await;
    assert_eq!(finding.kind(), FindingKind::UnknownKey);
    says(&finding, "the tag fits under no key of the session");
}

#[tokio::test]
async fn wrong_suite_by_its_tag_and_by_its_length() {
    let [own, _] = keys();
    let short = Key::new(Suite::AesCm128HmacSha1_32, 1);
    assert_eq!(short.secrets(), own.endpoint.secrets());
    let finding = caller_keyed(&Pair { endpoint: short, relay: own.relay.clone() }).await;
    assert_eq!(finding.kind(), FindingKind::WrongSuite);
    says(&finding, "the tag fits with AES_CM_128_HMAC_SHA1_32; agreed is AES_CM_128_HMAC_SHA1_80");
    let longer = Key::new(Suite::AeadAes256Gcm, 1);
    let finding = caller_keyed(&Pair { endpoint: longer, relay: own.relay }).await;
    assert_eq!(finding.kind(), FindingKind::WrongSuite);
    says(&finding, "16 bytes longer than audio");
    says(&finding, "probably");
}

#[tokio::test]
async fn plain_where_srtp_is_agreed() {
    let (relay, mut client, mut caller, mut callee) = bed().await;
    let session = client.get_session("s").await.unwrap();
    let mut clear = Phone::on(caller.rtp.try_clone().unwrap(), caller.rtcp.try_clone().unwrap(), 7, None);
    clear.answer(&session, 0);
    let finding = caller_does(&mut client, &mut caller, &mut callee, |_| {
        clear.talk();
    })
    .await;
    assert_eq!(finding.kind(), FindingKind::Plain);
    says(&finding, "probably sends plain RTP");
    // A report says for sure what audio only suggests; so does a pause.
    let finding = caller_does(&mut client, &mut caller, &mut callee, |_| {
        clear.talk();
        clear.tell();
    })
    .await;
    assert_eq!(finding.kind(), FindingKind::Plain);
    says(&finding, "sends plain RTP where SRTP is agreed (AES_CM_128_HMAC_SHA1_80)");
    let finding = caller_does(&mut client, &mut caller, &mut callee, |_| {
        let mut pause = clear.packet();
        pause[1] = 97;
        pause[12..].fill(0xd5);
        clear.rtp.send_to(&pause, clear.relay()[0]).unwrap();
    })
    .await;
    assert_eq!(finding.kind(), FindingKind::Plain);
    says(&finding, "in the same bytes again and again");
    drop(relay);
}

#[tokio::test]
async fn srtp_where_plain_is_agreed() {
    let relay = Setup::loopback().start();
    let mut client = relay.front_end().await;
    let [own, _] = keys();
    let (mut caller, mut callee) = phones(&relay, [Some(&own), None]);
    call(&mut client, "s", [&mut caller, &mut callee], [None, None], true).await;
    let finding = caller_does(&mut client, &mut caller, &mut callee, |caller| {
        caller.talk();
    })
    .await;
    assert_eq!(finding.kind(), FindingKind::Encrypted);
    says(&finding, "10 bytes longer than audio");
}

#[tokio::test]
async fn more_ssrcs_than_the_leg_takes() {
    let relay = Setup::loopback().start();
    let mut client = relay.front_end().await;
    let keys = keys();
    let (mut caller, mut callee) = phones(&relay, keys.each_ref().map(Some));
    let mut legs = [
        leg("outside", Some(caller.remote(true)), keys[0].raw()),
        leg("inside", Some(callee.remote(true)), keys[1].raw()),
    ];
    legs[0].max_ssrcs = 1;
    let made = client.create_session(session("s", legs)).await.unwrap();
    caller.answer(&made, 0);
    callee.answer(&made, 1);
    let finding = caller_does(&mut client, &mut caller, &mut callee, |caller| {
        caller.ssrc = 1;
        caller.talk();
        caller.ssrc = 2;
        caller.talk();
    })
    .await;
    assert_eq!(finding.kind(), FindingKind::UnknownSsrc);
    says(&finding, "too_many_ssrcs");
}

#[tokio::test]
async fn replayed_packets() {
    let (_relay, mut client, mut caller, mut callee) = bed().await;
    let finding = caller_does(&mut client, &mut caller, &mut callee, |caller| {
        let packet = caller.packet();
        let wire = caller.protect(Kind::Rtp, &packet);
        for _ in 0..2 {
            caller.rtp.send_to(&wire, caller.relay()[0]).unwrap();
        }
    })
    .await;
    assert_eq!(finding.kind(), FindingKind::Replayed);
}

#[tokio::test]
async fn a_held_leg_whoever_sends() {
    let (_relay, mut client, mut caller, _callee) = bed().await;
    let hold = v1::LegUpdate { leg: 1, held: Some(true), ..Default::default() };
    client.update_session(update("s", hold)).await.unwrap();
    let findings = explain(&mut client, "s", || {
        caller.talk();
    })
    .await;
    assert_eq!(verdicts(&findings), [(FindingKind::Held, 0), (FindingKind::Held, 1)]);
    says(&findings[0], "On hold: leg 1 (inside).");
    says(&findings[0], "culvert session update s --media 0 --leg 1 --resume");
}

#[tokio::test]
async fn a_leg_without_keys_or_remote() {
    let relay = Setup::loopback().start();
    let mut client = relay.front_end().await;
    for (own, lacks_keys) in keys().into_iter().zip([true, false]) {
        let id = if lacks_keys { "keys" } else { "remote" };
        let (mut caller, callee) = phones(&relay, [Some(&own), None]);
        let remote = lacks_keys.then(|| callee.remote(true));
        let mut legs = [leg("outside", Some(caller.remote(true)), own.raw()), leg("inside", remote, plain())];
        if lacks_keys {
            legs[1].protection = None;
        }
        let made = client.create_session(session(id, legs)).await.unwrap();
        caller.answer(&made, 0);
        let findings = explain(&mut client, id, || {
            caller.talk();
        })
        .await;
        assert_eq!((findings[0].kind(), findings[0].leg), (FindingKind::NotReady, 0), "{findings:#?}");
        if lacks_keys {
            says(&findings[0], "The relay has no key to send to leg 1 (inside) with.");
            says(&findings[0], "culvert session update keys --media 0 --leg 1 --sdes-receive");
            assert_eq!((findings[1].kind(), findings[1].leg), (FindingKind::NotReady, 1));
        } else {
            says(&findings[0], "not known where leg 1 (inside) receives");
        }
        assert_eq!(findings.last().unwrap().kind(), FindingKind::NoPackets);
    }
}

#[tokio::test]
async fn a_key_that_has_served_its_lifetime() {
    let relay = Setup::loopback().start();
    let mut client = relay.front_end().await;
    let keys = keys();
    let (mut caller, mut callee) = phones(&relay, keys.each_ref().map(Some));
    let mut short = keys[0].raw();
    let Some(v1::protection::Kind::Srtp(srtp)) = &mut short.kind else { panic!() };
    srtp.receive[0].lifetime = 5;
    let legs = [
        leg("outside", Some(caller.remote(true)), short),
        leg("inside", Some(callee.remote(true)), keys[1].raw()),
    ];
    let made = client.create_session(session("s", legs)).await.unwrap();
    caller.answer(&made, 0);
    callee.answer(&made, 1);
    for _ in 0..5 {
        caller.talk();
    }
    relayed(&mut client, "s", [5, 0]).await;
    let finding = caller_does(&mut client, &mut caller, &mut callee, |caller| {
        caller.talk();
    })
    .await;
    assert_eq!(finding.kind(), FindingKind::KeyExpired);
}

#[tokio::test]
async fn packets_that_protection_makes_too_long() {
    let relay = Setup::loopback().start();
    let mut client = relay.front_end().await;
    let [_, other] = keys();
    let (mut caller, mut callee) = phones(&relay, [None, Some(&other)]);
    call(&mut client, "s", [&mut caller, &mut callee], [None, Some(&other)], true).await;
    let finding = caller_does(&mut client, &mut caller, &mut callee, |caller| {
        let mut packet = caller.packet();
        packet.resize(1470, 0x55);
        caller.rtp.send_to(&packet, caller.relay()[0]).unwrap();
    })
    .await;
    assert_eq!(finding.kind(), FindingKind::ExceedsMtu);
}

#[tokio::test]
async fn what_is_no_media() {
    let (_relay, mut client, mut caller, mut callee) = bed().await;
    let finding = caller_does(&mut client, &mut caller, &mut callee, |caller| {
        let mut stun = vec![0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42];
        stun.resize(20, 7);
        caller.rtp.send_to(&stun, caller.relay()[0]).unwrap();
    })
    .await;
    assert_eq!(finding.kind(), FindingKind::Other);
    says(&finding, "are dropped: stun.");
}

#[tokio::test]
async fn what_was_counted_is_judged_without_observation() {
    let (_relay, mut client, mut caller, mut callee) = bed().await;
    let counters_only = client.explain_session("s", Duration::ZERO).await.unwrap();
    assert_eq!(verdicts(&counters_only.findings), [(FindingKind::NoPackets, 0), (FindingKind::NoPackets, 1)]);
    converse(&mut caller, &mut callee, 3);
    relayed(&mut client, "s", [3, 3]).await;
    let counters_only = client.explain_session("s", Duration::ZERO).await.unwrap();
    assert_eq!(counters_only.findings, []);
    assert_eq!(Duration::try_from(counters_only.observed.unwrap()), Ok(Duration::ZERO));
}

#[tokio::test]
async fn who_may_ask_what() {
    let (relay, mut client, ..) = bed().await;
    let mut other = relay.connect(OTHER_FRONT_END).await;
    let mut operator = relay.operator().await;
    assert_eq!(refusal(other.explain_session("s", OBSERVE).await).0, Code::NotFound);
    assert_eq!(operator.explain_session("s", OBSERVE).await.unwrap().findings.len(), 2);
    let (code, message) = refusal(client.explain_session("s", Duration::from_millis(30_001)).await);
    assert_eq!((code, message.contains("observe")), (Code::InvalidArgument, true), "{message}");
    // One at a time, and whoever hangs up makes room.
    {
        let long = Duration::from_secs(20);
        let mut first = pin!(client.explain_session("s", long));
        let mut second = pin!(operator.explain_session("s", long));
        let refused = tokio::select! {
            refused = &mut first => refused,
            refused = &mut second => refused,
        };
        let (code, message) = refusal(refused);
        assert_eq!((code, message.contains("explained already")), (Code::Unavailable, true), "{message}");
    }
    common::eventually("room again", async || operator.explain_session("s", Duration::ZERO).await.ok()).await;
    // A session that ends meanwhile is not there to be explained.
    let mut third = pin!(operator.explain_session("s", Duration::from_millis(500)));
    tokio::select! {
        answer = &mut third => panic!("{answer:?}"),
        () = tokio::time::sleep(Duration::from_millis(50)) => {}
    }
    client.delete_session("s").await.unwrap();
    assert_eq!(refusal(third.await).0, Code::NotFound);
}
