// SPDX-License-Identifier: MIT OR Apache-2.0
//! The client against a server with mutual TLS on loopback.

#![expect(clippy::unwrap_used, reason = "what cannot be set up must fail the test")]

use std::{net::SocketAddr, time::Duration};

use culvert_api::{
    Client, ClientConfig, ClientError,
    v1::{
        self,
        relay_server::{Relay, RelayServer},
    },
};
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use tokio::{net::TcpListener, task::JoinHandle};
use tokio_stream::wrappers::TcpListenerStream;
use tonic::{
    Code, Request, Response, Status,
    transport::{Certificate, Identity, Server, ServerTlsConfig},
};

/// Answers what the tests ask for, and no more.
struct Stub;

#[tonic::async_trait]
impl Relay for Stub {
    type WatchEventsStream = tokio_stream::Iter<std::vec::IntoIter<Result<v1::Event, Status>>>;

    async fn create_session(
        &self,
        request: Request<v1::CreateSessionRequest>,
    ) -> Result<Response<v1::CreateSessionResponse>, Status> {
        let session_id = request.into_inner().session_id;
        if session_id.is_empty() {
            return Err(Status::invalid_argument("session_id: must not be empty"));
        }
        let session = v1::Session { session_id, ..v1::Session::default() };
        Ok(Response::new(v1::CreateSessionResponse { session: Some(session) }))
    }

    async fn get_session(
        &self,
        _: Request<v1::GetSessionRequest>,
    ) -> Result<Response<v1::GetSessionResponse>, Status> {
        std::future::pending().await
    }

    async fn watch_events(
        &self,
        request: Request<v1::WatchEventsRequest>,
    ) -> Result<Response<Self::WatchEventsStream>, Status> {
        let event = v1::Event { session_id: request.into_inner().session_id, ..v1::Event::default() };
        Ok(Response::new(tokio_stream::iter(vec![Ok(event), Err(Status::unavailable("stopping"))])))
    }

    async fn update_session(
        &self,
        _: Request<v1::UpdateSessionRequest>,
    ) -> Result<Response<v1::UpdateSessionResponse>, Status> {
        Err(Status::unimplemented(""))
    }

    async fn list_sessions(
        &self,
        _: Request<v1::ListSessionsRequest>,
    ) -> Result<Response<v1::ListSessionsResponse>, Status> {
        Err(Status::unimplemented(""))
    }

    async fn delete_session(
        &self,
        _: Request<v1::DeleteSessionRequest>,
    ) -> Result<Response<v1::DeleteSessionResponse>, Status> {
        Err(Status::unimplemented(""))
    }

    async fn explain_session(
        &self,
        _: Request<v1::ExplainSessionRequest>,
    ) -> Result<Response<v1::ExplainSessionResponse>, Status> {
        Err(Status::unimplemented(""))
    }

    async fn top_sessions(
        &self,
        _: Request<v1::TopSessionsRequest>,
    ) -> Result<Response<v1::TopSessionsResponse>, Status> {
        Err(Status::unimplemented(""))
    }

    async fn get_protection(
        &self,
        _: Request<v1::GetProtectionRequest>,
    ) -> Result<Response<v1::GetProtectionResponse>, Status> {
        Err(Status::unimplemented(""))
    }

    async fn get_node(
        &self,
        _: Request<v1::GetNodeRequest>,
    ) -> Result<Response<v1::GetNodeResponse>, Status> {
        Err(Status::unimplemented(""))
    }

    async fn drain(&self, request: Request<v1::DrainRequest>) -> Result<Response<v1::DrainResponse>, Status> {
        let draining = request.into_inner().draining;
        Ok(Response::new(v1::DrainResponse { draining, sessions: 7 }))
    }
}

struct Authority {
    pem: String,
    issuer: Issuer<'static, KeyPair>,
}

