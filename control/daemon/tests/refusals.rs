// SPDX-License-Identifier: MIT OR Apache-2.0
//! What the daemon refuses, with which status and in which words.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod common;

use std::{io, sync::Arc};

use common::{
    eventually,
    relay::{FRONT_END, METRICS, NOBODY, Relay, SERVER_NAME, Setup, refusal},
    request::{Key, Pair, endpoint, leg, plain, session, update},
};
use culvert_api::{Client, ClientError, v1, v1::protection::Kind};
use culvert_devcerts::{Authority, Issued, Validity};
use culvert_srtp::Suite;
use rustls::{
    ClientConfig, RootCertStore,
    pki_types::{CertificateDer, ServerName, pem::PemObject as _},
};
use tokio::{io::AsyncReadExt as _, net::TcpStream};
use tonic::Code;

/// Under TLS 1.3 a client is done before it is judged, so that only its first call may tell it.
async fn is_refused(relay: &Relay, client: &Issued) {
    let error = match Client::connect(&relay.client_config(client)).await {
        Err(error) => error,
        Ok(mut client) => client.get_session("any").await.unwrap_err(),
    };
    assert!(matches!(error, ClientError::ClientCertificate { .. } | ClientError::Lost { .. }), "{error:?}");
}

fn logged(relay: &Relay, reason: &str) {
    relay.wait_for(|line| line["message"] == "control connection refused" && line["reason"] == reason);
}

#[tokio::test(flavor = "multi_thread")]
async fn clients_without_a_good_certificate() {
    let relay = Setup::loopback().start();

    let stranger = Authority::new("stranger", Validity::Days(1)).unwrap();
    is_refused(&relay, &stranger.client(FRONT_END, Validity::Days(1)).unwrap()).await;
    logged(&relay, "unknown_ca");

    is_refused(&relay, &relay.setup.authority.client(FRONT_END, Validity::Expired).unwrap()).await;
    logged(&relay, "expired");

    let mut roots = RootCertStore::empty();
    let authority = relay.setup.authority.certificate_pem();
    roots.add(CertificateDer::from_pem_slice(authority.as_bytes()).unwrap()).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![b"h2".to_vec()];
    let ended: io::Result<usize> = async {
        let stream = TcpStream::connect(&relay.setup.control).await?;
        let name = ServerName::try_from(SERVER_NAME).unwrap();
        let mut stream = tokio_rustls::TlsConnector::from(Arc::new(config)).connect(name, stream).await?;
        stream.read_to_end(&mut Vec::new()).await
    }
    .await;
    assert!(ended.is_err(), "{ended:?}");
    logged(&relay, "no_certificate");
}

#[tokio::test(flavor = "multi_thread")]
async fn clients_without_a_role_for_what_they_ask() {
    let relay = Setup::loopback().start();
    let mut nobody = relay.connect(NOBODY).await;
    let expected = "nobody.culvert.test has no role on this relay; the operator can add it as a [[role]]";
    assert_eq!(refusal(nobody.get_session("s").await), (Code::PermissionDenied, expected.to_owned()));
    relay.wait_for(|line| line["message"] == "request refused" && line["identity"] == NOBODY);

    let denied = |identity: &str, role: &str, method: &str| {
        let text = format!("the roles of {identity}, {{{role:?}}}, do not allow /culvert.v1.Relay/{method}");
        (Code::PermissionDenied, text)
    };
    let mut front_end = relay.front_end().await;
    assert_eq!(refusal(front_end.drain(true).await), denied(FRONT_END, "front_end", "Drain"));
    assert_eq!(refusal(front_end.get_node().await), denied(FRONT_END, "front_end", "GetNode"));
    let mut metrics = relay.connect(METRICS).await;
    assert_eq!(refusal(metrics.list_sessions(0, "").await), denied(METRICS, "metrics", "ListSessions"));
    assert_eq!(metrics.get_node().await.unwrap().backend, "socket");
}

/// A good request: leg 0 receives under key 1 and sends under key 2, leg 1 is plain.
fn good(relay: &Relay, id: &str, number: u8) -> v1::CreateSessionRequest {
    let remote =
        |host| Some(v1::Remote { rtp: Some(endpoint((relay.net().host(host), 5000).into())), rtcp: None });
    let mut caller = leg("outside", remote(3), Pair::new(Suite::AesCm128HmacSha1_80, number).raw());
    caller.encryption = v1::EncryptionLevel::Required.into();
    session(id, [caller, leg("inside", remote(4), plain())])
}

