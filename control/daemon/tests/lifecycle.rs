// SPDX-License-Identifier: MIT OR Apache-2.0
//! From the configuration to the last signal.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod common;

use std::{
    io::{Read as _, Write as _},
    net::{TcpListener, TcpStream, UdpSocket},
    process::{Command, Output},
};

use common::{
    eventually,
    phone::Phone,
    relay::{BINARY, FRONT_END, Relay, Setup},
    request::{Pair, leg, session},
};
use culvert_srtp::{Path, Suite};
use tonic::Code;
use tonic_health::pb::{
    HealthCheckRequest, health_check_response::ServingStatus, health_client::HealthClient,
};
use tonic_reflection::pb::v1::{
    ServerReflectionRequest, server_reflection_client::ServerReflectionClient,
    server_reflection_request::MessageRequest, server_reflection_response::MessageResponse,
};

fn check(setup: &Setup) -> Output {
    Command::new(BINARY).args(["--check", "--config"]).arg(setup.path("culvert.toml")).output().unwrap()
}

#[test]
fn check_says_that_a_configuration_fits() {
    let setup = Setup::loopback();
    setup.write();
    let output = check(&setup);
    let said = format!("{}: fit for this host, 2 realms\n", setup.path("culvert.toml").display());
    assert_eq!(
        (String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap()),
        (said, String::new())
    );
    assert!(output.status.success());
}

#[test]
fn check_says_what_is_wrong_and_in_which_line() {
    let mut setup = Setup::loopback();
    setup.node = "max_sesions = 5\n".into();
    setup.engine = "backend = \"sockets\"\n".into();
    let text = setup.write();
    let output = check(&setup);
    let line = |wanted: &str| text.lines().position(|line| line.starts_with(wanted)).unwrap() + 1;
    let file = setup.path("culvert.toml").display().to_string();
    let expected = format!(
        "{file}:{}:1: error: node.max_sesions: is not a key here; did you mean \"max_sessions\"?\n\
         {file}:{}:11: error: engine.backend: must be one of \"auto\", \"xdp\", \"socket\", not \"sockets\"; did you \
         mean \"socket\"?\n",
        line("max_sesions"),
        line("backend"),
    );
    assert_eq!(String::from_utf8(output.stderr).unwrap(), expected);
    assert_eq!((output.status.code(), output.stdout), (Some(1), Vec::new()));
}

#[test]
fn check_names_who_has_a_port() {
    let setup = Setup::loopback();
    let text = setup.write();
    let taken = UdpSocket::bind((setup.net.host(1), 20_007)).unwrap();
    let line = text.lines().position(|line| line.starts_with("ports")).unwrap() + 1;
    let me = std::fs::read_to_string("/proc/self/comm").unwrap();
    let expected = format!(
        "{}:{line}:9: error: realm[0].ports: {} is in use by {} (process {}); stop it, move it, or give realm \"outside\" \
         other ports\n",
        setup.path("culvert.toml").display(),
        taken.local_addr().unwrap(),
        me.trim_end(),
        std::process::id(),
    );
    let output = check(&setup);
    assert_eq!(String::from_utf8(output.stderr).unwrap(), expected);
    assert_eq!(output.status.code(), Some(1));

    // A daemon that is to start finds the same, and does not.
    let mut relay = setup.launch(Command::new(BINARY));
    assert_eq!(relay.ended().code(), Some(1));
    let log = relay.whole_log();
    assert_eq!(log.len(), 1, "{log:?}");
    assert_eq!(log[0].as_str().unwrap(), expected.trim_end());
}

/// The daemon's command, with that in its environment and not what the test has in its own.
fn with_environment(value: Option<&str>) -> Command {
    let mut command = Command::new(BINARY);
    match value {
        Some(value) => command.env(Path::VARIABLE, value),
        None => command.env_remove(Path::VARIABLE),
    };
    command
}

