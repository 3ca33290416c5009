// SPDX-License-Identifier: MIT OR Apache-2.0
use super::issue::MAX_CREDENTIALS;
use crate::credential::IssueError;
use crate::{ClockError, CryptoError, Kind, MAX_USERNAME, QuotaExceeded, Scope};

/// Why no credential was issued. None of the call was.
#[derive(Copy, Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum MrasError {
    /// Not 1 to 100 requests.
    #[error("credentials: 1 to {MAX_CREDENTIALS} can be asked for in one call, not {count}")]
    Count {
        /// How many there were.
        count: usize,
    },
    /// The kind is not approved by FIPS 140-3, and no other is allowed.
    #[error(
        "kind: {kind} credentials are used through a STUN key made by MD5 (RFC 8489 section 9.2.2), which this node, in FIPS \
         mode, does not allow; ask for the kind {}",
        Kind::Culvert
    )]
    NotApproved {
        /// The kind that was asked for.
        kind: Kind,
    },
    /// Less than a minute, or more than 180 days.
    #[error("credentials[{index}].duration: not 1 minute to 180 days")]
    Duration {
        /// Which request, from 0.
        index: usize,
    },
    /// A bandwidth that lets nothing pass.
    #[error("credentials[{index}].bounds.bandwidth: 0 bit/s; leave it out for no bound")]
    Bandwidth {
        /// Which request, from 0.
        index: usize,
    },
    /// The kind has no room for it.
    #[error(
        "credentials[{index}].bounds.{bound}: a credential of the kind {kind} cannot carry it; leave it out, or ask for the kind {}",
        Kind::Culvert
    )]
    Unsupported {
        /// Which request, from 0.
        index: usize,
        /// Which bound.
        bound: &'static str,
        /// The kind that was asked for.
        kind: Kind,
    },
    /// The identity leaves no room for the rest.
    #[error(
        "credentials[{index}].identity: the username would have {length} bytes of {MAX_USERNAME}; ask for fewer bounds"
    )]
    TooLong {
        /// Which request, from 0.
        index: usize,
        /// Bytes of the username.
        length: usize,
    },
    /// The identity is revoked.
    #[error("credentials[{index}].identity: revoked; reinstate it first")]
    Revoked {
        /// Which request, from 0.
        index: usize,
    },
    /// A quota is exhausted.
    #[error("{}", with_field(.0))]
    Quota(QuotaExceeded),
    /// See [`ClockError`].
    #[error(transparent)]
    Clock(#[from] ClockError),
    /// See [`CryptoError`].
    #[error(transparent)]
    Cryptography(#[from] CryptoError),
}

impl MrasError {
    /// The field at fault as a path, such as `credentials[3].duration`. Empty when no field is at fault.
    pub fn field(&self) -> String {
        match self {
            MrasError::Count { .. } => "credentials".to_owned(),
            MrasError::NotApproved { .. } => "kind".to_owned(),
            MrasError::Duration { index } => format!("credentials[{index}].duration"),
            MrasError::Bandwidth { index } => format!("credentials[{index}].bounds.bandwidth"),
            MrasError::Unsupported { index, bound, .. } => format!("credentials[{index}].bounds.{bound}"),
            MrasError::TooLong { index, .. } | MrasError::Revoked { index } => {
                format!("credentials[{index}].identity")
            }
            MrasError::Quota(exceeded) => exceeded.scope.field(),
            MrasError::Clock(_) | MrasError::Cryptography(_) => String::new(),
        }
    }

    pub(super) fn of(error: IssueError, index: usize, kind: Kind) -> MrasError {
        match error {
            IssueError::Unsupported(bound) => MrasError::Unsupported { index, bound, kind },
            IssueError::TooLong(length) => MrasError::TooLong { index, length },
            IssueError::Cryptography => MrasError::Cryptography(CryptoError),
        }
    }
}

fn with_field(exceeded: &QuotaExceeded) -> String {
    match exceeded.scope {
        Scope::FrontEnd => exceeded.to_string(),
        Scope::Identity(_) => format!("{}: {exceeded}", exceeded.scope.field()),
    }
}

impl Scope {
    fn field(self) -> String {
        match self {
            Scope::FrontEnd => String::new(),
            Scope::Identity(index) => format!("credentials[{index}].identity"),
        }
    }
}

/// Why something was not revoked.
#[derive(Copy, Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum RevokeError {
    /// The epoch signs, or is to come: without it nothing could be issued.
    #[error("epoch {number} cannot be revoked while epoch {active} signs; rotate the keys first")]
    ActiveEpoch {
        /// What was to be revoked.
        number: u32,
        /// What signs now.
        active: u32,
    },
    /// See [`ClockError`].
    #[error(transparent)]
    Clock(#[from] ClockError),
}
