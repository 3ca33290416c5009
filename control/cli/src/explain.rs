// SPDX-License-Identifier: MIT OR Apache-2.0
//! Carrying out `culvert explain`.

use std::io::Write;

use crate::arguments::{Connection, Explain};
use crate::connect::connect;
use crate::error::CliError;
use crate::output::{Explanation, json};

/// Faults are the outcome as well as the output.
pub(crate) async fn run(
    connection: &Connection,
    arguments: Explain,
    out: &mut impl Write,
) -> Result<(), CliError> {
    let Explain { session, observe } = arguments;
    let answer = connect(connection).await?.explain_session(session.as_str(), observe).await?;
    let explanation = Explanation::of(session.clone(), answer);
    if connection.json { json::answer(out, &explanation) } else { explanation.text(out) }?;
    out.flush()?;
    match explanation.findings() {
        0 => Ok(()),
        findings => Err(CliError::Faulty { session, findings }),
    }
}
