// SPDX-License-Identifier: MIT OR Apache-2.0
//! A running daemon whose certificates change under it.

use std::{
    fs,
    io::{Read as _, Write as _},
    os::unix::fs::symlink,
    sync::Arc,
};

use culvert_api::{Client, ClientError, EventStream, v1};
use culvert_devcerts::Issued;
use rustls::{pki_types::ServerName, version::TLS13};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use x509_parser::prelude::{FromDer as _, X509Certificate};

use crate::{
    common::{
        PATIENCE, eventually,
        relay::{FRONT_END, Relay, SERVER_NAME, Setup},
        request::{leg, plain, session},
    },
    fixture::{VALID, client_config},
};

fn request(id: &str) -> v1::CreateSessionRequest {
    session(id, [leg("outside", None, plain()), leg("inside", None, plain())])
}

/// The next thing that a watcher is told: that this session was made.
async fn is_told(events: &mut EventStream, id: &str) {
    let event = tokio::time::timeout(PATIENCE, events.next()).await.unwrap().unwrap().unwrap();
    let made = Some(v1::event::Kind::SessionCreated(v1::SessionCreated {}));
    assert_eq!((event.session_id.as_str(), event.kind), (id, made));
}

/// The serial number that a new connection is shown.
async fn shown(relay: &Relay) -> String {
    let authority = relay.setup.authority.certificate_pem();
    let config = client_config(authority, Some(&relay.issue(FRONT_END)), &[&TLS13]);
    let stream = TcpStream::connect(&relay.setup.control).await.unwrap();
    let name = ServerName::try_from(SERVER_NAME).unwrap();
    let stream = TlsConnector::from(Arc::new(config)).connect(name, stream).await.unwrap();
    let (_, parsed) = X509Certificate::from_der(&stream.get_ref().1.peer_certificates().unwrap()[0]).unwrap();
    parsed.raw_serial().iter().map(|byte| format!("{byte:02X}")).collect()
}

async fn metric(relay: &Relay, wanted: &str) {
    eventually(wanted, async || {
        let mut stream = std::net::TcpStream::connect(&relay.setup.metrics).unwrap();
        stream.write_all(b"GET /metrics HTTP/1.1\r\nHost: relay\r\nConnection: close\r\n\r\n").unwrap();
        let mut text = String::new();
        stream.read_to_string(&mut text).unwrap();
        text.lines().any(|line| line == wanted).then_some(())
    })
    .await;
}

/// Puts a pair in the place of another one at once, by a directory that a symbolic link names.
fn swap(relay: &Relay, name: &str, issued: &Issued) {
    let set = relay.setup.path(name);
    fs::create_dir(&set).unwrap();
    fs::write(set.join("pem"), &issued.certificate_pem).unwrap();
    fs::write(set.join("key"), &issued.key_pem).unwrap();
    let next = relay.setup.path("next");
    symlink(name, &next).unwrap();
    fs::rename(&next, relay.setup.path("current")).unwrap();
    for (file, part) in [("server.pem", "current/pem"), ("server.key", "current/key")] {
        let path = relay.setup.path(file);
        if !path.is_symlink() {
            symlink(part, &next).unwrap();
            fs::rename(&next, &path).unwrap();
        }
    }
}

