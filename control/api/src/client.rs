// SPDX-License-Identifier: MIT OR Apache-2.0
//! A client of one relay over mutual TLS.

use std::{fmt, time::Duration};

use rustls_pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject};
use tonic::{
    Request, Response, Status, Streaming,
    transport::{Certificate, Channel, ClientTlsConfig, Endpoint, Identity},
};
use zeroize::Zeroizing;

use crate::{
    ClientError, v1, v1::media_relay_auth_client::MediaRelayAuthClient, v1::relay_client::RelayClient,
};

/// How to reach a relay, and as whom.
#[derive(Clone)]
pub struct ClientConfig {
    /// `https://host:port`.
    pub endpoint: String,
    /// Certificates of the authorities that may have signed the relay's certificate, in PEM.
    pub ca: Vec<u8>,
    /// The client's own certificate, followed by its intermediates, in PEM.
    pub certificate: Vec<u8>,
    /// The private key of `certificate`, in PEM.
    pub key: Zeroizing<Vec<u8>>,
    /// The name that the relay's certificate must bear, if it is not the host of `endpoint`.
    pub server_name: Option<String>,
    /// For the TCP connection and the TLS handshake.
    pub connect_timeout: Duration,
    /// For each call but [`Client::watch_events`], which goes on until it is dropped.
    pub request_timeout: Duration,
}

impl ClientConfig {
    /// A configuration with time-outs of 5 s to connect and 10 s for a call.
    pub fn new(endpoint: impl Into<String>, ca: Vec<u8>, certificate: Vec<u8>, key: Vec<u8>) -> ClientConfig {
        ClientConfig {
            endpoint: endpoint.into(),
            ca,
            certificate,
            key: Zeroizing::new(key),
            server_name: None,
            connect_timeout: Duration::from_secs(5),
            request_timeout: Duration::from_secs(10),
        }
    }

    fn tls(&self) -> Result<ClientTlsConfig, ClientError> {
        certificates("CA file", &self.ca)?;
        certificates("client certificate", &self.certificate)?;
        PrivateKeyDer::from_pem_slice(&self.key).map_err(|_| ClientError::Credential {
            what: "client key",
            reason: "holds no private key".to_owned(),
        })?;
        let tls = ClientTlsConfig::new()
            .ca_certificate(Certificate::from_pem(&self.ca))
            .identity(Identity::from_pem(&self.certificate, &*self.key))
            .timeout(self.connect_timeout);
        Ok(match &self.server_name {
            Some(name) => tls.domain_name(name),
            None => tls,
        })
    }

    fn transport(&self) -> Result<Endpoint, ClientError> {
        let wrong = |reason: &str| ClientError::Endpoint {
            endpoint: self.endpoint.clone(),
            reason: reason.to_owned(),
        };
        let endpoint = Endpoint::from_shared(self.endpoint.clone()).map_err(|_| wrong("is not a URL"))?;
        if endpoint.uri().scheme_str() != Some("https") {
            return Err(wrong("does not begin with https://"));
        }
        if endpoint.uri().port_u16().is_none() {
            return Err(wrong("names no port"));
        }
        let with_tls = endpoint.tls_config(self.tls()?).map_err(|error| ClientError::Credential {
            what: "client certificate with its key, or the server name,",
            reason: format!("cannot be used: {}", reason(&error)),
        })?;
        Ok(with_tls
            .connect_timeout(self.connect_timeout)
            .tcp_nodelay(true)
            .http2_keep_alive_interval(Duration::from_secs(20))
            .keep_alive_timeout(Duration::from_secs(10))
            .keep_alive_while_idle(true))
    }
}

impl fmt::Debug for ClientConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientConfig")
            .field("endpoint", &self.endpoint)
            .field("server_name", &self.server_name)
            .field("connect_timeout", &self.connect_timeout)
            .field("request_timeout", &self.request_timeout)
            .finish_non_exhaustive()
    }
}

fn reason(error: &tonic::transport::Error) -> String {
    std::error::Error::source(error).map_or_else(|| error.to_string(), ToString::to_string)
}

fn certificates(what: &'static str, pem: &[u8]) -> Result<(), ClientError> {
    let mut count = 0;
    for certificate in CertificateDer::pem_slice_iter(pem) {
        certificate
            .map_err(|error| ClientError::Credential { what, reason: format!("cannot be read: {error}") })?;
        count += 1;
    }
    if count == 0 {
        return Err(ClientError::Credential { what, reason: "holds no certificate".to_owned() });
    }
    Ok(())
}

