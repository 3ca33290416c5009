// SPDX-License-Identifier: MIT OR Apache-2.0
//! The program against a relay that answers from a script, over mutual TLS: output, errors and exit codes.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::io::{BufRead, BufReader, Write};
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};
use std::sync::{Arc, Mutex};

use culvert_api::v1::{self, media_relay_auth_server, relay_server};
use culvert_devcerts::{Files, write_directory};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio_stream::wrappers::TcpListenerStream;
use tonic::transport::{Certificate, Identity, Server, ServerTlsConfig};
use tonic::{Request, Response, Status};

const RECEIPT: &str = r#"{"session_id":"c-1"}"#;

type Answer<T> = Result<Response<T>, Status>;

/// Knows the sessions c-0 to c-2499, and what protects 1500 of them; remembers what it was asked to make.
#[derive(Clone, Default)]
struct Relay {
    created: Arc<Mutex<Vec<v1::CreateSessionRequest>>>,
    issued: Arc<Mutex<Vec<v1::IssueCredentialsRequest>>>,
    keyed: Arc<Mutex<Vec<v1::IssueSessionKeysRequest>>>,
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
        let answer = session(&request.session_id);
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
            "c-1" => Ok(Response::new(v1::GetSessionResponse { session: Some(session("c-1")) })),
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
        if id.starts_with("c-") {
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
            ..v1::GetNodeResponse::default()
        }))
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

struct Bed {
    relay: Relay,
    server: String,
    files: Files,
    _directory: TempDir,
}

impl Bed {
    async fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let files = write_directory(directory.path(), &[]).unwrap();
        let read = |path: &PathBuf| std::fs::read(path).unwrap();
        let tls = ServerTlsConfig::new()
            .identity(Identity::from_pem(read(&files.server.certificate), read(&files.server.key)))
            .client_ca_root(Certificate::from_pem(read(&files.authority.certificate)));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let server = format!("https://{}", listener.local_addr().unwrap());
        let relay = Relay::default();
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
        Self { relay, server, files, _directory: directory }
    }

    fn command(&self, line: &str) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_culvert"));
        command.env_clear();
        command.env("CULVERT_SERVER", &self.server).env("CULVERT_CA", &self.files.authority.certificate);
        command.env("CULVERT_CERT", &self.files.front_end.certificate);
        command.env("CULVERT_KEY", &self.files.front_end.key);
        command.args(line.split_whitespace());
        command
    }

    async fn run(&self, line: &str) -> Output {
        output(self.command(line), "").await
    }
}

