// SPDX-License-Identifier: MIT OR Apache-2.0
//! Appending to the chain, and changing files when one is full.

use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::time::Duration;

use crate::files::Files;
use crate::line::encode;
use crate::record::Continued;
use crate::{AuditError, Head, Record};

/// The size of a file that is full: 64 MiB.
pub const DEFAULT_MAX_FILE_BYTES: u64 = 64 << 20;

/// How a log is kept.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// When records are made to survive a power failure.
    pub durability: Durability,
    /// A record that would make the file longer begins a new one; every file holds two at least.
    pub max_file_bytes: u64,
}

impl Default for Options {
    fn default() -> Self {
        Self { durability: Durability::EachRecord, max_file_bytes: DEFAULT_MAX_FILE_BYTES }
    }
}

/// When records are made to survive a power failure. They survive the end of the process in any case.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum Durability {
    /// Before [`AuditLog::append`] returns.
    EachRecord,
    /// When the caller calls [`AuditLog::sync`]; a [`Writer`](crate::Writer) does so this long after a record.
    Interval(Duration),
}

/// A log that this process, and no other, appends to.
#[derive(Debug)]
pub struct AuditLog {
    pub(crate) files: Files,
    pub(crate) options: Options,
    /// At `files.current`, or at the name of a full file when changing files was cut short.
    pub(crate) file: File,
    pub(crate) head: Head,
    /// The number of the file's first record; 0 in an empty file.
    pub(crate) first: u64,
    /// The length that the file should have: what follows could neither be written whole nor cut off.
    pub(crate) cut: Option<u64>,
    /// Held while the log is open.
    pub(crate) _lock: File,
}

impl AuditLog {
    /// The last record.
    pub fn head(&self) -> Head {
        self.head
    }

    /// How the log is kept.
    pub fn options(&self) -> Options {
        self.options
    }

    /// Adds a record. After an error the record is not in the log, nor a part of it, and the next call goes on where this one began.
    pub fn append(&mut self, record: &Record) -> Result<Head, AuditError> {
        let length = self.trimmed_length()?;
        let (line, _) = encode(self.next_sequence()?, self.head.hash, record)?;
        let full = length.saturating_add(line.len() as u64) > self.options.max_file_bytes;
        // A file of one record is never full: it may be the one that continues the chain.
        if full && self.head.sequence > self.first {
            self.change_files()?;
        }
        self.write(record)
    }

    /// Makes all records survive a power failure.
    pub fn sync(&mut self) -> Result<(), AuditError> {
        self.file.sync_data().map_err(AuditError::io("save", &self.files.current))
    }

    /// Adds a record to this file, whatever its size.
    pub(crate) fn write(&mut self, record: &Record) -> Result<Head, AuditError> {
        let length = self.trimmed_length()?;
        let sequence = self.next_sequence()?;
        let (line, hash) = encode(sequence, self.head.hash, record)?;
        let each = self.options.durability == Durability::EachRecord;
        let written = self.file.write_all(&line).map_err(AuditError::io("write", &self.files.current));
        if let Err(error) = written.and_then(|()| if each { self.sync() } else { Ok(()) }) {
            if self.file.set_len(length).is_err() {
                self.cut = Some(length);
            }
            return Err(error);
        }
        if self.first == 0 {
            self.first = sequence;
        }
        self.head = Head { sequence, hash };
        Ok(self.head)
    }

    fn next_sequence(&self) -> Result<u64, AuditError> {
        self.head.sequence.checked_add(1).ok_or_else(|| AuditError::Damaged {
            path: self.files.current.clone(),
            reason: "its last record has the last number that there is".to_owned(),
        })
    }

    /// The file's length, after what an earlier failure could not cut off has been cut off.
    fn trimmed_length(&mut self) -> Result<u64, AuditError> {
        let path = &self.files.current;
        if let Some(length) = self.cut {
            self.file.set_len(length).map_err(AuditError::io("cut off a half-written record of", path))?;
            self.cut = None;
        }
        Ok(self.file.metadata().map_err(AuditError::io("examine", path))?.len())
    }

    /// The new file has its first record before it gets its name, so that a failure at any point leaves a chain that [`AuditLog::open`]
    /// continues.
    fn change_files(&mut self) -> Result<(), AuditError> {
        let (current, next, full) = (&self.files.current, self.files.next(), self.files.full(self.first));
        if full.try_exists().map_err(AuditError::io("examine", &full))? {
            return Err(AuditError::Exists { path: full });
        }
        self.file.sync_all().map_err(AuditError::io("save", current))?;

        let sequence = self.next_sequence()?;
        let name = full.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let (line, hash) = encode(sequence, self.head.hash, &Record::Continued(Continued { file: name }))?;
        let io = |action| AuditError::io(action, &next);
        // Left behind by a change that was cut short.
        if next.try_exists().map_err(io("examine"))? {
            fs::remove_file(&next).map_err(io("remove"))?;
        }
        let mut file = create(&next)?;
        let written = file.write_all(&line).and_then(|()| file.sync_all());
        if let Err(source) = written {
            let _ = fs::remove_file(&next);
            return Err(AuditError::Io { action: "write", path: next, source });
        }

        fs::rename(current, &full).map_err(AuditError::io("rename", current))?;
        if let Err(source) = fs::rename(&next, current) {
            let _ = fs::rename(&full, current);
            return Err(AuditError::Io { action: "rename", path: next, source });
        }
        self.file = file;
        self.head = Head { sequence, hash };
        self.first = sequence;
        self.files.sync_names()
    }
}

/// Opens for appending; a new file is for its owner alone.
pub(crate) fn create(path: &Path) -> Result<File, AuditError> {
    let mut options = OpenOptions::new();
    options.read(true).append(true).create(true).mode(0o600);
    options.open(path).map_err(AuditError::io("open", path))
}
