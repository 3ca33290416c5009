// SPDX-License-Identifier: MIT OR Apache-2.0
mod config;
mod error;
mod issue;
#[cfg(test)]
mod tests;
mod verify;

use std::collections::HashSet;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::clock::unix;
use crate::credential::mras_token;
use crate::quota::Ledger;
use crate::revocation::Revocations;
use crate::{
    Identity, KeyRing, KeyRingError, Kind, Location, Participant, QuotaExceeded, RestoreError, Revocation,
    Target, Ticket,
};

pub use config::{Config, ConfigError, DEFAULT_DURATION, MAX_DURATION, MIN_DURATION, TurnRestSecret};
pub use error::{MrasError, RevokeError};
pub use issue::{Credential, CredentialRequest, MAX_CREDENTIALS};
pub use verify::{Reason, Refused, Verified};

/// A relay that a credential may be used at.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct MediaRelay {
    /// Its host name.
    pub name: String,
    /// Its address, where participants are not to look it up.
    pub address: Option<IpAddr>,
    /// From where it is reached.
    pub location: Location,
    /// For UDP.
    pub udp_port: u16,
    /// For TCP.
    pub tcp_port: u16,
}

/// The service. It holds what a relay has to remember: the key ring, what is revoked, and how much of each quota is used.
#[derive(Debug)]
pub struct Mras {
    config: Config,
    relays: RelayLists,
    keys: KeyRing,
    revocations: Revocations,
    /// What the revoked identities look like in tokens of MRAS, under every epoch.
    hidden: HashSet<[u8; 20]>,
    ledger: Ledger,
}

/// The relays of the configuration, as each location is told of them.
#[derive(Debug)]
struct RelayLists {
    all: Arc<[MediaRelay]>,
    internet: Arc<[MediaRelay]>,
    intranet: Arc<[MediaRelay]>,
}

impl RelayLists {
    fn new(relays: &[MediaRelay]) -> RelayLists {
        let of = |location| relays.iter().filter(|relay| relay.location == location).cloned().collect();
        RelayLists { all: relays.into(), internet: of(Location::Internet), intranet: of(Location::Intranet) }
    }

    fn of(&self, location: Option<Location>) -> Arc<[MediaRelay]> {
        match location {
            None => &self.all,
            Some(Location::Internet) => &self.internet,
            Some(Location::Intranet) => &self.intranet,
        }
        .clone()
    }
}

impl Mras {
    /// A service in which nothing is revoked and no quota used.
    ///
    /// # Errors
    /// See [`ConfigError`].
    pub fn new(config: Config, keys: KeyRing) -> Result<Mras, ConfigError> {
        config.check()?;
        Ok(Mras {
            relays: RelayLists::new(&config.relays),
            ledger: Ledger::new(config.quotas),
            config,
            keys,
            revocations: Revocations::default(),
            hidden: HashSet::new(),
        })
    }

    /// Whether credentials of a kind are issued and accepted.
    fn allows(&self, kind: Kind) -> bool {
        kind.is_fips_approved() || !self.config.approved_kinds_only
    }

    /// As it is in use.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// Takes a changed configuration. What is used of quotas stays used.
    ///
    /// # Errors
    /// See [`ConfigError`]; the old one stays.
    pub fn reconfigure(&mut self, config: Config) -> Result<(), ConfigError> {
        config.check()?;
        self.relays = RelayLists::new(&config.relays);
        self.ledger.set(config.quotas);
        self.config = config;
        Ok(())
    }

    /// The keys in use.
    pub fn keys(&self) -> &KeyRing {
        &self.keys
    }

    /// Takes a key ring that another relay of the fleet has rotated.
    pub fn replace_keys(&mut self, keys: KeyRing) {
        self.keys = keys;
        self.hide_revoked();
    }

    /// See [`KeyRing::rotate`]. The caller stores the key ring, and gives it to the fleet.
    ///
    /// # Errors
    /// See [`KeyRingError`].
    pub fn rotate(&mut self, now: SystemTime) -> Result<u32, KeyRingError> {
        let number = self.keys.rotate(now, self.config.maximum_duration)?;
        self.hide_revoked();
        Ok(number)
    }

