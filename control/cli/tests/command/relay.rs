// SPDX-License-Identifier: MIT OR Apache-2.0
//! The relay with its script, and the program that is run against it.

use std::io::Write;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};
use std::sync::{Arc, Mutex};

use culvert_api::v1::{self, media_relay_auth_server, relay_server};
use culvert_devcerts::{Files, write_directory};
use serde_json::Value;
use tempfile::TempDir;
use tokio_stream::wrappers::TcpListenerStream;
use tonic::transport::{Certificate, Identity, Server, ServerTlsConfig};
use tonic::{Request, Response, Status};

const RECEIPT: &str = r#"{"session_id":"c-1"}"#;

type Answer<T> = Result<Response<T>, Status>;

/// Knows the sessions c-0 to c-2499, and what protects 1500 of them; remembers what it was asked to make.
#[derive(Clone, Default)]
pub(crate) struct Relay {
    pub(crate) created: Arc<Mutex<Vec<v1::CreateSessionRequest>>>,
    pub(crate) deleted: Arc<Mutex<Vec<String>>>,
    pub(crate) issued: Arc<Mutex<Vec<v1::IssueCredentialsRequest>>>,
    pub(crate) keyed: Arc<Mutex<Vec<v1::IssueSessionKeysRequest>>>,
    /// What its sessions do.
    pub(crate) ranked: Arc<Mutex<Vec<v1::SessionRates>>>,
}

fn session(id: &str) -> v1::Session {
    v1::Session { session_id: id.to_owned(), ..v1::Session::default() }
}

#[tonic::async_trait]
impl relay_server::Relay for Relay {
    async fn create_session(
        &self,
        request: Request<v1::CreateSessionRequest>,
    ) -> Answer<v1::CreateSessionResponse> {
        let request = request.into_inner();
        let mut answer = session(&request.session_id);
        if request.session_id.starts_with("load-") {
            answer.media = crate::load::relayed(&request);
        }
        self.created.lock().unwrap().push(request);
        Ok(Response::new(v1::CreateSessionResponse { session: Some(answer) }))
    }

    async fn update_session(
        &self,
        request: Request<v1::UpdateSessionRequest>,
    ) -> Answer<v1::UpdateSessionResponse> {
        let session = session(&request.into_inner().session_id);
        Ok(Response::new(v1::UpdateSessionResponse { session: Some(session) }))
    }

    async fn get_session(&self, request: Request<v1::GetSessionRequest>) -> Answer<v1::GetSessionResponse> {
        match request.into_inner().session_id.as_str() {
            "c-1" => {
                let owner = "front-end.culvert.test".to_owned();
                let session = v1::Session { owner, ..session("c-1") };
                Ok(Response::new(v1::GetSessionResponse { session: Some(session) }))
            }
            other => Err(Status::not_found(format!("session_id: no session {other:?}"))),
        }
    }

    async fn list_sessions(
        &self,
        request: Request<v1::ListSessionsRequest>,
    ) -> Answer<v1::ListSessionsResponse> {
        let request = request.into_inner();
        let from: u32 = request.page_token.parse().unwrap_or(0);
        let to = (from + request.page_size).min(2500);
        Ok(Response::new(v1::ListSessionsResponse {
            sessions: (from..to).map(|number| session(&format!("c-{number}"))).collect(),
            next_page_token: if to < 2500 { to.to_string() } else { String::new() },
            total: 2500,
        }))
    }

    async fn delete_session(
        &self,
        request: Request<v1::DeleteSessionRequest>,
    ) -> Answer<v1::DeleteSessionResponse> {
        let id = request.into_inner().session_id;
        if id.starts_with("load-") {
            self.deleted.lock().unwrap().push(id.clone());
        }
        if id.starts_with("c-") || id.starts_with("load-") {
            return Ok(Response::new(v1::DeleteSessionResponse {
                session: Some(session(&id)),
                receipt: RECEIPT.to_owned(),
            }));
        }
        Err(Status::not_found(format!("session_id: no session {id:?}")))
    }

    type WatchEventsStream = tokio_stream::Iter<std::vec::IntoIter<Result<v1::Event, Status>>>;

    async fn watch_events(
        &self,
        request: Request<v1::WatchEventsRequest>,
    ) -> Answer<Self::WatchEventsStream> {
        let kind = Some(v1::event::Kind::SessionDeleted(v1::SessionDeleted {}));
        let event = v1::Event { session_id: request.into_inner().session_id, kind, ..v1::Event::default() };
        Ok(Response::new(tokio_stream::iter(vec![Ok(event)])))
    }

