// SPDX-License-Identifier: MIT OR Apache-2.0
//! Bad input of every field, and calls that a client may not make.

use culvert_api::v1::media_relay_auth_client::MediaRelayAuthClient;
use v1::{reinstate_request::Target as Again, revoke_request::Target};

use super::*;

const NOT_GOOD: &str = "the username and password do not hold; ask for new ones";
const ALL_SUITES: &str = "AES_CM_128_HMAC_SHA1_80, AES_CM_128_HMAC_SHA1_32, AES_192_CM_HMAC_SHA1_80, \
                          AES_192_CM_HMAC_SHA1_32, AES_256_CM_HMAC_SHA1_80, AES_256_CM_HMAC_SHA1_32, \
                          AEAD_AES_128_GCM, AEAD_AES_256_GCM, NULL_HMAC_SHA1_80";

fn seconds(seconds: i64) -> Option<prost_types::Duration> {
    Some(prost_types::Duration { seconds, nanos: 0 })
}

#[tokio::test(flavor = "multi_thread")]
async fn every_field_of_issue_credentials_is_checked() {
    let relay = Setup::loopback().with_mras("").start();
    let mut client = relay.front_end().await;
    let of = |change: &dyn Fn(&mut v1::CredentialRequest)| {
        let mut request = asked(ALICE);
        change(&mut request);
        credentials_for(vec![asked(BOB), request])
    };
    let bounds = |change: &dyn Fn(&mut v1::Bounds)| {
        let mut bounds = v1::Bounds::default();
        change(&mut bounds);
        credentials_for(vec![asked(BOB), bound(ALICE, bounds)])
    };
    let kind =
        |kind: i32, bounds| v1::IssueCredentialsRequest { credentials: vec![bound(ALICE, bounds)], kind };
    let narrow = |bandwidth| v1::Bounds { bandwidth, ..Default::default() };
    let suites = format!("credentials[1].bounds.suites[1]: is \"ROT13\"; give one of {ALL_SUITES}");
    let duration = "credentials[1].duration: not 1 minute to 180 days";
    let table = [
        (credentials_for(vec![]), "credentials: 1 to 100 can be asked for in one call, not 0"),
        (
            credentials_for(vec![asked(ALICE); 101]),
            "credentials: 1 to 100 can be asked for in one call, not 101",
        ),
        (kind(9, v1::Bounds::default()), "kind: 9 is not a CredentialKind of this interface"),
        (kind(-1, v1::Bounds::default()), "kind: -1 is not a CredentialKind of this interface"),
        (
            kind(v1::CredentialKind::MrasV1.into(), narrow(1)),
            "credentials[0].bounds.bandwidth: a credential of the kind mras-v1 cannot carry it; leave it out, or ask \
             for the kind culvert",
        ),
        (
            of(&|request| request.identity = String::new()),
            "credentials[1].identity: an identity has 1 to 256 bytes, this one has 0",
        ),
        (
            of(&|request| request.identity = "a".repeat(257)),
            "credentials[1].identity: an identity has 1 to 256 bytes, this one has 257",
        ),
        (
            of(&|request| request.identity = "sip:a b".into()),
            "credentials[1].identity: byte 6 is not printable ASCII, or is a space; write it percent-encoded",
        ),
        (
            of(&|request| request.identity = "sip:ä@b".into()),
            "credentials[1].identity: byte 5 is not printable ASCII, or is a space; write it percent-encoded",
        ),
        (
            of(&|request| request.location = 7),
            "credentials[1].location: 7 is not a Location of this interface",
        ),
        (of(&|request| request.duration = seconds(-1)), "credentials[1].duration: is negative"),
        (of(&|request| request.duration = seconds(i64::MIN)), "credentials[1].duration: is negative"),
        (
            of(&|request| request.duration = Some(prost_types::Duration { seconds: 60, nanos: -1 })),
            "credentials[1].duration: is negative",
        ),
        (of(&|request| request.duration = seconds(0)), duration),
        (of(&|request| request.duration = seconds(59)), duration),
        (of(&|request| request.duration = seconds(180 * 86_400 + 1)), duration),
        (of(&|request| request.duration = seconds(i64::MAX)), duration),
        (
            bounds(&|bounds| bounds.source = "anywhere".into()),
            "credentials[1].bounds.source: not an IP address with an optional /length",
        ),
        (
            bounds(&|bounds| bounds.source = "10.0.0.0/33".into()),
            "credentials[1].bounds.source: the length is not 0 to 32",
        ),
        (
            bounds(&|bounds| bounds.source = "10.0.0.1/8".into()),
            "credentials[1].bounds.source: the address has bits set behind the length; 10.0.0.0/8 may be meant",
        ),
        (
            bounds(&|bounds| bounds.peer = "2001:db8::/129".into()),
            "credentials[1].bounds.peer: the length is not 0 to 128",
        ),
        (
            bounds(&|bounds| bounds.peer = " ".into()),
            "credentials[1].bounds.peer: not an IP address with an optional /length",
        ),
        (
            bounds(&|bounds| bounds.kinds = vec![1, 0]),
            "credentials[1].bounds.kinds[1]: 0 is not a MediaKind of this interface",
        ),
        (
            bounds(&|bounds| bounds.kinds = vec![4]),
            "credentials[1].bounds.kinds[0]: 4 is not a MediaKind of this interface",
        ),
        (bounds(&|bounds| bounds.suites = vec!["AEAD_AES_256_GCM".into(), "ROT13".into()]), suites.as_str()),
    ];
    for (request, text) in table {
        let refused = refusal(client.issue_credentials(request).await);
        assert_eq!(refused, (Code::InvalidArgument, text.to_owned()));
    }
    client.revoke(Target::Identity(ALICE.into())).await.unwrap();
    let refused = refusal(client.issue_credentials(of(&|_| {})).await);
    let text = "credentials[1].identity: revoked; reinstate it first".to_owned();
    assert_eq!(refused, (Code::FailedPrecondition, text));
    // What is at the edge is granted, as long as the relay grants it.
    for (asked_for, granted) in [(60, 60), (180 * 86_400, 8 * 3600)] {
        let request = v1::CredentialRequest { duration: seconds(asked_for), ..asked(BOB) };
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs() as i64;
        let issued = client.issue_credentials(credentials_for(vec![request])).await.unwrap();
        let life = issued[0].expiry.unwrap().seconds - now;
        assert!((granted..=granted + 2).contains(&life), "{life}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_field_of_issue_session_keys_is_checked() {
    let relay = Setup::loopback().with_mras("").start();
    let mut client = relay.front_end().await;
    let mut other = relay.connect(OTHER_FRONT_END).await;
    let [alice, bob] = issue(&mut client, [ALICE, BOB]).await;
    let not_supported =
        v1::Leg { encryption: v1::EncryptionLevel::NotSupported.into(), ..leg("inside", None, plain()) };
    let legs = [required("outside", None), not_supported];
    let made = client.create_session(session("s", legs)).await.unwrap();
    let with = |change: &dyn Fn(&mut v1::IssueSessionKeysRequest)| {
        let mut request = keys_for("s", "", &[(0, &alice)]);
        change(&mut request);
        request
    };
    let unknown = "session_id: names no session of yours; list the sessions to see their names";
    let of_first = format!("participants[0]: {NOT_GOOD}");
    let of_second = format!("participants[1]: {NOT_GOOD}");
    let suite = format!("suite: is \"ROT13\"; give one of {ALL_SUITES}");
    let long = "A".repeat(509);
    use Code::{InvalidArgument, NotFound, PermissionDenied};
    let table = [
        (with(&|request| request.session_id = "t".into()), NotFound, unknown),
        (with(&|request| request.session_id.clear()), NotFound, unknown),
        (with(&|request| request.suite = "ROT13".into()), InvalidArgument, &suite),
        (
            with(&|request| request.suite = "NULL_HMAC_SHA1_80".into()),
            InvalidArgument,
            "participants[0].protection: has the NULL cipher on a leg that requires encryption; choose a suite that \
             encrypts",
        ),
        (
            with(&|request| request.participants.clear()),
            InvalidArgument,
            "participants: has 0 entries; give 1 or 2",
        ),
        (
            keys_for("s", "", &[(0, &alice), (1, &bob), (0, &bob)]),
            InvalidArgument,
            "participants: has 3 entries; give 1 or 2",
        ),
        (
            with(&|request| request.participants[0].leg = 2),
            InvalidArgument,
            "participants[0].leg: is 2; give 0 or 1",
        ),
        (
            keys_for("s", "", &[(1, &alice), (1, &bob)]),
            InvalidArgument,
            "participants[1].leg: is 1, as an earlier one's; give each its own leg",
        ),
        (
            keys_for("s", "", &[(1, &bob)]),
            InvalidArgument,
            "participants[0].protection: is SRTP on a leg that does not support encryption; make it plain",
        ),
        (
            with(&|request| request.participants[0].username.clear()),
            InvalidArgument,
            "participants[0].username: is missing; give that of the participant's credential",
        ),
        (
            with(&|request| request.participants[0].password.clear()),
            InvalidArgument,
            "participants[0].password: is missing; give that of the participant's credential",
        ),
        // Nothing tells what is wrong with a credential.
        (with(&|request| request.participants[0].password.push('A')), PermissionDenied, &of_first),
        (
            with(&|request| request.participants[0].password.clone_from(&bob.password)),
            PermissionDenied,
            &of_first,
        ),
        (
            with(&|request| request.participants[0].username.clone_from(&bob.username)),
            PermissionDenied,
            &of_first,
        ),
        (with(&|request| request.participants[0].username = ALICE.into()), PermissionDenied, &of_first),
        (with(&|request| request.participants[0].username.clone_from(&long)), PermissionDenied, &of_first),
        (
            with(&|request| request.participants[0].username = "1:sip:alice@example.org".into()),
            PermissionDenied,
            &of_first,
        ),
        (with(&|request| request.participants[0].username = "é=".into()), PermissionDenied, &of_first),
        (
            {
                let mut request = keys_for("s", "", &[(0, &alice), (1, &bob)]);
                request.participants[1].password = "x".into();
                request
            },
            PermissionDenied,
            &of_second,
        ),
    ];
    for (request, code, text) in table {
        assert_eq!(refusal(client.issue_session_keys(request).await), (code, text.to_owned()));
    }
    // Another front end has the credentials, and not the session.
    let request = keys_for("s", "", &[(0, &alice)]);
    assert_eq!(refusal(other.issue_session_keys(request).await), (NotFound, unknown.to_owned()));
    assert_eq!(client.get_session("s").await.unwrap(), made);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_field_of_revoke_reinstate_and_rotate_is_checked() {
    let relay = Setup::loopback().with_mras("").start();
    let mut operator = relay.operator().await;
    let mut raw = MediaRelayAuthClient::new(relay.channel(OPERATOR).await);
    let missing = "target: is missing; give an identity or a credential";
    let status = raw.revoke(v1::RevokeRequest { target: None }).await.unwrap_err();
    assert_eq!((status.code(), status.message()), (Code::InvalidArgument, missing));
    let status = raw.reinstate(v1::ReinstateRequest { target: None }).await.unwrap_err();
    assert_eq!((status.code(), status.message()), (Code::InvalidArgument, missing));

    let empty = "credential: is empty; give a username or a credential_id";
    let spaced = "identity: byte 2 is not printable ASCII, or is a space; write it percent-encoded";
    let nobody = "identity: an identity has 1 to 256 bytes, this one has 0";
    for (identity, text) in [("", nobody), ("a b", spaced)] {
        let revoked = refusal(operator.revoke(Target::Identity(identity.into())).await);
        assert_eq!(revoked, (Code::InvalidArgument, text.to_owned()));
        let reinstated = refusal(operator.reinstate(Again::Identity(identity.into())).await);
        assert_eq!(reinstated, (Code::InvalidArgument, text.to_owned()));
    }
    let revoked = refusal(operator.revoke(Target::Credential(String::new())).await);
    assert_eq!(revoked, (Code::InvalidArgument, empty.to_owned()));
    let reinstated = refusal(operator.reinstate(Again::Credential(String::new())).await);
    assert_eq!(reinstated, (Code::InvalidArgument, empty.to_owned()));
    for epoch in [1, 2, u32::MAX] {
        let text = format!("epoch {epoch} cannot be revoked while epoch 1 signs; rotate the keys first");
        let revoked = refusal(operator.revoke(Target::Epoch(epoch)).await);
        assert_eq!(revoked, (Code::FailedPrecondition, text));
    }
    assert_eq!(operator.list_revocations().await.unwrap().revocations, []);

    for epoch in 2..=256 {
        assert_eq!(operator.rotate_signing_key().await.unwrap(), epoch);
    }
    let text = "the key ring holds 256 epochs, and credentials of each may be live; rotate less often, or shorten \
                the maximum duration";
    let rotated = refusal(operator.rotate_signing_key().await);
    assert_eq!(rotated, (Code::FailedPrecondition, text.to_owned()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_front_end_administers_nothing() {
    let relay = Setup::loopback().with_mras("").start();
    let mut client = relay.front_end().await;
    let mut metrics = relay.connect(METRICS).await;
    let denied = |identity: &str, role: &str, method: &str| {
        let text = format!(
            "the roles of {identity}, {{{role:?}}}, do not allow /culvert.v1.MediaRelayAuth/{method}"
        );
        (Code::PermissionDenied, text)
    };
    let front_end = |method: &str| denied(FRONT_END, "front_end", method);
    assert_eq!(refusal(client.reinstate(Again::Identity(ALICE.into())).await), front_end("Reinstate"));
    assert_eq!(refusal(client.list_revocations().await), front_end("ListRevocations"));
    assert_eq!(refusal(client.rotate_signing_key().await), front_end("RotateSigningKey"));
    let text = "epoch: only an operator revokes a whole signing key".to_owned();
    assert_eq!(refusal(client.revoke(Target::Epoch(1)).await), (Code::PermissionDenied, text));
    let nothing = |method: &str| denied(METRICS, "metrics", method);
    let request = credentials_for(vec![asked(ALICE)]);
    assert_eq!(refusal(metrics.issue_credentials(request).await), nothing("IssueCredentials"));
    let request = keys_for("s", "", &[]);
    assert_eq!(refusal(metrics.issue_session_keys(request).await), nothing("IssueSessionKeys"));
    assert_eq!(refusal(metrics.revoke(Target::Identity(ALICE.into())).await), nothing("Revoke"));
    let refused = refusal(metrics.get_protection(v1::GetProtectionRequest::default()).await);
    let text =
        format!("the roles of {METRICS}, {{\"metrics\"}}, do not allow /culvert.v1.Relay/GetProtection");
    assert_eq!(refused, (Code::PermissionDenied, text));
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_key_file_every_call_says_that_it_is_off() {
    let relay = Setup::loopback().start();
    let mut client = relay.operator().await;
    let off = "MRAS is off on this relay: set mras.key_file in its configuration";
    let off = (Code::FailedPrecondition, off.to_owned());
    assert_eq!(refusal(client.issue_credentials(credentials_for(vec![asked(ALICE)])).await), off);
    assert_eq!(refusal(client.issue_session_keys(keys_for("s", "", &[])).await), off);
    assert_eq!(refusal(client.revoke(Target::Identity(ALICE.into())).await), off);
    assert_eq!(refusal(client.reinstate(Again::Identity(ALICE.into())).await), off);
    assert_eq!(refusal(client.list_revocations().await), off);
    assert_eq!(refusal(client.rotate_signing_key().await), off);
    // Nor is there a trail.
    let legs = [required("outside", None), required("inside", None)];
    client.create_session(session("s", legs)).await.unwrap();
    let protection = client.get_protection(v1::GetProtectionRequest::default()).await.unwrap();
    assert_eq!((protection.media.len(), protection.audit_head.as_str()), (2, ""));
    assert_eq!(client.end_session("s").await.unwrap().receipt, "");
}

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