    /// Revokes. The answer is what the caller stores, to hand it to [`restore`](Mras::restore) after a restart.
    ///
    /// # Errors
    /// See [`RevokeError`].
    pub fn revoke(&mut self, target: Target, now: SystemTime) -> Result<Revocation, RevokeError> {
        let at = unix(now)?;
        let until = match target {
            Target::Epoch(number) => {
                let active = self.keys.active(at).number();
                if number >= active {
                    return Err(RevokeError::ActiveEpoch { number, active });
                }
                None
            }
            // Not the maximum in use: an earlier configuration may have permitted more.
            Target::Identity(_) | Target::Credential(_) => Some(at.saturating_add(MAX_DURATION.as_secs())),
        };
        let revocation = Revocation { target, at, until };
        if let Target::Identity(identity) = &revocation.target {
            self.hidden.extend(client_ids(&self.keys, identity));
        }
        self.revocations.insert(revocation.clone());
        Ok(revocation)
    }

    /// Takes back the revocation of an identity or a credential, and says whether there was one. Credentials from before
    /// that have not expired hold again. That of an epoch cannot be taken back.
    pub fn reinstate(&mut self, target: &Target) -> bool {
        if let Target::Identity(identity) = target {
            client_ids(&self.keys, identity).for_each(|client| {
                self.hidden.remove(&client);
            });
        }
        self.revocations.remove(target)
    }

    /// Adds stored revocations, one in a line, to those that there are.
    ///
    /// # Errors
    /// The line that is none. Nothing was added.
    pub fn restore(&mut self, lines: &str) -> Result<(), RestoreError> {
        let parsed: Vec<Revocation> = lines
            .lines()
            .zip(1..)
            .map(|(text, line)| text.parse().map_err(|_| RestoreError { line }))
            .collect::<Result<_, _>>()?;
        parsed.into_iter().for_each(|revocation| self.revocations.insert(revocation));
        self.hide_revoked();
        Ok(())
    }

    /// All that is revoked, in no particular order.
    pub fn revocations(&self) -> impl Iterator<Item = Revocation> {
        self.revocations.iter()
    }

    /// Whether what [`verify`](Mras::verify) has accepted was revoked since: to be asked of live sessions.
    pub fn is_revoked(&self, verified: &Verified) -> bool {
        self.revoked(&verified.claims.subject, verified.epoch, verified.id)
    }

    /// Drops revocations of what has expired, and accounts of quotas that are idle.
    pub fn purge(&mut self, now: SystemTime) {
        if unix(now).is_ok_and(|seconds| self.revocations.purge(seconds)) {
            self.hide_revoked();
        }
        self.ledger.purge(since_1970(now));
    }

    /// Takes a session off the quotas of the front end and of each participant, or nothing at all.
    ///
    /// # Errors
    /// The quota that is exhausted.
    pub fn open_session(
        &mut self,
        front_end: &str,
        participants: &[Participant],
        now: SystemTime,
    ) -> Result<Ticket, QuotaExceeded> {
        self.ledger.open_session(front_end, participants, since_1970(now))
    }

    /// Gives back what a session took.
    pub fn close_session(&mut self, ticket: Ticket) {
        self.ledger.close_session(ticket);
    }

    /// So that a hidden subject is found by one look-up, whatever the number of epochs and of revocations.
    fn hide_revoked(&mut self) {
        let Mras { keys, revocations, hidden, .. } = self;
        hidden.clear();
        hidden.extend(revocations.identities().flat_map(|identity| client_ids(keys, identity)));
    }
}

/// What an identity looks like in tokens of MRAS, under every epoch.
fn client_ids(keys: &KeyRing, identity: &Identity) -> impl Iterator<Item = [u8; 20]> {
    keys.epochs().map(move |epoch| mras_token::client_id(epoch, identity))
}

fn since_1970(now: SystemTime) -> Duration {
    now.duration_since(UNIX_EPOCH).unwrap_or_default()
}