async fn output(mut command: Command, input: &str) -> Output {
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

fn json_of(output: &Output) -> Value {
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_session_made_from_standard_input_is_what_the_relay_was_asked_for() {
    let bed = Bed::new().await;
    let call = json!({"session_id": "c-9", "media": [{"kind": "audio", "legs": [
        {"realm": "outside", "protection": {"srtp": {"suite": "AES_CM_128_HMAC_SHA1_80",
            "receive": [{"key": "00".repeat(16), "salt": "11".repeat(14)}]}}},
        {"realm": "inside", "protection": {"plain": {}}},
    ]}]});
    let made = json_of(&output(bed.command("--json session create --file -"), &call.to_string()).await);
    assert_eq!(made["session_id"], "c-9");
    let created = bed.relay.created.lock().unwrap();
    let legs = &created[0].media[0].legs;
    assert_eq!((legs[0].realm.as_str(), legs[1].realm.as_str()), ("outside", "inside"));
    let Some(v1::protection::Kind::Srtp(keys)) = &legs[0].protection.as_ref().unwrap().kind else {
        panic!("no keys")
    };
    assert_eq!((keys.receive[0].key.clone(), keys.receive[0].salt.clone()), (vec![0; 16], vec![0x11; 14]));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_list_goes_through_all_pages_or_to_its_limit() {
    let bed = Bed::new().await;
    for (line, count) in [("--json session list", 2500), ("--json session list --limit 1001", 1001)] {
        let list = json_of(&bed.run(line).await);
        assert_eq!(list["sessions"].as_array().unwrap().len(), count);
        assert_eq!(list["sessions"][count - 1]["session_id"], format!("c-{}", count - 1));
        assert_eq!(list["total"], 2500);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn what_the_relay_refuses_ends_with_3() {
    let bed = Bed::new().await;
    let refused = bed.run("session show nobody").await;
    assert_eq!(refused.status.code(), Some(3));
    assert_eq!(
        String::from_utf8(refused.stderr).unwrap(),
        "error: session_id: no session \"nobody\" (NOT_FOUND)\n"
    );
    let refused = bed.run("--json session show nobody").await;
    let error: Value = serde_json::from_slice(&refused.stderr).unwrap();
    assert_eq!((&error["error"]["kind"], &error["error"]["code"]), (&json!("refused"), &json!("NOT_FOUND")));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn one_wrong_name_does_not_keep_the_others_alive() {
    let bed = Bed::new().await;
    let output = bed.run("session delete nobody c-1").await;
    assert_eq!(output.status.code(), Some(3));
    assert!(String::from_utf8(output.stdout).unwrap().starts_with("session c-1 "));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_deleted_session_has_its_receipt() {
    let bed = Bed::new().await;
    let deleted = json_of(&bed.run("--json session delete c-1").await);
    assert_eq!((&deleted["session_id"], &deleted["receipt"]), (&json!("c-1"), &json!({"session_id": "c-1"})));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn protection_has_the_links_of_all_pages_and_the_last_head() {
    let bed = Bed::new().await;
    let all = json_of(&bed.run("--json protection").await);
    assert_eq!(all["control"].as_array().unwrap().len(), 1);
    let media = all["media"].as_array().unwrap();
    assert_eq!((media.len(), &media[1499]["session_id"]), (1500, &json!("c-1499")));
    assert_eq!(all["audit_head"], format!("1500:{}", "ab".repeat(32)));

    let one = bed.run("protection --session c-7").await;
    let text = String::from_utf8(one.stdout).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    assert!(
        lines[1].starts_with("unspecified, session c-7, leg 0 ()  SRTP AES_CM_128_HMAC_SHA1_80  "),
        "{text}"
    );
    assert_eq!(lines[3..], ["", "not encrypted: 0 of 1 legs", "audit head -"]);
}

/// Reads what a watch writes until `count` lines begin with `start`; then interrupts it.
fn watch(mut command: Command, start: &str, count: usize) -> Vec<String> {
    let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = Vec::new();
    for line in BufReader::new(child.stdout.take().unwrap()).lines() {
        lines.push(line.unwrap());
        if lines.iter().filter(|line| line.starts_with(start)).count() == count {
            break;
        }
    }
    let interrupted = Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    assert!(interrupted.success());
    assert_eq!(child.wait().unwrap().code(), Some(0));
    lines
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_watch_of_protection_goes_on_until_it_is_interrupted() {
    let bed = Bed::new().await;
    let command = bed.command("--json protection --session c-7 --watch");
    let lines = tokio::task::spawn_blocking(move || watch(command, "{", 2)).await.unwrap();
    for line in &lines {
        let value: Value = serde_json::from_str(line).unwrap();
        assert_eq!(value["media"][0]["session_id"], "c-7");
    }
    let command = bed.command("protection --session c-7 --watch");
    let lines = tokio::task::spawn_blocking(move || watch(command, "audit head", 2)).await.unwrap();
    assert_eq!(lines.len(), 13);
    assert_eq!((lines[6].as_str(), &lines[7..]), ("", &lines[..6]));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn credentials_are_issued_and_refused() {
    let bed = Bed::new().await;
    let issued = json_of(&bed.run("--json credentials issue alice bob --bandwidth 64kbit").await);
    assert_eq!(issued["credentials"][1]["password"], "password of bob");
    let asked = bed.relay.issued.lock().unwrap()[0].clone();
    let bandwidths: Vec<u64> =
        asked.credentials.iter().map(|credential| credential.bounds.as_ref().unwrap().bandwidth).collect();
    assert_eq!(bandwidths, [64_000, 64_000]);
    let shown = String::from_utf8(bed.run("credentials issue alice").await.stdout).unwrap();
    assert!(shown.contains("password    password of alice\n"), "{shown}");
    let refused = bed.run("credentials issue mallory").await;
    assert_eq!(refused.status.code(), Some(3));
    assert_eq!(
        String::from_utf8(refused.stderr).unwrap(),
        "error: credentials[0].identity: is revoked (PERMISSION_DENIED)\n"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn revocations_and_signing_keys_are_governed() {
    let bed = Bed::new().await;
    for (line, text, value) in [
        ("revoke --identity alice", "revoked: 5 legs lost their keys\n", json!({"legs": 5})),
        ("revoke --epoch 1", "revoked: 1 leg lost its keys\n", json!({"legs": 1})),
        ("revoke --credential c0", "revoked: 2 legs lost their keys\n", json!({"legs": 2})),
        ("revoke --epoch 9", "revoked: 9 legs lost their keys\n", json!({"legs": 9})),
        ("reinstate --identity alice", "reinstated\n", json!({"was_revoked": true})),
        ("reinstate --credential c0", "was not revoked\n", json!({"was_revoked": false})),
        (
            "rotate-key",
            "signing key 4 signs from now on; credentials of the older ones stay good\n",
            json!({"epoch": 4}),
        ),
        (
            "list",
            "SIGNING KEY  CREATED  USE\n3            -        signs and verifies\n\nnothing is revoked\n",
            json!({"revocations": [], "signing_keys": [{"epoch": 3, "created": null, "signs": true}]}),
        ),
    ] {
        let shown = bed.run(&format!("credentials {line}")).await;
        assert_eq!(String::from_utf8(shown.stdout).unwrap(), text, "{line}");
        assert_eq!(json_of(&bed.run(&format!("--json credentials {line}")).await), value, "{line}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn session_keys_are_asked_for_with_passwords_that_are_not_in_the_command_line() {
    let bed = Bed::new().await;
    let line = "session keys c-1 --participant 1:bob --participant 0:alice --suite AEAD_AES_256_GCM";
    let shown = output(bed.command(&format!("{line} --password-file -")), "of bob\nof alice\n").await;
    assert_eq!(
        String::from_utf8(shown.stdout).unwrap(),
        "leg 1  credential   to be opened before -\nsealed for bob\n\
         leg 0  credential   to be opened before -\nsealed for alice\n"
    );
    let mut command = bed.command("--json session keys c-1 --participant 0:alice");
    command.env("CULVERT_PASSWORD", "of alice");
    let keys = json_of(&output(command, "").await);
    assert_eq!(
        (&keys["keys"][0]["container"], &keys["session"]["session_id"]),
        (&json!("sealed for alice"), &json!("c-1"))
    );
    let participant =
        |leg, name: &str| v1::Participant { leg, username: name.to_owned(), password: format!("of {name}") };
    let keyed = bed.relay.keyed.lock().unwrap().clone();
    assert_eq!(keyed[0].participants, [participant(1, "bob"), participant(0, "alice")]);
    assert_eq!((keyed[0].suite.as_str(), keyed[1].suite.as_str()), ("AEAD_AES_256_GCM", ""));
    assert_eq!(keyed[1].participants, [participant(0, "alice")]);

    let none = bed.run("session keys c-1 --participant 0:alice").await;
    assert_eq!(none.status.code(), Some(2));
    assert_eq!(
        String::from_utf8(none.stderr).unwrap(),
        "error: --password-file is missing: give it, or set CULVERT_PASSWORD\n"
    );
    assert_eq!(bed.relay.keyed.lock().unwrap().len(), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_relay_that_is_not_there_or_not_trusted_ends_with_4() {
    let bed = Bed::new().await;
    let mut command = bed.command("node show");
    let unused = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    command.env("CULVERT_SERVER", format!("https://{unused}"));
    assert_eq!(output(command, "").await.status.code(), Some(4));

    let other = tempfile::tempdir().unwrap();
    let strangers = write_directory(other.path(), &[]).unwrap();
    let mut command = bed.command("node show");
    command.env("CULVERT_CA", &strangers.authority.certificate);
    assert_eq!(output(command, "").await.status.code(), Some(4));
    let mut command = bed.command("node show");
    command
        .env("CULVERT_CERT", &strangers.front_end.certificate)
        .env("CULVERT_KEY", &strangers.front_end.key);
    assert_eq!(output(command, "").await.status.code(), Some(4));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn what_is_wrong_with_the_command_line_ends_with_2() {
    let bed = Bed::new().await;
    for line in ["session", "session create", "--ca /nonexistent node show", "--server relay node show"] {
        assert_eq!(bed.run(line).await.status.code(), Some(2), "{line}");
    }
    let mut command = bed.command("node show");
    command.env_remove("CULVERT_KEY");
    let output = output(command, "").await;
    assert_eq!(output.status.code(), Some(2));
    assert_eq!(
        String::from_utf8(output.stderr).unwrap(),
        "error: --key is missing: give it, or set CULVERT_KEY\n"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn drain_watch_and_update_do_what_they_say() {
    let bed = Bed::new().await;
    assert_eq!(json_of(&bed.run("--json node drain").await), json!({"draining": true, "sessions": 3}));
    let off = bed.run("node drain --off").await;
    assert_eq!(String::from_utf8(off.stdout).unwrap(), "taking sessions again, 3 run\n");
    let event = json_of(&bed.run("--json session watch c-1").await);
    assert_eq!((&event["session_id"], &event["event"]), (&json!("c-1"), &json!("session_deleted")));
    let updated = json_of(&bed.run("--json session update c-1 --leg 0 --hold").await);
    assert_eq!(updated["session_id"], "c-1");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_node_says_which_srtp_path_is_in_use() {
    let bed = Bed::new().await;
    let shown = bed.run("node show").await;
    assert_eq!(shown.status.code(), Some(0));
    assert_eq!(
        String::from_utf8(shown.stdout).unwrap(),
        "culvertd 0.1.0  started -  back end socket  takes sessions  0 of 0 sessions\n\
         SRTP path avx2  available avx2, aes-ni, portable\n"
    );
    let node = json_of(&bed.run("--json node show").await);
    assert_eq!(
        (&node["srtp_path"], &node["srtp_paths_available"]),
        (&json!("avx2"), &json!(["avx2", "aes-ni", "portable"]))
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn completions_need_no_relay() {
    let mut command = Command::new(env!("CARGO_BIN_EXE_culvert"));
    command.env_clear().args(["completions", "bash"]);
    let output = output(command, "").await;
    assert_eq!(output.status.code(), Some(0));
    assert!(String::from_utf8(output.stdout).unwrap().contains("complete -F _culvert"));
}
