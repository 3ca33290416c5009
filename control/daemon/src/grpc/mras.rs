// SPDX-License-Identifier: MIT OR Apache-2.0
//! `culvert.v1.MediaRelayAuth`: messages in, answers out.

mod message;

use std::sync::Arc;
use std::time::SystemTime;

use culvert_api::v1;
use culvert_api::v1::media_relay_auth_server::MediaRelayAuth;
use culvert_mras::container::{self, KeyAndSalt, MediaKeys, SessionKeys};
use culvert_mras::{MrasError, Participant, QuotaExceeded, Target, Verified};
use culvert_secret::scrubbed;
use culvert_session::{
    AuthorityState, Caller, FreshKeys, IssueRequest, KeyMaterial, ParticipantKeys, SessionView,
};
use culvert_srtp::Suite;
use tonic::metadata::MetadataValue;
use tonic::{Request, Response, Status};
use zeroize::Zeroizing;

use super::{RelayService, answer, caller, refused};
use crate::mras::{Mras, RevocationError, RotationError};
use crate::node::Node;

/// The service, for clients that the accept loop has identified.
#[derive(Clone, Debug)]
pub struct MrasService {
    mras: Option<Mras>,
    node: Arc<Node>,
    relay: RelayService,
    key_lifetime: u64,
}

/// A participant whose credential holds.
struct Presented {
    leg: u32,
    credential: Arc<Verified>,
    password: Zeroizing<String>,
}

/// Of each media, what a participant sends under and what it receives under.
type Fresh = Vec<[KeyAndSalt; 2]>;

impl MrasService {
    /// The service of a node; without MRAS it answers that it is off. `key_lifetime`: packets that a master key may protect;
    /// 0: the suite's limit.
    pub fn new(mras: Option<Mras>, node: Arc<Node>, relay: RelayService, key_lifetime: u64) -> MrasService {
        MrasService { mras, node, relay, key_lifetime }
    }

    fn mras(&self) -> Result<&Mras, Status> {
        self.mras.as_ref().ok_or_else(|| {
            Status::failed_precondition("MRAS is off on this relay: set mras.key_file in its configuration")
        })
    }

    fn present(&self, participants: Vec<v1::Participant>, now: SystemTime) -> Result<Vec<Presented>, Status> {
        let count = participants.len();
        if !(1..=2).contains(&count) {
            return Err(Status::invalid_argument(format!("participants: has {count} entries; give 1 or 2")));
        }
        let mut presented: Vec<Presented> = Vec::new();
        for (index, mut participant) in participants.into_iter().enumerate() {
            let field = format!("participants[{index}]");
            let leg = participant.leg;
            if leg > 1 {
                return Err(Status::invalid_argument(format!("{field}.leg: is {leg}; give 0 or 1")));
            }
            if presented.iter().any(|earlier| earlier.leg == leg) {
                let message = format!("{field}.leg: is {leg}, as an earlier one's; give each its own leg");
                return Err(Status::invalid_argument(message));
            }
            for (part, text) in [("username", &participant.username), ("password", &participant.password)] {
                if text.is_empty() {
                    return Err(Status::invalid_argument(format!(
                        "{field}.{part}: is missing; give that of the participant's credential"
                    )));
                }
            }
            let password = Zeroizing::new(std::mem::take(&mut participant.password));
            let credential =
                self.mras()?.verify(&participant.username, &password, now).map_err(|refusal| {
                    tracing::info!(reason = refusal.reason().label(), leg, "credential refused");
                    Status::permission_denied(format!("{field}: {refusal}"))
                })?;
            presented.push(Presented { leg, credential: Arc::new(credential), password });
        }
        Ok(presented)
    }

    fn key_session(
        &self,
        caller: &Caller,
        session_id: &str,
        suite: Suite,
        presented: Vec<Presented>,
        now: SystemTime,
    ) -> Result<(SessionView, Vec<v1::SealedKeys>), Status> {
        let mras = self.mras()?;
        let find = || self.node.read(|inner| inner.sessions.get(caller, session_id));
        let view = find().map_err(|error| answer::status(&error))?;
        let accounted = accounts(&view, &presented);
        mras.account(&view.id, view.owner.as_str(), accounted, now).map_err(|error| exhausted(&error))?;
        let keyed = scrubbed(|| self.put_into_force(caller, &view, suite, &presented));
        let (view, keys) = keyed.inspect_err(|_| {
            // It takes of quotas what it took before. Has another taken that meanwhile, it stays as the request had it.
            match find().ok().filter(is_keyed) {
                Some(view) => {
                    let _ = mras.account(&view.id, view.owner.as_str(), accounts(&view, &[]), now);
                }
                None => mras.close(&view.id),
            }
        })?;
        // What was revoked since it was verified was not in force then, and so not ended.
        if presented.iter().any(|one| mras.is_revoked(&one.credential)) {
            self.node.revoke(|credential| mras.is_revoked(credential));
            return Err(Status::permission_denied(
                "participants: a credential was revoked; ask for new ones",
            ));
        }
        let seal = |(participant, keys)| self::seal(&view, participant, keys);
        let sealed = scrubbed(|| presented.iter().zip(&keys).map(seal).collect::<Result<_, _>>())?;
        Ok((view, sealed))
    }

