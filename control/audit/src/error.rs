// SPDX-License-Identifier: MIT OR Apache-2.0
//! What can go wrong with a log.

use std::io;
use std::path::PathBuf;

use crate::line::MAX_LINE;

/// Why a log cannot be opened, written or read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AuditError {
    /// The file's name is not one that [`log_files`](crate::log_files) would find again.
    #[error("audit log {path}: the name must end in .jsonl")]
    Name {
        /// The file.
        path: PathBuf,
    },
    /// Another process writes it.
    #[error("audit log {path}: another process writes it; give each relay a file of its own")]
    Locked {
        /// The file.
        path: PathBuf,
    },
    /// The file is no regular file.
    #[error("audit log {path}: not a regular file")]
    NotRegular {
        /// The file.
        path: PathBuf,
    },
    /// The chain cannot be continued, because its last record is not one.
    #[error(
        "audit log {path}: {reason}; see `culvert audit verify`, then move the log's files elsewhere to begin a new chain"
    )]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// A file already has the name that a full one is to get.
    #[error(
        "audit log {path}: already exists, so that the full log cannot be renamed to it; move it elsewhere"
    )]
    Exists {
        /// The name that is taken.
        path: PathBuf,
    },
    /// The record would make a line longer than [`MAX_LINE`].
    #[error("audit record of {bytes} bytes: longer than a line may be, {MAX_LINE} bytes")]
    TooLong {
        /// How long the line would be.
        bytes: usize,
    },
    /// The record cannot be JSON.
    #[error("audit record: {0}")]
    Encode(serde_json::Error),
    /// The operating system refused.
    #[error("audit log {path}: cannot {action}: {source}")]
    Io {
        /// What was tried.
        action: &'static str,
        /// The file.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
}

impl AuditError {
    /// Would trying again later help? Not for a record that no line can hold.
    pub fn is_of_the_record(&self) -> bool {
        matches!(self, Self::TooLong { .. } | Self::Encode(_))
    }

    /// For `map_err`: names what was tried on which file.
    pub(crate) fn io(action: &'static str, path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| Self::Io { action, path, source }
    }
}
