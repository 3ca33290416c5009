// SPDX-License-Identifier: MIT OR Apache-2.0
//! MRAS by SIP SERVICE, on connections that the accept loop has authenticated.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use culvert_mras::{Bounds, Credential, CredentialRequest, Identity, Kind, MrasError};
use culvert_mras_sip::{
    CredentialIssuer, Credentials, CredentialsRequest, FrontEnd, IssueError, Limits, Location, MediaRelay,
    Request, Service, Version, connection,
};
use futures::StreamExt as _;
use tokio::task::JoinSet;
use tonic::transport::server::Connected as _;
use zeroize::Zeroizing;

use super::Mras;
use crate::roles;
use crate::tls::{ControlStream, Incoming};

/// What a front end must be allowed to call over gRPC, to ask for the same by SIP.
const SAME: &str = "/culvert.v1.MediaRelayAuth/IssueCredentials";
/// When a front end is to come back whose quota says no time.
const LATER: Duration = Duration::from_secs(60);

/// Answers front ends for as long as connections come. Dropping it ends those that there are.
pub async fn serve(mras: Mras, mut incoming: Incoming) {
    let service = Service::new(Arc::new(Issuer(mras)), Limits::default());
    let forbidden = Service::new(Arc::new(Nobody), Limits::default());
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = incoming.next() => match accepted {
                Some(Ok(stream)) => {
                    let allowed = roles::authorize(stream.connect_info().roles, SAME).is_some();
                    let service = if allowed { service.clone() } else { forbidden.clone() };
                    connections.spawn(answer(stream, service));
                }
                Some(Err(_)) => {}
                None => return,
            },
            Some(_) = connections.join_next() => {}
        }
    }
}

async fn answer(stream: ControlStream, service: Service) {
    let identity = stream.connect_info().identity;
    let front_end = FrontEnd::from(identity.as_str());
    match connection(stream, &front_end, &service, std::future::pending()).await {
        Ok(summary) => tracing::debug!(%identity, ?summary, "SIP connection ended"),
        Err(error) => tracing::info!(%identity, %error, "SIP connection broken off"),
    }
}

struct Issuer(Mras);

impl CredentialIssuer for Issuer {
    fn issue(&self, front_end: &FrontEnd, request: &Request) -> Result<Vec<Credentials>, IssueError> {
        let asked = request.credentials.iter().map(asked).collect::<Result<Vec<_>, _>>()?;
        let kind = match request.version {
            Version::V1 => Kind::MrasV1,
            Version::V2 => Kind::MrasV2,
        };
        let issued = self.0.issue(front_end.as_str(), &asked, kind, SystemTime::now());
        issued.map_err(|error| refused(&error))?.iter().map(credentials).collect()
    }
}

/// For front ends without the role.
struct Nobody;

impl CredentialIssuer for Nobody {
    fn issue(&self, front_end: &FrontEnd, _: &Request) -> Result<Vec<Credentials>, IssueError> {
        tracing::warn!(%front_end, "asks for credentials by SIP without the role front_end");
        Err(IssueError::Forbidden)
    }
}

fn asked(request: &CredentialsRequest) -> Result<CredentialRequest, IssueError> {
    Ok(CredentialRequest {
        identity: Identity::new(&request.identity).map_err(|_| IssueError::Malformed)?,
        location: request.location.map(|location| match location {
            Location::Internet => culvert_mras::Location::Internet,
            Location::Intranet => culvert_mras::Location::Intranet,
        }),
        duration: request.duration.map(|minutes| Duration::from_secs(u64::from(minutes.get()) * 60)),
        bounds: Bounds::default(),
    })
}

fn credentials(credential: &Credential) -> Result<Credentials, IssueError> {
    let minutes = u32::try_from(credential.duration.as_secs() / 60).ok().and_then(NonZeroU32::new);
    let relay = |relay: &culvert_mras::MediaRelay| {
        Some(MediaRelay {
            location: match relay.location {
                culvert_mras::Location::Internet => Location::Internet,
                culvert_mras::Location::Intranet => Location::Intranet,
            },
            host_name: Some(relay.name.clone()),
            address: relay.address?,
            udp_port: Some(relay.udp_port),
            tcp_port: Some(relay.tcp_port),
        })
    };
    Ok(Credentials {
        username: Zeroizing::new(credential.username.clone()),
        password: credential.password.clone(),
        duration: minutes.ok_or(IssueError::Internal)?,
        realm: credential.realm.to_string(),
        relays: credential.relays.iter().filter_map(relay).collect(),
    })
}

fn refused(error: &MrasError) -> IssueError {
    match error {
        MrasError::Quota(exceeded) => {
            IssueError::ServerBusy { retry_after: exceeded.exceeded.retry_after().unwrap_or(LATER) }
        }
        MrasError::Revoked { .. } => IssueError::Forbidden,
        MrasError::Clock(_) | MrasError::Cryptography(_) => IssueError::Internal,
        _ => IssueError::Malformed,
    }
}
