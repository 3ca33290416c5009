// SPDX-License-Identifier: MIT OR Apache-2.0
//! What a client may ask about links, and legs whose ends cannot agree.

use super::*;

#[tokio::test(flavor = "multi_thread")]
async fn every_field_of_get_protection_is_checked_and_a_front_end_sees_its_own() {
    let relay = Setup::loopback().start();
    let mut client = relay.front_end().await;
    let mut other = relay.connect(OTHER_FRONT_END).await;
    let mut operator = relay.operator().await;
    for id in ["a", "b", "c"] {
        let legs = [required("outside", None), required("inside", None)];
        client.create_session(session(id, legs)).await.unwrap();
    }
    let ask = |id: &str, page_size, token: &str| v1::GetProtectionRequest {
        session_id: id.into(),
        page_size,
        page_token: token.into(),
    };
    let unknown = "session_id: names no session of yours; list the sessions to see their names";
    let table = [
        (ask("d", 0, ""), Code::NotFound, unknown),
        (ask("", 1001, ""), Code::InvalidArgument, "page_size: must be 1 to 1000, or 0 for 100, not 1001"),
        (
            ask("", 0, "?"),
            Code::InvalidArgument,
            "page_token: is not one that this relay gave; leave it empty to begin again",
        ),
    ];
    for (request, code, text) in table {
        assert_eq!(refusal(client.get_protection(request).await), (code, text.to_owned()));
    }
    let refused = refusal(other.get_protection(ask("a", 0, "")).await);
    assert_eq!(refused, (Code::NotFound, unknown.to_owned()));
    let empty = other.get_protection(ask("", 0, "")).await.unwrap();
    assert_eq!((empty.control.len(), empty.media.len()), (0, 0));

    let ids = |answer: &v1::GetProtectionResponse| {
        answer.media.iter().map(|link| (link.session_id.clone(), link.leg)).collect::<Vec<_>>()
    };
    let both = |ids: &[&str]| {
        ids.iter().flat_map(|id| [0, 1].map(|leg| ((*id).to_owned(), leg))).collect::<Vec<_>>()
    };
    let first = operator.get_protection(ask("", 2, "")).await.unwrap();
    assert_eq!((ids(&first), first.control.len()), (both(&["a", "b"]), 3));
    let last = operator.get_protection(ask("", 2, &first.next_page_token)).await.unwrap();
    assert_eq!((ids(&last), last.control.len()), (both(&["c"]), 0));
    assert_eq!(last.next_page_token, "");
    let own = client.get_protection(ask("b", 0, "")).await.unwrap();
    assert_eq!((ids(&own), own.control.len()), (both(&["b"]), 0));
    // Nothing is protected yet, and nothing passes.
    for link in &own.media {
        assert_eq!((link.protection.as_str(), link.encryption()), ("", v1::EncryptionLevel::Required));
        assert_eq!(
            (&link.receive, &link.send),
            (&Some(v1::LinkDirection::default()), &Some(v1::LinkDirection::default()))
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_leg_whose_peer_cannot_agree_is_refused() {
    let mut setup = Setup::loopback();
    setup.tables = "[[peer_class]]\nname = \"gateway\"\nencryption = \"supported\"\n\
                    certificate = false\n\
                    [[peer_class]]\nname = \"phone\"\nencryption = \"required\"\ncertificate = true\n"
        .into();
    let relay = setup.start();
    let mut client = relay.front_end().await;
    let of = |class: &str, level: v1::EncryptionLevel, offers, protection: Option<v1::Protection>| {
        let mut one = required("outside", None);
        (one.peer_class, one.encryption) = (class.into(), level.into());
        (one.peer_offers_srtp, one.protection) = (offers, protection);
        session("s", [one, required("inside", None)])
    };
    use v1::EncryptionLevel::{NotSupported, Required, Supported, Unspecified};
    let table = [
        (
            of("nobody", Unspecified, None, None),
            Code::InvalidArgument,
            "peer_class: is \"nobody\", which is not configured; this relay has gateway, phone",
        ),
        (
            of("gateway", Required, None, None),
            Code::FailedPrecondition,
            "encryption: is REQUIRED, but peers of class \"gateway\" have no certificate, so that keys would travel \
             on a clear control channel; give the class a certificate, or do not require encryption",
        ),
        (
            of("phone", NotSupported, Some(true), None),
            Code::FailedPrecondition,
            "encryption: is NOT_SUPPORTED, but peers of class \"phone\" require encryption; change the level of the \
             leg or of the class",
        ),
        (
            of("phone", Supported, Some(false), None),
            Code::FailedPrecondition,
            "encryption: is REQUIRED here or for the peer's class, and the peer offers no SRTP; have it offer SRTP, \
             or set both to SUPPORTED",
        ),
        (
            of("", Unspecified, Some(false), None),
            Code::FailedPrecondition,
            "encryption: is REQUIRED here or for the peer's class, and the peer offers no SRTP; have it offer SRTP, \
             or set both to SUPPORTED",
        ),
        (
            of("", Supported, Some(true), Some(plain())),
            Code::InvalidArgument,
            "protection: is plain on a leg that requires encryption; give SRTP keys",
        ),
        (
            of("gateway", Supported, Some(true), Some(Pair::new(Suite::AeadAes128Gcm, 1).raw())),
            Code::InvalidArgument,
            "protection: is SRTP on a leg that does not support encryption; make it plain",
        ),
    ];
    for (request, code, text) in table {
        let text = format!("media[0].legs[0].{text}");
        assert_eq!(refusal(client.create_session(request).await), (code, text));
    }
    let granted = [
        ("gateway", Unspecified, None, NotSupported, ""),
        ("gateway", Supported, Some(true), NotSupported, "plain"),
        ("phone", Unspecified, Some(true), Required, ""),
        ("", Supported, Some(false), NotSupported, "plain"),
        ("", Supported, None, Supported, ""),
    ];
    for (index, (class, level, offers, settled, protection)) in granted.into_iter().enumerate() {
        let mut request = of(class, level, offers, None);
        request.session_id = format!("s-{index}");
        let leg = &client.create_session(request).await.unwrap().media[0].legs[0];
        let found = (leg.peer_class.as_str(), leg.encryption(), leg.protection.as_str());
        assert_eq!(found, (class, settled, protection), "{index}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_to_a_gateway_is_srtp_on_one_leg_and_plain_on_the_other() {
    const RTP: u64 = 172;
    let mut setup = Setup::loopback().with_mras("");
    setup.tables += "[[peer_class]]\nname = \"gateway\"\nencryption = \"supported\"\ncertificate = false\n";
    let relay = setup.start();
    let mut client = relay.front_end().await;
    let [alice] = issue(&mut client, [ALICE]).await;
    let (mut caller, mut callee) = phones(&relay);
    let mut legs =
        [required("outside", Some(caller.remote(true))), required("inside", Some(callee.remote(true)))];
    legs[1].peer_class = "gateway".into();
    legs[1].peer_offers_srtp = Some(true);
    let made = client.create_session(session("s", legs)).await.unwrap();
    caller.answer(&made, 0);
    callee.answer(&made, 1);
    // The gateway's packets wait for the caller's keys, and its own are never needed.
    callee.talk();
    dropped(&mut client, "s", 1, "not_ready", 1).await;
    key(&mut client, "s", [(0, &mut caller, &alice)]).await;
    converse(&mut caller, &mut callee, 10);
    let session = relayed(&mut client, "s", [10, 10]).await;
    let links = client.get_protection(v1::GetProtectionRequest::default()).await.unwrap().media;
    let told: Vec<_> = links
        .iter()
        .map(|link| {
            let [receive, send] = [&link.receive, &link.send].map(|found| found.as_ref().unwrap());
            let bytes = (receive.plain_bytes, send.plain_bytes);
            (link.peer_class.as_str(), link.encryption(), link.protection.as_str(), bytes)
        })
        .collect();
    use v1::EncryptionLevel::{NotSupported, Required};
    // What came in clear is counted as it went on: with the tag of the other leg.
    let plain_bytes = (received(&session, 1).bytes, 10 * RTP);
    assert_eq!(plain_bytes.0, 10 * (RTP + 10));
    let expected =
        [("", Required, "AES_CM_128_HMAC_SHA1_80", (0, 0)), ("gateway", NotSupported, "plain", plain_bytes)];
    assert_eq!(told, expected);
    assert!(links[1].receive.as_ref().unwrap().key_id.is_empty() && links[1].authority.is_none());
    let receipt = client.end_session("s").await.unwrap().receipt;
    let receipt: culvert_audit::Receipt = serde_json::from_str(&receipt).unwrap();
    let [caller, gateway] = &receipt.media[0].legs;
    assert_eq!((caller.sent.plain_packets, caller.sent.plain_bytes), (0, 0));
    assert_eq!((gateway.sent.plain_packets, gateway.sent.plain_bytes), (10, 10 * RTP));
    let uses: Vec<_> = gateway.keys.iter().map(|used| (used.suite.as_str(), used.key.is_none())).collect();
    assert_eq!(uses, [("plain", true); 2]);
}
