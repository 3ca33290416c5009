// SPDX-License-Identifier: MIT OR Apache-2.0
//! Why a session's media do not pass.

use std::time::Duration;

use culvert_api::v1;
use culvert_session::{Caller, SessionError};
use tonic::Status;

use super::{answer, refused, request};
use crate::node::Node;

const DEFAULT: Duration = Duration::from_secs(2);
const LONGEST: Duration = Duration::from_secs(30);

pub(super) async fn answer(
    node: &Node,
    caller: &Caller,
    request: v1::ExplainSessionRequest,
) -> Result<v1::ExplainSessionResponse, Status> {
    let observe = observe(request.observe).map_err(|error| answer::status(&error))?;
    let explained = node.explain(caller, &request.session_id, observe).await.map_err(refused)?;
    Ok(v1::ExplainSessionResponse {
        findings: explained.findings,
        observed: prost_types::Duration::try_from(explained.observed).ok(),
    })
}

fn observe(asked: Option<prost_types::Duration>) -> Result<Duration, SessionError> {
    let Some(asked) = asked else { return Ok(DEFAULT) };
    request::duration(asked)
        .filter(|observe| *observe <= LONGEST)
        .ok_or_else(|| SessionError::invalid("observe", format!("must be 0 to {} s", LONGEST.as_secs())))
}
