// SPDX-License-Identifier: MIT OR Apache-2.0
//! From what people write to what the relay is asked.

mod credentials;
mod file;
mod flags;
mod form;
mod protection;

use culvert_api::v1;

use crate::arguments::{Create, Update};
use crate::error::CliError;

pub(crate) use credentials::{issue, reinstate, revoke, session_keys};

/// The request of `session create`.
pub(crate) fn create(arguments: &Create) -> Result<v1::CreateSessionRequest, CliError> {
    let mut request = match &arguments.file {
        Some(path) => file::read::<form::Create>(path, "create")?.request()?,
        None => flags::create(arguments)?,
    };
    if let Some(id) = &arguments.id {
        request.session_id.clone_from(id);
    }
    if request.session_id.is_empty() {
        return Err(CliError::value("session_id", "is missing: give it in the file or in the command line"));
    }
    Ok(request)
}

/// The request of `session update`.
pub(crate) fn update(arguments: &Update) -> Result<v1::UpdateSessionRequest, CliError> {
    let mut request = match &arguments.file {
        Some(path) => file::read::<form::Update>(path, "update")?.request()?,
        None => flags::update(arguments)?,
    };
    if let Some(id) = &arguments.id {
        request.session_id.clone_from(id);
    }
    if request.session_id.is_empty() {
        return Err(CliError::value("session_id", "is missing: give it in the file or in the command line"));
    }
    Ok(request)
}
