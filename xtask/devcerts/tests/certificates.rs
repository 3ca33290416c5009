// SPDX-License-Identifier: MIT OR Apache-2.0
//! What is in the certificates, read back by an independent parser.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::net::IpAddr;
use std::os::unix::fs::PermissionsExt;

use culvert_devcerts::{
    Authority, DevCertsError, FRONT_END, KeyKind, Purpose, Request, Validity, write_directory,
};
use x509_parser::pem::parse_x509_pem;
use x509_parser::prelude::*;

fn names_of(certificate: &X509Certificate<'_>) -> Vec<String> {
    let extension = certificate.subject_alternative_name().unwrap().unwrap();
    extension.value.general_names.iter().map(name_text).collect()
}

fn name_text(name: &GeneralName<'_>) -> String {
    match name {
        GeneralName::IPAddress(bytes) if bytes.len() == 4 => {
            format!("IP {}", IpAddr::from(<[u8; 4]>::try_from(*bytes).unwrap()))
        }
        GeneralName::IPAddress(bytes) => {
            format!("IP {}", IpAddr::from(<[u8; 16]>::try_from(*bytes).unwrap()))
        }
        GeneralName::DNSName(name) => format!("DNS {name}"),
        GeneralName::URI(uri) => format!("URI {uri}"),
        other => other.to_string(),
    }
}

fn with_certificate<R>(pem: &str, read: impl FnOnce(&X509Certificate<'_>) -> R) -> R {
    let (_, pem) = parse_x509_pem(pem.as_bytes()).unwrap();
    read(&pem.parse_x509().unwrap())
}

#[test]
fn the_authority_signs_what_it_issues() {
    let authority = Authority::new("test", Validity::Days(1)).unwrap();
    let client = authority.client(FRONT_END, Validity::Days(1)).unwrap();
    let (_, authority_pem) = parse_x509_pem(authority.certificate_pem().as_bytes()).unwrap();
    let authority_certificate = authority_pem.parse_x509().unwrap();
    assert!(authority_certificate.is_ca());
    with_certificate(&client.certificate_pem, |certificate| {
        assert!(!certificate.is_ca());
        assert_eq!(certificate.issuer(), authority_certificate.subject());
        assert!(certificate.validity().is_valid());
        let usage = certificate.extended_key_usage().unwrap().unwrap().value;
        assert!(usage.client_auth && !usage.server_auth);
    });
}

#[test]
fn a_client_identity_is_a_dns_name_or_a_uri() {
    let authority = Authority::new("test", Validity::Days(1)).unwrap();
    for (identity, expected) in [
        ("front-end.culvert.test", "DNS front-end.culvert.test"),
        ("spiffe://culvert.test/front-end", "URI spiffe://culvert.test/front-end"),
    ] {
        let client = authority.client(identity, Validity::Days(1)).unwrap();
        with_certificate(&client.certificate_pem, |certificate| {
            assert_eq!(names_of(certificate), [expected])
        });
    }
}

#[test]
fn an_expired_certificate_is_expired() {
    let authority = Authority::new("test", Validity::Days(1)).unwrap();
    let client = authority.client(FRONT_END, Validity::Expired).unwrap();
    with_certificate(&client.certificate_pem, |certificate| assert!(!certificate.validity().is_valid()));
}

#[test]
fn a_name_outside_ascii_is_refused_by_name() {
    let authority = Authority::new("test", Validity::Days(1)).unwrap();
    let error = authority.server(&["localhost", "wächter"], Validity::Days(1)).unwrap_err();
    assert!(matches!(error, DevCertsError::Name { name, .. } if name == "wächter"));
}

#[test]
fn a_directory_has_all_pairs_and_private_keys() {
    let directory = tempfile::tempdir().unwrap();
    let target = directory.path().join("certs");
    write_directory(&target, &[]).unwrap();
    let files = write_directory(&target, &["192.0.2.1"]).unwrap();
    let server = std::fs::read_to_string(&files.server.certificate).unwrap();
    with_certificate(&server, |certificate| {
        assert_eq!(names_of(certificate), ["DNS localhost", "IP 127.0.0.1", "IP ::1", "IP 192.0.2.1"]);
    });
    for pair in [files.authority, files.server, files.front_end, files.operator, files.metrics] {
        assert!(std::fs::read_to_string(&pair.key).unwrap().starts_with("-----BEGIN PRIVATE KEY-----"));
        let mode = std::fs::metadata(&pair.key).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{}", pair.key.display());
    }
}

#[test]
fn debug_does_not_show_the_key() {
    let authority = Authority::new("test", Validity::Days(1)).unwrap();
    let shown = format!("{:?}", authority.client(FRONT_END, Validity::Days(1)).unwrap());
    assert!(!shown.contains("PRIVATE KEY"), "{shown}");
}

#[test]
fn a_certificate_is_what_was_asked_for() {
    let root = Authority::new("root", Validity::Days(1)).unwrap();
    let authority = root.intermediate("below", Validity::Days(1)).unwrap();
    let mut serials = Vec::new();
    for (key, oid) in [
        (KeyKind::P256, "1.2.840.10045.2.1"),
        (KeyKind::P384, "1.2.840.10045.2.1"),
        (KeyKind::Ed25519, "1.3.101.112"),
        (KeyKind::Rsa2048, "1.2.840.113549.1.1.1"),
    ] {
        let request = Request {
            names: &["a.test", "b.test"],
            purpose: Purpose::Server,
            validity: Validity::Future,
            key,
        };
        let issued = authority.issue(request).unwrap();
        with_certificate(&issued.certificate_pem, |certificate| {
            assert_eq!(names_of(certificate), ["DNS a.test", "DNS b.test"]);
            assert_eq!(certificate.public_key().algorithm.algorithm.to_id_string(), oid);
            assert!(certificate.validity().not_before > ASN1Time::now());
            assert_eq!(certificate.raw_serial(), issued.serial.to_be_bytes());
        });
        serials.push(issued.serial);
    }
    serials.dedup();
    assert_eq!(serials.len(), 4);
    with_certificate(authority.certificate_pem(), |certificate| {
        assert!(certificate.is_ca());
        assert_eq!(certificate.issuer().to_string(), "CN=root");
        assert_eq!(certificate.raw_serial(), authority.serial().to_be_bytes());
    });
}

#[test]
fn a_revocation_list_names_serial_numbers() {
    let authority = Authority::new("test", Validity::Days(1)).unwrap();
    for (validity, current) in [(Validity::Days(1), true), (Validity::Expired, false)] {
        let pem = authority.revoke(&[7, 0x1234_5678], validity).unwrap();
        let (_, pem) = parse_x509_pem(pem.as_bytes()).unwrap();
        assert_eq!(pem.label, "X509 CRL");
        let (_, list) = CertificateRevocationList::from_der(&pem.contents).unwrap();
        let serials: Vec<_> = list.iter_revoked_certificates().map(|entry| entry.serial().clone()).collect();
        assert_eq!(serials, [7u32.into(), 0x1234_5678u32.into()]);
        assert_eq!(list.issuer().to_string(), "CN=test");
        assert_eq!(list.next_update().unwrap() > ASN1Time::now(), current);
    }
}
