// SPDX-License-Identifier: MIT OR Apache-2.0
//! Participants that MRAS gives credentials and keys.

use std::time::SystemTime;

use culvert_api::{Client, v1};
use culvert_mras::container;

use super::{
    phone::Phone,
    relay::Setup,
    request::{Pair, leg, session},
};

pub const ALICE: &str = "sip:alice@example.org";
pub const BOB: &str = "sip:bob@example.org";
pub const CAROL: &str = "sip:carol@example.org";
pub const DAVE: &str = "sip:dave@example.org";
pub const ERIN: &str = "sip:erin@example.org";

impl Setup {
    /// With MRAS and an audit trail in the test's directory. `more` is what else `[mras]` has.
    pub fn with_mras(mut self, more: &str) -> Setup {
        self.tables += &format!(
            "[mras]\nkey_file = {:?}\n{more}\
             [[mras.relay]]\nname = \"relay.example.org\"\naddress = \"198.51.100.1\"\n\
             [[mras.relay]]\nname = \"relay.example.net\"\naddress = \"10.0.0.1\"\nlocation = \"intranet\"\n\
             udp_port = 3479\ntcp_port = 444\n\
             [audit]\nfile = {:?}\n",
            self.path("mras.keys"),
            self.path("audit.jsonl"),
        );
        self
    }
}

pub fn asked(identity: &str) -> v1::CredentialRequest {
    v1::CredentialRequest { identity: identity.into(), ..Default::default() }
}

/// As [`asked`], for something only.
pub fn bound(identity: &str, bounds: v1::Bounds) -> v1::CredentialRequest {
    v1::CredentialRequest { bounds: Some(bounds), ..asked(identity) }
}

pub fn credentials_for(requests: Vec<v1::CredentialRequest>) -> v1::IssueCredentialsRequest {
    v1::IssueCredentialsRequest { credentials: requests, kind: v1::CredentialKind::Culvert.into() }
}

/// Credentials of the first kind.
pub async fn issue<const N: usize>(client: &mut Client, identities: [&str; N]) -> [v1::Credential; N] {
    issue_bound(client, identities.map(asked)).await
}

pub async fn issue_bound<const N: usize>(
    client: &mut Client,
    requests: [v1::CredentialRequest; N],
) -> [v1::Credential; N] {
    let issued = client.issue_credentials(credentials_for(requests.into())).await.unwrap();
    issued.try_into().unwrap()
}

/// A leg that requires encryption and has no keys.
pub fn required(realm: &str, remote: Option<v1::Remote>) -> v1::Leg {
    v1::Leg { protection: None, encryption: 0, ..leg(realm, remote, v1::Protection::default()) }
}

/// Keys for legs on behalf of those who hold these credentials.
pub fn keys_for(
    id: &str,
    suite: &str,
    participants: &[(u32, &v1::Credential)],
) -> v1::IssueSessionKeysRequest {
    let participant = |(leg, credential): &(u32, &v1::Credential)| v1::Participant {
        leg: *leg,
        username: credential.username.clone(),
        password: credential.password.clone(),
    };
    let participants = participants.iter().map(participant).collect();
    v1::IssueSessionKeysRequest { session_id: id.into(), participants, suite: suite.into() }
}

/// What is in a participant's container, of the only media.
pub fn open(credential: &v1::Credential, sealed: &v1::SealedKeys) -> Pair {
    let keys = container::open(&credential.password, &sealed.container, SystemTime::now()).unwrap();
    Pair::given(&keys.media[0])
}

/// A session of two telephones without keys, on legs that require encryption.
pub async fn unkeyed(client: &mut Client, id: &str, phones: [&mut Phone; 2]) -> v1::Session {
    let [caller, callee] = phones;
    let legs =
        [required("outside", Some(caller.remote(true))), required("inside", Some(callee.remote(true)))];
    let made = client.create_session(session(id, legs)).await.unwrap();
    caller.answer(&made, 0);
    callee.answer(&made, 1);
    made
}

/// A call of two telephones under keys of MRAS.
pub async fn call(
    client: &mut Client,
    id: &str,
    phones: [&mut Phone; 2],
    credentials: [&v1::Credential; 2],
) -> v1::IssueSessionKeysResponse {
    let [caller, callee] = phones;
    unkeyed(client, id, [&mut *caller, &mut *callee]).await;
    key(client, id, [(0, caller, credentials[0]), (1, callee, credentials[1])]).await
}

/// Has legs keyed that have no keys, or none any more.
pub async fn key<const N: usize>(
    client: &mut Client,
    id: &str,
    legs: [(u32, &mut Phone, &v1::Credential); N],
) -> v1::IssueSessionKeysResponse {
    let participants: Vec<_> = legs.iter().map(|(leg, _, credential)| (*leg, *credential)).collect();
    let issued = client.issue_session_keys(keys_for(id, "", &participants)).await.unwrap();
    for ((_, phone, credential), sealed) in legs.into_iter().zip(&issued.keys) {
        phone.key(&open(credential, sealed));
    }
    issued
}

/// The leg of a session's only media has the authority of a credential, in some state.
pub fn authority(session: &v1::Session, leg: usize) -> (String, v1::AuthorityState) {
    let authority = session.media[0].legs[leg].authority.as_ref().unwrap();
    (authority.credential_id.clone(), authority.state())
}
