// SPDX-License-Identifier: MIT OR Apache-2.0
//! From a client certificate to a name and roles.

use std::{fmt, net::SocketAddr, sync::Arc};

use rustls::pki_types::CertificateDer;
use x509_parser::prelude::{FromDer as _, GeneralName, X509Certificate};

use crate::{config::RoleEntry, roles::Roles};

/// Who a client is: a DNS name, URI or e-mail address of its certificate's SAN. Clones share it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Identity(Arc<str>);

impl Identity {
    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<&str> for Identity {
    fn from(name: &str) -> Identity {
        Identity(name.into())
    }
}

impl fmt::Display for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The other end of a connection. In the extensions of every request.
#[derive(Debug, Clone)]
pub struct Peer {
    /// Who it is.
    pub identity: Identity,
    /// What it may do; nothing when the configuration does not name it.
    pub roles: Roles,
    /// From where it has connected.
    pub address: SocketAddr,
}

/// The `[[role]]`s of the configuration.
#[derive(Debug, Clone, Default)]
pub struct RoleTable(Vec<RoleEntry>);

impl RoleTable {
    /// From the configuration.
    pub fn new(entries: Vec<RoleEntry>) -> RoleTable {
        RoleTable(entries)
    }

    /// The roles of a name: those of the entry that is equal to it, else those of all wildcards that cover it.
    pub fn roles(&self, name: &str) -> Roles {
        let of = |wildcard: bool| {
            let entries = self.0.iter().filter(move |entry| entry.identity.starts_with("*.") == wildcard);
            entries
                .filter(|entry| entry.matches(name))
                .fold(Roles::NONE, |roles, entry| roles.union(entry.roles))
        };
        let exact = of(false);
        if exact.is_empty() { of(true) } else { exact }
    }

    /// Who a certificate is, and what it may do: the first of its names that has roles, else its first name without any.
    /// `None` when it has no name.
    pub fn identify(&self, certificate: &CertificateDer<'_>) -> Option<(Identity, Roles)> {
        let names = subject_names(certificate);
        let named = names.iter().map(|name| (name, self.roles(name)));
        let (name, roles) =
            named.clone().find(|(_, roles)| !roles.is_empty()).or_else(|| named.clone().next())?;
        Some((Identity::from(name.as_str()), roles))
    }
}

/// DNS names, URIs and e-mail addresses of the SAN, in its order. A wildcard name is nobody's.
fn subject_names(certificate: &CertificateDer<'_>) -> Vec<String> {
    let Ok((_, parsed)) = X509Certificate::from_der(certificate) else { return Vec::new() };
    let Ok(Some(extension)) = parsed.subject_alternative_name() else { return Vec::new() };
    let names = extension.value.general_names.iter().filter_map(|name| match name {
        GeneralName::DNSName(name) | GeneralName::URI(name) | GeneralName::RFC822Name(name) => Some(*name),
        _ => None,
    });
    names.filter(|name| is_plain(name)).map(str::to_owned).collect()
}

/// The first of the names in the SAN.
pub(super) fn first_name(certificate: &CertificateDer<'_>) -> Option<String> {
    subject_names(certificate).into_iter().next()
}

/// The serial number, as `openssl x509 -serial` shows it.
pub(super) fn serial(certificate: &X509Certificate<'_>) -> String {
    let bytes = match certificate.raw_serial() {
        // Of DER, to keep the number positive.
        [0, rest @ ..] if !rest.is_empty() => rest,
        bytes => bytes,
    };
    bytes.iter().map(|byte| format!("{byte:02X}")).collect()
}

/// Such a name can be logged and compared as it is.
fn is_plain(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'*')
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::roles::Role;
    use rcgen::{CertificateParams, KeyPair, SanType};

    fn table() -> RoleTable {
        let entry = |identity: &str, roles: &[Role]| RoleEntry {
            identity: identity.into(),
            roles: roles.iter().copied().collect(),
        };
        RoleTable::new(vec![
            entry("*.example.org", &[Role::FrontEnd]),
            entry("ops.example.org", &[Role::Operator]),
            entry("spiffe://example.org/collector", &[Role::Metrics]),
            entry("admin@example.org", &[Role::Operator]),
        ])
    }

    fn roles(roles: &[Role]) -> Roles {
        roles.iter().copied().collect()
    }

    fn certificate(names: Vec<SanType>) -> CertificateDer<'static> {
        let mut parameters = CertificateParams::default();
        parameters.subject_alt_names = names;
        parameters.self_signed(&KeyPair::generate().unwrap()).unwrap().der().clone()
    }

    #[test]
    fn names_have_the_roles_of_their_entry() {
        for (name, expected) in [
            ("proxy1.example.org", &[Role::FrontEnd][..]),
            ("PROXY1.Example.Org", &[Role::FrontEnd]),
            ("ops.example.org", &[Role::Operator]),
            ("a.b.example.org", &[]),
            ("example.org", &[]),
            (".example.org", &[]),
            ("sip:x@y.example.org", &[]),
            ("proxy1.example.com", &[]),
            ("spiffe://example.org/collector", &[Role::Metrics]),
            ("admin@example.org", &[Role::Operator]),
            ("", &[]),
        ] {
            assert_eq!(table().roles(name), roles(expected), "{name}");
        }
    }

    #[test]
    fn the_first_name_with_roles_is_the_identity() {
        let dns = |name: &str| SanType::DnsName(name.try_into().unwrap());
        let uri = SanType::URI("spiffe://example.org/collector".try_into().unwrap());
        let email = SanType::Rfc822Name("admin@example.org".try_into().unwrap());
        let address = SanType::IpAddress([192, 0, 2, 1].into());
        for (names, expected) in [
            (
                vec![dns("other.test"), dns("ops.example.org")],
                Some(("ops.example.org", &[Role::Operator][..])),
            ),
            (vec![dns("other.test"), dns("more.test")], Some(("other.test", &[]))),
            (vec![address.clone(), uri], Some(("spiffe://example.org/collector", &[Role::Metrics]))),
            (vec![email], Some(("admin@example.org", &[Role::Operator]))),
            (vec![dns("*.example.org")], None),
            (vec![address], None),
            (vec![], None),
        ] {
            let expected = expected.map(|(name, set)| (Identity::from(name), roles(set)));
            assert_eq!(table().identify(&certificate(names)), expected);
        }
        assert_eq!(table().identify(&CertificateDer::from(vec![1, 2, 3])), None);
    }
}
