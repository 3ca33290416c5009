// SPDX-License-Identifier: MIT OR Apache-2.0
//! Which request gets which response.

use std::{
    fmt,
    hash::{BuildHasher as _, RandomState},
    sync::Arc,
};

use ezk_sip_types::Name;

use crate::{
    CredentialIssuer, Credentials, FrontEnd, IssueError, Limits, MEDIA_TYPE, Malformed, Message,
    ReasonPhrase, Request, Response,
    sip::{Draft, Head, Start, Target, Unread},
    xml::{self, Refused, Unwritable},
};

const METHODS: &str = "SERVICE, OPTIONS";

/// The media relay authentication service. Clones share the issuer.
#[derive(Clone)]
pub struct Service {
    issuer: Arc<dyn CredentialIssuer>,
    limits: Limits,
    /// Tags follow from the request, so that a repeated one gets the same: RFC 3261, section 8.2.7.
    tags: RandomState,
}

impl fmt::Debug for Service {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Service").field("limits", &self.limits).finish_non_exhaustive()
    }
}

impl Service {
    /// A service that gets its credentials from `issuer`.
    pub fn new(issuer: Arc<dyn CredentialIssuer>, limits: Limits) -> Service {
        Service { issuer, limits, tags: RandomState::new() }
    }

    /// What one connection may take.
    pub fn limits(&self) -> Limits {
        self.limits
    }

    /// The response to a message of an authenticated front end. None for what is not to be answered: responses and ACK.
    pub fn answer(&self, front_end: &FrontEnd, message: &Message) -> Option<Response> {
        let head = &message.head;
        let draft = match &head.start {
            Start::Response => return None,
            Start::Request { method, .. } if method == "ACK" => return None,
            Start::Malformed => Draft::new(400),
            Start::OtherVersion => Draft::new(505),
            Start::Request { method, target } => self.request(front_end, message, method, *target),
        };
        let draft = match message.body {
            Err(Unread::Head(fault)) => {
                Draft::new(if head.start == Start::OtherVersion { 505 } else { 400 }).warning(fault).closing()
            }
            Err(_) => draft.closing(),
            Ok(_) => draft,
        };
        Some(draft.finish(head, self.tag(head)))
    }

    /// RFC 3261, section 8.2, in its order. Max-Forwards is for proxies: a request that arrives here with none left has arrived.
    fn request(&self, front_end: &FrontEnd, message: &Message, method: &str, target: Target) -> Draft {
        let head = &message.head;
        if let Some(problem) = head.problem(method) {
            return Draft::new(400).warning(problem);
        }
        match (method, target) {
            (_, Target::Malformed) => return Draft::new(400).warning("the Request-URI is malformed"),
            (_, Target::OtherScheme) => return Draft::new(416),
            // Every request is answered before the next is read, so there is none to cancel.
            ("CANCEL", _) => return Draft::new(481),
            ("SERVICE" | "OPTIONS", _) => {}
            _ => return Draft::new(405).header(&Name::ALLOW, METHODS),
        }
        let required: Vec<_> = head.list(&Name::REQUIRE).collect();
        if !required.is_empty() {
            return Draft::new(420).header(&Name::UNSUPPORTED, &required.join(", "));
        }
        if method == "OPTIONS" {
            return Draft::new(200)
                .header(&Name::ALLOW, METHODS)
                .header(&Name::ACCEPT, MEDIA_TYPE)
                .header(&Name::ACCEPT_ENCODING, "identity")
                .header(&Name::SUPPORTED, "");
        }
        if head.list(&Name::CONTENT_ENCODING).any(|encoding| !encoding.eq_ignore_ascii_case("identity")) {
            return Draft::new(415).header(&Name::ACCEPT_ENCODING, "identity");
        }
        if !is_ours(head) {
            return Draft::new(415).header(&Name::ACCEPT, MEDIA_TYPE);
        }
        match &message.body {
            Ok(body) => self.credentials(front_end, body),
            Err(Unread::Late) => refusal(ReasonPhrase::TimeOut, None),
            Err(Unread::TooLarge) => Draft::new(413).warning("the body is larger than this server reads"),
            Err(Unread::Head(fault)) => Draft::new(400).warning(fault),
        }
    }

    fn credentials(&self, front_end: &FrontEnd, body: &[u8]) -> Draft {
        let request = match xml::parse(body) {
            Ok(request) => request,
            Err(Refused::Malformed(malformed)) => return self::malformed(malformed),
            Err(Refused::TooLarge(request)) => return refusal(ReasonPhrase::RequestTooLarge, Some(&request)),
            Err(Refused::Version(request)) => return refusal(ReasonPhrase::VersionMismatch, Some(&request)),
        };
        match self.issuer.issue(front_end, &request) {
            Ok(credentials) => outcome(ReasonPhrase::Ok, Some(&request), &credentials)
                .unwrap_or_else(|Unwritable| refusal(ReasonPhrase::InternalServerError, Some(&request))),
            Err(error) => {
                let draft = refusal(error.reason(), Some(&request));
                match error {
                    // Whole seconds, and never too early.
                    IssueError::ServerBusy { retry_after } => {
                        let seconds = retry_after.as_millis().div_ceil(1000).max(1);
                        draft.header(&Name::RETRY_AFTER, &seconds.to_string())
                    }
                    _ => draft,
                }
            }
        }
    }

    fn tag(&self, head: &Head) -> u64 {
        let parts = [Name::VIA, Name::FROM, Name::CALL_ID, Name::CSEQ];
        self.tags.hash_one(parts.map(|name| head.value(&name).unwrap_or_default().to_owned()))
    }
}

fn malformed(malformed: Malformed) -> Draft {
    refusal(ReasonPhrase::RequestMalformed, None).warning(&malformed.to_string())
}

fn refusal(reason: ReasonPhrase, request: Option<&Request>) -> Draft {
    outcome(reason, request, &[]).unwrap_or_else(|Unwritable| Draft::new(500))
}

fn outcome(
    reason: ReasonPhrase,
    request: Option<&Request>,
    credentials: &[Credentials],
) -> Result<Draft, Unwritable> {
    let body = xml::body(reason, request, credentials)?;
    let bytes = xml::write(body).map_err(|_| Unwritable)?;
    Ok(Draft::new(reason.status()).body(reason, bytes))
}

/// Whether there is one Content-Type and it is ours, in UTF-8.
fn is_ours(head: &Head) -> bool {
    let mut types = head.values(&Name::CONTENT_TYPE);
    let (Some(content_type), None) = (types.next(), types.next()) else { return false };
    let mut parts = content_type.split(';').map(str::trim);
    let media_type = parts.next().unwrap_or_default();
    media_type.eq_ignore_ascii_case(MEDIA_TYPE)
        && parts.filter_map(|parameter| parameter.split_once('=')).all(|(name, value)| {
            !name.trim().eq_ignore_ascii_case("charset")
                || value.trim().trim_matches('"').eq_ignore_ascii_case("utf-8")
        })
}
