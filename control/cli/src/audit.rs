// SPDX-License-Identifier: MIT OR Apache-2.0
//! Carrying out `culvert audit`. No relay takes part.

use std::io::Write;

use culvert_audit::{Record, VerifyError, log_files};

use crate::arguments::Verify;
use crate::error::CliError;
use crate::output::audit::{Outcome, SessionReceipt};
use crate::output::json;

pub(crate) fn verify(arguments: &Verify, as_json: bool, out: &mut impl Write) -> Result<(), CliError> {
    let mut files = Vec::new();
    for path in &arguments.paths {
        let found = log_files(path)?;
        if found.is_empty() {
            return Err(CliError::value(path.display().to_string(), "no audit log (*.jsonl) is in it"));
        }
        files.extend(found);
    }
    let mut receipts = Vec::new();
    let verdict = culvert_audit::verify(&files, arguments.head, &mut |entry| {
        let Some(session) = arguments.session.as_deref().filter(|_| entry.kind() == "receipt") else {
            return;
        };
        if let Some(Record::Receipt(receipt)) = entry.record()
            && receipt.session_id == session
        {
            receipts.push(SessionReceipt { sequence: entry.head.sequence, receipt: *receipt });
        }
    });
    let (outcome, broken) = match verdict {
        Ok(summary) => (Outcome::intact(summary, receipts), None),
        Err(VerifyError::Broken(broken)) => (Outcome::broken(&broken, receipts), Some(broken)),
        Err(VerifyError::Read(error)) => return Err(error.into()),
        Err(error) => return Err(CliError::value("audit log", error.to_string())),
    };
    if as_json { json::answer(out, &outcome) } else { outcome.text(out) }?;
    match (broken, &arguments.session) {
        (Some(broken), _) => Err(CliError::Broken(broken)),
        (None, Some(session)) if outcome.receipts.is_empty() => {
            Err(CliError::value("--session", format!("no receipt of {session:?} is in these files")))
        }
        _ => Ok(()),
    }
}