    async fn get_node(&self, _: Request<v1::GetNodeRequest>) -> Answer<v1::GetNodeResponse> {
        Ok(Response::new(v1::GetNodeResponse {
            version: "0.1.0".to_owned(),
            backend: "socket".to_owned(),
            srtp_path: "avx2".to_owned(),
            srtp_paths_available: ["avx2", "aes-ni", "portable"].map(str::to_owned).to_vec(),
            fips: "AWS-LC FIPS 4.2.0, in FIPS mode".to_owned(),
            ..v1::GetNodeResponse::default()
        }))
    }

    async fn explain_session(
        &self,
        request: Request<v1::ExplainSessionRequest>,
    ) -> Answer<v1::ExplainSessionResponse> {
        let v1::ExplainSessionRequest { session_id, observe } = request.into_inner();
        let finding = v1::Finding {
            kind: v1::FindingKind::WrongKey.into(),
            media: 0,
            leg: 1,
            summary: "A wrong key.".to_owned(),
            evidence: vec!["the tag fits elsewhere".to_owned()],
            mend: "Give it the right one.".to_owned(),
        };
        let findings = match session_id.as_str() {
            "c-0" => Vec::new(),
            "c-1" => vec![finding],
            other => return Err(Status::not_found(format!("session_id: no session {other:?}"))),
        };
        Ok(Response::new(v1::ExplainSessionResponse { findings, observed: observe }))
    }

    async fn top_sessions(
        &self,
        request: Request<v1::TopSessionsRequest>,
    ) -> Answer<v1::TopSessionsResponse> {
        Ok(Response::new(crate::top::ranked(&self.ranked.lock().unwrap(), &request.into_inner())))
    }

    async fn get_protection(
        &self,
        request: Request<v1::GetProtectionRequest>,
    ) -> Answer<v1::GetProtectionResponse> {
        let v1::GetProtectionRequest { session_id, page_size, page_token } = request.into_inner();
        if !session_id.is_empty() {
            let media = vec![link(session_id, "AES_CM_128_HMAC_SHA1_80")];
            return Ok(Response::new(v1::GetProtectionResponse {
                media,
                ..v1::GetProtectionResponse::default()
            }));
        }
        let from: u32 = page_token.parse().unwrap_or(0);
        let to = (from + page_size).min(1500);
        let control = v1::ControlLink { service: "grpc".to_owned(), ..v1::ControlLink::default() };
        Ok(Response::new(v1::GetProtectionResponse {
            control: if from == 0 { vec![control] } else { vec![] },
            media: (from..to).map(|number| link(format!("c-{number}"), "plain")).collect(),
            next_page_token: if to < 1500 { to.to_string() } else { String::new() },
            audit_head: format!("{to}:{}", "ab".repeat(32)),
        }))
    }

    async fn drain(&self, request: Request<v1::DrainRequest>) -> Answer<v1::DrainResponse> {
        let draining = request.into_inner().draining;
        Ok(Response::new(v1::DrainResponse { draining, sessions: 3 }))
    }
}

fn link(session_id: String, protection: &str) -> v1::MediaLink {
    let receive = v1::LinkDirection { key_id: "a1".repeat(8), ..v1::LinkDirection::default() };
    v1::MediaLink {
        session_id,
        protection: protection.to_owned(),
        receive: Some(receive),
        ..v1::MediaLink::default()
    }
}

/// Refuses mallory; revokes as many legs as the target's name has letters, or as its epoch says.
#[tonic::async_trait]
impl media_relay_auth_server::MediaRelayAuth for Relay {
    async fn issue_credentials(
        &self,
        request: Request<v1::IssueCredentialsRequest>,
    ) -> Answer<v1::IssueCredentialsResponse> {
        let request = request.into_inner();
        if request.credentials.iter().any(|credential| credential.identity == "mallory") {
            return Err(Status::permission_denied("credentials[0].identity: is revoked"));
        }
        let credential = |request: &v1::CredentialRequest| {
            let mut credential = v1::Credential::default();
            credential.identity.clone_from(&request.identity);
            credential.password = format!("password of {}", request.identity);
            credential
        };
        let credentials = request.credentials.iter().map(credential).collect();
        self.issued.lock().unwrap().push(request);
        Ok(Response::new(v1::IssueCredentialsResponse { credentials }))
    }