    /// Makes keys for every media of each participant, and has them used.
    fn put_into_force(
        &self,
        caller: &Caller,
        view: &SessionView,
        suite: Suite,
        presented: &[Presented],
    ) -> Result<(SessionView, Vec<Fresh>), Status> {
        let random = |error: culvert_mras::CryptoError| Status::internal(error.to_string());
        let pair = || Ok([KeyAndSalt::generate(suite)?, KeyAndSalt::generate(suite)?]);
        let of_participant = |_: &Presented| view.media.iter().map(|_| pair()).collect::<Result<Fresh, _>>();
        let keys = presented.iter().map(of_participant).collect::<Result<Vec<_>, _>>().map_err(random)?;
        let participants = presented.iter().zip(&keys).map(|(participant, keys)| ParticipantKeys {
            leg: participant.leg,
            credential: Arc::clone(&participant.credential),
            media: keys
                .iter()
                .map(|[send, receive]| FreshKeys {
                    receive: self.material(send),
                    send: self.material(receive),
                })
                .collect(),
        });
        let request =
            IssueRequest { session_id: view.id.to_string(), suite, participants: participants.collect() };
        let view = self.node.issue(caller, request).map_err(refused)?;
        Ok((view, keys))
    }

    fn material(&self, keys: &KeyAndSalt) -> KeyMaterial {
        KeyMaterial {
            key: Zeroizing::new(keys.key().to_vec()),
            salt: Zeroizing::new(keys.salt().to_vec()),
            lifetime: self.key_lifetime,
            ..KeyMaterial::default()
        }
    }
}

/// Who is on a session's account: those who are keyed now, and those of the request in their place.
fn accounts(view: &SessionView, presented: &[Presented]) -> Vec<Participant> {
    let of = |credential: &Verified| Participant {
        subject: credential.claims.subject.clone(),
        bandwidth: credential.claims.bounds.bandwidth.unwrap_or(0).saturating_mul(view.media.len() as u64),
    };
    let on_leg = |leg: u32| {
        let new = presented.iter().find(|participant| participant.leg == leg);
        let now = view.media.first().and_then(|media| media.legs.get(leg as usize)?.authority.as_ref());
        new.map(|participant| of(&participant.credential)).or_else(|| {
            now.filter(|authority| authority.state == AuthorityState::Valid)
                .map(|authority| of(&authority.credential))
        })
    };
    [0, 1].into_iter().filter_map(on_leg).collect()
}

fn is_keyed(view: &SessionView) -> bool {
    view.media.iter().flat_map(|media| &media.legs).any(|leg| leg.authority.is_some())
}

fn seal(view: &SessionView, participant: &Presented, keys: &Fresh) -> Result<v1::SealedKeys, Status> {
    let credential = &participant.credential;
    let kid = |media: &culvert_session::MediaView| {
        let leg = media.legs.get(participant.leg as usize)?;
        leg.key_ids.first().copied().flatten()
    };
    let media = keys.iter().zip(&view.media).zip(0..).map(|(([send, receive], media), index)| MediaKeys {
        index,
        kid: kid(media).map(|kid| kid.to_string()).unwrap_or_default(),
        send: send.clone(),
        receive: receive.clone(),
    });
    let identity = credential.claims.subject.identity().map(|identity| identity.as_str().to_owned());
    let keys = SessionKeys {
        session: view.id.to_string(),
        participant: identity.unwrap_or_else(|| credential.id.to_string()),
        media: media.collect(),
    };
    let expires = credential.claims.expires;
    let container = container::seal(&participant.password, credential.id, &keys, expires)
        .map_err(|error| Status::internal(format!("keys cannot be sealed: {error}")))?;
    Ok(v1::SealedKeys {
        leg: participant.leg,
        credential_id: credential.id.to_string(),
        container,
        expiry: Some(message::time(expires)),
    })
}

/// A quota is exhausted; when time helps, the answer's metadata say how long to wait, in seconds.
fn exhausted(error: &QuotaExceeded) -> Status {
    let mut status = Status::resource_exhausted(error.to_string());
    if let Some(wait) = error.exceeded.retry_after() {
        let seconds = MetadataValue::from(u64::try_from(wait.as_millis().div_ceil(1000)).unwrap_or(u64::MAX));
        status.metadata_mut().insert("retry-after", seconds);
    }
    status
}