fn reloaded(relay: &Relay, serial: u64) {
    let serial = format!("{serial:X}");
    relay.wait_for(|line| line["message"] == "certificates reloaded" && line["serial"] == serial);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_renewed_certificate_is_taken_up_and_nothing_is_dropped() {
    let relay = Setup::loopback().start();
    let mut client = relay.front_end().await;
    let mut events = client.watch_events("").await.unwrap();
    client.create_session(request("before")).await.unwrap();
    is_told(&mut events, "before").await;
    let loaded = relay.wait_for(|line| line["message"] == "certificates in use");
    assert_eq!(loaded["serial"], shown(&relay).await);

    let authority = &relay.setup.authority;
    let renewed = authority.server(&[SERVER_NAME], VALID).unwrap();
    swap(&relay, "renewed", &renewed);
    reloaded(&relay, renewed.serial);
    assert_eq!(shown(&relay).await, format!("{:X}", renewed.serial));
    metric(&relay, "culvert_control_tls_reloads_total 1").await;

    // A certificate without its key.
    let mut broken = authority.server(&[SERVER_NAME], VALID).unwrap();
    broken.key_pem.truncate(40);
    swap(&relay, "broken", &broken);
    let refused =
        relay.wait_for(|line| line["message"] == "certificates not reloaded: those before stay in use");
    let key = relay.setup.path("server.key");
    let cause = format!("{} has no unencrypted private key in PEM form", key.display());
    assert_eq!(refused["causes"], cause);
    metric(&relay, "culvert_control_tls_reload_failures_total 1").await;
    assert_eq!(shown(&relay).await, format!("{:X}", renewed.serial));
    client.create_session(request("between")).await.unwrap();
    is_told(&mut events, "between").await;

    let last = authority.server(&[SERVER_NAME], VALID).unwrap();
    swap(&relay, "last", &last);
    reloaded(&relay, last.serial);
    assert_eq!(shown(&relay).await, format!("{:X}", last.serial));
    metric(&relay, "culvert_control_tls_reloads_total 2").await;
    metric(&relay, "culvert_control_tls_reload_failures_total 1").await;

    // Both have been there all along.
    client.create_session(request("after")).await.unwrap();
    is_told(&mut events, "after").await;
    assert_eq!(client.list_sessions(0, "").await.unwrap().total, 3);
    metric(&relay, "culvert_control_connections{service=\"grpc\"} 1").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_revoked_front_end_is_silenced_at_once_and_its_sessions_stay() {
    let mut setup = Setup::loopback();
    let lists = setup.path("ca.crl");
    fs::write(&lists, setup.authority.revoke(&[], VALID).unwrap()).unwrap();
    setup.tls = format!("client_crl = {lists:?}\n");
    let relay = setup.start();
    let issued = relay.issue(FRONT_END);
    let mut client = Client::connect(&relay.client_config(&issued)).await.unwrap();
    let mut events = client.watch_events("").await.unwrap();
    client.create_session(request("s")).await.unwrap();
    is_told(&mut events, "s").await;
    let mut operator = relay.operator().await;
    operator.get_session("s").await.unwrap();

    fs::write(&lists, relay.setup.authority.revoke(&[issued.serial], VALID).unwrap()).unwrap();
    relay.signal("HUP");
    let ended = tokio::time::timeout(PATIENCE, events.next()).await.unwrap();
    assert!(matches!(ended, Err(ClientError::Lost { .. })), "{ended:?}");
    let closed = relay.wait_for(|line| {
        line["message"] == "control connection closed: its certificate is no longer accepted"
    });
    let told = ["identity", "reason", "serial"].map(|field| closed[field].as_str().unwrap().to_owned());
    assert_eq!(told, [FRONT_END.to_owned(), "revoked".into(), format!("{:X}", issued.serial)]);
    // It comes back, and is not let in.
    client.get_session("s").await.unwrap_err();
    relay.wait_for(|line| line["message"] == "control connection refused" && line["reason"] == "revoked");
    metric(&relay, "culvert_control_connections_withdrawn_total 1").await;

    assert_eq!(operator.get_session("s").await.unwrap().owner, FRONT_END);
    relay.front_end().await.get_session("s").await.unwrap();
}

/// Whoever starts the relay with what it cannot use learns of it there and then.
#[tokio::test(flavor = "multi_thread")]
async fn a_revocation_list_that_cannot_be_read_keeps_the_relay_from_starting() {
    let mut setup = Setup::loopback();
    setup.tls = format!("client_crl = {:?}\n", setup.path("none.crl"));
    let mut relay = setup.launch(std::process::Command::new(crate::common::relay::BINARY));
    assert!(!relay.ended().success());
    let log = relay.whole_log();
    let line = log.iter().find_map(|line| line.as_str()).unwrap();
    assert!(line.contains("error: control.tls.client_crl: cannot read "), "{log:?}");
}
