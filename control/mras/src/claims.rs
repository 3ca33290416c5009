// SPDX-License-Identifier: MIT OR Apache-2.0
mod encoding;

use std::fmt;
use std::str::FromStr;

use crate::{Bounds, Identity};

pub(crate) use encoding::{decode, encode};

/// Which side of the firewall a participant or a relay is on.
#[derive(Copy, Clone, Debug, Eq, PartialEq, Hash)]
pub enum Location {
    /// Outside.
    Internet,
    /// Inside.
    Intranet,
}

impl Location {
    /// As MRAS spells it.
    pub const fn name(self) -> &'static str {
        match self {
            Location::Internet => "internet",
            Location::Intranet => "intranet",
        }
    }
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Not a location.
#[derive(Copy, Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("a location is internet or intranet")]
pub struct LocationError;

impl FromStr for Location {
    type Err = LocationError;

    fn from_str(text: &str) -> Result<Location, LocationError> {
        [Location::Internet, Location::Intranet]
            .into_iter()
            .find(|location| location.name() == text)
            .ok_or(LocationError)
    }
}

/// Whom a credential speaks for.
#[derive(Clone, Debug, Eq, PartialEq, Hash)]
pub enum Subject {
    /// This participant.
    Known(Identity),
    /// The participant whose identity has this hash under a key of the key ring: all that the token of MRAS carries.
    Hidden([u8; 20]),
}

impl Subject {
    /// The participant, where the credential tells.
    pub fn identity(&self) -> Option<&Identity> {
        match self {
            Subject::Known(identity) => Some(identity),
            Subject::Hidden(_) => None,
        }
    }
}

/// What a credential says. Its kind decides how much of it the credential can carry: see [`Kind`](crate::Kind).
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Claims {
    /// For whom.
    pub subject: Subject,
    /// Where the participant is.
    pub location: Option<Location>,
    /// When it was issued, in Unix seconds.
    pub issued: Option<u64>,
    /// From when on it is void, in Unix seconds.
    pub expires: u64,
    /// For what.
    pub bounds: Bounds,
}
