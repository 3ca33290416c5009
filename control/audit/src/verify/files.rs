// SPDX-License-Identifier: MIT OR Apache-2.0
//! Verifying files that stand in any order.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::BufReader;
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
    let mut files = BTreeMap::new();
    for path in paths {
        let file = File::open(path).map_err(AuditError::io("open", path))?;
        let first = first_sequence(&file).map_err(AuditError::io("read", path))?;
        let numbered = first_by_name(path);
        // The name helps where the first line does not; what is not numbered is the file that is being written.
        let first = first.or(numbered).unwrap_or(u64::MAX);
        // That one stays open, because the relay may rename it meanwhile; the others may be more than a process may have open.
        files.insert((first, path), Some(file).filter(|_| numbered.is_none()));
    }
    let mut verifier = Verifier::new().head(reported.unwrap_or(Head::NONE));
    for ((_, path), file) in files {
        let file = match file {
            Some(file) => file,
            None => File::open(path).map_err(AuditError::io("open", path))?,
        };
        let reader = BufReader::with_capacity(1 << 16, file);
        let name = path.display().to_string();
        verifier.read(&name, reader, visit).map_err(AuditError::io("read", path))?;
    }
    Ok(verifier.finish()?)
}
