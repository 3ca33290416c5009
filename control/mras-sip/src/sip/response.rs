// SPDX-License-Identifier: MIT OR Apache-2.0
//! Responses: RFC 3261, section 8.2.6.

use std::fmt::Write as _;

use ezk_sip_types::{Name, StatusCode};
use zeroize::Zeroizing;

use super::head::{Head, has_tag};
use crate::{MEDIA_TYPE, ReasonPhrase};

/// A response as it goes onto the wire. It may hold passwords: erased when dropped.
#[derive(Clone)]
pub struct Response {
    bytes: Zeroizing<Vec<u8>>,
    status: u16,
    reason: Option<ReasonPhrase>,
    closes: bool,
}

impl Response {
    /// What to send.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The SIP status.
    pub fn status(&self) -> u16 {
        self.status
    }

    /// The outcome in the body, if it has one.
    pub fn reason(&self) -> Option<ReasonPhrase> {
        self.reason
    }

    /// Whether the connection must end: what follows on it cannot be told apart.
    pub fn closes(&self) -> bool {
        self.closes
    }
}

impl std::fmt::Debug for Response {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Response")
            .field("status", &self.status)
            .field("reason", &self.reason)
            .field("closes", &self.closes)
            .finish_non_exhaustive()
    }
}

/// A response that is being put together.
pub(crate) struct Draft {
    status: u16,
    headers: String,
    body: Option<(ReasonPhrase, Zeroizing<Vec<u8>>)>,
    closes: bool,
}

impl Draft {
    pub(crate) fn new(status: u16) -> Draft {
        Draft { status, headers: String::new(), body: None, closes: false }
    }

    /// A header of our own. The value is one line: every caller's is made of constants, numbers and what [`Head`] let through.
    pub(crate) fn header(mut self, name: &Name, value: &str) -> Draft {
        let _ = write!(self.headers, "{}: {value}\r\n", name.as_print_str());
        self
    }

    /// What is wrong, for whoever reads a trace. A constant without quotes.
    pub(crate) fn warning(self, text: &str) -> Draft {
        self.header(&Name::WARNING, &format!("399 mras \"{text}\""))
    }

    pub(crate) fn body(mut self, reason: ReasonPhrase, body: Zeroizing<Vec<u8>>) -> Draft {
        self.body = Some((reason, body));
        self
    }

    pub(crate) fn closing(mut self) -> Draft {
        self.closes = true;
        self
    }

    /// With the headers that a response repeats. `tag` is for a To without one.
    pub(crate) fn finish(self, head: &Head, tag: u64) -> Response {
        let phrase = StatusCode::from(self.status).text().unwrap_or_default();
        let mut text = format!("SIP/2.0 {} {phrase}\r\n", self.status);
        for name in [Name::VIA, Name::FROM, Name::TO, Name::CALL_ID, Name::CSEQ] {
            for value in head.values(&name) {
                let _ = write!(text, "{}: {value}", name.as_print_str());
                if name == Name::TO && !has_tag(value) {
                    let _ = write!(text, ";tag={tag:016x}");
                }
                text.push_str("\r\n");
            }
        }
        text.push_str(&self.headers);
        let (reason, body) = self.body.map_or((None, None), |(reason, body)| (Some(reason), Some(body)));
        if body.is_some() {
            let _ = write!(text, "Content-Type: {MEDIA_TYPE}\r\n");
        }
        let body = body.as_ref().map_or(&[][..], |body| body);
        let _ = write!(text, "Content-Length: {}\r\n\r\n", body.len());

        let mut bytes = Zeroizing::new(Vec::with_capacity(text.len() + body.len()));
        bytes.extend_from_slice(text.as_bytes());
        bytes.extend_from_slice(body);
        Response { bytes, status: self.status, reason, closes: self.closes }
    }
}
