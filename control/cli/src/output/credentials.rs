// SPDX-License-Identifier: MIT OR Apache-2.0
//! Credentials and what became of them.

use std::fmt;
use std::io::{self, Write};
use std::mem;

use culvert_api::v1::{self, revocation};
use serde::Serialize;
use zeroize::Zeroizing;

use super::json;
use super::model::{Endpoint, given, time};
use super::table::{new, print};
use super::text::{or_dash, printable};

/// `credentials issue`.
#[derive(Serialize)]
pub(crate) struct Issued {
    credentials: Vec<Credential>,
}

/// Its password is what was asked for, and stands in both forms of the answer.
#[derive(Serialize)]
struct Credential {
    identity: String,
    username: String,
    #[serde(serialize_with = "json::secret")]
    password: Zeroizing<String>,
    realm: String,
    expiry: Option<String>,
    credential_id: String,
    relays: Vec<MediaRelay>,
}

#[derive(Serialize)]
struct MediaRelay {
    name: String,
    address: Option<String>,
    /// Null: not known.
    location: Option<&'static str>,
    udp_port: u32,
    tcp_port: u32,
}

impl From<Vec<v1::Credential>> for Issued {
    fn from(credentials: Vec<v1::Credential>) -> Self {
        Self { credentials: credentials.into_iter().map(Into::into).collect() }
    }
}

impl From<v1::Credential> for Credential {
    fn from(mut credential: v1::Credential) -> Self {
        // It erases itself when dropped, and so nothing can be moved out of it.
        Self {
            identity: mem::take(&mut credential.identity),
            username: mem::take(&mut credential.username),
            password: Zeroizing::new(mem::take(&mut credential.password)),
            realm: mem::take(&mut credential.realm),
            expiry: time(credential.expiry),
            credential_id: mem::take(&mut credential.credential_id),
            relays: mem::take(&mut credential.relays).into_iter().map(Into::into).collect(),
        }
    }
}

impl From<v1::MediaRelay> for MediaRelay {
    fn from(relay: v1::MediaRelay) -> Self {
        Self {
            location: match relay.location() {
                v1::Location::Unspecified => None,
                v1::Location::Internet => Some("internet"),
                v1::Location::Intranet => Some("intranet"),
            },
            name: relay.name,
            address: given(relay.address),
            udp_port: relay.udp_port,
            tcp_port: relay.tcp_port,
        }
    }
}

impl Issued {
    pub(crate) fn text(&self, out: &mut impl Write) -> io::Result<()> {
        for (index, credential) in self.credentials.iter().enumerate() {
            if index > 0 {
                writeln!(out)?;
            }
            credential.text(out)?;
        }
        Ok(())
    }
}

impl Credential {
    fn text(&self, out: &mut impl Write) -> io::Result<()> {
        writeln!(out, "identity    {}", printable(&self.identity))?;
        writeln!(out, "username    {}", self.username)?;
        writeln!(out, "password    {}", self.password.as_str())?;
        writeln!(out, "realm       {}", self.realm)?;
        writeln!(out, "expiry      {}", or_dash(self.expiry.as_ref()))?;
        writeln!(out, "credential  {}", self.credential_id)?;
        self.relays.iter().try_for_each(|relay| writeln!(out, "relay       {relay}"))
    }
}

impl fmt::Display for MediaRelay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)?;
        for (protocol, port) in [("udp", self.udp_port), ("tcp", self.tcp_port)] {
            match &self.address {
                _ if port == 0 => {}
                Some(address) => write!(f, "  {protocol} {}", Endpoint { address: address.clone(), port })?,
                None => write!(f, "  {protocol} port {port}")?,
            }
        }
        self.location.map_or(Ok(()), |location| write!(f, "  {location}"))
    }
}

/// `credentials revoke`.
#[derive(Debug, Serialize)]
pub(crate) struct Revoked {
    pub(crate) legs: u64,
}

impl fmt::Display for Revoked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.legs {
            1 => f.write_str("revoked: 1 leg lost its keys"),
            legs => write!(f, "revoked: {legs} legs lost their keys"),
        }
    }
}

/// `credentials reinstate`.
#[derive(Debug, Serialize)]
pub(crate) struct Reinstated {
    pub(crate) was_revoked: bool,
}

impl fmt::Display for Reinstated {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.was_revoked { "reinstated" } else { "was not revoked" })
    }
}

/// `credentials rotate-key`.
#[derive(Debug, Serialize)]
pub(crate) struct Rotated {
    pub(crate) epoch: u32,
}

impl fmt::Display for Rotated {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "signing key {} signs from now on; credentials of the older ones stay good", self.epoch)
    }
}

/// `credentials list`.
#[derive(Debug, Serialize)]
pub(crate) struct Revocations {
    revocations: Vec<Revocation>,
    signing_keys: Vec<SigningKey>,
}

#[derive(Debug, Serialize)]
struct Revocation {
    #[serde(flatten)]
    target: Target,
    since: Option<String>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "snake_case")]
enum Target {
    Identity(String),
    CredentialId(String),
    Epoch(u32),
    /// From a relay that is newer than this program.
    Unknown(()),
}