fn srtp(request: &mut v1::CreateSessionRequest) -> &mut v1::SrtpKeys {
    match &mut request.media[0].legs[0].protection.as_mut().unwrap().kind {
        Some(Kind::Srtp(keys)) => keys,
        other => panic!("{other:?}"),
    }
}

fn sdes(request: &mut v1::CreateSessionRequest, receive: &str, send: &str) {
    let kind = Kind::Sdes(v1::Sdes { receive: receive.into(), send: send.into() });
    request.media[0].legs[0].protection = Some(v1::Protection { kind: Some(kind) });
}

fn address(request: &mut v1::CreateSessionRequest, address: &str) {
    request.media[0].legs[0].remote.as_mut().unwrap().rtp.as_mut().unwrap().address = address.into();
}

type Change = Box<dyn Fn(&mut v1::CreateSessionRequest)>;

#[tokio::test(flavor = "multi_thread")]
async fn requests_that_are_wrong_whatever_the_state() {
    let relay = Setup::loopback().start();
    let mut client = relay.front_end().await;
    let own = relay.net().host(1).to_string();
    let own_too = own.clone();
    let attribute = Key::new(Suite::AesCm128HmacSha1_80, 1).sdes(1);
    let (line, other_suite) = (attribute.clone(), Key::new(Suite::AesCm128HmacSha1_32, 2).sdes(1));
    let leg = "media[0].legs[0]";
    let change = |change: fn(&mut v1::CreateSessionRequest)| -> Change { Box::new(change) };
    let table: Vec<(Change, String)> = vec![
        (
            change(|r| srtp(r).receive[0].key.truncate(15)),
            format!("{leg}.protection.srtp.receive[0].key: has 15 bytes; AES_CM_128_HMAC_SHA1_80 takes 16"),
        ),
        (
            change(|r| srtp(r).send[0].salt.push(0)),
            format!("{leg}.protection.srtp.send[0].salt: has 15 bytes; AES_CM_128_HMAC_SHA1_80 takes 14"),
        ),
        (
            change(|r| srtp(r).suite = "AEAD_AES_256_GCM".into()),
            format!("{leg}.protection.srtp.receive[0].key: has 16 bytes; AEAD_AES_256_GCM takes 32"),
        ),
        (
            change(|r| srtp(r).send = srtp(r).receive.clone()),
            format!("{leg}.protection: has one key in both directions; give each direction its own"),
        ),
        (
            change(|r| srtp(r).suite = "NULL_HMAC_SHA1_80".into()),
            format!(
                "{leg}.protection: has the NULL cipher on a leg that requires encryption; choose a suite that encrypts"
            ),
        ),
        (
            change(|r| r.media[0].legs[0].protection = Some(plain())),
            format!("{leg}.protection: is plain on a leg that requires encryption; give SRTP keys"),
        ),
        (
            change(|r| sdes(r, "a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:%", "")),
            format!("{leg}.protection.sdes.receive: the key and salt of key parameter 1 are not base64"),
        ),
        (
            change(|r| sdes(r, "a=crypto:1 AES_CM_128_HMAC_SHA1_80", "")),
            format!(
                "{leg}.protection.sdes.receive: the key parameter inline:... is missing after the crypto suite"
            ),
        ),
        (
            Box::new(move |r| sdes(r, &attribute, "x")),
            format!(
                "{leg}.protection.sdes.send: the attribute does not begin with a=crypto:, crypto: or the tag itself"
            ),
        ),
        (
            Box::new(move |r| sdes(r, &line, &other_suite)),
            format!(
                "{leg}.protection.sdes: receive is for AES_CM_128_HMAC_SHA1_80 and send for AES_CM_128_HMAC_SHA1_32; \
                 give both for one suite"
            ),
        ),
        (
            change(|r| address(r, "2001:db8::7")),
            format!("{leg}.remote: asks for IPv6, but realm \"outside\" has no address of that family"),
        ),
        (
            change(|r| address(r, "224.0.0.1")),
            format!(
                "{leg}.remote.rtp.address: 224.0.0.1 is a multicast address; give the endpoint's own address"
            ),
        ),
        (
            change(|r| address(r, "255.255.255.255")),
            format!(
                "{leg}.remote.rtp.address: 255.255.255.255 is the broadcast address; give the endpoint's own address"
            ),
        ),
        (
            change(|r| address(r, "0.0.0.0")),
            format!(
                "{leg}.remote.rtp.address: 0.0.0.0 is an unspecified address; give the endpoint's own address"
            ),
        ),
        (
            change(|r| address(r, "::")),
            format!(
                "{leg}.remote.rtp.address: :: is the unspecified address; give the endpoint's own address"
            ),
        ),
        (
            Box::new(move |r| {
                address(r, &own);
                // On loopback its ports are its own, not the whole address.
                r.media[0].legs[0].remote.as_mut().unwrap().rtp.as_mut().unwrap().port = 20_050;
            }),
            format!("{leg}.remote.rtp.address: {own_too} is the relay's own address; give the endpoint's"),
        ),
        (
            change(|r| address(r, "example.org")),
            format!(
                "{leg}.remote.rtp.address: is not an IPv4 or IPv6 address in text form, such as 192.0.2.7 or 2001:db8::7"
            ),
        ),
        (
            change(|r| r.media[0].legs[0].remote.as_mut().unwrap().rtp.as_mut().unwrap().port = 65_536),
            format!("{leg}.remote.rtp.port: is 65536; give a UDP port of 1 to 65535"),
        ),
        (
            change(|r| r.media[0].legs[0].realm = "moon".into()),
            format!("{leg}.realm: is \"moon\", which is not configured; this relay has outside, inside"),
        ),
        (change(|r| drop(r.media[0].legs.pop())), "media[0].legs: has 1 entries; give exactly two".into()),
        (change(|r| r.media.clear()), "media: has 0 entries; give 1 to 16".into()),
        (change(|r| r.media[0].kind = 77), "media[0].kind: 77 is not a MediaKind of this interface".into()),
        (
            change(|r| r.media_timeout = Some(prost_types::Duration::default())),
            "media_timeout: must be longer than 0; leave it unset for the default".into(),
        ),
        (
            change(|r| r.media_timeout = Some(prost_types::Duration { seconds: i64::MIN, nanos: 0 })),
            "media_timeout: must be longer than 0; leave it unset for the default".into(),
        ),
        (
            change(|r| r.session_id = "a/b".into()),
            "session_id: contains '/'; use letters, digits and . _ : @ + - only".into(),
        ),
    ];
    for (change, text) in table {
        let mut request = good(&relay, "s", 1);
        change(&mut request);
        assert_eq!(refusal(client.create_session(request).await), (Code::InvalidArgument, text));
    }
    let node = relay.operator().await.get_node().await.unwrap();
    assert_eq!((node.sessions, node.realms.iter().map(|realm| realm.ports_used).sum::<u64>()), (0, 0));
    client.create_session(good(&relay, "s", 1)).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_that_do_not_fit_the_state() {
    let mut setup = Setup::loopback();
    setup.node += "max_sessions = 3\n";
    let relay = setup.start();
    let mut client = relay.front_end().await;
    client.create_session(good(&relay, "a", 1)).await.unwrap();

    assert_eq!(
        refusal(client.create_session(good(&relay, "a", 3)).await),
        (
            Code::AlreadyExists,
            "session_id: is in use for another session; choose another, or delete that session first".into()
        )
    );
    // Key 2 is what the relay sends under in session a.
    let mut reused = good(&relay, "b", 3);
    srtp(&mut reused).send[0] = Key::new(Suite::AesCm128HmacSha1_80, 2).message();
    assert_eq!(
        refusal(client.create_session(reused).await),
        (
            Code::FailedPrecondition,
            "media[0].legs[0].protection: has a send key that is in use for sending on this relay; make a new one"
                .into()
        )
    );
    let unknown = (
        Code::NotFound,
        "session_id: names no session of yours; list the sessions to see their names".to_owned(),
    );
    assert_eq!(refusal(client.get_session("none").await), unknown);
    assert_eq!(refusal(client.delete_session("none").await), unknown);
    assert_eq!(refusal(client.update_session(update("none", v1::LegUpdate::default())).await), unknown);

    let wrong_family = v1::LegUpdate {
        remote: Some(v1::Remote {
            rtp: Some(v1::Endpoint { address: "2001:db8::7".into(), port: 5000 }),
            rtcp: None,
        }),
        ..Default::default()
    };
    assert_eq!(
        refusal(client.update_session(update("a", wrong_family)).await),
        (
            Code::InvalidArgument,
            "legs[0].remote: is of another address family than the leg's local ports, which are IPv4".into()
        )
    );
    let no_leg = v1::LegUpdate { leg: 2, ..Default::default() };
    assert_eq!(
        refusal(client.update_session(update("a", no_leg)).await),
        (Code::InvalidArgument, "legs[0].leg: is 2; give 0 or 1".into())
    );
    assert_eq!(
        refusal(client.list_sessions(1001, "").await),
        (Code::InvalidArgument, "page_size: must be 1 to 1000, or 0 for 100, not 1001".into())
    );

    client.create_session(good(&relay, "b", 0x11)).await.unwrap();
    client.create_session(good(&relay, "c", 0x21)).await.unwrap();
    assert_eq!(
        refusal(client.create_session(good(&relay, "d", 0x31)).await),
        (Code::ResourceExhausted, "this relay has 3 of 3 sessions; end some or use another relay".into())
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn ports_that_are_used_up() {
    let mut setup = Setup::loopback();
    setup.realms = setup.realms.replace("20000-20099", "20000-20001");
    let relay = setup.start();
    let mut client = relay.front_end().await;
    client.create_session(good(&relay, "a", 1)).await.unwrap();
    client.create_session(good(&relay, "b", 0x11)).await.unwrap();
    assert_eq!(
        refusal(client.create_session(good(&relay, "c", 0x21)).await),
        (
            Code::ResourceExhausted,
            "media[0].legs[0].realm: realm \"outside\" has no free port on IPv4: 2 of 2 ports are in use; end sessions \
             or widen the realm's port range"
                .into()
        )
    );
    // An end makes room.
    client.delete_session("a").await.unwrap();
    client.create_session(good(&relay, "c", 0x21)).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn ports_that_another_program_has_taken_since_the_start() {
    let mut setup = Setup::loopback();
    setup.realms = setup.realms.replace("20000-20099", "20000-20001");
    let relay = setup.start();
    let mut client = relay.front_end().await;
    let taken = [20_000, 20_001].map(|port| std::net::UdpSocket::bind((relay.net().host(1), port)).unwrap());
    let (code, text) = refusal(client.create_session(good(&relay, "a", 1)).await);
    assert_eq!(code, Code::Unavailable);
    let ports = taken.each_ref().map(|socket| socket.local_addr().unwrap());
    assert!(
        ports.iter().any(|port| text.starts_with(&format!("local endpoint {port} cannot be used: "))),
        "{text}"
    );
    let mut operator = relay.operator().await;
    let used = |node: v1::GetNodeResponse| {
        (node.sessions, node.workers[0].flows, node.realms.iter().map(|realm| realm.ports_used).sum::<u64>())
    };
    assert_eq!(used(operator.get_node().await.unwrap()), (0, 0, 0));
    drop(taken);
    // Neither identifiers nor keys nor ports were used up.
    client.create_session(good(&relay, "a", 1)).await.unwrap();
    client.create_session(good(&relay, "b", 0x11)).await.unwrap();
    // The worker takes flows in when it comes to it.
    eventually("flows", async || (used(operator.get_node().await.unwrap()) == (2, 4, 4)).then_some(())).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_port_that_another_program_has_taken_is_passed_over() {
    let mut setup = Setup::loopback();
    setup.realms = setup.realms.replace("20000-20099", "20000-20003");
    let relay = setup.start();
    let mut client = relay.front_end().await;
    let _taken = std::net::UdpSocket::bind((relay.net().host(1), 20_000)).unwrap();
    let session = client.create_session(good(&relay, "a", 1)).await.unwrap();
    assert_eq!(session.media[0].legs[0].local_rtp.as_ref().unwrap().port, 20_002);
}
