// SPDX-License-Identifier: MIT OR Apache-2.0
//! How a chain can be broken.

use std::fmt;

use serde::Serialize;

use super::Summary;
use crate::AuditError;
use crate::line::MAX_LINE;

/// What is wrong at one place.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "fault", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Fault {
    /// The record's hash is not that of its bytes.
    Altered {
        /// The number that it has now.
        sequence: u64,
    },
    /// Records that should stand before this line are not there.
    Missing {
        /// The first of them.
        from: u64,
        /// The last of them.
        to: u64,
    },
    /// A record that belongs further up, or stands there too.
    OutOfOrder {
        /// Its number.
        sequence: u64,
        /// The number that should stand here.
        expected: u64,
    },
    /// The record follows another one than that which stands before it.
    WrongPrevious {
        /// Its number.
        sequence: u64,
    },
    /// The line is no record.
    Malformed {
        /// Why not.
        reason: &'static str,
    },
    /// The last line has no end.
    Torn,
    /// The line is longer than [`MAX_LINE`].
    TooLong,
    /// The record is not the one that the relay reported.
    Rewritten {
        /// Its number.
        sequence: u64,
    },
    /// The chain ends before the record that the relay reported.
    Truncated {
        /// The last record's number.
        last: u64,
        /// The reported record's.
        reported: u64,
    },
    /// The record that the relay reported is not in these files, though later ones are.
    Absent {
        /// Its number.
        reported: u64,
    },
}

impl fmt::Display for Fault {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Altered { sequence } => {
                write!(out, "record {sequence} has been altered: its hash is not that of its bytes")
            }
            Self::Missing { from, to } if from == to => {
                write!(out, "record {from} is missing before this line")
            }
            Self::Missing { from, to } => write!(out, "records {from} to {to} are missing before this line"),
            Self::OutOfOrder { sequence, expected } => {
                write!(out, "record {sequence} stands where record {expected} belongs")
            }
            Self::WrongPrevious { sequence } => {
                write!(out, "record {sequence} follows another record than the one before it")
            }
            Self::Malformed { reason } => write!(out, "no record: {reason}"),
            Self::Torn => out.write_str("the last line has no end: a crash, or the relay is writing it"),
            Self::TooLong => write!(out, "no record: longer than {MAX_LINE} bytes"),
            Self::Rewritten { sequence } => {
                write!(out, "record {sequence} is not the one that the relay reported")
            }
            Self::Truncated { last, reported } => {
                write!(out, "ends at record {last}, but the relay reported record {reported}")
            }
            Self::Absent { reported } => {
                write!(out, "record {reported}, which the relay reported, is not in these files")
            }
        }
    }
}

/// One place where a chain is broken.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Break {
    /// The file.
    pub file: String,
    /// The line in the file, from 1; 0: the end of the chain.
    pub line: u64,
    /// What is wrong.
    #[serde(flatten)]
    pub fault: Fault,
}

impl fmt::Display for Break {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            0 => write!(out, "{}: {}", self.file, self.fault),
            line => write!(out, "{}:{line}: {}", self.file, self.fault),
        }
    }
}

/// A chain that is not whole.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the chain is broken in {} {}", self.count(), if self.count() == 1 { "place" } else { "places" })]
pub struct Broken {
    /// What is in it all the same.
    pub summary: Summary,
    /// Where, in the order of the files.
    pub breaks: Vec<Break>,
    /// Breaks beyond the limit.
    pub omitted: u64,
}

impl Broken {
    /// All breaks, named or not.
    pub fn count(&self) -> u64 {
        self.omitted.saturating_add(self.breaks.len() as u64)
    }
}

/// Why a chain could not be found intact.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum VerifyError {
    /// It is not.
    #[error(transparent)]
    Broken(#[from] Box<Broken>),
    /// A file cannot be read.
    #[error(transparent)]
    Read(#[from] AuditError),
}
