// SPDX-License-Identifier: MIT OR Apache-2.0
//! The negative matrix: every kind of client that must not get in, what it is refused for, and that nothing else is counted.

use std::{
    io::{Read as _, Write as _},
    net::{SocketAddr, TcpStream},
    sync::Arc,
};

use culvert_devcerts::{Authority, Issued, KeyKind, Purpose, Request, Validity};
use culvertd::tls::{AuthorizeLayer, Denial, Refusal};
use rustls::version::{TLS12, TLS13};
use tonic::{service::Routes, transport::Server};

use crate::{
    fixture::{Counts, Relay, Setup, VALID, until},
    handshakes::status,
    openssl::{Workshop, client_hello},
};

/// How a client of the table speaks.
enum Client {
    /// By OpenSSL: with a certificate, if any, and options.
    OpenSsl(Option<Issued>, &'static str),
    /// By rustls, which shows whatever certificate it has, under TLS 1.2 and 1.3.
    Rustls(Issued),
    /// These bytes.
    Raw(Vec<u8>),
}

impl Client {
    /// Comes and goes once or more. Returns how often, and what OpenSSL said of it.
    async fn attempt(self, relay: &Relay, workshop: &Arc<Workshop>) -> (u64, String) {
        let address = relay.address;
        match self {
            Client::OpenSsl(issued, options) => {
                let workshop = Arc::clone(workshop);
                let connect = move || workshop.connect(address.port(), issued.as_ref(), options);
                let output = tokio::task::spawn_blocking(connect).await.unwrap();
                (1, String::from_utf8_lossy(&output.stderr).into_owned())
            }
            Client::Rustls(issued) => {
                for version in [&TLS12, &TLS13] {
                    relay.is_refused(relay.client_config(Some(&issued), &[version])).await;
                }
                (2, String::new())
            }
            Client::Raw(bytes) => {
                tokio::task::spawn_blocking(move || exchange(address, &bytes)).await.unwrap();
                (1, String::new())
            }
        }
    }
}

/// Sends, and reads to the end.
fn exchange(address: SocketAddr, bytes: &[u8]) {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.write_all(bytes).unwrap();
    let _ = stream.read_to_end(&mut Vec::new());
}

const OLDER: &str = "-tls1_2";
const NEWER: &str = "-tls1_3";

/// Counts after some that were taken before: one counter has moved, by so many.
fn moved(before: &Counts, name: &str, by: u64) -> Counts {
    before.iter().map(|(other, count)| (*other, count + if *other == name { by } else { 0 })).collect()
}

fn total(counts: &Counts) -> u64 {
    counts.iter().map(|(_, count)| count).sum()
}

async fn expect(relay: &Relay, workshop: &Arc<Workshop>, what: &str, client: Client, counter: &str) {
    let before = relay.counts();
    let (attempts, said) = client.attempt(relay, workshop).await;
    let what = format!("{what}: {said}");
    until(&what, || total(&relay.counts()) >= total(&before) + attempts).await;
    assert_eq!(relay.counts(), moved(&before, counter, attempts), "{what}");
}

#[tokio::test(flavor = "multi_thread")]
async fn each_is_refused_and_each_is_counted_by_its_reason() {
    let second = Authority::new("second", VALID).unwrap();
    let setup = Setup { more_authorities: second.certificate_pem().into(), ..Setup::new() };
    let lists = |serials: &[u64]| setup.authority.revoke(serials, VALID).unwrap();
    let unrevoked = lists(&[]);
    let mut relay = Setup { revoked: Some(unrevoked), ..setup }.start().await;
    let server = Server::builder()
        .layer(AuthorizeLayer::new(relay.metrics.clone()))
        .add_routes(Routes::default())
        .serve_with_incoming(relay.incoming.take().unwrap());
    let server = tokio::spawn(server);
    let workshop = Arc::new(Workshop::new());
    workshop.write("relay-ca.pem", relay.authority.certificate_pem());

    let authority = &relay.authority;
    let client = |validity| authority.client("front.test", validity).unwrap();
    let good = client(VALID);
    let stranger = Authority::new("stranger", VALID).unwrap();
    let namesake = Authority::new("test", VALID).unwrap();
    let intermediate = authority.intermediate("intermediate", VALID).unwrap();
    let mut through_intermediate = intermediate.client("front.test", VALID).unwrap();
    through_intermediate.certificate_pem += intermediate.certificate_pem();
    let weak_key = workshop.client(Some(authority), "rsa:1024", "-sha256");
    let weak_signature = workshop.client(Some(authority), "rsa:2048", "-sha1");
    let self_signed = workshop.client(None, "rsa:2048", "-sha256");
    let issued = |key| {
        let request = Request { names: &["front.test"], purpose: Purpose::Client, validity: VALID, key };
        authority.issue(request).unwrap()
    };
    let openssl = |issued: &Issued, options| Client::OpenSsl(Some(copy(issued)), options);

    // Those that get in: the refusals below are not for some other fault of the same clients.
    for key in [KeyKind::P256, KeyKind::P384, KeyKind::Rsa2048] {
        for version in [OLDER, NEWER] {
            let what = format!("{key:?} {version}");
            expect(&relay, &workshop, &what, openssl(&issued(key), version), "accepted").await;
        }
    }

    let table: Vec<(&str, Client, Refusal)> = vec![
        ("no certificate, TLS 1.2", Client::OpenSsl(None, OLDER), Refusal::NoCertificate),
        ("no certificate, TLS 1.3", Client::OpenSsl(None, NEWER), Refusal::NoCertificate),
        (
            "wrong CA",
            openssl(&stranger.client("front.test", VALID).unwrap(), NEWER),
            Refusal::UnknownAuthority,
        ),
        (
            "wrong CA of the right name",
            Client::Rustls(namesake.client("front.test", VALID).unwrap()),
            Refusal::UnknownAuthority,
        ),
        ("self-signed", openssl(&self_signed, NEWER), Refusal::UnknownAuthority),
        ("expired, TLS 1.2", openssl(&client(Validity::Expired), OLDER), Refusal::Expired),
        ("expired, TLS 1.3", openssl(&client(Validity::Expired), NEWER), Refusal::Expired),
        ("not yet valid, TLS 1.2", openssl(&client(Validity::Future), OLDER), Refusal::NotYetValid),
        ("not yet valid, TLS 1.3", openssl(&client(Validity::Future), NEWER), Refusal::NotYetValid),
        (
            "SAN without a name",
            openssl(&authority.client("192.0.2.1", VALID).unwrap(), NEWER),
            Refusal::NoIdentity,
        ),
        (
            "for servers",
            Client::Rustls(authority.server(&["front.test"], VALID).unwrap()),
            Refusal::WrongPurpose,
        ),
        (
            "of an authority without a revocation list",
            Client::Rustls(second.client("front.test", VALID).unwrap()),
            Refusal::RevocationUnknown,
        ),
        (
            "of an intermediate authority without a revocation list",
            Client::Rustls(through_intermediate),
            Refusal::RevocationUnknown,
        ),
        ("RSA with 1024 bits, TLS 1.2", openssl(&weak_key, OLDER), Refusal::WeakCertificate),
        ("RSA with 1024 bits, TLS 1.3", openssl(&weak_key, NEWER), Refusal::WeakCertificate),
        ("signed with SHA-1", Client::Rustls(weak_signature), Refusal::WeakCertificate),
        ("SSL 3.0", Client::Raw(client_hello(0x0300, &[0xc00a, 0x002f])), Refusal::UnsupportedVersion),
        ("TLS 1.0", openssl(&good, "-tls1"), Refusal::UnsupportedVersion),
        ("TLS 1.1", openssl(&good, "-tls1_1"), Refusal::UnsupportedVersion),
        (
            "RSA key exchange",
            openssl(&good, "-tls1_2 -cipher AES128-GCM-SHA256:@SECLEVEL=0"),
            Refusal::NoCommonSuite,
        ),
        ("AES128-SHA", openssl(&good, "-tls1_2 -cipher AES128-SHA:@SECLEVEL=0"), Refusal::NoCommonSuite),
        (
            "CBC with SHA-384",
            openssl(&good, "-tls1_2 -cipher ECDHE-ECDSA-AES256-SHA384:@SECLEVEL=0"),
            Refusal::NoCommonSuite,
        ),
        (
            "no encryption",
            openssl(&good, "-tls1_2 -cipher ECDHE-ECDSA-NULL-SHA:@SECLEVEL=0"),
            Refusal::NoCommonSuite,
        ),
        (
            "no authentication",
            openssl(&good, "-tls1_2 -cipher AECDH-AES128-SHA:@SECLEVEL=0"),
            Refusal::NoCommonSuite,
        ),
        ("3DES", Client::Raw(client_hello(0x0303, &[0xc008])), Refusal::NoCommonSuite),
        ("RC4", Client::Raw(client_hello(0x0303, &[0xc007])), Refusal::NoCommonSuite),
        (
            "CCM with a short tag",
            openssl(&good, "-tls1_3 -ciphersuites TLS_AES_128_CCM_8_SHA256"),
            Refusal::NoCommonSuite,
        ),
        ("a group that is not spoken", openssl(&good, "-tls1_3 -groups X448"), Refusal::NoCommonSuite),
        ("HTTP/1.1", openssl(&good, "-tls1_3 -alpn http/1.1"), Refusal::Incompatible),
        ("plain text", Client::Raw(b"GET / HTTP/1.1\r\nHost: relay\r\n\r\n".to_vec()), Refusal::NotTls),
        ("HTTP/2 without TLS", Client::Raw(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec()), Refusal::NotTls),
        (
            "a relay of the wrong name",
            openssl(&good, "-tls1_3 -CAfile relay-ca.pem -verify_return_error -verify_hostname other.test"),
            Refusal::RefusedByClient,
        ),
        ("a relay of the wrong CA", openssl(&good, "-tls1_2 -verify_return_error"), Refusal::RefusedByClient),
    ];
    for (what, client, refusal) in table {
        expect(&relay, &workshop, what, client, refusal.name()).await;
    }

    // A name that no role has gets a connection, and nothing over it.
    let before = relay.counts();
    let code = status(&relay, "nobody.test", "/culvert.v1.Relay/CreateSession").await;
    assert_eq!(code, tonic::Code::PermissionDenied);
    let expected = moved(&moved(&before, "accepted", 1), Denial::UnknownIdentity.name(), 1);
    assert_eq!(relay.counts(), expected);

    // The same certificate before and after its revocation.
    expect(&relay, &workshop, "not revoked", openssl(&good, NEWER), "accepted").await;
    relay.files.write("ca.crl", &relay.authority.revoke(&[good.serial], VALID).unwrap());
    relay.tls.reload(&relay.links).unwrap();
    for version in [OLDER, NEWER] {
        expect(&relay, &workshop, "revoked", openssl(&good, version), Refusal::Revoked.name()).await;
    }
    let another = openssl(&relay.client("front.test"), NEWER);
    expect(&relay, &workshop, "another certificate of the name", another, "accepted").await;
    relay.files.write("ca.crl", &relay.authority.revoke(&[], Validity::Expired).unwrap());
    relay.tls.reload(&relay.links).unwrap();
    let refused = Refusal::RevocationUnknown.name();
    expect(&relay, &workshop, "a list that has expired", openssl(&good, NEWER), refused).await;

    until("the ends of all connections", || relay.links.links().is_empty()).await;
    server.abort();
}

fn copy(issued: &Issued) -> Issued {
    Issued {
        certificate_pem: issued.certificate_pem.clone(),
        key_pem: issued.key_pem.clone(),
        serial: issued.serial,
    }
}
