// SPDX-License-Identifier: MIT OR Apache-2.0
//! Between messages of `culvert.v1` and the words of `culvert_mras`.

use std::time::{Duration, UNIX_EPOCH};

use culvert_api::v1;
use culvert_mras::{
    Bounds, Credential, CredentialId, CredentialRequest, Identity, Kind, Location, MediaKind, MediaRelay,
    Prefix, Revocation, Target,
};
use culvert_srtp::Suite;
use tonic::Status;

use crate::grpc::request;
use crate::mras::SigningKey;

pub(super) fn credentials(
    message: v1::IssueCredentialsRequest,
) -> Result<(Vec<CredentialRequest>, Kind), Status> {
    let kind = match v1::CredentialKind::try_from(message.kind) {
        Ok(v1::CredentialKind::Unspecified | v1::CredentialKind::Culvert) => Kind::Culvert,
        Ok(v1::CredentialKind::TurnRest) => Kind::TurnRest,
        Ok(v1::CredentialKind::MrasV1) => Kind::MrasV1,
        Ok(v1::CredentialKind::MrasV2) => Kind::MrasV2,
        Err(_) => return Err(unknown("kind", message.kind, "a CredentialKind")),
    };
    let request = |(index, request)| credential_request(&format!("credentials[{index}]"), request);
    Ok((message.credentials.into_iter().enumerate().map(request).collect::<Result<_, _>>()?, kind))
}

fn credential_request(path: &str, message: v1::CredentialRequest) -> Result<CredentialRequest, Status> {
    let location = match v1::Location::try_from(message.location) {
        Ok(v1::Location::Unspecified) => None,
        Ok(v1::Location::Internet) => Some(Location::Internet),
        Ok(v1::Location::Intranet) => Some(Location::Intranet),
        Err(_) => return Err(unknown(&format!("{path}.location"), message.location, "a Location")),
    };
    let duration = message.duration.map(|duration| {
        request::duration(duration).ok_or_else(|| invalid(&format!("{path}.duration"), "is negative"))
    });
    let bounds = message.bounds.map(|message| bounds(&format!("{path}.bounds"), message));
    Ok(CredentialRequest {
        identity: identity(&format!("{path}.identity"), &message.identity)?,
        location,
        duration: duration.transpose()?,
        bounds: bounds.transpose()?.unwrap_or_default(),
    })
}

fn bounds(path: &str, message: v1::Bounds) -> Result<Bounds, Status> {
    let prefix = |part: &str, text: &str| match text {
        "" => Ok(None),
        text => text.parse::<Prefix>().map(Some).map_err(|error| invalid(&format!("{path}.{part}"), error)),
    };
    let kind = |(index, kind): (usize, i32)| match v1::MediaKind::try_from(kind) {
        Ok(v1::MediaKind::Audio) => Ok(MediaKind::Audio),
        Ok(v1::MediaKind::Video) => Ok(MediaKind::Video),
        Ok(v1::MediaKind::ApplicationSharing) => Ok(MediaKind::ApplicationSharing),
        _ => Err(unknown(&format!("{path}.kinds[{index}]"), kind, "a MediaKind")),
    };
    let suite = |(index, name): (usize, &String)| self::named_suite(name, &format!("{path}.suites[{index}]"));
    Ok(Bounds {
        source: prefix("source", &message.source)?,
        peer: prefix("peer", &message.peer)?,
        bandwidth: Some(message.bandwidth).filter(|bandwidth| *bandwidth > 0),
        kinds: message.kinds.into_iter().enumerate().map(kind).collect::<Result<_, _>>()?,
        suites: message.suites.iter().enumerate().map(suite).collect::<Result<_, _>>()?,
    })
}

/// The suite of a name; the one that every implementation has where none is given.
pub(super) fn suite(name: &str, field: &str) -> Result<Suite, Status> {
    if name.is_empty() { Ok(Suite::AesCm128HmacSha1_80) } else { named_suite(name, field) }
}

