// SPDX-License-Identifier: MIT OR Apache-2.0
//! What is in the certificates, read back by an independent parser.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::net::IpAddr;
use std::os::unix::fs::PermissionsExt;

use culvert_devcerts::{Authority, DevCertsError, FRONT_END, Validity, write_directory};
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
