// SPDX-License-Identifier: MIT OR Apache-2.0
//! MRAS by SIP SERVICE over mutual TLS, as front ends of other makes ask for credentials.

use std::{net::SocketAddr, sync::Arc};

use culvertd::tls::provider;
use rustls::{
    ClientConfig, RootCertStore,
    pki_types::{CertificateDer, PrivateKeyDer, ServerName, pem::PemObject as _},
};
use tokio::{
    io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader},
    net::TcpStream,
};
use tokio_rustls::{TlsConnector, client::TlsStream};

use super::*;

const NAMESPACE: &str = "http://schemas.microsoft.com/2006/09/sip/mrasp";

struct Sip {
    stream: BufReader<TlsStream<TcpStream>>,
    sequence: u32,
}

impl Sip {
    async fn connect(relay: &Relay, port: u16, identity: &str) -> Sip {
        let issued = relay.issue(identity);
        let mut roots = RootCertStore::empty();
        let authority = relay.setup.authority.certificate_pem();
        roots.add(CertificateDer::from_pem_slice(authority.as_bytes()).unwrap()).unwrap();
        let chain = CertificateDer::pem_slice_iter(issued.certificate_pem.as_bytes());
        let key = PrivateKeyDer::from_pem_slice(issued.key_pem.as_bytes()).unwrap();
        let config = ClientConfig::builder_with_provider(Arc::new((*provider()).clone()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_client_auth_cert(chain.collect::<Result<_, _>>().unwrap(), key)
            .unwrap();
        let stream = TcpStream::connect(SocketAddr::new(relay.net().host(1), port)).await.unwrap();
        let name = ServerName::try_from(SERVER_NAME).unwrap();
        let stream = TlsConnector::from(Arc::new(config)).connect(name, stream).await.unwrap();
        Sip { stream: BufReader::new(stream), sequence: 0 }
    }

    /// Asks for a credential of each identity; status line and body of the answer.
    async fn ask(&mut self, version: &str, identities: &[&str]) -> (String, String) {
        self.sequence += 1;
        let sequence = self.sequence;
        let each = identities.iter().enumerate().map(|(index, identity)| {
            format!(
                "<credentialsRequest credentialsRequestID=\"{index}\"><identity>{identity}</identity>\
                 <location>internet</location><duration>60</duration></credentialsRequest>"
            )
        });
        let body = format!(
            "<request requestID=\"7\" version=\"{version}\" from=\"sip:w@culvert.test\" to=\"sip:mras@culvert.test\" \
             xmlns=\"{NAMESPACE}\">{}</request>",
            each.collect::<String>()
        );
        let request = format!(
            "SERVICE sip:mras@culvert.test SIP/2.0\r\nVia: SIP/2.0/TLS localhost:5061;branch=z9hG4bK{sequence}\r\n\
             From: <sip:w@culvert.test>;tag=1\r\nTo: <sip:mras@culvert.test>\r\nCall-ID: test\r\n\
             CSeq: {sequence} SERVICE\r\nMax-Forwards: 70\r\nContent-Type: application/msrtc-media-relay-auth+xml\r\n\
             Content-Length: {}\r\n\r\n{body}",
            body.len()
        );
        let answer = async {
            self.stream.write_all(request.as_bytes()).await.unwrap();
            let mut lines = Vec::new();
            loop {
                let mut line = String::new();
                self.stream.read_line(&mut line).await.unwrap();
                match line.trim_end() {
                    "" => break,
                    line => lines.push(line.to_owned()),
                }
            }
            let length = lines.iter().find_map(|line| line.strip_prefix("Content-Length: ")).unwrap();
            let mut body = vec![0; length.parse().unwrap()];
            self.stream.read_exact(&mut body).await.unwrap();
            (lines.swap_remove(0), String::from_utf8(body).unwrap())
        };
        tokio::time::timeout(PATIENCE, answer).await.unwrap()
    }
}

/// What stands between the tags of an element, each time it occurs.
fn texts(body: &str, element: &str) -> Vec<String> {
    let (open, close) = (format!("<{element}>"), format!("</{element}>"));
    body.split(&open).skip(1).map(|rest| rest.split_once(&close).unwrap().0.to_owned()).collect()
}

/// The credentials of an answer.
fn issued(body: &str) -> Vec<v1::Credential> {
    let pairs = texts(body, "username").into_iter().zip(texts(body, "password"));
    let credential = |(username, password): (String, String)| {
        let mut credential = v1::Credential::default();
        credential.credential_id = culvert_mras::CredentialId::of(&username).to_string();
        (credential.username, credential.password) = (username, password);
        credential
    };
    pairs.map(credential).collect()
}

fn start(more: &str) -> (Relay, u16) {
    let port = 5062;
    let setup = Setup::loopback();
    let listen = format!("[mras.sip]\nlisten = \"{}:{port}\"\n{more}", setup.net.host(1));
    (setup.with_mras(&listen).start(), port)
}

#[tokio::test(flavor = "multi_thread")]
async fn credentials_by_sip_key_sessions_and_can_be_revoked() {
    let (relay, port) = start("");
    let mut sip = Sip::connect(&relay, port, FRONT_END).await;
    let mut client = relay.front_end().await;
    let mut operator = relay.operator().await;
    for version in ["1.0", "2.0"] {
        let (status, body) = sip.ask(version, &[ALICE, BOB]).await;
        assert_eq!(status, "SIP/2.0 200 OK");
        assert!(body.contains("reasonPhrase=\"OK\""), "{body}");
        assert_eq!(
            (texts(&body, "realm"), texts(&body, "duration")),
            (vec!["culvert".into(); 2], vec!["60".into(); 2])
        );
        assert_eq!(texts(&body, "hostName"), ["relay.example.org"; 2]);
        let [alice, bob]: [v1::Credential; 2] = issued(&body).try_into().unwrap();
        let (mut caller, mut callee) = phones(&relay);
        call(&mut client, version, [&mut caller, &mut callee], [&alice, &bob]).await;
        converse(&mut caller, &mut callee, 10);
        let session = client.get_session(version).await.unwrap();
        let held = session.media[0].legs[0].authority.as_ref().unwrap();
        // A credential of this kind hides whose it is.
        assert_eq!((held.credential_id.as_str(), held.identity.as_str()), (alice.credential_id.as_str(), ""));
    }
    let links = operator.get_protection(v1::GetProtectionRequest::default()).await.unwrap().control;
    let of_sip: Vec<_> = links.iter().filter(|link| link.service == "mras-sip").collect();
    let [link] = of_sip[..] else { panic!("{links:#?}") };
    let known = (link.local_identity.as_str(), link.peer_identity.as_str(), link.tls_version.as_str());
    assert_eq!(known, (SERVER_NAME, FRONT_END, "TLSv1.3"));

    // By the name that the credential hides: both calls lose the leg.
    let target = v1::revoke_request::Target::Identity(BOB.into());
    assert_eq!(client.revoke(target).await.unwrap(), 2);
    for version in ["1.0", "2.0"] {
        let session = client.get_session(version).await.unwrap();
        assert_eq!(authority(&session, 0).1, v1::AuthorityState::Valid);
        assert_eq!(authority(&session, 1).1, v1::AuthorityState::Revoked);
    }
    let (status, body) = sip.ask("2.0", &[BOB]).await;
    assert_eq!(status, "SIP/2.0 403 Forbidden");
    assert!(body.contains("reasonPhrase=\"Forbidden\"") && issued(&body).is_empty(), "{body}");
    drop(sip);
    eventually("the link is gone", async || {
        let links = operator.get_protection(v1::GetProtectionRequest::default()).await.unwrap().control;
        links.iter().all(|link| link.service == "grpc").then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn by_sip_only_front_ends_get_credentials_and_no_more_than_their_quota() {
    let (relay, port) = start("[mras.quota]\nidentity_credentials = 1\n");
    let mut sip = Sip::connect(&relay, port, METRICS).await;
    let (status, body) = sip.ask("2.0", &[ALICE]).await;
    assert_eq!(status, "SIP/2.0 403 Forbidden");
    assert!(body.contains("reasonPhrase=\"Forbidden\"") && issued(&body).is_empty(), "{body}");
    let mut sip = Sip::connect(&relay, port, FRONT_END).await;
    assert_eq!(sip.ask("2.0", &[ALICE]).await.0, "SIP/2.0 200 OK");
    let (status, body) = sip.ask("2.0", &[ALICE]).await;
    assert_eq!(status, "SIP/2.0 503 Service Unavailable");
    assert!(body.contains("reasonPhrase=\"Server Busy\""), "{body}");
}