#[derive(Debug, Serialize)]
struct SigningKey {
    epoch: u32,
    created: Option<String>,
    signs: bool,
}

impl From<v1::ListRevocationsResponse> for Revocations {
    fn from(list: v1::ListRevocationsResponse) -> Self {
        let revocations = list.revocations.into_iter().map(|revocation| Revocation {
            target: match revocation.target {
                Some(revocation::Target::Identity(identity)) => Target::Identity(identity),
                Some(revocation::Target::CredentialId(id)) => Target::CredentialId(id),
                Some(revocation::Target::Epoch(epoch)) => Target::Epoch(epoch),
                None => Target::Unknown(()),
            },
            since: time(revocation.since),
        });
        let keys = list.signing_keys.into_iter();
        Self {
            revocations: revocations.collect(),
            signing_keys: keys
                .map(|key| SigningKey { epoch: key.epoch, created: time(key.created), signs: key.signs })
                .collect(),
        }
    }
}

impl Revocations {
    pub(crate) fn text(&self, out: &mut impl Write) -> io::Result<()> {
        let mut keys = new(&["signing key", "created", "use"], &[]);
        for key in &self.signing_keys {
            keys.add_row([
                key.epoch.to_string(),
                or_dash(key.created.as_ref()),
                if key.signs { "signs and verifies" } else { "verifies" }.to_owned(),
            ]);
        }
        if !self.signing_keys.is_empty() {
            print(out, &keys)?;
            writeln!(out)?;
        }
        let mut revoked = new(&["revoked", "name", "since"], &[]);
        for revocation in &self.revocations {
            let (what, name) = match &revocation.target {
                Target::Identity(identity) => ("identity", printable(identity)),
                Target::CredentialId(id) => ("credential", id.clone()),
                Target::Epoch(epoch) => ("signing keys", format!("{epoch} and those before")),
                Target::Unknown(()) => ("unknown", "-".to_owned()),
            };
            revoked.add_row([what.to_owned(), name, or_dash(revocation.since.as_ref())]);
        }
        if self.revocations.is_empty() { writeln!(out, "nothing is revoked") } else { print(out, &revoked) }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::output::fixture::{self, text};

    #[test]
    fn a_credential_is_all_that_its_participant_needs() {
        let issued = Issued::from(fixture::credentials());
        let expected = "\
identity    sip:alice@example.org
username    user-1
password    pass-1
realm       example.org
expiry      2023-11-15T06:13:20.000Z
credential  c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0
relay       relay-1  udp [2001:db8::7]:3478  tcp [2001:db8::7]:443  internet
relay       relay-2.example.org  udp port 3478

identity    sip:bob@example.org
username    user-2
password    pass-2
realm       example.org
expiry      -
credential  c1c1c1c1c1c1c1c1c1c1c1c1c1c1c1c1
";
        assert_eq!(text(|out| issued.text(out)), expected);
        let expected = json!({"credentials": [
            {
                "identity": "sip:alice@example.org", "username": "user-1", "password": "pass-1", "realm": "example.org",
                "expiry": "2023-11-15T06:13:20.000Z", "credential_id": "c0".repeat(16),
                "relays": [
                    {"name": "relay-1", "address": "2001:db8::7", "location": "internet", "udp_port": 3478, "tcp_port": 443},
                    {"name": "relay-2.example.org", "address": null, "location": null, "udp_port": 3478, "tcp_port": 0},
                ],
            },
            {
                "identity": "sip:bob@example.org", "username": "user-2", "password": "pass-2", "realm": "example.org",
                "expiry": null, "credential_id": "c1".repeat(16), "relays": [],
            },
        ]});
        assert_eq!(serde_json::to_value(&issued).unwrap(), expected);
    }

    #[test]
    fn a_list_names_what_is_revoked_and_the_signing_keys() {
        let list = Revocations::from(fixture::revocations());
        let expected = "\
SIGNING KEY  CREATED                   USE
3            2023-11-14T22:13:20.000Z  verifies
4            2023-11-14T22:13:25.000Z  signs and verifies

REVOKED       NAME                              SINCE
identity      sip:alice@example.org             2023-11-14T22:13:20.000Z
credential    c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0  2023-11-14T22:13:20.000Z
signing keys  2 and those before                -
unknown       -                                 -
";
        assert_eq!(text(|out| list.text(out)), expected);
        let since = "2023-11-14T22:13:20.000Z";
        let expected = json!({
            "revocations": [
                {"identity": "sip:alice@example.org", "since": since},
                {"credential_id": "c0".repeat(16), "since": since},
                {"epoch": 2, "since": null},
                {"unknown": null, "since": null},
            ],
            "signing_keys": [
                {"epoch": 3, "created": since, "signs": false},
                {"epoch": 4, "created": "2023-11-14T22:13:25.000Z", "signs": true},
            ],
        });
        assert_eq!(serde_json::to_value(&list).unwrap(), expected);
        let none = Revocations::from(v1::ListRevocationsResponse::default());
        assert_eq!(text(|out| none.text(out)), "nothing is revoked\n");
    }
}
