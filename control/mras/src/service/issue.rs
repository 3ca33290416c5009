// SPDX-License-Identifier: MIT OR Apache-2.0
use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use zeroize::Zeroizing;

use super::config::{MAX_DURATION, MIN_DURATION};
use super::{MediaRelay, Mras, MrasError, since_1970};
use crate::clock::unix;
use crate::credential::mras_token::{self, Version};
use crate::credential::{IssueError, Pair, culvert, turn_rest};
use crate::{Bounds, Claims, CredentialId, Epoch, Identity, Kind, Location, Subject};

/// Credentials of the largest call, as MRAS has it.
pub const MAX_CREDENTIALS: usize = 100;

/// For whom, and for what, a credential is asked.
#[derive(Clone, Debug)]
pub struct CredentialRequest {
    /// For whom.
    pub identity: Identity,
    /// Where the participant is: which relays it is told of. `None`: all of them.
    pub location: Option<Location>,
    /// 1 minute to 180 days, of which the configured maximum is granted. `None`: the configured default.
    pub duration: Option<Duration>,
    /// For what.
    pub bounds: Bounds,
}

impl CredentialRequest {
    /// Of the default duration, from anywhere, for anything.
    pub fn new(identity: Identity) -> CredentialRequest {
        CredentialRequest { identity, location: None, duration: None, bounds: Bounds::default() }
    }
}

/// What a participant is given.
#[derive(Clone)]
pub struct Credential {
    /// Names it in revocations and logs.
    pub id: CredentialId,
    /// Its form.
    pub kind: Kind,
    /// At most [`MAX_USERNAME`](crate::MAX_USERNAME) bytes of ASCII.
    pub username: String,
    /// ASCII. It opens the session keys.
    pub password: Zeroizing<String>,
    /// The STUN realm.
    pub realm: Arc<str>,
    /// How long it holds, in whole seconds.
    pub duration: Duration,
    /// From when on it is void, in Unix seconds.
    pub expires: u64,
    /// Where it may be used, of the location that was asked for.
    pub relays: Arc<[MediaRelay]>,
}

impl fmt::Debug for Credential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credential")
            .field("id", &self.id)
            .field("kind", &self.kind)
            .field("expires", &self.expires)
            .finish_non_exhaustive()
    }
}

impl Mras {
    /// Issues a credential for each request, in their order, or none at all.
    ///
    /// # Errors
    /// The first request that is wrong, or the quota that is exhausted.
    pub fn issue(
        &mut self,
        front_end: &str,
        requests: &[CredentialRequest],
        kind: Kind,
        now: SystemTime,
    ) -> Result<Vec<Credential>, MrasError> {
        let issued = unix(now)?;
        if !self.allows(kind) {
            return Err(MrasError::NotApproved { kind });
        }
        if !(1..=MAX_CREDENTIALS).contains(&requests.len()) {
            return Err(MrasError::Count { count: requests.len() });
        }
        for (index, request) in requests.iter().enumerate() {
            self.check(index, request, kind)?;
        }
        let identities = requests.iter().map(|request| &request.identity);
        self.ledger.take_credentials(front_end, identities, since_1970(now)).map_err(MrasError::Quota)?;
        let epoch = self.keys.active(issued);
        let realm: Arc<str> = self.config.realm.as_str().into();
        let credential = |(index, request): (usize, &CredentialRequest)| {
            let duration = self.duration(request);
            let claims = Claims {
                subject: Subject::Known(request.identity.clone()),
                location: request.location,
                issued: Some(issued),
                expires: issued.saturating_add(duration.as_secs()),
                bounds: request.bounds,
            };
            let Pair { username, password } =
                self.pair(epoch, kind, &claims).map_err(|error| MrasError::of(error, index, kind))?;
            Ok(Credential {
                id: CredentialId::of(&username),
                kind,
                username,
                password,
                realm: realm.clone(),
                duration,
                expires: claims.expires,
                relays: self.relays.of(request.location),
            })
        };
        requests.iter().enumerate().map(credential).collect()
    }

    fn check(&self, index: usize, request: &CredentialRequest, kind: Kind) -> Result<(), MrasError> {
        if request.duration.is_some_and(|asked| !(MIN_DURATION..=MAX_DURATION).contains(&asked)) {
            return Err(MrasError::Duration { index });
        }
        if request.bounds.bandwidth == Some(0) {
            return Err(MrasError::Bandwidth { index });
        }
        if let (Kind::MrasV1 | Kind::MrasV2, Some(bound)) = (kind, request.bounds.first()) {
            return Err(MrasError::Unsupported { index, bound, kind });
        }
        if self.revocations.identity(&request.identity) {
            return Err(MrasError::Revoked { index });
        }
        Ok(())
    }

    /// In whole seconds: no form of a credential carries more.
    fn duration(&self, request: &CredentialRequest) -> Duration {
        let asked = request.duration.unwrap_or(self.config.default_duration);
        Duration::from_secs(asked.min(self.config.maximum_duration).as_secs())
    }

    fn pair(&self, epoch: &Epoch, kind: Kind, claims: &Claims) -> Result<Pair, IssueError> {
        match kind {
            Kind::Culvert => culvert::issue(epoch, claims),
            Kind::TurnRest => turn_rest::issue(epoch, self.config.turn_rest_secret.as_ref(), claims),
            Kind::MrasV1 => mras_token::issue(epoch, Version::V1, claims),
            Kind::MrasV2 => mras_token::issue(epoch, Version::V2, claims),
        }
    }
}
