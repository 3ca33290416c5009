// SPDX-License-Identifier: MIT OR Apache-2.0
//! How much a front end, and an identity, may have: credentials a minute, sessions at a time, bandwidth.

mod rate;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::fmt;
use std::time::Duration;

use rate::Rate;

use crate::{Identity, Subject};

/// Accounts that are kept at a time. Idle ones are dropped first.
const MAX_ACCOUNTS: usize = 1 << 20;
/// After a minute without a credential a rate is as good as new.
const IDLE: Duration = Duration::from_secs(60);

/// `None`: without limit.
#[derive(Copy, Clone, Debug, Default, Eq, PartialEq)]
pub struct Limits {
    /// Credentials in any minute; so many may come at once.
    pub credentials_per_minute: Option<u32>,
    /// Sessions at a time.
    pub sessions: Option<u32>,
    /// Bit/s of all sessions together.
    pub bandwidth: Option<u64>,
}

impl Limits {
    fn is_unlimited(&self) -> bool {
        *self == Limits::default()
    }
}

/// The default limits nothing.
#[derive(Copy, Clone, Debug, Default, Eq, PartialEq)]
pub struct Quotas {
    /// Of each front end.
    pub front_end: Limits,
    /// Of each identity.
    pub identity: Limits,
}

/// Whose quota it is.
#[derive(Clone, Debug, Eq, PartialEq, Hash)]
pub enum Owner {
    /// The front end of that name.
    FrontEnd(Box<str>),
    /// A participant. One that is known by a credential that hides it has another account than by its name.
    Subject(Subject),
}

/// Whose quota is exhausted, without the name.
#[derive(Copy, Clone, Debug, Eq, PartialEq)]
pub enum Scope {
    /// The front end's.
    FrontEnd,
    /// That of the identity at this position of the request, from 0.
    Identity(usize),
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Scope::FrontEnd => "the front end",
            Scope::Identity(_) => "the identity",
        })
    }
}

/// What is exhausted.
#[derive(Copy, Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Exceeded {
    /// Too many credentials within a minute.
    #[error("asks for {asked} credentials and has {left} left of {limit} a minute; {}", again(*retry_after))]
    Credentials {
        /// How many were asked for.
        asked: u32,
        /// How many would be granted now.
        left: u32,
        /// A minute.
        limit: u32,
        /// When as many will be granted. `None`: never so many at once.
        retry_after: Option<Duration>,
    },
    /// Too many sessions at a time.
    #[error("has all of its {limit} sessions; end one first")]
    Sessions {
        /// At a time.
        limit: u32,
    },
    /// Too much bandwidth.
    #[error("asks for {asked} bit/s and has {left} left of {limit}; ask for less, or end a session")]
    Bandwidth {
        /// Bit/s asked for.
        asked: u64,
        /// Bit/s left.
        left: u64,
        /// Bit/s of all sessions.
        limit: u64,
    },
    /// The relay counts for so many that it cannot count for another.
    #[error("is one too many to keep count of; come back in {} s", retry_after.as_secs())]
    Accounts {
        /// When idle ones have been dropped.
        retry_after: Duration,
    },
}

fn again(retry_after: Option<Duration>) -> String {
    retry_after.map_or_else(
        || "ask for fewer at once".to_owned(),
        // Rounded up: who comes back then is not sent away again.
        |wait| format!("come back in {} s", wait.as_millis().div_ceil(1000)),
    )
}

impl Exceeded {
    /// When to come back, where time helps.
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Exceeded::Credentials { retry_after, .. } => *retry_after,
            Exceeded::Accounts { retry_after } => Some(*retry_after),
            Exceeded::Sessions { .. } | Exceeded::Bandwidth { .. } => None,
        }
    }
}

/// A quota is exhausted. Nothing was taken of any.
#[derive(Copy, Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("{scope} {exceeded}")]
pub struct QuotaExceeded {
    /// Whose.
    pub scope: Scope,
    /// Which.
    pub exceeded: Exceeded,
}

/// One side of a session to be.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Participant {
    /// Who it is.
    pub subject: Subject,
    /// Bit/s that are set aside for it.
    pub bandwidth: u64,
}

/// What a session took, to be given back by [`Mras::close_session`](crate::Mras::close_session) when it ends.
#[derive(Debug)]
#[must_use = "what is not given back stays taken"]
pub struct Ticket(Vec<(Owner, u64)>);

#[derive(Debug, Default)]
struct Account {
    rate: Rate,
    sessions: u32,
    bandwidth: u64,
}

impl Account {
    fn is_idle(&self, now: Duration) -> bool {
        self.sessions == 0 && self.bandwidth == 0 && self.rate.is_full(now)
    }
}

/// The accounts of those that have a limit. Times are since 1970.
#[derive(Debug)]
pub(crate) struct Ledger {
    quotas: Quotas,
    accounts: HashMap<Owner, Account>,
    most: usize,
    next_purge: Duration,
}

impl Ledger {
    pub(crate) fn new(quotas: Quotas) -> Ledger {
        Ledger { quotas, accounts: HashMap::new(), most: MAX_ACCOUNTS, next_purge: Duration::ZERO }
    }

    pub(crate) fn set(&mut self, quotas: Quotas) {
        self.quotas = quotas;
    }

