// SPDX-License-Identifier: MIT OR Apache-2.0
//! The accept loop over certificates in a directory, and rustls clients of it.

use std::{io, net::SocketAddr, path::PathBuf, sync::Arc, time::Duration};

use culvert_devcerts::{Authority, Issued, Validity};
use culvertd::{
    config::{RoleEntry, Tls, TlsVersion},
    roles::Role,
    tls::{
        ControlStream, Denial, HandshakeMetrics, Incoming, Limits, LinkRegister, Policy, Refusal, RoleTable,
        Service, TlsHandle, incoming, provider,
    },
};
use futures::StreamExt as _;
use rustls::{
    ClientConfig, RootCertStore, SupportedProtocolVersion,
    crypto::CryptoProvider,
    pki_types::{CertificateDer, PrivateKeyDer, ServerName, pem::PemObject as _},
};
use tokio::{
    io::AsyncReadExt as _,
    net::{TcpListener, TcpStream},
    time::timeout,
};
use tokio_rustls::{TlsConnector, client::TlsStream};

use crate::common::PATIENCE;

pub(crate) const VALID: Validity = Validity::Days(1);

/// What to start.
pub(crate) struct Setup {
    pub(crate) limits: Limits,
    pub(crate) connections: usize,
    pub(crate) minimum_version: TlsVersion,
    pub(crate) service: Service,
    /// PEM, trusted beside the relay's own.
    pub(crate) more_authorities: String,
    /// PEM.
    pub(crate) revoked: Option<String>,
    pub(crate) authority: Authority,
}

impl Setup {
    pub(crate) fn new() -> Setup {
        Setup {
            limits: Limits { handshakes: 8, timeout: Duration::from_secs(10) },
            connections: 64,
            minimum_version: TlsVersion::Tls12,
            service: Service::GRPC,
            more_authorities: String::new(),
            revoked: None,
            authority: Authority::new("test", VALID).unwrap(),
        }
    }

    pub(crate) async fn start(self) -> Relay {
        let files = Files { directory: tempfile::tempdir().unwrap() };
        let own = self.authority.server(&["localhost"], VALID).unwrap();
        files.write_pair(&own);
        files.write("ca.pem", &format!("{}{}", self.authority.certificate_pem(), self.more_authorities));
        if let Some(lists) = &self.revoked {
            files.write("ca.crl", lists);
        }
        let configured = Tls {
            certificate: files.path("server.pem"),
            key: files.path("server.key"),
            client_ca: files.path("ca.pem"),
            client_crl: self.revoked.as_ref().map(|_| files.path("ca.crl")),
            minimum_version: self.minimum_version,
        };
        let policy = Policy { minimum_version: self.minimum_version, fips: false };
        let tls = TlsHandle::load(configured, policy).unwrap();
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
        let (metrics, links) = (HandshakeMetrics::new(), LinkRegister::new(self.connections));
        let incoming =
            incoming(listener, tls.clone(), self.service, table, self.limits, metrics.clone(), links.clone());
        let (authority, incoming) = (self.authority, Some(incoming));
        Relay { address, authority, own, tls, metrics, links, incoming, files }
    }
}

/// The files that the relay reads.
pub(crate) struct Files {
    pub(crate) directory: tempfile::TempDir,
}

impl Files {
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, text: &str) {
        std::fs::write(self.path(name), text).unwrap();
    }

    pub(crate) fn write_pair(&self, issued: &Issued) {
        self.write("server.pem", &issued.certificate_pem);
        self.write("server.key", &issued.key_pem);
    }
}

pub(crate) struct Relay {
    pub(crate) address: SocketAddr,
    pub(crate) authority: Authority,
    pub(crate) own: Issued,
    pub(crate) tls: TlsHandle,
    pub(crate) metrics: HandshakeMetrics,
    pub(crate) links: LinkRegister,
    pub(crate) incoming: Option<Incoming>,
    pub(crate) files: Files,
}

/// All counters by name, in one order.
pub(crate) type Counts = Vec<(&'static str, u64)>;

impl Relay {
    pub(crate) async fn start() -> Relay {
        Setup::new().start().await
    }

    pub(crate) fn client(&self, identity: &str) -> Issued {
        self.authority.client(identity, VALID).unwrap()
    }

    pub(crate) fn client_config(
        &self,
        client: Option<&Issued>,
        versions: &[&'static SupportedProtocolVersion],
    ) -> ClientConfig {
        client_config(self.authority.certificate_pem(), client, versions)
    }

    /// The next connection that the server would get.
    pub(crate) async fn next(&mut self) -> ControlStream {
        timeout(PATIENCE, self.incoming.as_mut().unwrap().next()).await.unwrap().unwrap().unwrap()
    }

    pub(crate) async fn connect(&self, config: ClientConfig) -> io::Result<TlsStream<TcpStream>> {
        let stream = TcpStream::connect(self.address).await?;
        TlsConnector::from(Arc::new(config)).connect(ServerName::try_from("localhost").unwrap(), stream).await
    }

    /// Connects, and waits for the end that a refusing relay makes. Under TLS 1.3 a client is done before it is judged.
    pub(crate) async fn is_refused(&self, config: ClientConfig) {
        if let Ok(mut stream) = self.connect(config).await {
            let mut rest = Vec::new();
            let end = timeout(PATIENCE, stream.read_to_end(&mut rest)).await.unwrap();
            assert!(end.is_err() || rest.is_empty());
        }
    }

    pub(crate) fn counts(&self) -> Counts {
        let refused = Refusal::ALL.map(|refusal| (refusal.name(), self.metrics.refused(refusal)));
        let denied = Denial::ALL.map(|denial| (denial.name(), self.metrics.denied(denial)));
        [("accepted", self.metrics.accepted())].into_iter().chain(refused).chain(denied).collect()
    }

    /// Exactly one handshake was refused, for this reason.
    pub(crate) fn assert_refused(&self, refusal: Refusal) {
        let refused = |(name, _): (&'static str, u64)| (name, u64::from(name == refusal.name()));
        assert_eq!(self.counts(), self.counts().into_iter().map(refused).collect::<Counts>());
    }
}

pub(crate) fn client_config(
    authority: &str,
    client: Option<&Issued>,
    versions: &[&'static SupportedProtocolVersion],
) -> ClientConfig {
    client_config_with((*provider()).clone(), authority, client, versions)
}

pub(crate) fn client_config_with(
    provider: CryptoProvider,
    authority: &str,
    client: Option<&Issued>,
    versions: &[&'static SupportedProtocolVersion],
) -> ClientConfig {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(authority.as_bytes()).unwrap()).unwrap();
    let builder =
        ClientConfig::builder_with_provider(Arc::new(provider)).with_protocol_versions(versions).unwrap();
    let builder = builder.with_root_certificates(roots);
    let mut config = match client {
        None => builder.with_no_client_auth(),
        Some(issued) => {
            let chain = CertificateDer::pem_slice_iter(issued.certificate_pem.as_bytes());
            let key = PrivateKeyDer::from_pem_slice(issued.key_pem.as_bytes()).unwrap();
            builder.with_client_auth_cert(chain.collect::<Result<_, _>>().unwrap(), key).unwrap()
        }
    };
    config.alpn_protocols = vec![b"h2".to_vec()];
    config
}

/// Lets other tasks run until something is so.
pub(crate) async fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let waiting = async {
        while !is_so() {
            tokio::task::yield_now().await;
        }
    };
    assert!(timeout(PATIENCE, waiting).await.is_ok(), "{what}: not within {PATIENCE:?}");
}
