// SPDX-License-Identifier: MIT OR Apache-2.0
use std::fmt;
use std::time::SystemTime;

use super::Mras;
use crate::clock::unix;
use crate::credential::{MAX_USERNAME, OpenError, Opened, culvert, mras_token, turn_rest};
use crate::{Claims, CredentialId, Kind, Subject};

/// A credential that holds.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Verified {
    /// What it says.
    pub claims: Claims,
    /// The epoch that signed it. `None` for TURN REST under the operator's secret, whose credentials no revocation of an
    /// epoch concerns.
    pub epoch: Option<u32>,
    /// Its form.
    pub kind: Kind,
    /// Its name.
    pub id: CredentialId,
}

/// Why a credential was refused: for counters and logs of this relay, never for the one who presented it.
#[derive(Copy, Clone, Debug, Eq, PartialEq, Hash)]
#[non_exhaustive]
pub enum Reason {
    /// Nobody who has the keys made this username.
    Username,
    /// Another password belongs to it.
    Password,
    /// Its time is over.
    Expired,
    /// It, its identity or its epoch is revoked.
    Revoked,
    /// The clock stands before 1970.
    Clock,
    /// Its kind is not approved by FIPS 140-3, and no other is allowed.
    NotApproved,
}

impl Reason {
    /// Every reason.
    pub const ALL: [Reason; 6] = [
        Reason::Username,
        Reason::Password,
        Reason::Expired,
        Reason::Revoked,
        Reason::Clock,
        Reason::NotApproved,
    ];

    /// A label of counters.
    pub const fn label(self) -> &'static str {
        match self {
            Reason::Username => "username",
            Reason::Password => "password",
            Reason::Expired => "expired",
            Reason::Revoked => "revoked",
            Reason::Clock => "clock",
            Reason::NotApproved => "not_approved",
        }
    }
}

/// The credential does not hold. What is shown does not say why.
#[derive(Copy, Clone, Eq, PartialEq, thiserror::Error)]
#[error("the username and password do not hold; ask for new ones")]
pub struct Refused(Reason);

impl Refused {
    /// For counters and logs.
    pub fn reason(self) -> Reason {
        self.0
    }
}

impl fmt::Debug for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Refused")
    }
}

impl From<OpenError> for Refused {
    fn from(error: OpenError) -> Refused {
        Refused(match error {
            OpenError::Username => Reason::Username,
            OpenError::Password => Reason::Password,
        })
    }
}

impl Mras {
    /// What a username and its password say, of whatever kind they are.
    ///
    /// # Errors
    /// One and the same for all that can be wrong.
    pub fn verify(&self, username: &str, password: &str, now: SystemTime) -> Result<Verified, Refused> {
        let now = unix(now).map_err(|_| Refused(Reason::Clock))?;
        if username.len() > MAX_USERNAME {
            return Err(Refused(Reason::Username));
        }
        // Only TURN REST has a colon, and only the token of MRAS ends in padding.
        let Opened { claims, epoch, kind } = if username.contains(':') {
            turn_rest::open(&self.keys, self.config.turn_rest_secret.as_ref(), username, password)?
        } else if username.ends_with('=') {
            mras_token::open(&self.keys, username, password)?
        } else {
            culvert::open(&self.keys, username, password)?
        };
        if !self.allows(kind) {
            return Err(Refused(Reason::NotApproved));
        }
        let id = CredentialId::of(username);
        if now >= claims.expires {
            return Err(Refused(Reason::Expired));
        }
        if self.revoked(&claims.subject, epoch, id) {
            return Err(Refused(Reason::Revoked));
        }
        Ok(Verified { claims, epoch, kind, id })
    }

    pub(super) fn revoked(&self, subject: &Subject, epoch: Option<u32>, id: CredentialId) -> bool {
        let by_subject = match subject {
            Subject::Known(identity) => self.revocations.identity(identity),
            Subject::Hidden(client) => self.hidden.contains(client),
        };
        by_subject
            || self.revocations.credential(id)
            || epoch.is_some_and(|number| self.revocations.epoch(number))
    }
}
