// SPDX-License-Identifier: MIT OR Apache-2.0
//! The register of authenticated connections, and the bound on them.

use std::{sync::Arc, time::SystemTime};

use culvertd::{
    roles::Role,
    tls::{Limits, Link, Refusal, RoleTable, Service, incoming, provider},
};
use futures::StreamExt as _;
use rustls::{
    SupportedProtocolVersion,
    crypto::{CryptoProvider, aws_lc_rs::cipher_suite, aws_lc_rs::kx_group},
    version::{TLS12, TLS13},
};
use tokio::{io::AsyncWriteExt as _, net::TcpListener};

use crate::fixture::{Relay, Setup, client_config_with, until};

#[tokio::test]
async fn a_link_says_what_protects_it_and_is_there_as_long_as_it_lives() {
    let table: [(&'static SupportedProtocolVersion, _, _, [&str; 3]); 3] = [
        (
            &TLS12,
            cipher_suite::TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256,
            kx_group::SECP384R1,
            ["TLSv1.2", "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256", "secp384r1"],
        ),
        (
            &TLS13,
            cipher_suite::TLS13_AES_128_GCM_SHA256,
            kx_group::X25519,
            ["TLSv1.3", "TLS_AES_128_GCM_SHA256", "x25519"],
        ),
        (
            &TLS13,
            cipher_suite::TLS13_AES_256_GCM_SHA384,
            kx_group::X25519MLKEM768,
            ["TLSv1.3", "TLS_AES_256_GCM_SHA384", "X25519MLKEM768"],
        ),
    ];
    // A build with the FIPS module has what is approved, and no more.
    let spoken =
        table.into_iter().filter(|(_, suite, group, _)| !provider().fips() || suite.fips() && group.fips());
    for (version, suite, group, [version_name, suite_name, group_name]) in spoken {
        let mut relay = Relay::start().await;
        assert_eq!(relay.links.links(), []);
        let before = SystemTime::now();
        let client = relay.client("front.test");
        let narrow =
            CryptoProvider { cipher_suites: vec![suite], kx_groups: vec![group], ..(*provider()).clone() };
        let authority = relay.authority.certificate_pem();
        let config = client_config_with(narrow, authority, Some(&client), &[version]);
        let stream = relay.connect(config).await.unwrap();
        let served = relay.next().await;
        let [link] = relay.links.links().try_into().unwrap();
        assert!(link.since >= before && link.since <= SystemTime::now());
        let expected = Link {
            service: "grpc",
            peer: "front.test".into(),
            roles: [Role::FrontEnd].into_iter().collect(),
            address: stream.get_ref().0.local_addr().unwrap(),
            serial: format!("{:X}", client.serial),
            local: "localhost".into(),
            version: version_name,
            suite: suite_name.into(),
            group: group_name.into(),
            since: link.since,
        };
        assert_eq!(link, expected);
        assert_eq!(served.peer().identity, expected.peer);
        drop(served);
        assert_eq!(relay.links.links(), []);
    }
}

#[tokio::test]
async fn more_connections_than_are_allowed_are_refused() {
    let mut relay = Setup { connections: 2, ..Setup::new() }.start().await;
    let config = relay.client_config(Some(&relay.client("front.test")), &[&TLS13]);
    let mut clients = Vec::new();
    let mut served = Vec::new();
    for _ in 0..2 {
        clients.push(relay.connect(config.clone()).await.unwrap());
        served.push(relay.next().await);
    }
    relay.is_refused(config.clone()).await;
    assert_eq!((relay.metrics.accepted(), relay.metrics.refused(Refusal::TooMany)), (2, 1));
    assert_eq!(relay.links.links().len(), 2);
    // An end makes room.
    served.pop();
    relay.connect(config).await.unwrap();
    relay.next().await;
    assert_eq!((relay.metrics.accepted(), relay.metrics.refused(Refusal::TooMany)), (3, 1));
}

#[tokio::test]
async fn listeners_of_other_protocols_share_register_and_certificates() {
    let mut relay = Relay::start().await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let grpc = std::mem::replace(&mut relay.address, listener.local_addr().unwrap());
    let limits = Limits { handshakes: 8, timeout: std::time::Duration::from_secs(10) };
    let mut sip = incoming(
        listener,
        relay.tls.clone(),
        Service::MRAS_SIP,
        Arc::new(RoleTable::default()),
        limits,
        relay.metrics.clone(),
        relay.links.clone(),
    );
    let mut config = relay.client_config(Some(&relay.client("front.test")), &[&TLS13]);
    config.alpn_protocols.clear();
    let _sip_client = relay.connect(config.clone()).await.unwrap();
    let mut sip_served = sip.next().await.unwrap().unwrap();
    relay.address = grpc;
    config.alpn_protocols = vec![b"h2".to_vec()];
    let grpc_client = relay.connect(config).await.unwrap();
    assert_eq!(grpc_client.get_ref().1.alpn_protocol(), Some(&b"h2"[..]));
    let _grpc_served = relay.next().await;
    let services: Vec<_> =
        relay.links.links().iter().map(|link| (link.service, link.roles.is_empty())).collect();
    assert_eq!(services, [("mras-sip", true), ("grpc", false)]);

    // Both lose a client that is revoked.
    drop(grpc_client);
    relay.files.write(
        "ca.pem",
        culvert_devcerts::Authority::new("other", crate::fixture::VALID).unwrap().certificate_pem(),
    );
    assert_eq!(relay.tls.reload(&relay.links).unwrap(), 2);
    assert_eq!(sip_served.write(b"x").await.unwrap_err().kind(), std::io::ErrorKind::ConnectionAborted);
    until("an empty register", || relay.links.links().is_empty()).await;
}
