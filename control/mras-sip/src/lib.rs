// SPDX-License-Identifier: MIT OR Apache-2.0
//! The protocol by which Lync and Skype for Business front ends ask for credentials, \[MS-AVEDGEA\]: SIP `SERVICE` with an XML
//! body, over mutual TLS on TCP 5062.
//!
//! The crate knows SIP and the XML; it knows neither TLS nor tokens. Whoever accepts a connection says which [`FrontEnd`] it is, and
//! a [`CredentialIssuer`] answers. [`Service::answer`] is a function from a message to the bytes of its response; [`connection`]
//! runs it over a stream.
//!
//! | | |
//! |---|---|
//! | `sip` | messages out of a byte stream, their headers, responses |
//! | `xml` | the body: a strict reader of requests, a writer of responses |
//! | `service` | which request gets which response |
//! | `connection` | one connection: time limits, one message after the other |

mod connection;
mod issuer;
mod limits;
mod reason;
mod request;
mod service;
mod sip;
mod xml;

pub use connection::{ConnectionError, Ended, Summary, connection};
pub use issuer::{CredentialIssuer, Credentials, IssueError, MediaRelay};
pub use limits::Limits;
pub use reason::ReasonPhrase;
pub use request::{CredentialsRequest, FrontEnd, Location, Request, Route, Version};
pub use service::Service;
pub use sip::{Frame, FrameError, Framer, Message, Response};
pub use xml::Malformed;

/// The media type of requests and responses.
pub const MEDIA_TYPE: &str = "application/msrtc-media-relay-auth+xml";

/// The namespace of every element.
pub const NAMESPACE: &str = "http://schemas.microsoft.com/2006/09/sip/mrasp";

/// The port that front ends connect to, unless their topology says another.
pub const PORT: u16 = 5062;
