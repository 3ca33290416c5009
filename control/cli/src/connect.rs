// SPDX-License-Identifier: MIT OR Apache-2.0
//! The way to the relay, as the global options say it.

use std::fs;
use std::path::Path;

use culvert_api::{Client, ClientConfig};

use crate::arguments::Connection;
use crate::error::CliError;

pub(crate) async fn connect(connection: &Connection) -> Result<Client, CliError> {
    let missing = |option, variable| CliError::MissingOption { option, variable };
    let server = connection.server.clone().ok_or(missing("--server", "CULVERT_SERVER"))?;
    let ca = connection.ca.as_deref().ok_or(missing("--ca", "CULVERT_CA"))?;
    let certificate = connection.cert.as_deref().ok_or(missing("--cert", "CULVERT_CERT"))?;
    let key = connection.key.as_deref().ok_or(missing("--key", "CULVERT_KEY"))?;
    let mut config =
        ClientConfig::new(server, read("CA file", ca)?, read("certificate", certificate)?, read("key", key)?);
    config.server_name.clone_from(&connection.server_name);
    config.connect_timeout = connection.timeout;
    config.request_timeout = connection.timeout;
    Ok(Client::connect(&config).await?)
}

fn read(what: &'static str, path: &Path) -> Result<Vec<u8>, CliError> {
    fs::read(path).map_err(|source| CliError::Read { what, path: path.display().to_string(), source })
}
