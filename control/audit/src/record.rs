// SPDX-License-Identifier: MIT OR Apache-2.0
//! What a line of the log says.

use serde::{Deserialize, Serialize};

use crate::{Hash, Receipt, Timestamp};

/// What a line says; its name in the file is the variant's in snake case.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Record {
    /// The relay started.
    Start(Start),
    /// The relay stopped in order. A start without one before it followed a crash.
    Stop(Stop),
    /// A session ended.
    Receipt(Box<Receipt>),
    /// Records could not be kept.
    Lost(Lost),
    /// The first record of a file that goes on where another was full. Written by [`AuditLog`](crate::AuditLog).
    Continued(Continued),
    /// A line had been left half-written, by a crash. Written by [`AuditLog`](crate::AuditLog).
    Recovered(Recovered),
}

/// The relay started.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Start {
    /// When.
    pub time: Timestamp,
    /// Its name.
    pub node: String,
    /// Of the program.
    pub version: String,
}

/// The relay stopped in order, after the receipts of its sessions.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stop {
    /// When.
    pub time: Timestamp,
    /// Its name.
    pub node: String,
}

/// Records that could not be kept: the queue was full while the file could not be written, or a record was too long for a line.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lost {
    /// How many.
    pub count: u64,
    /// The sessions whose receipts are among them; the first [`Lost::MAX_SESSIONS`] only.
    pub sessions: Vec<String>,
}

impl Lost {
    /// So many sessions are named at most.
    pub const MAX_SESSIONS: usize = 256;

    /// One more.
    pub(crate) fn add(&mut self, record: &Record) {
        match record {
            // A count that could not be written counts for what it stands for.
            Record::Lost(lost) => {
                self.count = self.count.saturating_add(lost.count);
                let room = Self::MAX_SESSIONS.saturating_sub(self.sessions.len());
                self.sessions.extend(lost.sessions.iter().take(room).cloned());
            }
            Record::Receipt(receipt) => {
                self.count = self.count.saturating_add(1);
                if self.sessions.len() < Self::MAX_SESSIONS {
                    self.sessions.push(receipt.session_id.clone());
                }
            }
            _ => self.count = self.count.saturating_add(1),
        }
    }
}

/// Where the chain was before this file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Continued {
    /// The name of the file with the record before this one.
    pub file: String,
}

/// Bytes of a half-written line, which were moved to a file of their own.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Recovered {
    /// The name of the file that has them now.
    pub file: String,
    /// How many.
    pub bytes: u64,
    /// Their SHA-256.
    pub sha256: Hash,
}
