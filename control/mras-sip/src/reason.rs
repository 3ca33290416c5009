// SPDX-License-Identifier: MIT OR Apache-2.0
//! The outcomes that the protocol knows.

/// How a request has ended: \[MS-AVEDGEA\] 2.2.4.7.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ReasonPhrase {
    /// Every identity has its credentials.
    Ok,
    /// The body does not keep to the schema.
    RequestMalformed,
    /// More than 100 credentialsRequests.
    RequestTooLarge,
    /// A well-formed request for what this server does not do.
    NotSupported,
    /// Try again later.
    ServerBusy,
    /// The request, or what was needed to answer it, did not arrive in time.
    TimeOut,
    /// This front end may not have credentials, or not these.
    Forbidden,
    /// The server's fault.
    InternalServerError,
    /// None of the others.
    OtherFailure,
    /// The server does not speak this version.
    VersionMismatch,
}

impl ReasonPhrase {
    /// All of them.
    pub const ALL: [ReasonPhrase; 10] = [
        ReasonPhrase::Ok,
        ReasonPhrase::RequestMalformed,
        ReasonPhrase::RequestTooLarge,
        ReasonPhrase::NotSupported,
        ReasonPhrase::ServerBusy,
        ReasonPhrase::TimeOut,
        ReasonPhrase::Forbidden,
        ReasonPhrase::InternalServerError,
        ReasonPhrase::OtherFailure,
        ReasonPhrase::VersionMismatch,
    ];

    /// As the attribute `reasonPhrase` has it.
    pub fn as_str(self) -> &'static str {
        match self {
            ReasonPhrase::Ok => "OK",
            ReasonPhrase::RequestMalformed => "Request Malformed",
            ReasonPhrase::RequestTooLarge => "Request Too Large",
            ReasonPhrase::NotSupported => "Not Supported",
            ReasonPhrase::ServerBusy => "Server Busy",
            ReasonPhrase::TimeOut => "Time Out",
            ReasonPhrase::Forbidden => "Forbidden",
            ReasonPhrase::InternalServerError => "Internal Server Error",
            ReasonPhrase::OtherFailure => "Other Failure",
            ReasonPhrase::VersionMismatch => "Version Mismatch",
        }
    }

    /// The SIP status that goes with it: the one whose meaning in RFC 3261, section 21, is nearest. 505 would be nearer by name to
    /// a version mismatch, but it speaks of SIP's version, and a proxy could take it so.
    pub fn status(self) -> u16 {
        match self {
            ReasonPhrase::Ok => 200,
            ReasonPhrase::RequestMalformed => 400,
            ReasonPhrase::Forbidden => 403,
            ReasonPhrase::TimeOut => 408,
            ReasonPhrase::RequestTooLarge => 413,
            ReasonPhrase::VersionMismatch => 488,
            ReasonPhrase::InternalServerError | ReasonPhrase::OtherFailure => 500,
            ReasonPhrase::NotSupported => 501,
            ReasonPhrase::ServerBusy => 503,
        }
    }
}
