// SPDX-License-Identifier: MIT OR Apache-2.0
//! Verifying files that stand in any order.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::PathBuf;

use super::{Entry, Summary, Verifier, VerifyError};
use crate::files::first_by_name;
use crate::scan::first_sequence;
use crate::{AuditError, Head};

/// Verifies the chain in these files, in the order of their first records, and that it has the record that the relay `reported`.
pub fn verify(
    paths: &[PathBuf],
    reported: Option<Head>,
    visit: &mut dyn FnMut(&Entry<'_>),
) -> Result<Summary, VerifyError> {
    let mut files = Vec::new();
    for path in paths {
        let file = File::open(path).map_err(AuditError::io("open", path))?;
        // The name helps where the first line does not; what is not numbered is the file that is being written.
        let first = first_sequence(&file).map_err(AuditError::io("read", path))?;
        files.push((first.or_else(|| first_by_name(path)).unwrap_or(u64::MAX), path));
    }
    files.sort();
    files.dedup();
    let mut verifier = Verifier::new().head(reported.unwrap_or(Head::NONE));
    for (_, path) in files {
        // One at a time: there may be more files than a process may have open.
        let file = File::open(path).map_err(AuditError::io("open", path))?;
        read(&mut verifier, path, BufReader::with_capacity(1 << 16, file), visit)?;
    }
    Ok(verifier.finish()?)
}

fn read(
    verifier: &mut Verifier,
    path: &PathBuf,
    reader: impl BufRead,
    visit: &mut dyn FnMut(&Entry<'_>),
) -> Result<(), AuditError> {
    verifier.read(&path.display().to_string(), reader, visit).map_err(AuditError::io("read", path))
}
