// SPDX-License-Identifier: MIT OR Apache-2.0
//! The names of a log's files.
//!
//! Beside `audit.jsonl`: `audit.00000000000000000001.jsonl`, full, by the number of its first record; `audit.jsonl.lock`;
//! `audit.jsonl.torn-8`, a half-written line that was found where record 8 belongs; `audit.jsonl.next`, for a moment, while files change.

use std::ffi::OsString;
use std::fs::{self, File};
use std::path::{Path, PathBuf};

use crate::AuditError;

const EXTENSION: &str = "jsonl";
/// As many as 2^64 has, so that names sort as numbers do.
const DIGITS: usize = 20;

/// The files of one log.
#[derive(Debug)]
pub(crate) struct Files {
    pub(crate) current: PathBuf,
    directory: PathBuf,
    stem: OsString,
}

impl Files {
    pub(crate) fn new(path: &Path) -> Result<Self, AuditError> {
        let stem = path.file_stem().filter(|_| is_log(path));
        let stem = stem.ok_or_else(|| AuditError::Name { path: path.to_owned() })?.to_owned();
        let directory = match path.parent() {
            Some(parent) if parent != Path::new("") => parent.to_owned(),
            _ => PathBuf::from("."),
        };
        Ok(Self { current: path.to_owned(), directory, stem })
    }

    pub(crate) fn lock(&self) -> PathBuf {
        self.beside(".lock")
    }

    pub(crate) fn next(&self) -> PathBuf {
        self.beside(".next")
    }

    pub(crate) fn torn(&self, sequence: u64) -> PathBuf {
        self.beside(&format!(".torn-{sequence}"))
    }

    pub(crate) fn full(&self, first: u64) -> PathBuf {
        let mut name = self.stem.clone();
        name.push(format!(".{first:0DIGITS$}.{EXTENSION}"));
        self.directory.join(name)
    }

    /// The full file with the latest records.
    pub(crate) fn newest_full(&self) -> Result<Option<PathBuf>, AuditError> {
        let of_this_log = |path: &PathBuf| {
            path.file_stem().is_some_and(|stem| Path::new(stem).file_stem() == Some(&self.stem))
        };
        let numbered = list(&self.directory)?
            .into_iter()
            .filter(of_this_log)
            .filter_map(|path| Some((first_by_name(&path)?, path)));
        Ok(numbered.max().map(|(_, path)| path))
    }

    /// Makes new names survive a power failure.
    pub(crate) fn sync_names(&self) -> Result<(), AuditError> {
        File::open(&self.directory)
            .and_then(|directory| directory.sync_all())
            .map_err(AuditError::io("save the directory", &self.directory))
    }

    fn beside(&self, suffix: &str) -> PathBuf {
        let mut path = self.current.clone().into_os_string();
        path.push(suffix);
        path.into()
    }
}

/// The log files that a path stands for: itself, or every `*.jsonl` in the directory.
pub fn log_files(path: &Path) -> Result<Vec<PathBuf>, AuditError> {
    if path.is_dir() { list(path) } else { Ok(vec![path.to_owned()]) }
}

/// The number in the name of a full file.
pub(crate) fn first_by_name(path: &Path) -> Option<u64> {
    let number = Path::new(path.file_stem()?).extension()?.to_str()?;
    let digits = number.len() == DIGITS && number.bytes().all(|byte| byte.is_ascii_digit());
    number.parse().ok().filter(|_| digits)
}

fn is_log(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == EXTENSION)
}

fn list(directory: &Path) -> Result<Vec<PathBuf>, AuditError> {
    let error = |source| AuditError::Io { action: "list the directory", path: directory.to_owned(), source };
    let mut paths = Vec::new();
    for entry in fs::read_dir(directory).map_err(error)? {
        let path = entry.map_err(error)?.path();
        if is_log(&path) {
            paths.push(path);
        }
    }
    paths.sort();
    Ok(paths)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_derived_from_one() {
        let files = Files::new(Path::new("/var/lib/culvert/audit.jsonl")).unwrap();
        assert_eq!(files.full(7), Path::new("/var/lib/culvert/audit.00000000000000000007.jsonl"));
        assert_eq!(files.torn(7), Path::new("/var/lib/culvert/audit.jsonl.torn-7"));
        assert_eq!(files.lock(), Path::new("/var/lib/culvert/audit.jsonl.lock"));
        assert_eq!(first_by_name(&files.full(u64::MAX)), Some(u64::MAX));
        assert_eq!(first_by_name(Path::new("audit.jsonl")), None);
        assert_eq!(first_by_name(Path::new("audit.7.jsonl")), None);
        assert_eq!(Files::new(Path::new("audit.jsonl")).unwrap().full(1).parent(), Some(Path::new(".")));
        for wrong in ["audit.log", ".jsonl", "/", "audit"] {
            assert!(matches!(Files::new(Path::new(wrong)), Err(AuditError::Name { .. })), "{wrong}");
        }
    }

    #[test]
    fn the_newest_full_file_is_of_this_log() {
        let directory = tempfile::tempdir().unwrap();
        let files = Files::new(&directory.path().join("audit.jsonl")).unwrap();
        assert_eq!(files.newest_full().unwrap(), None);
        let other = Files::new(&directory.path().join("other.jsonl")).unwrap();
        for path in [files.full(9), files.full(10), files.lock(), other.full(11), files.torn(12)] {
            File::create(path).unwrap();
        }
        assert_eq!(files.newest_full().unwrap(), Some(files.full(10)));
    }
}