/// A connection to one relay. Clones share it. It reconnects by itself when the relay comes back.
#[derive(Clone, Debug)]
pub struct Client {
    relay: RelayClient<Channel>,
    mras: MediaRelayAuthClient<Channel>,
    endpoint: String,
    timeout: Duration,
}

impl Client {
    /// Connects and shakes hands.
    ///
    /// A relay may refuse the client's certificate only after the handshake (TLS 1.3); the first call
    /// tells of that.
    pub async fn connect(config: &ClientConfig) -> Result<Client, ClientError> {
        let channel = config
            .transport()?
            .connect()
            .await
            .map_err(|error| ClientError::from_connect(&config.endpoint, &error))?;
        Ok(Client {
            relay: RelayClient::new(channel.clone()),
            mras: MediaRelayAuthClient::new(channel),
            endpoint: config.endpoint.clone(),
            timeout: config.request_timeout,
        })
    }

    fn request<T>(&self, message: T) -> Request<T> {
        let mut request = Request::new(message);
        request.set_timeout(self.timeout);
        request
    }

    fn answer<T>(&self, result: Result<Response<T>, Status>) -> Result<T, ClientError> {
        result.map(Response::into_inner).map_err(|status| self.failed(&status))
    }

    fn failed(&self, status: &Status) -> ClientError {
        ClientError::from_status(&self.endpoint, self.timeout, status)
    }

    /// Makes a session, or returns the one that the same request made before.
    pub async fn create_session(
        &mut self,
        request: v1::CreateSessionRequest,
    ) -> Result<v1::Session, ClientError> {
        let request = self.request(request);
        let result = self.relay.create_session(request).await;
        Ok(self.answer(result)?.session.unwrap_or_default())
    }

    /// Changes a running session: all of the request, or none of it.
    pub async fn update_session(
        &mut self,
        request: v1::UpdateSessionRequest,
    ) -> Result<v1::Session, ClientError> {
        let request = self.request(request);
        let result = self.relay.update_session(request).await;
        Ok(self.answer(result)?.session.unwrap_or_default())
    }

    /// A session as it stands, with its counters.
    pub async fn get_session(&mut self, session_id: impl Into<String>) -> Result<v1::Session, ClientError> {
        let request = self.request(v1::GetSessionRequest { session_id: session_id.into() });
        let result = self.relay.get_session(request).await;
        Ok(self.answer(result)?.session.unwrap_or_default())
    }

    /// One page of sessions. An empty token asks for the first.
    pub async fn list_sessions(
        &mut self,
        page_size: u32,
        page_token: impl Into<String>,
    ) -> Result<v1::ListSessionsResponse, ClientError> {
        let request = self.request(v1::ListSessionsRequest { page_size, page_token: page_token.into() });
        let result = self.relay.list_sessions(request).await;
        self.answer(result)
    }

    /// Ends a session and returns its final state.
    pub async fn delete_session(
        &mut self,
        session_id: impl Into<String>,
    ) -> Result<v1::Session, ClientError> {
        Ok(self.end_session(session_id).await?.session.unwrap_or_default())
    }

    /// Ends a session and returns its final state with its receipt.
    pub async fn end_session(
        &mut self,
        session_id: impl Into<String>,
    ) -> Result<v1::DeleteSessionResponse, ClientError> {
        let request = self.request(v1::DeleteSessionRequest { session_id: session_id.into() });
        let result = self.relay.delete_session(request).await;
        self.answer(result)
    }

    /// Events from now on, of one session, or of all (empty identifier).
    pub async fn watch_events(&mut self, session_id: impl Into<String>) -> Result<EventStream, ClientError> {
        let request = Request::new(v1::WatchEventsRequest { session_id: session_id.into() });
        let result = self.relay.watch_events(request).await;
        let stream = self.answer(result)?;
        Ok(EventStream { stream, endpoint: self.endpoint.clone(), timeout: self.timeout })
    }

