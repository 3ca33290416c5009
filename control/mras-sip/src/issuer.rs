// SPDX-License-Identifier: MIT OR Apache-2.0
//! Who makes the credentials.

use std::{fmt, net::IpAddr, num::NonZeroU32, time::Duration};

use zeroize::Zeroizing;

use crate::{FrontEnd, Location, ReasonPhrase, Request};

/// Makes credentials. Called on the connection's task, so it must not block for long.
pub trait CredentialIssuer: Send + Sync {
    /// Credentials for every [`Request::credentials`], in their order: all or none.
    ///
    /// # Errors
    /// When the front end may not have them, or not now.
    fn issue(&self, front_end: &FrontEnd, request: &Request) -> Result<Vec<Credentials>, IssueError>;
}

/// What one participant gets.
#[derive(Clone)]
pub struct Credentials {
    /// The token in base64.
    pub username: Zeroizing<String>,
    /// Its password in base64.
    pub password: Zeroizing<String>,
    /// For how many minutes both are good.
    pub duration: NonZeroU32,
    /// The realm of the media relays.
    pub realm: String,
    /// At least one: those at the location that was asked for, or at both when none was.
    pub relays: Vec<MediaRelay>,
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials")
            .field("duration", &self.duration)
            .field("realm", &self.realm)
            .field("relays", &self.relays)
            .finish_non_exhaustive()
    }
}

/// Where media can be relayed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MediaRelay {
    /// Who can reach it.
    pub location: Location,
    /// Its name, for [`Route::LoadBalanced`](crate::Route::LoadBalanced). The address stands in for one that is `None`.
    pub host_name: Option<String>,
    /// Its address, for [`Route::DirectIp`](crate::Route::DirectIp).
    pub address: IpAddr,
    /// Where it listens on UDP.
    pub udp_port: Option<u16>,
    /// Where it listens on TCP.
    pub tcp_port: Option<u16>,
}

/// Why there are no credentials. Each has a [`ReasonPhrase`] of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum IssueError {
    /// An identity or another value that the schema allows and the issuer does not.
    #[error("the request has a value that cannot be served")]
    Malformed,
    /// The front end may not have these credentials.
    #[error("the front end may not have these credentials")]
    Forbidden,
    /// Nothing that this server does.
    #[error("not supported")]
    NotSupported,
    /// A quota is exhausted.
    #[error("busy; try again after {} s", retry_after.as_secs())]
    ServerBusy {
        /// When to come back.
        retry_after: Duration,
    },
    /// Something that was needed did not answer in time.
    #[error("something that was needed did not answer in time")]
    TimeOut,
    /// A fault of the server.
    #[error("internal error")]
    Internal,
    /// None of the others.
    #[error("failed")]
    Other,
}

impl IssueError {
    /// What the front end is told.
    pub fn reason(self) -> ReasonPhrase {
        match self {
            IssueError::Malformed => ReasonPhrase::RequestMalformed,
            IssueError::Forbidden => ReasonPhrase::Forbidden,
            IssueError::NotSupported => ReasonPhrase::NotSupported,
            IssueError::ServerBusy { .. } => ReasonPhrase::ServerBusy,
            IssueError::TimeOut => ReasonPhrase::TimeOut,
            IssueError::Internal => ReasonPhrase::InternalServerError,
            IssueError::Other => ReasonPhrase::OtherFailure,
        }
    }
}
