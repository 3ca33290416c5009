// SPDX-License-Identifier: MIT OR Apache-2.0
use std::fmt;

/// What kind of refusal it is; each has its gRPC status.
#[derive(Copy, Clone, Debug, Eq, PartialEq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The request is wrong whatever the relay's state.
    InvalidArgument,
    /// The identifier is taken by another session.
    AlreadyExists,
    /// No such session, as far as the caller may know.
    NotFound,
    /// Ports, sessions or flows are used up.
    ResourceExhausted,
    /// The request does not fit the state of the session or the node.
    FailedPrecondition,
    /// The relay takes no new sessions.
    Unavailable,
}

/// Why a request was refused. Nothing has changed. It never contains key material.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub struct SessionError {
    /// The kind of refusal.
    pub kind: ErrorKind,
    /// The field at fault as a path in the interface, such as `media[0].legs[1].remote.rtp.port`. Empty when no field
    /// is at fault.
    pub field: String,
    /// One sentence, without the field: what is wrong and what to do.
    pub message: String,
}

impl fmt::Display for SessionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.field.is_empty() {
            f.write_str(&self.message)
        } else {
            write!(f, "{}: {}", self.field, self.message)
        }
    }
}

impl SessionError {
    /// A refusal of `kind`.
    pub fn new(kind: ErrorKind, field: impl Into<String>, message: impl Into<String>) -> SessionError {
        SessionError { kind, field: field.into(), message: message.into() }
    }

    /// An [`ErrorKind::InvalidArgument`].
    pub fn invalid(field: impl Into<String>, message: impl Into<String>) -> SessionError {
        SessionError::new(ErrorKind::InvalidArgument, field, message)
    }
}