    async fn issue_session_keys(
        &self,
        request: Request<v1::IssueSessionKeysRequest>,
    ) -> Answer<v1::IssueSessionKeysResponse> {
        let request = request.into_inner();
        let sealed = |participant: &v1::Participant| v1::SealedKeys {
            leg: participant.leg,
            container: format!("sealed for {}", participant.username),
            ..v1::SealedKeys::default()
        };
        let keys = request.participants.iter().map(sealed).collect();
        let session = Some(session(&request.session_id));
        self.keyed.lock().unwrap().push(request);
        Ok(Response::new(v1::IssueSessionKeysResponse { keys, session }))
    }

    async fn revoke(&self, request: Request<v1::RevokeRequest>) -> Answer<v1::RevokeResponse> {
        use v1::revoke_request::Target;
        let legs = match request.into_inner().target.unwrap() {
            Target::Identity(name) | Target::Credential(name) => name.len() as u64,
            Target::Epoch(epoch) => epoch.into(),
        };
        Ok(Response::new(v1::RevokeResponse { legs }))
    }

    async fn reinstate(&self, request: Request<v1::ReinstateRequest>) -> Answer<v1::ReinstateResponse> {
        use v1::reinstate_request::Target;
        let was_revoked = matches!(request.into_inner().target, Some(Target::Identity(_)));
        Ok(Response::new(v1::ReinstateResponse { was_revoked }))
    }

    async fn list_revocations(
        &self,
        _: Request<v1::ListRevocationsRequest>,
    ) -> Answer<v1::ListRevocationsResponse> {
        let signing_keys = vec![v1::SigningKey { epoch: 3, created: None, signs: true }];
        Ok(Response::new(v1::ListRevocationsResponse { revocations: vec![], signing_keys }))
    }

    async fn rotate_signing_key(
        &self,
        _: Request<v1::RotateSigningKeyRequest>,
    ) -> Answer<v1::RotateSigningKeyResponse> {
        Ok(Response::new(v1::RotateSigningKeyResponse { epoch: 4 }))
    }
}

pub(crate) struct Bed {
    pub(crate) relay: Relay,
    address: String,
    pub(crate) files: Files,
    _directory: TempDir,
}

impl Bed {
    pub(crate) async fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let files = write_directory(directory.path(), &[]).unwrap();
        let relay = Relay::default();
        let mut bed = Self { relay, address: "127.0.0.1:0".to_owned(), files, _directory: directory };
        bed.serve().await;
        bed
    }

    /// Answers until the runtime ends; after that, anew at the same address.
    pub(crate) async fn serve(&mut self) {
        let Self { relay, address, files, .. } = self;
        let read = |path: &PathBuf| std::fs::read(path).unwrap();
        let tls = ServerTlsConfig::new()
            .identity(Identity::from_pem(read(&files.server.certificate), read(&files.server.key)))
            .client_ca_root(Certificate::from_pem(read(&files.authority.certificate)));
        let listener = tokio::net::TcpListener::bind(address.as_str()).await.unwrap();
        *address = listener.local_addr().unwrap().to_string();
        let service = relay_server::RelayServer::new(relay.clone());
        let mras = media_relay_auth_server::MediaRelayAuthServer::new(relay.clone());
        tokio::spawn(
            Server::builder()
                .tls_config(tls)
                .unwrap()
                .add_service(service)
                .add_service(mras)
                .serve_with_incoming(TcpListenerStream::new(listener)),
        );
    }

    pub(crate) fn command(&self, line: &str) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_culvert"));
        command.env_clear();
        command.env("CULVERT_SERVER", format!("https://{}", self.address));
        command.env("CULVERT_CA", &self.files.authority.certificate);
        command.env("CULVERT_CERT", &self.files.front_end.certificate);
        command.env("CULVERT_KEY", &self.files.front_end.key);
        command.args(line.split_whitespace());
        command
    }

    pub(crate) async fn run(&self, line: &str) -> Output {
        output(self.command(line), "").await
    }
}

pub(crate) async fn output(mut command: Command, input: &str) -> Output {
    let input = input.to_owned();
    tokio::task::spawn_blocking(move || {
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
        child.wait_with_output().unwrap()
    })
    .await
    .unwrap()
}

pub(crate) fn json_of(output: &Output) -> Value {
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}