impl Authority {
    fn new() -> Authority {
        let mut params = CertificateParams::new(Vec::<String>::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        let pem = params.self_signed(&key).unwrap().pem();
        Authority { pem, issuer: Issuer::new(params, key) }
    }

    /// Certificate and key.
    fn sign(&self, name: &str) -> (String, String) {
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new(vec![name.to_owned()]).unwrap();
        (params.signed_by(&key, &self.issuer).unwrap().pem(), key.serialize_pem())
    }

    fn client(&self, address: SocketAddr, signer: &Authority) -> ClientConfig {
        let (certificate, key) = signer.sign("front-end.example");
        let endpoint = format!("https://{address}");
        let mut config = ClientConfig::new(endpoint, self.pem.clone().into(), certificate.into(), key.into());
        config.server_name = Some("relay.example".to_owned());
        config
    }
}

/// A relay with a certificate for `relay.example`; it stops when the handle is aborted.
async fn serve(authority: &Authority) -> (SocketAddr, JoinHandle<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (certificate, key) = authority.sign("relay.example");
    let tls = ServerTlsConfig::new()
        .identity(Identity::from_pem(certificate, key))
        .client_ca_root(Certificate::from_pem(&authority.pem));
    let server = Server::builder().tls_config(tls).unwrap().add_service(RelayServer::new(Stub));
    let task = tokio::spawn(async move {
        server.serve_with_incoming(TcpListenerStream::new(listener)).await.unwrap();
    });
    (address, task)
}

#[tokio::test]
async fn calls_events_and_statuses_come_through() {
    let authority = Authority::new();
    let (address, task) = serve(&authority).await;
    let mut client = Client::connect(&authority.client(address, &authority)).await.unwrap();

    let request = v1::CreateSessionRequest { session_id: "call-1".into(), ..Default::default() };
    assert_eq!(client.create_session(request).await.unwrap().session_id, "call-1");
    assert_eq!(client.drain(true).await.unwrap(), v1::DrainResponse { draining: true, sessions: 7 });

    let error = client.create_session(v1::CreateSessionRequest::default()).await.unwrap_err();
    assert_eq!(error.code(), Some(Code::InvalidArgument));
    assert_eq!(error.to_string(), "session_id: must not be empty (INVALID_ARGUMENT)");

    let mut events = client.watch_events("call-1").await.unwrap();
    assert_eq!(events.next().await.unwrap().unwrap().session_id, "call-1");
    assert_eq!(events.next().await.unwrap_err().to_string(), "stopping (UNAVAILABLE)");
    task.abort();
}

#[tokio::test]
async fn a_call_without_an_answer_times_out() {
    let authority = Authority::new();
    let (address, task) = serve(&authority).await;
    let mut config = authority.client(address, &authority);
    config.request_timeout = Duration::from_millis(50);
    let mut client = Client::connect(&config).await.unwrap();
    let error = client.get_session("x").await.unwrap_err();
    // Whichever of the two clocks runs out first, the client's or the relay's.
    assert!(
        matches!(error, ClientError::Timeout { .. }) || error.code() == Some(Code::DeadlineExceeded),
        "{error:?}"
    );
    task.abort();
}

#[tokio::test]
async fn nobody_listens() {
    let authority = Authority::new();
    let address = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let error = Client::connect(&authority.client(address, &authority)).await.unwrap_err();
    assert!(matches!(error, ClientError::Unreachable { .. }), "{error:?}");
    assert!(error.to_string().contains(&format!("https://{address}")), "{error}");
}

#[tokio::test]
async fn a_server_of_another_authority_or_name_is_refused() {
    let (authority, other) = (Authority::new(), Authority::new());
    let (address, task) = serve(&authority).await;
    let error = Client::connect(&other.client(address, &authority)).await.unwrap_err();
    assert!(matches!(error, ClientError::ServerCertificate { .. }), "{error:?}");

    let mut config = authority.client(address, &authority);
    config.server_name = Some("else.example".to_owned());
    let error = Client::connect(&config).await.unwrap_err();
    assert!(matches!(error, ClientError::ServerCertificate { .. }), "{error:?}");
    task.abort();
}

#[tokio::test]
async fn a_client_of_another_authority_is_refused() {
    let (authority, other) = (Authority::new(), Authority::new());
    let (address, task) = serve(&authority).await;
    let config = authority.client(address, &other);
    let error = match Client::connect(&config).await {
        Ok(mut client) => client.get_node().await.unwrap_err(),
        Err(error) => error,
    };
    // The alert may be overtaken by the reset of the connection.
    assert!(matches!(error, ClientError::ClientCertificate { .. } | ClientError::Lost { .. }), "{error:?}");
    task.abort();
}

#[tokio::test]
async fn bad_configuration_is_named() {
    let authority = Authority::new();
    let good = authority.client("127.0.0.1:1".parse().unwrap(), &authority);
    let failed = async |change: fn(&mut ClientConfig)| {
        let mut config = good.clone();
        change(&mut config);
        Client::connect(&config).await.unwrap_err().to_string()
    };
    assert_eq!(
        failed(|c| c.endpoint = "http://relay:1".into()).await,
        "endpoint \"http://relay:1\" does not begin with https://; give it as https://host:port"
    );
    assert_eq!(
        failed(|c| c.endpoint = "https://relay".into()).await,
        "endpoint \"https://relay\" names no port; give it as https://host:port"
    );
    assert_eq!(
        failed(|c| c.endpoint = "https://a b:1".into()).await,
        "endpoint \"https://a b:1\" is not a URL; give it as https://host:port"
    );
    assert_eq!(failed(|c| c.ca.clear()).await, "the CA file holds no certificate; give it in PEM form");
    assert_eq!(
        failed(|c| c.certificate = b"nonsense".to_vec()).await,
        "the client certificate holds no certificate; give it in PEM form"
    );
    assert_eq!(failed(|c| c.key.clear()).await, "the client key holds no private key; give it in PEM form");
}
