// SPDX-License-Identifier: MIT OR Apache-2.0
//! Carrying out `culvert credentials`.

use std::fmt::Display;
use std::io::Write;

use serde::Serialize;

use crate::arguments::{Connection, CredentialsCommand};
use crate::connect::connect;
use crate::error::CliError;
use crate::output::credentials::{Issued, Reinstated, Revocations, Revoked, Rotated};
use crate::output::json;
use crate::request;

pub(crate) async fn run(
    connection: &Connection,
    command: CredentialsCommand,
    out: &mut impl Write,
) -> Result<(), CliError> {
    match command {
        CredentialsCommand::Issue(arguments) => {
            let request = request::issue(&arguments)?;
            let issued = Issued::from(connect(connection).await?.issue_credentials(request).await?);
            Ok(if connection.json { json::answer(out, &issued) } else { issued.text(out) }?)
        }
        CredentialsCommand::Revoke(arguments) => {
            let target = request::revoke(arguments)?;
            let legs = connect(connection).await?.revoke(target).await?;
            answer(connection, &Revoked { legs }, out)
        }
        CredentialsCommand::Reinstate(arguments) => {
            let target = request::reinstate(arguments)?;
            let was_revoked = connect(connection).await?.reinstate(target).await?;
            answer(connection, &Reinstated { was_revoked }, out)
        }
        CredentialsCommand::List => {
            let list = Revocations::from(connect(connection).await?.list_revocations().await?);
            Ok(if connection.json { json::answer(out, &list) } else { list.text(out) }?)
        }
        CredentialsCommand::RotateKey => {
            let epoch = connect(connection).await?.rotate_signing_key().await?;
            answer(connection, &Rotated { epoch }, out)
        }
    }
}

fn answer(
    connection: &Connection,
    value: &(impl Display + Serialize),
    out: &mut impl Write,
) -> Result<(), CliError> {
    Ok(if connection.json { json::answer(out, value) } else { writeln!(out, "{value}") }?)
}