    /// Why a session's media do not pass. The relay looks at its packets for as long as `observe`, which is added to how long
    /// an answer may take.
    pub async fn explain_session(
        &mut self,
        session_id: impl Into<String>,
        observe: Duration,
    ) -> Result<v1::ExplainSessionResponse, ClientError> {
        let observed = prost_types::Duration {
            seconds: i64::try_from(observe.as_secs()).unwrap_or(i64::MAX),
            nanos: i32::try_from(observe.subsec_nanos()).unwrap_or_default(),
        };
        let session_id = session_id.into();
        let mut request = Request::new(v1::ExplainSessionRequest { session_id, observe: Some(observed) });
        request.set_timeout(self.timeout.saturating_add(observe));
        let result = self.relay.explain_session(request).await;
        self.answer(result)
    }

    /// What protects each link: a page of sessions.
    pub async fn get_protection(
        &mut self,
        request: v1::GetProtectionRequest,
    ) -> Result<v1::GetProtectionResponse, ClientError> {
        let request = self.request(request);
        let result = self.relay.get_protection(request).await;
        self.answer(result)
    }

    /// Credentials for participants: one for each of the request, in its order.
    pub async fn issue_credentials(
        &mut self,
        request: v1::IssueCredentialsRequest,
    ) -> Result<Vec<v1::Credential>, ClientError> {
        let request = self.request(request);
        let result = self.mras.issue_credentials(request).await;
        Ok(self.answer(result)?.credentials)
    }

    /// Fresh keys for legs of a session, sealed under their participants' credentials.
    pub async fn issue_session_keys(
        &mut self,
        request: v1::IssueSessionKeysRequest,
    ) -> Result<v1::IssueSessionKeysResponse, ClientError> {
        let request = self.request(request);
        let result = self.mras.issue_session_keys(request).await;
        self.answer(result)
    }

    /// Ends credentials before their time. Answers with how many legs lost their keys.
    pub async fn revoke(&mut self, target: v1::revoke_request::Target) -> Result<u64, ClientError> {
        let request = self.request(v1::RevokeRequest { target: Some(target) });
        let result = self.mras.revoke(request).await;
        Ok(self.answer(result)?.legs)
    }

    /// Takes back a revocation. Answers with whether there was one.
    pub async fn reinstate(&mut self, target: v1::reinstate_request::Target) -> Result<bool, ClientError> {
        let request = self.request(v1::ReinstateRequest { target: Some(target) });
        let result = self.mras.reinstate(request).await;
        Ok(self.answer(result)?.was_revoked)
    }

    /// What is revoked, and the signing keys.
    pub async fn list_revocations(&mut self) -> Result<v1::ListRevocationsResponse, ClientError> {
        let request = self.request(v1::ListRevocationsRequest {});
        let result = self.mras.list_revocations(request).await;
        self.answer(result)
    }

    /// Makes a new signing key and answers with its number.
    pub async fn rotate_signing_key(&mut self) -> Result<u32, ClientError> {
        let request = self.request(v1::RotateSigningKeyRequest {});
        let result = self.mras.rotate_signing_key(request).await;
        Ok(self.answer(result)?.epoch)
    }

    /// What the relay is made of and how full it is.
    pub async fn get_node(&mut self) -> Result<v1::GetNodeResponse, ClientError> {
        let request = self.request(v1::GetNodeRequest {});
        let result = self.relay.get_node(request).await;
        self.answer(result)
    }

    /// Sessions ranked by what they do.
    pub async fn top_sessions(
        &mut self,
        request: v1::TopSessionsRequest,
    ) -> Result<v1::TopSessionsResponse, ClientError> {
        let request = self.request(request);
        let result = self.relay.top_sessions(request).await;
        self.answer(result)
    }

    /// Stops (`true`) or resumes (`false`) the taking of new sessions.
    pub async fn drain(&mut self, draining: bool) -> Result<v1::DrainResponse, ClientError> {
        let request = self.request(v1::DrainRequest { draining });
        let result = self.relay.drain(request).await;
        self.answer(result)
    }
}

/// The events of a watch. Dropping it ends the watch.
#[derive(Debug)]
pub struct EventStream {
    stream: Streaming<v1::Event>,
    endpoint: String,
    timeout: Duration,
}

impl EventStream {
    /// The next event; `None` when the relay ended the stream.
    pub async fn next(&mut self) -> Result<Option<v1::Event>, ClientError> {
        self.stream
            .message()
            .await
            .map_err(|status| ClientError::from_status(&self.endpoint, self.timeout, &status))
    }
}