    /// One credential for each identity, or none at all.
    pub(crate) fn take_credentials<'a>(
        &mut self,
        front_end: &str,
        identities: impl Iterator<Item = &'a Identity>,
        now: Duration,
    ) -> Result<(), QuotaExceeded> {
        let subjects = identities.map(|identity| (Subject::Known(identity.clone()), 0));
        let shares = self.shares(front_end, subjects);
        self.make_room(&shares, now)?;
        for share in &shares {
            let Some(limit) = share.limits.credentials_per_minute else { continue };
            let rate = self.accounts.get(&share.owner).map_or(Rate::default(), |account| account.rate);
            rate.check(limit, share.count, now).map_err(|exceeded| share.exceeded(exceeded))?;
        }
        for share in shares {
            let Some(limit) = share.limits.credentials_per_minute else { continue };
            self.accounts.entry(share.owner).or_default().rate.take(limit, share.count, now);
        }
        Ok(())
    }

    /// One session: for the front end with all of the bandwidth, for each participant with its own; or nothing at all.
    pub(crate) fn open_session(
        &mut self,
        front_end: &str,
        participants: &[Participant],
        now: Duration,
    ) -> Result<Ticket, QuotaExceeded> {
        let subjects = participants.iter().map(|one| (one.subject.clone(), one.bandwidth));
        let shares = self.shares(front_end, subjects);
        self.make_room(&shares, now)?;
        for share in &shares {
            let (sessions, bandwidth) =
                self.accounts.get(&share.owner).map_or((0, 0), |held| (held.sessions, held.bandwidth));
            if let Some(limit) = share.limits.sessions.filter(|limit| sessions >= *limit) {
                return Err(share.exceeded(Exceeded::Sessions { limit }));
            }
            let asked = share.bandwidth;
            if let Some(limit) = share.limits.bandwidth {
                let left = limit.saturating_sub(bandwidth);
                if asked > left {
                    return Err(share.exceeded(Exceeded::Bandwidth { asked, left, limit }));
                }
            }
        }
        let mut taken = Vec::with_capacity(shares.len());
        for share in shares {
            let account = self.accounts.entry(share.owner.clone()).or_default();
            account.sessions = account.sessions.saturating_add(1);
            account.bandwidth = account.bandwidth.saturating_add(share.bandwidth);
            taken.push((share.owner, share.bandwidth));
        }
        Ok(Ticket(taken))
    }

    pub(crate) fn close_session(&mut self, ticket: Ticket) {
        for (owner, bandwidth) in ticket.0 {
            if let Some(account) = self.accounts.get_mut(&owner) {
                account.sessions = account.sessions.saturating_sub(1);
                account.bandwidth = account.bandwidth.saturating_sub(bandwidth);
            }
        }
    }

    /// Drops accounts that stand as if they had never been used.
    pub(crate) fn purge(&mut self, now: Duration) {
        self.accounts.retain(|_, account| !account.is_idle(now));
        self.next_purge = now + IDLE;
    }

    /// What a request takes of each account: its own entry once, however often an identity stands in the request.
    fn shares(&self, front_end: &str, subjects: impl Iterator<Item = (Subject, u64)>) -> Vec<Share> {
        let Quotas { front_end: all, identity } = self.quotas;
        if all.is_unlimited() && identity.is_unlimited() {
            return Vec::new();
        }
        let mut whole = Share {
            owner: Owner::FrontEnd(front_end.into()),
            scope: Scope::FrontEnd,
            limits: all,
            count: 0,
            bandwidth: 0,
        };
        let mut each: Vec<Share> = Vec::new();
        let mut seen: HashMap<Subject, usize> = HashMap::new();
        for (position, (subject, bandwidth)) in subjects.enumerate() {
            whole.count += 1;
            whole.bandwidth = whole.bandwidth.saturating_add(bandwidth);
            let index = *seen.entry(subject.clone()).or_insert(each.len());
            match each.get_mut(index) {
                Some(share) => {
                    share.count += 1;
                    share.bandwidth = share.bandwidth.saturating_add(bandwidth);
                }
                None => each.push(Share {
                    owner: Owner::Subject(subject),
                    scope: Scope::Identity(position),
                    limits: identity,
                    count: 1,
                    bandwidth,
                }),
            }
        }
        each.insert(0, whole);
        each.retain(|share| !share.limits.is_unlimited());
        each
    }

    fn make_room(&mut self, shares: &[Share], now: Duration) -> Result<(), QuotaExceeded> {
        // Also when the clock was set back, by more than any purge is ahead.
        if now >= self.next_purge || self.next_purge > now + IDLE {
            self.purge(now);
        }
        let new = |share: &&Share| !self.accounts.contains_key(&share.owner);
        let room = self.most.saturating_sub(self.accounts.len());
        match shares.iter().filter(new).nth(room) {
            None => Ok(()),
            Some(share) => Err(share.exceeded(Exceeded::Accounts { retry_after: IDLE })),
        }
    }
}

/// What a request takes of one account.
struct Share {
    owner: Owner,
    scope: Scope,
    limits: Limits,
    count: u32,
    bandwidth: u64,
}

impl Share {
    fn exceeded(&self, exceeded: Exceeded) -> QuotaExceeded {
        QuotaExceeded { scope: self.scope, exceeded }
    }
}
