// SPDX-License-Identifier: MIT OR Apache-2.0
use std::time::{SystemTime, UNIX_EPOCH};

/// The clock stands before 1970: with it no credential could be told from an expired one.
#[derive(Copy, Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("the clock stands before 1970; set it")]
pub struct ClockError;

pub(crate) fn unix(now: SystemTime) -> Result<u64, ClockError> {
    now.duration_since(UNIX_EPOCH).map(|since| since.as_secs()).map_err(|_| ClockError)
}
