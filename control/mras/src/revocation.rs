// SPDX-License-Identifier: MIT OR Apache-2.0
//! What is revoked. A revocation is kept until all that it concerns has expired by itself; that of epochs for ever, as a key
//! that leaked can sign what never expires. The persistent form is one line each.

#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::fmt;
use std::str::FromStr;

use crate::{CredentialId, Identity, decimal};

/// What to revoke.
#[derive(Clone, Debug, Eq, PartialEq, Hash)]
pub enum Target {
    /// Every credential of this participant; none is issued to it either.
    Identity(Identity),
    /// This one.
    Credential(CredentialId),
    /// Every credential of this epoch and of those before it.
    Epoch(u32),
}

/// One revocation. Its text, `<what> <at> <until> <which>`, is the line that is stored:
///
/// ```text
/// identity 1800000000 1815552000 sip:alice@example.org
/// credential 1800000000 1815552000 00112233445566778899aabbccddeeff
/// epoch 1800000000 - 7
/// ```
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Revocation {
    /// What was revoked.
    pub target: Target,
    /// When, in Unix seconds.
    pub at: u64,
    /// From when on it concerns nothing any more, in Unix seconds; `None`: for ever.
    pub until: Option<u64>,
}

/// Not a stored revocation.
#[derive(Copy, Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error(
    "not a revocation: identity, credential or epoch, two times, and which one, with one space between them"
)]
pub struct RevocationTextError;

/// A line of stored revocations is none. Nothing was restored.
#[derive(Copy, Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("line {line}: {}", RevocationTextError)]
pub struct RestoreError {
    /// From 1.
    pub line: usize,
}

impl fmt::Display for Revocation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = match self.target {
            Target::Identity(_) => "identity",
            Target::Credential(_) => "credential",
            Target::Epoch(_) => "epoch",
        };
        write!(f, "{what} {} ", self.at)?;
        match self.until {
            Some(until) => write!(f, "{until} ")?,
            None => f.write_str("- ")?,
        }
        match &self.target {
            Target::Identity(identity) => write!(f, "{identity}"),
            Target::Credential(id) => write!(f, "{id}"),
            Target::Epoch(number) => write!(f, "{number}"),
        }
    }
}

impl FromStr for Revocation {
    type Err = RevocationTextError;

    fn from_str(line: &str) -> Result<Revocation, RevocationTextError> {
        parse(line).ok_or(RevocationTextError)
    }
}

fn parse(line: &str) -> Option<Revocation> {
    let mut fields = line.split(' ');
    let (what, at, until, which) = (fields.next()?, fields.next()?, fields.next()?, fields.next()?);
    let target = match what {
        "identity" => Target::Identity(which.parse().ok()?),
        "credential" => Target::Credential(which.parse().ok()?),
        "epoch" => Target::Epoch(u32::try_from(decimal::parse(which)?).ok()?),
        _ => return None,
    };
    let until = if until == "-" { None } else { Some(decimal::parse(until)?) };
    fields.next().is_none().then_some(Revocation { target, at: decimal::parse(at)?, until })
}

/// When it was revoked, and until when that is kept.
type Times = (u64, Option<u64>);

/// All that is revoked.
#[derive(Debug, Default)]
pub(crate) struct Revocations {
    identities: HashMap<Identity, Times>,
    credentials: HashMap<CredentialId, Times>,
    /// The highest, with all before it.
    epoch: Option<(u32, Times)>,
}

impl Revocations {
    /// A second revocation of the same keeps the later end.
    pub(crate) fn insert(&mut self, revocation: Revocation) {
        let Revocation { target, at, until } = revocation;
        // `None`, for ever, is the latest end.
        let later = |held: &mut Times| {
            held.1 = held.1.zip(until).map(|(held, until)| held.max(until));
        };
        match target {
            Target::Identity(identity) => {
                self.identities.entry(identity).and_modify(later).or_insert((at, until));
            }
            Target::Credential(id) => {
                self.credentials.entry(id).and_modify(later).or_insert((at, until));
            }
            Target::Epoch(number) => {
                if self.epoch.is_none_or(|(held, _)| number > held) {
                    self.epoch = Some((number, (at, until)));
                }
            }
        }
    }

    /// Whether there was such a revocation of an identity or a credential. That of an epoch stays.
    pub(crate) fn remove(&mut self, target: &Target) -> bool {
        match target {
            Target::Identity(identity) => self.identities.remove(identity).is_some(),
            Target::Credential(id) => self.credentials.remove(id).is_some(),
            Target::Epoch(_) => false,
        }
    }

    /// Whether an identity was among what was dropped.
    pub(crate) fn purge(&mut self, now: u64) -> bool {
        let kept = |times: &Times| times.1.is_none_or(|until| now < until);
        let before = self.identities.len();
        self.identities.retain(|_, times| kept(times));
        self.credentials.retain(|_, times| kept(times));
        self.identities.len() < before
    }

    pub(crate) fn identity(&self, identity: &Identity) -> bool {
        self.identities.contains_key(identity)
    }

    pub(crate) fn credential(&self, id: CredentialId) -> bool {
        self.credentials.contains_key(&id)
    }

    pub(crate) fn epoch(&self, number: u32) -> bool {
        self.epoch.is_some_and(|(revoked, _)| number <= revoked)
    }

    pub(crate) fn identities(&self) -> impl Iterator<Item = &Identity> {
        self.identities.keys()
    }

    /// In no particular order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = Revocation> {
        let identities = self.identities.iter().map(|(of, times)| (Target::Identity(of.clone()), *times));
        let credentials = self.credentials.iter().map(|(of, times)| (Target::Credential(*of), *times));
        let epoch = self.epoch.map(|(of, times)| (Target::Epoch(of), times));
        identities.chain(credentials).chain(epoch).map(|(target, (at, until))| Revocation {
            target,
            at,
            until,
        })
    }
}
