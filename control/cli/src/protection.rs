// SPDX-License-Identifier: MIT OR Apache-2.0
//! Carrying out `culvert protection`.

use std::env;
use std::io::{self, IsTerminal, Write};
use std::pin::pin;
use std::time::Duration;

use culvert_api::{Client, v1};
use tokio::time::{self, MissedTickBehavior};

use crate::arguments::{Connection, Protection as ProtectionArguments};
use crate::connect::connect;
use crate::error::CliError;
use crate::output::{Protection, json};

/// The largest page that the relay gives.
const PAGE: u32 = 1000;
const AGAIN: Duration = Duration::from_secs(1);
/// Everything away, and back to the first line.
const CLEAR: &str = "\x1b[2J\x1b[H";

pub(crate) async fn show(
    connection: &Connection,
    arguments: ProtectionArguments,
    out: &mut impl Write,
) -> Result<(), CliError> {
    let session = arguments.session.unwrap_or_default();
    let terminal = io::stdout().is_terminal();
    // https://no-color.org: set and not empty.
    let colour = terminal && env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
    let mut client = connect(connection).await?;
    if !arguments.watch {
        let protection = fetch(&mut client, &session).await?;
        return Ok(if connection.json {
            json::answer(out, &protection)
        } else {
            protection.text(out, colour)
        }?);
    }
    let mut again = time::interval(AGAIN);
    again.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut first = true;
    // One for all rounds: an interrupt that comes while a table is written is not lost.
    let mut interrupted = pin!(tokio::signal::ctrl_c());
    loop {
        let next = async {
            again.tick().await;
            fetch(&mut client, &session).await
        };
        let protection = tokio::select! {
            protection = next => protection?,
            interrupted = &mut interrupted => return Ok(interrupted?),
        };
        if connection.json {
            json::line(out, &protection)?;
        } else {
            match (terminal, first) {
                (true, _) => out.write_all(CLEAR.as_bytes())?,
                (false, true) => {}
                (false, false) => writeln!(out)?,
            }
            protection.text(out, colour)?;
        }
        out.flush()?;
        first = false;
    }
}

async fn fetch(client: &mut Client, session: &str) -> Result<Protection, CliError> {
    let mut protection = Protection::default();
    let mut page_token = String::new();
    loop {
        let request =
            v1::GetProtectionRequest { session_id: session.to_owned(), page_size: PAGE, page_token };
        let mut page = client.get_protection(request).await?;
        page_token = std::mem::take(&mut page.next_page_token);
        protection.extend(page);
        if page_token.is_empty() {
            return Ok(protection);
        }
    }
}
