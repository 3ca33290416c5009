// SPDX-License-Identifier: MIT OR Apache-2.0
use std::{borrow::Borrow, fmt, sync::Arc};

use crate::SessionError;

/// The name of a session: 1 to 128 characters of `[A-Za-z0-9._:@+-]`. Clones share it.
#[derive(Clone, Eq, PartialEq, Ord, PartialOrd, Hash)]
pub struct SessionId(Arc<str>);

impl SessionId {
    /// The most characters.
    pub const MAX_LENGTH: usize = 128;

    /// Checks length and characters.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidArgument`](crate::ErrorKind::InvalidArgument) on `session_id`.
    pub fn new(text: &str) -> Result<SessionId, SessionError> {
        if text.is_empty() || text.len() > Self::MAX_LENGTH {
            let message =
                format!("must have 1 to {} characters, not {}", Self::MAX_LENGTH, text.chars().count());
            return Err(SessionError::invalid("session_id", message));
        }
        if let Some(found) = text.chars().find(|c| !(c.is_ascii_alphanumeric() || "._:@+-".contains(*c))) {
            let message = format!("contains {found:?}; use letters, digits and . _ : @ + - only");
            return Err(SessionError::invalid("session_id", message));
        }
        Ok(SessionId(text.into()))
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Borrow<str> for SessionId {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

/// The identity of the front end that made a session. Clones share it.
#[derive(Clone, Debug, Eq, PartialEq, Ord, PartialOrd, Hash)]
pub struct Owner(Arc<str>);

impl Owner {
    /// An identity as its certificate bears it.
    pub fn new(identity: &str) -> Owner {
        Owner(identity.into())
    }

    /// The identity.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Owner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Who asks, and so which sessions there are for it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Caller {
    /// Knows its own sessions only; those of others are not found.
    FrontEnd(Owner),
    /// Knows all sessions.
    Operator,
}

impl Caller {
    /// Whether sessions of `owner` exist for this caller.
    pub fn sees(&self, owner: &Owner) -> bool {
        match self {
            Caller::FrontEnd(own) => own == owner,
            Caller::Operator => true,
        }
    }
}