fn not_issued(error: &MrasError) -> Status {
    match error {
        MrasError::Quota(exceeded) => {
            let mut status = exhausted(exceeded);
            let metadata = std::mem::take(status.metadata_mut());
            Status::with_metadata(tonic::Code::ResourceExhausted, error.to_string(), metadata)
        }
        MrasError::Revoked { .. } => Status::failed_precondition(error.to_string()),
        MrasError::Clock(_) | MrasError::Cryptography(_) => Status::internal(error.to_string()),
        _ => Status::invalid_argument(error.to_string()),
    }
}

#[tonic::async_trait]
impl MediaRelayAuth for MrasService {
    async fn issue_credentials(
        &self,
        request: Request<v1::IssueCredentialsRequest>,
    ) -> Result<Response<v1::IssueCredentialsResponse>, Status> {
        let (owner, _) = caller(&request)?;
        let mras = self.mras()?;
        let (requests, kind) = message::credentials(request.into_inner())?;
        let issued = mras
            .issue(owner.as_str(), &requests, kind, SystemTime::now())
            .map_err(|error| not_issued(&error))?;
        let credentials =
            issued.iter().zip(&requests).map(|(credential, asked)| message::credential(credential, asked));
        Ok(Response::new(v1::IssueCredentialsResponse { credentials: credentials.collect() }))
    }

    async fn issue_session_keys(
        &self,
        request: Request<v1::IssueSessionKeysRequest>,
    ) -> Result<Response<v1::IssueSessionKeysResponse>, Status> {
        let (_, caller) = caller(&request)?;
        let v1::IssueSessionKeysRequest { session_id, participants, suite } = request.into_inner();
        self.mras()?;
        let suite = message::suite(&suite, "suite")?;
        let now = SystemTime::now();
        let presented = self.present(participants, now)?;
        let (view, keys) = self.key_session(&caller, &session_id, suite, presented, now)?;
        let session = Some(self.relay.render(&view));
        Ok(Response::new(v1::IssueSessionKeysResponse { keys, session }))
    }

    async fn revoke(
        &self,
        request: Request<v1::RevokeRequest>,
    ) -> Result<Response<v1::RevokeResponse>, Status> {
        let (owner, caller) = caller(&request)?;
        let mras = self.mras()?;
        let target = message::revoked(request.into_inner())?;
        if matches!(target, Target::Epoch(_)) && caller != Caller::Operator {
            return Err(Status::permission_denied("epoch: only an operator revokes a whole signing key"));
        }
        let stored = mras.revoke(target, SystemTime::now());
        // Also when it could not be stored: it is in force.
        let legs = self.node.revoke(|credential| mras.is_revoked(credential)) as u64;
        stored.map_err(|error| match &error {
            RevocationError::Revoke(_) => Status::failed_precondition(error.to_string()),
            RevocationError::Store(_) => {
                tracing::error!(%error, "a revocation would be forgotten at the next start");
                Status::internal(format!("in force, but not stored: {error}"))
            }
        })?;
        tracing::info!(by = %owner, legs, "revoked");
        Ok(Response::new(v1::RevokeResponse { legs }))
    }

    async fn reinstate(
        &self,
        request: Request<v1::ReinstateRequest>,
    ) -> Result<Response<v1::ReinstateResponse>, Status> {
        let target = message::reinstated(request.into_inner())?;
        let was_revoked =
            self.mras()?.reinstate(&target).map_err(|error| Status::internal(error.to_string()))?;
        Ok(Response::new(v1::ReinstateResponse { was_revoked }))
    }

    async fn list_revocations(
        &self,
        _: Request<v1::ListRevocationsRequest>,
    ) -> Result<Response<v1::ListRevocationsResponse>, Status> {
        let mras = self.mras()?;
        let revocations = mras.revocations().iter().map(message::revocation).collect();
        let signing_keys = mras.signing_keys(SystemTime::now()).iter().map(message::signing_key).collect();
        Ok(Response::new(v1::ListRevocationsResponse { revocations, signing_keys }))
    }

    async fn rotate_signing_key(
        &self,
        request: Request<v1::RotateSigningKeyRequest>,
    ) -> Result<Response<v1::RotateSigningKeyResponse>, Status> {
        let (owner, _) = caller(&request)?;
        let epoch = self.mras()?.rotate(SystemTime::now()).map_err(|error| match &error {
            RotationError::Rotate(_) => Status::failed_precondition(error.to_string()),
            RotationError::Store(_) => Status::internal(error.to_string()),
        })?;
        tracing::info!(by = %owner, epoch, "new signing key");
        Ok(Response::new(v1::RotateSigningKeyResponse { epoch }))
    }
}
