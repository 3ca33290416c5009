// SPDX-License-Identifier: MIT OR Apache-2.0
//! Taking up a log where the last process left it.

use std::fs::{self, File, TryLockError};
use std::io::Write;
use std::path::{Path, PathBuf};

use crate::files::Files;
use crate::line::MAX_LINE;
use crate::log::create;
use crate::record::{Continued, Recovered};
use crate::scan::{Tail, first_sequence};
use crate::{AuditError, AuditLog, Hash, Head, Options, Record};

impl AuditLog {
    /// Opens a log, or begins one, for this process alone.
    ///
    /// The last record must be whole and its hash right. A line that a crash left half-written behind it is moved to a file of its own, and a
    /// [`Recovered`] record says so. The name must end in `.jsonl`.
    pub fn open(path: &Path, options: Options) -> Result<Self, AuditError> {
        let files = Files::new(path)?;
        if fs::metadata(path).is_ok_and(|metadata| !metadata.is_file()) {
            return Err(AuditError::NotRegular { path: path.to_owned() });
        }
        let lock = lock(&files)?;
        let file = create(path)?;
        let tail = Tail::read(&file, path)?;
        let before = if tail.head.is_none() { last_of_full(&files)? } else { None };
        let first = first_of(&file, path, &tail)?;
        let head = tail.head.or(before.as_ref().map(|(_, head)| *head)).unwrap_or(Head::NONE);

        // A file that continues another has that record before this one.
        let next = head.sequence.saturating_add(1 + u64::from(before.is_some()));
        let torn = files.torn(next);
        set_aside(&torn, &tail.torn)?;
        if !tail.torn.is_empty() {
            file.set_len(tail.whole).map_err(AuditError::io("cut off a half-written record of", path))?;
        }
        let mut log = Self { files, options, file, head, first, cut: None, _lock: lock };
        if let Some((path, _)) = before {
            log.write(&Record::Continued(Continued { file: name(&path) }))?;
        }
        if torn.try_exists().map_err(AuditError::io("examine", &torn))? {
            let bytes = fs::read(&torn).map_err(AuditError::io("read", &torn))?;
            let (length, sha256) = (bytes.len() as u64, Hash::of(&[&bytes]));
            log.write(&Record::Recovered(Recovered { file: name(&torn), bytes: length, sha256 }))?;
        }
        log.file.sync_all().map_err(AuditError::io("save", path))?;
        log.files.sync_names()?;
        Ok(log)
    }
}

/// On a file of its own, because the log's is renamed when it is full.
fn lock(files: &Files) -> Result<File, AuditError> {
    let path = files.lock();
    let lock = create(&path)?;
    match lock.try_lock() {
        Ok(()) => Ok(lock),
        Err(TryLockError::WouldBlock) => Err(AuditError::Locked { path: files.current.clone() }),
        Err(TryLockError::Error(source)) => Err(AuditError::Io { action: "lock", path, source }),
    }
}

/// The file that this one continues, and its last record.
fn last_of_full(files: &Files) -> Result<Option<(PathBuf, Head)>, AuditError> {
    let Some(path) = files.newest_full()? else { return Ok(None) };
    let file = File::open(&path).map_err(AuditError::io("open", &path))?;
    let tail = Tail::read(&file, &path)?;
    let reason = match tail.head {
        Some(head) if tail.torn.is_empty() => return Ok(Some((path, head))),
        Some(_) => "its last line has no end",
        None => "it has no record",
    };
    Err(AuditError::Damaged { path, reason: reason.to_owned() })
}

fn first_of(file: &File, path: &Path, tail: &Tail) -> Result<u64, AuditError> {
    if tail.head.is_none() {
        return Ok(0);
    }
    first_sequence(file).map_err(AuditError::io("read", path))?.ok_or_else(|| AuditError::Damaged {
        path: path.to_owned(),
        reason: "its first line is no record".to_owned(),
    })
}

/// Keeps the bytes of a half-written line before they are cut off.
///
/// Of an earlier attempt that was itself cut short there may be a copy of the same bytes, whole or not; it is replaced. Anything else that is
/// there already is the line that the earlier attempt cut off, and what has been found now is the half-written record of that: both are kept.
fn set_aside(path: &Path, torn: &[u8]) -> Result<(), AuditError> {
    if torn.is_empty() {
        return Ok(());
    }
    let mut file = create(path)?;
    let earlier = file.metadata().map_err(AuditError::io("examine", path))?.len();
    if earlier > MAX_LINE as u64 * 2 {
        let reason = "longer than any half-written record".to_owned();
        return Err(AuditError::Damaged { path: path.to_owned(), reason });
    }
    let same = torn.starts_with(&fs::read(path).map_err(AuditError::io("read", path))?);
    if same {
        file.set_len(0).map_err(AuditError::io("write", path))?;
    }
    file.write_all(torn).and_then(|()| file.sync_all()).map_err(AuditError::io("write", path))
}

fn name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}
