// SPDX-License-Identifier: MIT OR Apache-2.0
//! Receipts of sessions, chained by their hashes.
//!
//! A relay keeps one [`AuditLog`]: a file of lines, each a JSON object that carries the hash of the line before. A record that is altered,
//! taken out or moved shows in [`verify`]; a tail that is cut off or rewritten shows against a [`Head`] that the relay gave out before.
//! `README.md` of this crate describes the file, how to check it with common tools, and what the chain cannot show.
//!
//! - [`Receipt`], [`Start`], [`Stop`]: what the daemon records. There is no clock in this crate: times come in the records.
//! - [`AuditLog`]: opens, recovers, appends, rotates. Synchronous.
//! - [`Writer`]: an `AuditLog` on a thread of its own, behind a bounded queue that never blocks who sends.
//! - [`Verifier`] and [`verify`]: reading, in bounded memory.

mod error;
mod files;
mod hash;
mod line;
mod log;
mod open;
mod receipt;
mod record;
mod scan;
mod timestamp;
mod verify;
mod writer;

pub use error::AuditError;
pub use files::log_files;
pub use hash::{Hash, Head, ParseHeadError};
pub use line::MAX_LINE;
pub use log::{AuditLog, DEFAULT_MAX_FILE_BYTES, Durability, Options};
pub use receipt::{
    Credential, Direction, Encryption, End, InvalidKeyId, KeyId, KeyUse, Leg, Media, MediaKind, Receipt,
    Received, Sent,
};
pub use record::{Continued, Lost, Record, Recovered, Start, Stop};
pub use timestamp::Timestamp;
pub use verify::{Break, Broken, Entry, Fault, Summary, Verifier, VerifyError, verify};
pub use writer::{Closed, DEFAULT_QUEUE, Sender, Status, Writer};
