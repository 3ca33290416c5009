// SPDX-License-Identifier: MIT OR Apache-2.0
//! What is said is heard, under every sort of protection.

use super::*;

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
