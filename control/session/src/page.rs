// SPDX-License-Identifier: MIT OR Apache-2.0
//! Pages of a list. A token is the last name of the page before, so pages stay right while sessions come and go.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};

use crate::{SessionError, SessionId, SessionView};

/// Some sessions, in order of their names.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Page {
    /// At most as many as were asked for.
    pub sessions: Vec<SessionView>,
    /// For the next call; empty on the last page.
    pub next_page_token: String,
    /// All sessions that the caller sees.
    pub total: usize,
}

const DEFAULT_SIZE: u32 = 100;
const MAX_SIZE: u32 = 1000;

pub(crate) fn size(asked: u32) -> Result<usize, SessionError> {
    match asked {
        0 => Ok(DEFAULT_SIZE as usize),
        1..=MAX_SIZE => Ok(asked as usize),
        _ => Err(SessionError::invalid(
            "page_size",
            format!("must be 1 to {MAX_SIZE}, or 0 for {DEFAULT_SIZE}, not {asked}"),
        )),
    }
}

pub(crate) fn token(last: &SessionId) -> String {
    URL_SAFE_NO_PAD.encode(last.as_str())
}

/// The name after which the page begins.
pub(crate) fn start(token: &str) -> Result<Option<SessionId>, SessionError> {
    if token.is_empty() {
        return Ok(None);
    }
    let name = URL_SAFE_NO_PAD.decode(token).ok().and_then(|bytes| String::from_utf8(bytes).ok());
    name.and_then(|name| SessionId::new(&name).ok()).map(Some).ok_or_else(|| {
        SessionError::invalid("page_token", "is not one that this relay gave; leave it empty to begin again")
    })
}
