// SPDX-License-Identifier: MIT OR Apache-2.0
//! Handshakes with clients that use rustls, and what roles let through.

use std::{io, sync::Arc, time::Duration};

use culvert_devcerts::{Authority, Validity};
use culvertd::{
    config::TlsVersion,
    roles::Role,
    tls::{AuthorizeLayer, Denial, Limits, Refusal},
};
use rustls::{
    HandshakeKind,
    pki_types::ServerName,
    version::{TLS12, TLS13},
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};
use tokio_rustls::TlsConnector;
use tonic::{
    body::Body,
    service::Routes,
    transport::{Endpoint, Server, Uri},
};
use tower::{Service as _, ServiceExt as _};

use crate::fixture::{Relay, Setup, VALID, until};

#[tokio::test]
async fn a_certificate_of_the_authority_is_let_in() {
    for version in [&TLS12, &TLS13] {
        let mut relay = Relay::start().await;
        let client = relay.client("front.test");
        let stream = relay.connect(relay.client_config(Some(&client), &[version])).await.unwrap();
        assert_eq!(stream.get_ref().1.protocol_version(), Some(version.version));
        let peer = tonic::transport::server::Connected::connect_info(&relay.next().await);
        assert_eq!(peer.identity.as_str(), "front.test");
        assert_eq!(peer.roles, [Role::FrontEnd].into_iter().collect());
        assert_eq!(peer.address, stream.get_ref().0.local_addr().unwrap());
        assert_eq!(relay.metrics.accepted(), 1);
        assert!(Refusal::ALL.iter().all(|refusal| relay.metrics.refused(*refusal) == 0));
    }
}

#[tokio::test]
async fn certificates_that_are_not_good_enough() {
    for version in [&TLS12, &TLS13] {
        let other = Authority::new("other", VALID).unwrap();
        for refusal in [
            Refusal::NoCertificate,
            Refusal::UnknownAuthority,
            Refusal::Expired,
            Refusal::NotYetValid,
            Refusal::WrongPurpose,
            Refusal::NoIdentity,
        ] {
            let relay = Relay::start().await;
            let client = match refusal {
                Refusal::NoCertificate => None,
                Refusal::UnknownAuthority => Some(other.client("front.test", VALID).unwrap()),
                Refusal::Expired => Some(relay.authority.client("front.test", Validity::Expired).unwrap()),
                Refusal::NotYetValid => Some(relay.authority.client("front.test", Validity::Future).unwrap()),
                Refusal::WrongPurpose => Some(relay.authority.server(&["front.test"], VALID).unwrap()),
                _ => Some(relay.client("192.0.2.1")),
            };
            relay.is_refused(relay.client_config(client.as_ref(), &[version])).await;
            relay.assert_refused(refusal);
        }
    }
}

#[tokio::test]
async fn a_client_that_does_not_trust_the_relay_is_told_apart() {
    let relay = Relay::start().await;
    let stranger = Relay::start().await;
    let client = relay.client("front.test");
    let error = relay.connect(stranger.client_config(Some(&client), &[&TLS13])).await.unwrap_err();
    assert!(error.to_string().starts_with("invalid peer certificate"), "{error}");
    until("the alert", || relay.metrics.refused(Refusal::RefusedByClient) == 1).await;
    relay.assert_refused(Refusal::RefusedByClient);
}

#[tokio::test]
async fn what_is_no_tls_for_grpc() {
    let relay = Relay::start().await;
    let client = relay.client("front.test");
    let mut config = relay.client_config(Some(&client), &[&TLS13]);
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    relay.is_refused(config).await;
    relay.assert_refused(Refusal::Incompatible);

    let relay = Relay::start().await;
    let mut stream = TcpStream::connect(relay.address).await.unwrap();
    stream.write_all(b"GET / HTTP/1.1\r\nHost: relay\r\n\r\n").await.unwrap();
    let _ = stream.read_to_end(&mut Vec::new()).await;
    relay.assert_refused(Refusal::NotTls);

    let relay = Relay::start().await;
    let mut stream = TcpStream::connect(relay.address).await.unwrap();
    stream.shutdown().await.unwrap();
    let _ = stream.read_to_end(&mut Vec::new()).await;
    relay.assert_refused(Refusal::Closed);
}

