// SPDX-License-Identifier: MIT OR Apache-2.0
//! The program against a relay that answers from a script, over mutual TLS: output, errors and exit codes.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::io::Write;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};
use std::sync::{Arc, Mutex};

use culvert_api::v1::{self, relay_server};
use culvert_devcerts::{Files, write_directory};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio_stream::wrappers::TcpListenerStream;
use tonic::transport::{Certificate, Identity, Server, ServerTlsConfig};
use tonic::{Request, Response, Status};

type Answer<T> = Result<Response<T>, Status>;

/// Knows the sessions c-0 to c-2499 and remembers what it was asked to make.
#[derive(Clone, Default)]
struct Relay {
    created: Arc<Mutex<Vec<v1::CreateSessionRequest>>>,
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
            return Ok(Response::new(v1::DeleteSessionResponse { session: Some(session(&id)) }));
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

    async fn drain(&self, request: Request<v1::DrainRequest>) -> Answer<v1::DrainResponse> {
        let draining = request.into_inner().draining;
        Ok(Response::new(v1::DrainResponse { draining, sessions: 3 }))
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
        tokio::spawn(
            Server::builder()
                .tls_config(tls)
                .unwrap()
                .add_service(service)
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
         SRTP path avx2  available avx2, aes-ni, portable\n\
         FIPS AWS-LC FIPS 4.2.0, in FIPS mode\n"
    );
    let node = json_of(&bed.run("--json node show").await);
    assert_eq!(
        (&node["srtp_path"], &node["srtp_paths_available"]),
        (&json!("avx2"), &json!(["avx2", "aes-ni", "portable"]))
    );
    assert_eq!(node["fips"], "AWS-LC FIPS 4.2.0, in FIPS mode");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn completions_need_no_relay() {
    let mut command = Command::new(env!("CARGO_BIN_EXE_culvert"));
    command.env_clear().args(["completions", "bash"]);
    let output = output(command, "").await;
    assert_eq!(output.status.code(), Some(0));
    assert!(String::from_utf8(output.stdout).unwrap().contains("complete -F _culvert"));
}
