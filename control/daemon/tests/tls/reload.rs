// SPDX-License-Identifier: MIT OR Apache-2.0
//! What a reload of the files changes, and for whom.

use std::{io, sync::Arc};

use culvert_devcerts::{Authority, Issued, Validity};
use culvertd::tls::{ControlStream, Refusal, TlsError};
use rustls::{
    pki_types::ServerName,
    version::{TLS12, TLS13},
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
};
use tokio_rustls::{TlsConnector, client::TlsStream};
use x509_parser::prelude::{FromDer as _, X509Certificate};

use crate::{
    common::PATIENCE,
    fixture::{Relay, Setup, VALID, client_config, until},
    openssl::Workshop,
};

type Ends = (TlsStream<TcpStream>, ControlStream);

async fn link(relay: &mut Relay, client: &Issued) -> Ends {
    let stream = relay.connect(relay.client_config(Some(client), &[&TLS13, &TLS12])).await.unwrap();
    (stream, relay.next().await)
}

async fn is_alive((client, served): &mut Ends) {
    client.write_all(b"ping").await.unwrap();
    served.write_all(b"pong").await.unwrap();
    let mut heard = [[0; 4]; 2];
    served.read_exact(&mut heard[0]).await.unwrap();
    client.read_exact(&mut heard[1]).await.unwrap();
    assert_eq!(heard, [*b"ping", *b"pong"]);
}

/// The serial number of the certificate that the relay has shown.
fn serial((client, _): &Ends) -> u64 {
    let shown = client.get_ref().1.peer_certificates().unwrap();
    let (_, parsed) = X509Certificate::from_der(&shown[0]).unwrap();
    parsed.raw_serial().iter().fold(0, |number, byte| number << 8 | u64::from(*byte))
}

#[tokio::test]
async fn new_handshakes_see_the_new_certificate_and_old_connections_go_on() {
    let mut relay = Relay::start().await;
    let client = relay.client("front.test");
    let mut old = link(&mut relay, &client).await;
    let renewed = relay.authority.server(&["localhost", "relay.test"], VALID).unwrap();
    relay.files.write_pair(&renewed);
    assert_eq!(relay.tls.reload(&relay.links).unwrap(), 0);
    let mut new = link(&mut relay, &client).await;
    assert_eq!((serial(&old), serial(&new)), (relay.own.serial, renewed.serial));
    assert_eq!(relay.tls.current().serial(), format!("{:X}", renewed.serial));
    is_alive(&mut old).await;
    is_alive(&mut new).await;
    assert_eq!(relay.links.links().len(), 2);
}

#[tokio::test]
async fn a_set_that_does_not_fit_together_changes_nothing() {
    let authority = Authority::new("test", VALID).unwrap();
    let revoked = Some(authority.revoke(&[], VALID).unwrap());
    let mut relay = Setup { revoked, authority, ..Setup::new() }.start().await;
    let files = ["server.pem", "server.key", "ca.pem", "ca.crl"];
    let good = files.map(|name| std::fs::read_to_string(relay.files.path(name)).unwrap());
    let other = relay.authority.server(&["localhost"], VALID).unwrap();
    let stranger = Authority::new("stranger", VALID).unwrap();
    let half = |text: &str| text[..text.len() / 2].to_owned();
    let garbage = "-----BEGIN X509 CRL-----\nAAAA\n-----END X509 CRL-----\n".to_owned();
    let weak = Workshop::new().client(None, "rsa:1024", "-sha256");
    let table: Vec<(&str, String, &[&str])> = vec![
        ("server.pem", other.certificate_pem.clone(), &["control.tls.key"]),
        ("server.key", other.key_pem.clone(), &["control.tls.key"]),
        ("server.pem", half(&good[0]), &["control.tls.certificate"]),
        ("server.key", half(&good[1]), &["control.tls.key"]),
        ("ca.pem", good[2].clone() + &half(stranger.certificate_pem()), &["control.tls.client_ca"]),
        ("ca.pem", good[2].clone() + &weak.certificate_pem, &["control.tls.client_ca"]),
        ("ca.crl", half(&good[3]), &["control.tls.client_crl"]),
        ("ca.crl", String::new(), &["control.tls.client_crl"]),
        ("ca.crl", garbage, &["control.tls.client_crl"]),
    ];
    let client = relay.client("front.test");
    let mut old = link(&mut relay, &client).await;
    for (name, text, expected) in table {
        relay.files.write(name, &text);
        // What is new and good beside it is not used either.
        if name != "ca.pem" {
            relay.files.write("ca.pem", stranger.certificate_pem());
        }
        let errors = relay.tls.reload(&relay.links).unwrap_err();
        assert_eq!(errors.iter().map(TlsError::key).collect::<Vec<_>>(), expected, "{name}");
        let mut new = link(&mut relay, &client).await;
        assert_eq!(serial(&new), relay.own.serial, "{name}");
        is_alive(&mut new).await;
        for (name, text) in files.iter().zip(&good) {
            relay.files.write(name, text);
        }
    }
    is_alive(&mut old).await;
}