#[tokio::test]
async fn idle_connections_neither_stay_nor_keep_others_out() {
    let limits = Limits { handshakes: 1, timeout: Duration::from_millis(200) };
    let mut relay = Setup { limits, ..Setup::new() }.start().await;
    let mut idle = TcpStream::connect(relay.address).await.unwrap();
    let client = relay.client("front.test");
    let config = relay.client_config(Some(&client), &[&TLS13]);
    let mut byte = [0; 1];
    let (good, ended) = tokio::join!(relay.connect(config), idle.read(&mut byte));
    assert_eq!(ended.unwrap(), 0);
    good.unwrap();
    relay.next().await;
    assert_eq!((relay.metrics.refused(Refusal::Timeout), relay.metrics.accepted()), (1, 1));
}

/// What the relay says to a method when it has no services: UNIMPLEMENTED is what gets through to them.
pub(crate) async fn status(relay: &Relay, identity: &str, method: &str) -> tonic::Code {
    let config = Arc::new(relay.client_config(Some(&relay.client(identity)), &[&TLS13]));
    let address = relay.address;
    let connector = tower::service_fn(move |_: Uri| {
        let config = config.clone();
        async move {
            let stream = TcpStream::connect(address).await?;
            let stream = TlsConnector::from(config)
                .connect(ServerName::try_from("localhost").unwrap(), stream)
                .await?;
            Ok::<_, io::Error>(hyper_util::rt::TokioIo::new(stream))
        }
    });
    let endpoint = Endpoint::from_static("http://localhost");
    let mut channel = endpoint.connect_with_connector(connector).await.unwrap();
    let mut request = http::Request::new(Body::empty());
    *request.method_mut() = http::Method::POST;
    *request.uri_mut() = method.parse().unwrap();
    request.headers_mut().insert("content-type", http::HeaderValue::from_static("application/grpc"));
    let response = channel.ready().await.unwrap().call(request).await.unwrap();
    let code = response.headers()["grpc-status"].to_str().unwrap().parse().unwrap();
    tonic::Code::from_i32(code)
}

#[tokio::test]
async fn roles_decide_what_gets_through() {
    let mut relay = Relay::start().await;
    let incoming = relay.incoming.take().unwrap();
    let server =
        Server::builder().layer(AuthorizeLayer::new(relay.metrics.clone())).add_routes(Routes::default());
    let task = tokio::spawn(server.serve_with_incoming(incoming));
    for (identity, method, expected) in [
        ("front.test", "/culvert.v1.Relay/CreateSession", tonic::Code::Unimplemented),
        ("front.test", "/culvert.v1.Relay/GetNode", tonic::Code::PermissionDenied),
        ("front.test", "/culvert.v1.Relay/Drain", tonic::Code::PermissionDenied),
        ("metrics.test", "/culvert.v1.Relay/GetNode", tonic::Code::Unimplemented),
        ("metrics.test", "/culvert.v1.Relay/ListSessions", tonic::Code::PermissionDenied),
        ("operator.test", "/culvert.v1.Relay/Drain", tonic::Code::Unimplemented),
        ("nobody.test", "/culvert.v1.Relay/GetSession", tonic::Code::PermissionDenied),
        ("nobody.test", "/grpc.health.v1.Health/Check", tonic::Code::PermissionDenied),
    ] {
        assert_eq!(status(&relay, identity, method).await, expected, "{identity} {method}");
    }
    assert_eq!(relay.metrics.accepted(), 8);
    assert_eq!(Denial::ALL.map(|denial| relay.metrics.denied(denial)), [2, 3]);
    task.abort();
}

#[tokio::test]
async fn the_oldest_version_can_be_raised() {
    let mut relay = Setup { minimum_version: TlsVersion::Tls13, ..Setup::new() }.start().await;
    let client = relay.client("front.test");
    relay.is_refused(relay.client_config(Some(&client), &[&TLS12])).await;
    relay.assert_refused(Refusal::UnsupportedVersion);
    relay.connect(relay.client_config(Some(&client), &[&TLS13, &TLS12])).await.unwrap();
    relay.next().await;
    assert_eq!(relay.metrics.accepted(), 1);
}

/// A resumed session would not show its certificate again.
#[tokio::test]
async fn no_session_is_resumed() {
    for version in [&TLS12, &TLS13] {
        let mut relay = Relay::start().await;
        let config = relay.client_config(Some(&relay.client("front.test")), &[version]);
        for _ in 0..3 {
            let mut stream = relay.connect(config.clone()).await.unwrap();
            assert_eq!(stream.get_ref().1.handshake_kind(), Some(HandshakeKind::Full));
            // What the relay sends after the handshake, tickets included, is before this byte.
            relay.next().await.write_all(b"x").await.unwrap();
            assert_eq!(stream.read_u8().await.unwrap(), b'x');
        }
    }
}
