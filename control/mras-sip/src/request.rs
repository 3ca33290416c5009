// SPDX-License-Identifier: MIT OR Apache-2.0
//! What a front end asks.

use std::{fmt, num::NonZeroU32, sync::Arc};

/// Who has authenticated the connection: the name in its certificate. Clones share it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct FrontEnd(Arc<str>);

impl FrontEnd {
    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<&str> for FrontEnd {
    fn from(name: &str) -> FrontEnd {
        FrontEnd(name.into())
    }
}

impl fmt::Display for FrontEnd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The version of protocol and token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Version {
    /// 1.0: tokens of the first form, and no `serverVersion` in the answer to a valid request.
    V1,
    /// 2.0: tokens of the second form.
    V2,
}

impl Version {
    /// The newest that is spoken here.
    pub const SERVER: Version = Version::V2;

    /// As the attribute `version` has it.
    pub fn as_str(self) -> &'static str {
        match self {
            Version::V1 => "1.0",
            Version::V2 => "2.0",
        }
    }
}

/// On which side of the edge a participant, or an interface of a media relay, is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Location {
    /// Outside.
    Internet,
    /// Inside.
    Intranet,
}

impl Location {
    /// As the element `location` has it.
    pub fn as_str(self) -> &'static str {
        match self {
            Location::Internet => "internet",
            Location::Intranet => "intranet",
        }
    }
}

/// How the front end wants media relays named.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Route {
    /// By host name, so that DNS or a load balancer chooses: `hostName`.
    #[default]
    LoadBalanced,
    /// By address: `directIPAddress`.
    DirectIp,
}

/// A request that keeps to the schema.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// `requestID`, 1 to 64 characters.
    pub id: String,
    /// In which version to answer.
    pub version: Version,
    /// How to name media relays.
    pub route: Route,
    /// The SIP URI that the request says it comes from. Authenticated by nothing: [`FrontEnd`] is.
    pub from: String,
    /// The SIP URI of this service.
    pub to: String,
    /// 1 to 100, in the order of the request.
    pub credentials: Vec<CredentialsRequest>,
}

/// One participant who needs credentials.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CredentialsRequest {
    /// `credentialsRequestID`, 1 to 64 characters.
    pub id: String,
    /// Who, mostly a SIP URI; 1 to 65536 characters.
    pub identity: String,
    /// Where; `None` when the request leaves it open.
    pub location: Option<Location>,
    /// For how many minutes; `None` for the server's default.
    pub duration: Option<NonZeroU32>,
}