/// Waits for the end of both ends.
async fn is_closed((mut client, mut served): Ends) {
    let mut rest = Vec::new();
    assert_eq!(served.read_to_end(&mut rest).await.unwrap_err().kind(), io::ErrorKind::ConnectionAborted);
    drop(served);
    assert_eq!(client.read_to_end(&mut rest).await.unwrap_err().kind(), io::ErrorKind::UnexpectedEof);
}

#[tokio::test]
async fn a_revoked_client_loses_its_connection_and_no_other_does() {
    let authority = Authority::new("test", VALID).unwrap();
    let revoked = Some(authority.revoke(&[], VALID).unwrap());
    let mut relay = Setup { revoked, authority, ..Setup::new() }.start().await;
    let (first, second) = (relay.client("front.test"), relay.client("front.test"));
    let mut stays = link(&mut relay, &first).await;
    let (client, mut served) = link(&mut relay, &second).await;
    // It waits for requests, as a server does: the close has to wake it.
    let reading = tokio::spawn(async move {
        let error = served.read_u8().await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::ConnectionAborted);
        served
    });
    tokio::task::yield_now().await;
    relay.files.write("ca.crl", &relay.authority.revoke(&[second.serial], VALID).unwrap());
    assert_eq!(relay.tls.reload(&relay.links).unwrap(), 1);
    // A time-out around the read would poll it at its end, and so wake it itself.
    until("the end of the read", || reading.is_finished()).await;
    is_closed((client, reading.await.unwrap())).await;
    is_alive(&mut stays).await;
    let left: Vec<_> = relay.links.links().into_iter().map(|link| link.serial).collect();
    assert_eq!(left, [format!("{:X}", first.serial)]);

    // The newer of two lists counts, wherever it stands. Both are in force; the second says that it was made tomorrow.
    let older = relay.authority.revoke(&[second.serial], VALID);
    let newer = relay.authority.revoke(&[first.serial], Validity::Future);
    relay.files.write("ca.crl", &format!("{}{}", older.unwrap(), newer.unwrap()));
    assert_eq!(relay.tls.reload(&relay.links).unwrap(), 1);
    is_closed(stays).await;
}

#[tokio::test]
async fn clients_of_an_authority_that_is_gone_lose_their_connections() {
    let second = Authority::new("second", VALID).unwrap();
    let setup = Setup { more_authorities: second.certificate_pem().into(), ..Setup::new() };
    let mut relay = setup.start().await;
    let mut stays = link(&mut relay, &second.client("front.test", VALID).unwrap()).await;
    let client = relay.client("front.test");
    let goes = link(&mut relay, &client).await;
    relay.files.write("ca.pem", second.certificate_pem());
    assert_eq!(relay.tls.reload(&relay.links).unwrap(), 1);
    is_closed(goes).await;
    is_alive(&mut stays).await;
}

/// The register does not have a connection whose handshake goes on: it is judged by what is known when that is done.
#[tokio::test]
async fn a_client_that_is_revoked_during_its_handshake_is_refused() {
    let authority = Authority::new("test", VALID).unwrap();
    let revoked = Some(authority.revoke(&[], VALID).unwrap());
    let relay = Setup { revoked, authority, ..Setup::new() }.start().await;
    let client = relay.client("front.test");
    let between = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = between.local_addr().unwrap();
    let config = client_config(relay.authority.certificate_pem(), Some(&client), &[&TLS13]);
    let connecting = tokio::spawn(async move {
        let stream = TcpStream::connect(address).await?;
        let name = ServerName::try_from("localhost").unwrap();
        let mut stream = TlsConnector::from(Arc::new(config)).connect(name, stream).await?;
        stream.read_u8().await
    });
    let (mut near, _) = between.accept().await.unwrap();
    let mut far = TcpStream::connect(relay.address).await.unwrap();
    let mut buffer = vec![0; 16_384];
    let length = near.read(&mut buffer).await.unwrap();
    far.write_all(&buffer[..length]).await.unwrap();
    // The relay has answered: the handshake is under way, with the first list.
    let length = far.read(&mut buffer).await.unwrap();
    relay.files.write("ca.crl", &relay.authority.revoke(&[client.serial], VALID).unwrap());
    assert_eq!(relay.tls.reload(&relay.links).unwrap(), 0);
    near.write_all(&buffer[..length]).await.unwrap();
    let rest = tokio::io::copy_bidirectional(&mut near, &mut far);
    let _ = tokio::time::timeout(PATIENCE, rest).await.unwrap();
    drop((near, far));
    connecting.await.unwrap().unwrap_err();
    relay.assert_refused(Refusal::Revoked);
    assert_eq!(relay.links.links(), []);
}
