// SPDX-License-Identifier: MIT OR Apache-2.0
//! The media relay authentication service on this host: `culvert_mras` with its files and the quotas of live sessions.

mod accounts;
mod files;
pub mod sip;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use culvert_mras::{
    Credential, CredentialRequest, KeyRingError, Kind, MrasError, Participant, QuotaExceeded, Reason,
    Refused, Revocation, RevokeError, Target, Verified,
};
use culvert_session::SessionId;

pub use files::{FileError, OpenError};

use crate::config;
use accounts::Accounts;
use files::Files;

/// MRAS. Clones share it.
#[derive(Clone, Debug)]
pub struct Mras {
    inner: Arc<Mutex<Inner>>,
}

#[derive(Debug)]
struct Inner {
    service: culvert_mras::Mras,
    accounts: Accounts,
    files: Files,
    issued: HashMap<Kind, u64>,
    refused: HashMap<Reason, u64>,
}

/// A signing key, without the key.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct SigningKey {
    /// Its number.
    pub epoch: u32,
    /// Since when it signs, in Unix seconds.
    pub created: u64,
    /// Whether new credentials are signed with it.
    pub signs: bool,
}

/// What the service has done since the start.
#[derive(Clone, Debug, Default)]
pub struct Counts {
    /// Credentials issued, by kind.
    pub issued: Vec<(Kind, u64)>,
    /// Credentials that were presented and did not hold, by reason.
    pub refused: Vec<(Reason, u64)>,
}

/// Why something was not revoked.
#[derive(Debug, thiserror::Error)]
pub enum RevocationError {
    /// By the rules.
    #[error(transparent)]
    Revoke(#[from] RevokeError),
    /// It could not be stored, and so would be forgotten at the next start.
    #[error(transparent)]
    Store(#[from] FileError),
}

/// Why there is no new signing key.
#[derive(Debug, thiserror::Error)]
pub enum RotationError {
    /// By the rules.
    #[error(transparent)]
    Rotate(#[from] KeyRingError),
    /// It could not be stored, and so is not used.
    #[error(transparent)]
    Store(#[from] FileError),
}

/// What keeps the service from starting as configured: a key of the configuration and what is wrong. Nothing is made or
/// changed.
pub fn check(config: &config::Mras) -> Option<(&'static str, String)> {
    let files = Files::of(config)?;
    files.check(config).err().map(|error| (error.key(), error.to_string()))
}

impl Mras {
    /// Opens the service as configured; `None` when it is off. With `fips` it has no kinds of credentials that are not approved.
    ///
    /// # Errors
    /// [`OpenError`].
    pub fn open(config: &config::Mras, fips: bool, now: SystemTime) -> Result<Option<Mras>, OpenError> {
        let Some(mut files) = Files::of(config) else { return Ok(None) };
        let service = files.open(config, fips, now)?;
        let inner = Inner {
            service,
            accounts: Accounts::default(),
            files,
            issued: HashMap::new(),
            refused: HashMap::new(),
        };
        Ok(Some(Mras { inner: Arc::new(Mutex::new(inner)) }))
    }

    /// Issues credentials, all or none.
    ///
    /// # Errors
    /// [`MrasError`].
    pub fn issue(
        &self,
        front_end: &str,
        requests: &[CredentialRequest],
        kind: Kind,
        now: SystemTime,
    ) -> Result<Vec<Credential>, MrasError> {
        let mut inner = self.lock();
        let credentials = inner.service.issue(front_end, requests, kind, now)?;
        *inner.issued.entry(kind).or_default() += credentials.len() as u64;
        Ok(credentials)
    }

    /// What a username and its password say.
    ///
    /// # Errors
    /// [`Refused`], counted by its reason.
    pub fn verify(&self, username: &str, password: &str, now: SystemTime) -> Result<Verified, Refused> {
        let mut inner = self.lock();
        let verified = inner.service.verify(username, password, now);
        if let Err(refused) = &verified {
            *inner.refused.entry(refused.reason()).or_default() += 1;
        }
        verified
    }

    /// Whether a credential that was verified before has been revoked since.
    pub fn is_revoked(&self, verified: &Verified) -> bool {
        self.lock().service.is_revoked(verified)
    }

    /// Takes a session off the quotas of its front end and its participants. One that is on them already is counted anew.
    ///
    /// # Errors
    /// [`QuotaExceeded`]; the session is counted as before.
    pub fn account(
        &self,
        session: &SessionId,
        front_end: &str,
        participants: Vec<Participant>,
        now: SystemTime,
    ) -> Result<(), QuotaExceeded> {
        let Inner { service, accounts, .. } = &mut *self.lock();
        accounts.open(service, session, front_end, participants, now)
    }

    /// Gives back what an ended session took of quotas.
    pub fn close(&self, session: &SessionId) {
        let Inner { service, accounts, .. } = &mut *self.lock();
        accounts.close(service, session);
    }

    /// Revokes, and stores that before it is said to be done.
    ///
    /// # Errors
    /// [`RevocationError`]. One that could not be stored is in force all the same until the relay stops.
    pub fn revoke(&self, target: Target, now: SystemTime) -> Result<Revocation, RevocationError> {
        let Inner { service, files, .. } = &mut *self.lock();
        let revocation = service.revoke(target, now)?;
        files.store_revocations(service)?;
        Ok(revocation)
    }

    /// Takes a revocation back; says whether there was one.
    ///
    /// # Errors
    /// [`FileError`]. It is taken back all the same until the relay stops.
    pub fn reinstate(&self, target: &Target) -> Result<bool, FileError> {
        let Inner { service, files, .. } = &mut *self.lock();
        let was_revoked = service.reinstate(target);
        if was_revoked {
            files.store_revocations(service)?;
        }
        Ok(was_revoked)
    }

    /// What is revoked.
    pub fn revocations(&self) -> Vec<Revocation> {
        let mut revocations: Vec<Revocation> = self.lock().service.revocations().collect();
        revocations.sort_by_cached_key(|revocation| (revocation.at, revocation.to_string()));
        revocations
    }

    /// The signing keys, the newest first.
    pub fn signing_keys(&self, now: SystemTime) -> Vec<SigningKey> {
        let inner = self.lock();
        let now = now.duration_since(SystemTime::UNIX_EPOCH).map_or(0, |since| since.as_secs());
        let keys = inner.service.keys();
        let active = keys.active(now).number();
        let key = |epoch: &culvert_mras::Epoch| SigningKey {
            epoch: epoch.number(),
            created: epoch.created(),
            signs: epoch.number() == active,
        };
        keys.epochs().map(key).collect()
    }

    /// Makes a new signing key, stores it, and then signs with it.
    ///
    /// # Errors
    /// [`RotationError`]; the old one goes on signing.
    pub fn rotate(&self, now: SystemTime) -> Result<u32, RotationError> {
        let Inner { service, files, .. } = &mut *self.lock();
        files.rotate(service, now)
    }

    /// What comes due with time: expired revocations go, and a key file that another relay of the fleet has rotated is
    /// read. To be called every second.
    pub fn tick(&self, now: SystemTime) {
        let Inner { service, files, .. } = &mut *self.lock();
        service.purge(now);
        files.follow(service);
    }

    /// What it has done.
    pub fn counts(&self) -> Counts {
        let inner = self.lock();
        Counts {
            issued: Kind::ALL.map(|kind| (kind, inner.issued.get(&kind).copied().unwrap_or_default())).into(),
            refused: Reason::ALL
                .map(|reason| (reason, inner.refused.get(&reason).copied().unwrap_or_default()))
                .into(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
