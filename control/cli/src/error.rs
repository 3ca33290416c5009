// SPDX-License-Identifier: MIT OR Apache-2.0
//! What can go wrong, and with which exit code it ends.

use std::io;

use culvert_api::ClientError;
use culvert_audit::{AuditError, Broken};
use culvert_doctor::IntentError;
use culvert_load::{LoadError, Missed};
use culvert_mras::container::OpenError;
use culvert_udp::UdpError;

/// Why the command did not do what it was asked to.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub(crate) enum CliError {
    /// A global option that every call on a relay needs.
    #[error("{option} is missing: give it, or set {variable}")]
    MissingOption { option: &'static str, variable: &'static str },
    /// A file that was named cannot be read.
    #[error("cannot read {what} {path}: {source}")]
    Read { what: &'static str, path: String, source: io::Error },
    /// A session file does not say what a session file says.
    #[error("{path}: {reason}; `culvert session {command} --help` shows the form")]
    File { path: String, reason: String, command: &'static str },
    /// A value that the command line cannot make a request of.
    #[error("{name}: {reason}")]
    Value { name: String, reason: String },
    /// The relay or the way to it.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// Sealed session keys that stay sealed. Why is not told.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// An audit log cannot be read.
    #[error(transparent)]
    Audit(#[from] AuditError),
    /// An audit log is not what the relay wrote. Where, is on standard output.
    #[error(transparent)]
    Broken(Box<Broken>),
    /// What is to be read of a configuration for `culvert doctor`.
    #[error(transparent)]
    Intent(#[from] IntentError),
    /// `culvert doctor` found so many. Which, is on standard output.
    #[error("problems found: {0}")]
    Problems(usize),
    /// A session has faults. Which, is on standard output.
    #[error("session {session} has {}", if *findings == 1 { "a fault".to_owned() } else { format!("{findings} faults") })]
    Faulty { session: String, findings: usize },
    /// A load run that could not be made or finished.
    #[error(transparent)]
    Load(#[from] LoadError),
    /// A load run that was not good enough. The report is on standard output.
    #[error("{}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))]
    Missed(Vec<Missed>),
    /// A file cannot be written.
    #[error("cannot write {path}: {source}")]
    Write { path: String, source: io::Error },
    /// Our own output.
    #[error("cannot write the output: {0}")]
    Output(#[from] io::Error),
}

impl CliError {
    /// 2: the command line or what it names is wrong. 3: the relay refused. 4: no way to the relay. 5: a threshold was
    /// missed. 1: the rest.
    pub(crate) fn exit_code(&self) -> u8 {
        match self {
            Self::MissingOption { .. } | Self::Read { .. } | Self::File { .. } | Self::Value { .. } => 2,
            Self::Client(error) | Self::Load(LoadError::Relay { source: error, .. }) => match error {
                ClientError::Endpoint { .. } | ClientError::Credential { .. } => 2,
                ClientError::Status { .. } => 3,
                _ => 4,
            },
            Self::Load(
                LoadError::Plan { .. } | LoadError::NextHop { .. } | LoadError::Udp(UdpError::Bind { .. }),
            ) => 2,
            Self::Load(_) => 1,
            Self::Missed(_) => 5,
            Self::Write { .. } => 2,
            Self::Open(_) | Self::Audit(_) | Self::Intent(_) => 2,
            Self::Faulty { .. } | Self::Broken(_) | Self::Problems(_) | Self::Output(_) => 1,
        }
    }

    /// For programs: the same distinction as the exit code, or a finer one, as a word.
    pub(crate) fn kind(&self) -> &'static str {
        match self.exit_code() {
            _ if matches!(self, Self::Broken(_)) => "broken",
            _ if matches!(self, Self::Problems(_)) => "problems",
            _ if matches!(self, Self::Faulty { .. }) => "faulty",
            2 => "usage",
            3 => "refused",
            4 => "unreachable",
            5 => "threshold",
            _ if matches!(self, Self::Load(_)) => "load",
            _ => "output",
        }
    }

    pub(crate) fn value(name: impl Into<String>, reason: impl Into<String>) -> Self {
        Self::Value { name: name.into(), reason: reason.into() }
    }
}
