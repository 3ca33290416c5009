// SPDX-License-Identifier: MIT OR Apache-2.0
//! Mutual TLS on loopback: who gets in, who does not, and what is counted.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{io, net::SocketAddr, path::PathBuf, sync::Arc, time::Duration};

use culvert_devcerts::{Authority, Issued, Validity};
use culvertd::{
    config::{RoleEntry, Tls},
    roles::Role,
    tls::{
        AuthorizeLayer, ControlStream, HandshakeMetrics, Incoming, Limits, Refusal, RoleTable, incoming,
        server_config,
    },
};
use futures::StreamExt as _;
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair, SanType, date_time_ymd};
use rustls::{
    ClientConfig, RootCertStore, SupportedProtocolVersion,
    pki_types::{CertificateDer, PrivateKeyDer, ServerName, pem::PemObject as _},
    version::{TLS12, TLS13},
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
};
use tokio_rustls::{TlsConnector, client::TlsStream};
use tonic::{
    body::Body,
    service::Routes,
    transport::{Endpoint, Server, Uri},
};
use tower::{Service as _, ServiceExt as _};

const VALID: Validity = Validity::Days(1);

struct Relay {
    address: SocketAddr,
    authority: Authority,
    metrics: HandshakeMetrics,
    incoming: Option<Incoming>,
    _files: tempfile::TempDir,
}

impl Relay {
    async fn start() -> Relay {
        Relay::start_with(Limits { handshakes: 8, timeout: Duration::from_secs(10) }, "").await
    }

    /// `more_authorities`: PEM, trusted beside the relay's own.
    async fn start_with(limits: Limits, more_authorities: &str) -> Relay {
        let authority = Authority::new("test", VALID).unwrap();
        let own = authority.server(&["localhost"], VALID).unwrap();
        let files = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| -> PathBuf {
            let path = files.path().join(name);
            std::fs::write(&path, text).unwrap();
            path
        };
        let config = server_config(&Tls {
            certificate: write("server.pem", &own.certificate_pem),
            key: write("server.key", &own.key_pem),
            client_ca: write("ca.pem", &format!("{}{more_authorities}", authority.certificate_pem())),
        })
        .unwrap();
        let roles = [
            ("front.test", Role::FrontEnd),
            ("operator.test", Role::Operator),
            ("metrics.test", Role::Metrics),
        ];
        let entry = |(identity, role): (&str, Role)| RoleEntry {
            identity: identity.into(),
            roles: [role].into_iter().collect(),
        };
        let table = Arc::new(RoleTable::new(roles.map(entry).to_vec()));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let metrics = HandshakeMetrics::new();
        let incoming = incoming(listener, config, table, limits, metrics.clone());
        Relay { address, authority, metrics, incoming: Some(incoming), _files: files }
    }

    fn client(&self, identity: &str) -> Issued {
        self.authority.client(identity, VALID).unwrap()
    }

    fn trusted(&self) -> RootCertStore {
        let mut roots = RootCertStore::empty();
        roots
            .add(CertificateDer::from_pem_slice(self.authority.certificate_pem().as_bytes()).unwrap())
            .unwrap();
        roots
    }

    fn client_config(
        &self,
        client: Option<&Issued>,
        versions: &[&'static SupportedProtocolVersion],
    ) -> ClientConfig {
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let builder = ClientConfig::builder_with_provider(provider).with_protocol_versions(versions).unwrap();
        let builder = builder.with_root_certificates(self.trusted());
        let mut config = match client {
            None => builder.with_no_client_auth(),
            Some(issued) => {
                let chain = vec![CertificateDer::from_pem_slice(issued.certificate_pem.as_bytes()).unwrap()];
                let key = PrivateKeyDer::from_pem_slice(issued.key_pem.as_bytes()).unwrap();
                builder.with_client_auth_cert(chain, key).unwrap()
            }
        };
        config.alpn_protocols = vec![b"h2".to_vec()];
        config
    }

    /// The next connection that the server would get.
    async fn next(&mut self) -> ControlStream {
        self.incoming.as_mut().unwrap().next().await.unwrap().unwrap()
    }

    async fn connect(&self, config: ClientConfig) -> io::Result<TlsStream<TcpStream>> {
        let stream = TcpStream::connect(self.address).await?;
        TlsConnector::from(Arc::new(config)).connect(ServerName::try_from("localhost").unwrap(), stream).await
    }

    /// Connects, and waits for the end that a refusing relay makes. Under TLS 1.3 a client is done before it is judged.
    async fn is_refused(&self, config: ClientConfig) {
        if let Ok(mut stream) = self.connect(config).await {
            let mut rest = Vec::new();
            assert!(stream.read_to_end(&mut rest).await.is_err() || rest.is_empty());
        }
    }

    /// Exactly one handshake was refused, for this reason.
    fn assert_refused(&self, refusal: Refusal) {
        let counts: Vec<_> = Refusal::ALL.map(|other| (other.name(), self.metrics.refused(other))).to_vec();
        let expected: Vec<_> = Refusal::ALL.map(|other| (other.name(), u64::from(other == refusal))).to_vec();
        assert_eq!(counts, expected);
        assert_eq!(self.metrics.accepted(), 0);
    }
}

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
            Refusal::WrongPurpose,
            Refusal::NoIdentity,
        ] {
            let relay = Relay::start().await;
            let client = match refusal {
                Refusal::NoCertificate => None,
                Refusal::UnknownAuthority => Some(other.client("front.test", VALID).unwrap()),
                Refusal::Expired => Some(relay.authority.client("front.test", Validity::Expired).unwrap()),
                Refusal::WrongPurpose => Some(relay.authority.server(&["front.test"], VALID).unwrap()),
                _ => Some(relay.client("192.0.2.1")),
            };
            relay.is_refused(relay.client_config(client.as_ref(), &[version])).await;
            relay.assert_refused(refusal);
        }
    }
}

#[tokio::test]
async fn a_certificate_of_the_future_is_refused() {
    let mut parameters = CertificateParams::default();
    parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let key = KeyPair::generate().unwrap();
    let authority = parameters.self_signed(&key).unwrap().pem();
    let issuer = Issuer::new(parameters, key);
    let mut parameters = CertificateParams::default();
    parameters.subject_alt_names = vec![SanType::DnsName("front.test".try_into().unwrap())];
    parameters.not_before = date_time_ymd(4000, 1, 1);
    let key = KeyPair::generate().unwrap();
    let certificate = parameters.signed_by(&key, &issuer).unwrap();
    let client = Issued { certificate_pem: certificate.pem(), key_pem: key.serialize_pem() };

    let relay =
        Relay::start_with(Limits { handshakes: 8, timeout: Duration::from_secs(10) }, &authority).await;
    relay.is_refused(relay.client_config(Some(&client), &[&TLS13])).await;
    relay.assert_refused(Refusal::NotYetValid);
}

#[tokio::test]
async fn a_client_that_does_not_trust_the_relay_is_told_apart() {
    let relay = Relay::start().await;
    let stranger = Relay::start().await;
    let client = relay.client("front.test");
    let error = relay.connect(stranger.client_config(Some(&client), &[&TLS13])).await.unwrap_err();
    assert!(error.to_string().starts_with("invalid peer certificate"), "{error}");
    while relay.metrics.refused(Refusal::RefusedByClient) == 0 {
        tokio::task::yield_now().await;
    }
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
    let mut relay = Relay::start_with(limits, "").await;
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
async fn status(relay: &Relay, identity: &str, method: &str) -> tonic::Code {
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
    let server = Server::builder().layer(AuthorizeLayer).add_routes(Routes::default());
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
    task.abort();
}