#[tokio::test(flavor = "multi_thread")]
async fn the_srtp_path_is_the_environments_else_the_files_else_the_fastest() {
    let available: Vec<_> = Path::available().map(Path::name).collect();
    let fastest = available[0];
    for (file, environment, path, chosen_by) in [
        ("", None, fastest, "processor"),
        ("path = \"auto\"\n", None, fastest, "processor"),
        ("path = \"auto\"\n", Some(""), fastest, "processor"),
        ("path = \"portable\"\n", None, "portable", "srtp.path"),
        ("path = \"portable\"\n", Some(fastest), fastest, "CULVERT_SRTP_PATH"),
        (&format!("path = {fastest:?}\n"), Some("portable"), "portable", "CULVERT_SRTP_PATH"),
    ] {
        let mut setup = Setup::loopback();
        setup.srtp = file.into();
        let relay = setup.start_by(with_environment(environment));
        let said = relay.wait_for(|line| line["message"] == "SRTP path");
        assert_eq!((&said["path"], &said["chosen_by"]), (&path.into(), &chosen_by.into()));
        let node = relay.operator().await.get_node().await.unwrap();
        assert_eq!((node.srtp_path.as_str(), &node.srtp_paths_available), (path, &owned(&available)));
    }
}

fn owned(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_srtp_path_relays_calls() {
    for path in Path::available() {
        let mut setup = Setup::loopback();
        setup.srtp = format!("path = \"{path}\"\n");
        let relay = setup.start_by(with_environment(None));
        assert_eq!(relay.operator().await.get_node().await.unwrap().srtp_path, path.name());
        call(&relay).await;
    }
}

#[test]
fn an_srtp_path_that_cannot_be_had_is_refused() {
    let available = Path::available().map(Path::name).collect::<Vec<_>>().join(", ");
    let refusal = |setup: &Setup, environment| {
        let file = setup.path("culvert.toml");
        let check = with_environment(environment).arg("--check").arg("--config").arg(file).output().unwrap();
        assert_eq!((check.status.code(), check.stdout), (Some(1), Vec::new()));
        String::from_utf8(check.stderr).unwrap()
    };

    let mut setup = Setup::loopback();
    setup.srtp = "path = \"quantum\"\n".into();
    let text = setup.write();
    let line = text.lines().position(|line| line.starts_with("path")).unwrap() + 1;
    let expected = format!(
        "{}:{line}:8: error: srtp.path: must be one of \"auto\", \"avx512\", \"avx2\", \"aes-ni\", \"portable\", \"aws-lc\", not \
         \"quantum\" (this processor has {available})\n",
        setup.path("culvert.toml").display(),
    );
    assert_eq!(refusal(&setup, None), expected);
    // Whatever the environment says, the file must be one that can be read.
    assert_eq!(refusal(&setup, Some("portable")), expected);

    setup.srtp = "path = \"portable\"\n".into();
    setup.write();
    let expected = format!(
        "environment: error: CULVERT_SRTP_PATH: \"quantum\" is none of the SRTP paths avx512, avx2, aes-ni, portable, aws-lc: \
         choose one that this processor has: {available}\n"
    );
    assert_eq!(refusal(&setup, Some("quantum")), expected);

    // A daemon that is to start finds the same, and does not.
    let mut relay = setup.launch(with_environment(Some("quantum")));
    assert_eq!(relay.ended().code(), Some(1));
    assert_eq!(relay.whole_log(), [expected.trim_end()]);
}

#[test]
fn a_control_port_that_is_taken() {
    let setup = Setup::loopback();
    let _taken = TcpListener::bind(&setup.control).unwrap();
    let expected = format!(
        "cannot listen at {}: Address already in use (os error 98); set control.listen to a free \
         address",
        setup.control
    );
    let mut relay = setup.launch(Command::new(BINARY));
    assert_eq!(relay.ended().code(), Some(1));
    let log = relay.whole_log();
    assert_eq!((&log[0]["message"], &log[0]["error"]), (&"cannot run".into(), &expected.into()));
}

#[tokio::test(flavor = "multi_thread")]
async fn sigterm_ends_it_with_success_though_there_are_watchers_and_sessions() {
    let mut relay = Setup::loopback().start();
    let mut client = relay.front_end().await;
    let mut events = client.watch_events("").await.unwrap();
    call(&relay).await;
    relay.signal("TERM");
    let status = tokio::task::block_in_place(|| relay.ended());
    assert_eq!(status.code(), Some(0));
    let log = relay.whole_log();
    let messages = log.iter().map(|line| line["message"].as_str().unwrap()).collect::<Vec<_>>();
    assert_eq!(messages[messages.len() - 2..], ["stopping", "stopped"], "{log:#?}");
    assert!(log.iter().all(|line| line["level"] == "INFO"), "{log:#?}");
    // The stream ends, one way or another.
    while let Ok(Some(_)) = events.next().await {}
    // Ports and listeners are free again.
    TcpListener::bind(&relay.setup.control).unwrap();
    UdpSocket::bind((relay.net().host(1), 20_000)).unwrap();
}

#[test]
fn a_core_dump_would_hold_keys_and_is_turned_off() {
    let relay = Setup::loopback().start();
    let limits = std::fs::read_to_string(format!("/proc/{}/limits", relay.pid())).unwrap();
    let core = limits.lines().find(|line| line.starts_with("Max core file size")).unwrap();
    assert_eq!(core.split_whitespace().collect::<Vec<_>>()[4..], ["0", "0", "bytes"]);
}

/// Three packets each way.
async fn call(relay: &Relay) {
    let mut client = relay.front_end().await;
    let keys = [Pair::new(Suite::AesCm128HmacSha1_32, 1), Pair::new(Suite::AeadAes128Gcm, 0x41)];
    let mut caller = Phone::new(relay.net().host(3), 1, Some(&keys[0]));
    let mut callee = Phone::new(relay.net().host(4), 2, Some(&keys[1]));
    let legs = [
        leg("outside", Some(caller.remote(true)), keys[0].raw()),
        leg("inside", Some(callee.remote(true)), keys[1].raw()),
    ];
    let made = client.create_session(session("s", legs)).await.unwrap();
    caller.answer(&made, 0);
    callee.answer(&made, 1);
    for _ in 0..3 {
        let (said, answered) = (caller.talk(), callee.talk());
        assert_eq!((callee.hear(), caller.hear()), (said, answered));
    }
    // A replay, to be dropped.
    let packet = caller.packet();
    let wire = caller.protect(culvert_srtp::Kind::Rtp, &packet);
    for _ in 0..2 {
        caller.rtp.send_to(&wire, caller.relay()[0]).unwrap();
    }
    assert_eq!(callee.hear(), packet);
}

fn scrape(relay: &Relay) -> Vec<String> {
    let mut stream = TcpStream::connect(&relay.setup.metrics).unwrap();
    stream.write_all(b"GET /metrics HTTP/1.1\r\nHost: relay\r\nConnection: close\r\n\r\n").unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).unwrap();
    assert!(text.starts_with("HTTP/1.1 200 OK\r\n"), "{text}");
    text.lines().map(str::to_owned).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn metrics_tell_of_sessions_and_of_what_was_relayed() {
    let relay = Setup::loopback().start();
    let has = |lines: &[String], wanted: &str| lines.iter().any(|line| line == wanted);
    assert!(has(&scrape(&relay), "culvert_sessions 0"));
    call(&relay).await;
    let relayed = [
        "culvert_sessions 1",
        "culvert_relayed_packets_total 7",
        "culvert_dropped_packets_total{reason=\"replayed\"} 1",
        "culvert_realm_ports_used{realm=\"outside\"} 1",
        "culvert_worker_flows{worker=\"0\"} 2",
        "culvert_control_handshakes_accepted_total 1",
    ];
    eventually("metrics", async || {
        let lines = scrape(&relay);
        relayed.iter().all(|wanted| has(&lines, wanted)).then_some(())
    })
    .await;
    // What was relayed stays counted.
    relay.operator().await.delete_session("s").await.unwrap();
    let lines = scrape(&relay);
    assert!(
        has(&lines, "culvert_sessions 0") && has(&lines, "culvert_relayed_packets_total 7"),
        "{lines:#?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn health_and_reflection_answer() {
    let relay = Setup::loopback().start();
    let channel = relay.channel(FRONT_END).await;
    let mut health = HealthClient::new(channel.clone());
    for service in ["", "culvert.v1.Relay"] {
        let answer = health.check(HealthCheckRequest { service: service.into() }).await.unwrap();
        assert_eq!(answer.into_inner().status(), ServingStatus::Serving);
    }
    let unknown = health.check(HealthCheckRequest { service: "other".into() }).await.unwrap_err();
    assert_eq!(unknown.code(), Code::NotFound);

    let request = ServerReflectionRequest {
        host: String::new(),
        message_request: Some(MessageRequest::ListServices(String::new())),
    };
    let mut reflection = ServerReflectionClient::new(channel);
    let answers = reflection.server_reflection_info(tokio_stream::once(request)).await.unwrap();
    let answer = answers.into_inner().message().await.unwrap().unwrap().message_response.unwrap();
    let MessageResponse::ListServicesResponse(list) = answer else { panic!("{answer:?}") };
    let names: Vec<_> = list.service.into_iter().map(|service| service.name).collect();
    assert!(names.iter().any(|name| name == "culvert.v1.Relay"), "{names:?}");
}
