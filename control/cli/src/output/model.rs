// SPDX-License-Identifier: MIT OR Apache-2.0
//! Shapes that sessions, nodes and events share.

use std::collections::{BTreeMap, HashMap};
use std::time::SystemTime;

use culvert_api::v1;
use serde::Serialize;

/// Counts by name, in the order of the names.
pub(super) type Counts = BTreeMap<String, u64>;

pub(super) fn counts(map: HashMap<String, u64>) -> Counts {
    map.into_iter().collect()
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Endpoint {
    pub(super) address: String,
    pub(super) port: u32,
}

impl From<v1::Endpoint> for Endpoint {
    fn from(endpoint: v1::Endpoint) -> Self {
        Self { address: endpoint.address, port: endpoint.port }
    }
}

impl std::fmt::Display for Endpoint {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.address.contains(':') {
            write!(formatter, "[{}]:{}", self.address, self.port)
        } else {
            write!(formatter, "{}:{}", self.address, self.port)
        }
    }
}

/// RTP and RTCP addresses of one side.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Pair {
    pub(super) rtp: Option<Endpoint>,
    pub(super) rtcp: Option<Endpoint>,
}

impl From<v1::Remote> for Pair {
    fn from(remote: v1::Remote) -> Self {
        Self { rtp: remote.rtp.map(Into::into), rtcp: remote.rtcp.map(Into::into) }
    }
}

/// The credential under which a leg was keyed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Authority {
    pub(super) credential_id: String,
    /// Null where the credential hides it.
    pub(super) identity: Option<String>,
    pub(super) expiry: Option<String>,
    pub(super) state: &'static str,
}

impl From<v1::Authority> for Authority {
    fn from(authority: v1::Authority) -> Self {
        Self {
            state: authority_state(authority.state()),
            credential_id: authority.credential_id,
            identity: given(authority.identity),
            expiry: time(authority.expiry),
        }
    }
}

pub(super) fn authority_state(state: v1::AuthorityState) -> &'static str {
    match state {
        v1::AuthorityState::Unspecified => "unspecified",
        v1::AuthorityState::Valid => "valid",
        v1::AuthorityState::Revoked => "revoked",
        v1::AuthorityState::Expired => "expired",
    }
}

pub(crate) fn media_kind(kind: v1::MediaKind) -> &'static str {
    match kind {
        v1::MediaKind::Unspecified => "unspecified",
        v1::MediaKind::Audio => "audio",
        v1::MediaKind::Video => "video",
        v1::MediaKind::ApplicationSharing => "application_sharing",
    }
}

pub(super) fn encryption(level: v1::EncryptionLevel) -> &'static str {
    match level {
        v1::EncryptionLevel::Unspecified => "unspecified",
        v1::EncryptionLevel::Required => "required",
        v1::EncryptionLevel::Supported => "supported",
        v1::EncryptionLevel::NotSupported => "not_supported",
    }
}

/// Text that the relay leaves empty where there is none.
pub(super) fn given(text: String) -> Option<String> {
    Some(text).filter(|text| !text.is_empty())
}

/// RFC 3339 in UTC with milliseconds.
pub(crate) fn time(timestamp: Option<prost_types::Timestamp>) -> Option<String> {
    let time = SystemTime::try_from(timestamp?).ok()?;
    // humantime cannot write years past 9999.
    let seconds = time.duration_since(SystemTime::UNIX_EPOCH).ok()?.as_secs();
    (seconds < 253_402_300_800).then(|| humantime::format_rfc3339_millis(time).to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_rfc_3339_or_nothing() {
        let text = |seconds, nanos| time(Some(prost_types::Timestamp { seconds, nanos }));
        assert_eq!(text(1_700_000_000, 123_456_789).as_deref(), Some("2023-11-14T22:13:20.123Z"));
        assert_eq!([text(-1, 0), text(i64::MAX, 0), time(None)], [None, None, None]);
    }

    #[test]
    fn an_ipv6_address_is_bracketed() {
        let endpoint = |address: &str| Endpoint { address: address.to_owned(), port: 5004 }.to_string();
        assert_eq!(endpoint("192.0.2.1"), "192.0.2.1:5004");
        assert_eq!(endpoint("2001:db8::1"), "[2001:db8::1]:5004");
    }
}