fn named_suite(name: &str, field: &str) -> Result<Suite, Status> {
    Suite::from_name(name).ok_or_else(|| {
        let known = Suite::ALL.map(Suite::name).join(", ");
        invalid(field, format!("is {name:?}; give one of {known}"))
    })
}

pub(super) fn credential(credential: &Credential, asked: &CredentialRequest) -> v1::Credential {
    let mut message = v1::Credential::default();
    message.identity = asked.identity.as_str().to_owned();
    message.username.clone_from(&credential.username);
    message.password.clone_from(&credential.password);
    message.realm = credential.realm.to_string();
    message.expiry = Some(time(credential.expires));
    message.relays = credential.relays.iter().map(relay).collect();
    message.credential_id = credential.id.to_string();
    message
}

fn relay(relay: &MediaRelay) -> v1::MediaRelay {
    v1::MediaRelay {
        name: relay.name.clone(),
        address: relay.address.map(|address| address.to_string()).unwrap_or_default(),
        location: match relay.location {
            Location::Internet => v1::Location::Internet,
            Location::Intranet => v1::Location::Intranet,
        }
        .into(),
        udp_port: relay.udp_port.into(),
        tcp_port: relay.tcp_port.into(),
    }
}

pub(super) fn revoked(message: v1::RevokeRequest) -> Result<Target, Status> {
    use v1::revoke_request::Target as Asked;
    match message.target {
        Some(Asked::Identity(text)) => Ok(Target::Identity(identity("identity", &text)?)),
        Some(Asked::Credential(text)) => Ok(Target::Credential(credential_id(&text)?)),
        Some(Asked::Epoch(number)) => Ok(Target::Epoch(number)),
        None => Err(missing_target()),
    }
}

pub(super) fn reinstated(message: v1::ReinstateRequest) -> Result<Target, Status> {
    use v1::reinstate_request::Target as Asked;
    match message.target {
        Some(Asked::Identity(text)) => Ok(Target::Identity(identity("identity", &text)?)),
        Some(Asked::Credential(text)) => Ok(Target::Credential(credential_id(&text)?)),
        None => Err(missing_target()),
    }
}

fn missing_target() -> Status {
    Status::invalid_argument("target: is missing; give an identity or a credential")
}

/// Of a username, or what `Credential.credential_id` says.
fn credential_id(text: &str) -> Result<CredentialId, Status> {
    match text.parse() {
        Ok(id) => Ok(id),
        Err(_) if text.is_empty() => {
            Err(invalid("credential", "is empty; give a username or a credential_id"))
        }
        Err(_) => Ok(CredentialId::of(text)),
    }
}

fn identity(field: &str, text: &str) -> Result<Identity, Status> {
    Identity::new(text).map_err(|error| invalid(field, error))
}

pub(super) fn revocation(revocation: &Revocation) -> v1::Revocation {
    use v1::revocation::Target as Told;
    let target = match &revocation.target {
        Target::Identity(identity) => Told::Identity(identity.as_str().to_owned()),
        Target::Credential(id) => Told::CredentialId(id.to_string()),
        Target::Epoch(number) => Told::Epoch(*number),
    };
    v1::Revocation { target: Some(target), since: Some(time(revocation.at)) }
}

pub(super) fn signing_key(key: &SigningKey) -> v1::SigningKey {
    v1::SigningKey { epoch: key.epoch, created: Some(time(key.created)), signs: key.signs }
}

/// Of Unix seconds.
pub(super) fn time(seconds: u64) -> prost_types::Timestamp {
    let time = UNIX_EPOCH.checked_add(Duration::from_secs(seconds));
    prost_types::Timestamp::from(time.unwrap_or(UNIX_EPOCH))
}

fn invalid(field: &str, message: impl std::fmt::Display) -> Status {
    Status::invalid_argument(format!("{field}: {message}"))
}

fn unknown(field: &str, value: i32, what: &str) -> Status {
    invalid(field, format!("{value} is not {what} of this interface"))
}
