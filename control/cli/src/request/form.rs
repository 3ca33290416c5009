// SPDX-License-Identifier: MIT OR Apache-2.0
//! What a session file may say. The names are those of `culvert/v1/relay.proto`; none of these types has `Debug`,
//! because keys pass through them.

use std::time::Duration;

use culvert_api::v1;
use serde::Deserialize;

use super::protection::Protection;
use crate::error::CliError;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Create {
    #[serde(default)]
    session_id: String,
    media: Vec<Media>,
    #[serde(default)]
    media_timeout: Option<String>,
}

impl Create {
    pub(super) fn request(self) -> Result<v1::CreateSessionRequest, CliError> {
        let media_timeout = match &self.media_timeout {
            None => None,
            Some(text) => {
                let parsed = humantime::parse_duration(text);
                Some(duration(
                    "media_timeout",
                    parsed.map_err(|error| CliError::value("media_timeout", format!("{text:?}: {error}")))?,
                )?)
            }
        };
        let media = self.media.into_iter().enumerate();
        let media = media
            .map(|(index, media)| media.message(&format!("media[{index}]")))
            .collect::<Result<_, _>>()?;
        Ok(v1::CreateSessionRequest { session_id: self.session_id, media, media_timeout })
    }
}

pub(super) fn duration(name: &str, duration: Duration) -> Result<prost_types::Duration, CliError> {
    prost_types::Duration::try_from(duration).map_err(|_| CliError::value(name, "is too long"))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Media {
    #[serde(default)]
    kind: MediaKind,
    #[serde(default)]
    clock_rate: u32,
    #[serde(default)]
    expected: Option<Traffic>,
    legs: Vec<Leg>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Traffic {
    #[serde(default)]
    packets_per_second: u32,
    #[serde(default)]
    payload_bytes: u32,
}

impl Media {
    fn message(self, path: &str) -> Result<v1::Media, CliError> {
        let legs = self.legs.into_iter().enumerate();
        let legs = legs
            .map(|(index, leg)| leg.message(&format!("{path}.legs[{index}]")))
            .collect::<Result<_, _>>()?;
        Ok(v1::Media {
            kind: v1::MediaKind::from(self.kind).into(),
            clock_rate: self.clock_rate,
            legs,
            expected: self.expected.map(|traffic| v1::Traffic {
                packets_per_second: traffic.packets_per_second,
                payload_bytes: traffic.payload_bytes,
            }),
        })
    }
}

#[derive(Clone, Copy, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
enum MediaKind {
    #[default]
    Audio,
    Video,
    ApplicationSharing,
}

impl From<MediaKind> for v1::MediaKind {
    fn from(kind: MediaKind) -> Self {
        match kind {
            MediaKind::Audio => Self::Audio,
            MediaKind::Video => Self::Video,
            MediaKind::ApplicationSharing => Self::ApplicationSharing,
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Leg {
    realm: String,
    #[serde(default)]
    remote: Option<Remote>,
    #[serde(default)]
    protection: Option<Protection>,
    #[serde(default)]
    rtcp_mux: bool,
    #[serde(default)]
    encryption: Option<EncryptionLevel>,
    #[serde(default)]
    source: Option<SourceRule>,
    #[serde(default)]
    dscp: Option<u32>,
    #[serde(default)]
    ipv6: bool,
    #[serde(default)]
    max_ssrcs: u32,
    #[serde(default)]
    peer_class: String,
    #[serde(default)]
    peer_offers_srtp: Option<bool>,
}

impl Leg {
    fn message(self, path: &str) -> Result<v1::Leg, CliError> {
        Ok(v1::Leg {
            realm: self.realm,
            remote: self.remote.map(Remote::message),
            protection: self.protection.map(|protection| protection.message(path)).transpose()?,
            rtcp_mux: self.rtcp_mux,
            encryption: self.encryption.map_or(v1::EncryptionLevel::Unspecified, Into::into).into(),
            source: self.source.map_or(v1::SourceRule::Unspecified, Into::into).into(),
            dscp: self.dscp,
            ipv6: self.ipv6,
            max_ssrcs: self.max_ssrcs,
            peer_class: self.peer_class,
            peer_offers_srtp: self.peer_offers_srtp,
        })
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Remote {
    rtp: Endpoint,
    #[serde(default)]
    rtcp: Option<Endpoint>,
}

impl Remote {
    fn message(self) -> v1::Remote {
        v1::Remote { rtp: Some(self.rtp.message()), rtcp: self.rtcp.map(Endpoint::message) }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Endpoint {
    address: String,
    port: u32,
}

impl Endpoint {
    fn message(self) -> v1::Endpoint {
        v1::Endpoint { address: self.address, port: self.port }
    }
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
enum EncryptionLevel {
    Required,
    Supported,
    NotSupported,
}

impl From<EncryptionLevel> for v1::EncryptionLevel {
    fn from(level: EncryptionLevel) -> Self {
        match level {
            EncryptionLevel::Required => Self::Required,
            EncryptionLevel::Supported => Self::Supported,
            EncryptionLevel::NotSupported => Self::NotSupported,
        }
    }
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
enum SourceRule {
    Fixed,
    Learn,
    SignalledAddress,
    LearnAny,
}

impl From<SourceRule> for v1::SourceRule {
    fn from(rule: SourceRule) -> Self {
        match rule {
            SourceRule::Fixed => Self::Fixed,
            SourceRule::Learn => Self::Learn,
            SourceRule::SignalledAddress => Self::SignalledAddress,
            SourceRule::LearnAny => Self::LearnAny,
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Update {
    #[serde(default)]
    session_id: String,
    legs: Vec<LegUpdate>,
}

impl Update {
    pub(super) fn request(self) -> Result<v1::UpdateSessionRequest, CliError> {
        let legs = self.legs.into_iter().enumerate();
        let legs =
            legs.map(|(index, leg)| leg.message(&format!("legs[{index}]"))).collect::<Result<_, _>>()?;
        Ok(v1::UpdateSessionRequest { session_id: self.session_id, legs })
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct LegUpdate {
    media: u32,
    leg: u32,
    #[serde(default)]
    remote: Option<Remote>,
    #[serde(default)]
    protection: Option<Protection>,
    #[serde(default)]
    held: Option<bool>,
    #[serde(default)]
    dscp: Option<u32>,
    #[serde(default)]
    source: Option<SourceRule>,
}

impl LegUpdate {
    fn message(self, path: &str) -> Result<v1::LegUpdate, CliError> {
        Ok(v1::LegUpdate {
            media: self.media,
            leg: self.leg,
            remote: self.remote.map(Remote::message),
            protection: self.protection.map(|protection| protection.message(path)).transpose()?,
            held: self.held,
            dscp: self.dscp,
            source: self.source.map_or(v1::SourceRule::Unspecified, Into::into).into(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use v1::protection::Kind;

    const FULL: &str = r#"{
        "session_id": "call-7", "media_timeout": "1m 30s",
        "media": [{"kind": "video", "clock_rate": 90000,
         "expected": {"packets_per_second": 400, "payload_bytes": 900}, "legs": [
            {"realm": "outside", "rtcp_mux": true, "encryption": "required", "source": "learn", "max_ssrcs": 8,
             "remote": {"rtp": {"address": "192.0.2.10", "port": 40000}, "rtcp": {"address": "192.0.2.11", "port": 9}},
             "protection": {"srtp": {"suite": "AEAD_AES_128_GCM",
                "receive": [{"key": "000102030405060708090a0b0c0d0e0f", "salt": "a0a1a2a3a4a5a6a7a8a9aAaB"}],
                "send": [{"key": "ff", "salt": "", "mki": "0102", "lifetime": 5}]}}},
            {"realm": "inside", "dscp": 46, "ipv6": true, "peer_class": "gateway", "peer_offers_srtp": false,
             "protection": {"plain": {}}}
        ]}]}"#;

    #[test]
    fn every_field_of_a_file_is_in_the_request() {
        let form: Create = serde_json::from_str(FULL).unwrap();
        let request = form.request().unwrap();
        assert_eq!(request.media_timeout, Some(prost_types::Duration { seconds: 90, nanos: 0 }));
        let media = &request.media[0];
        assert_eq!(
            (request.session_id.as_str(), media.kind(), media.clock_rate),
            ("call-7", v1::MediaKind::Video, 90000)
        );
        assert_eq!(media.expected, Some(v1::Traffic { packets_per_second: 400, payload_bytes: 900 }));
        let first = &media.legs[0];
        let endpoint = |address: &str, port| Some(v1::Endpoint { address: address.to_owned(), port });
        let remote = v1::Remote { rtp: endpoint("192.0.2.10", 40000), rtcp: endpoint("192.0.2.11", 9) };
        assert_eq!(first.remote.as_ref(), Some(&remote));
        assert_eq!((first.rtcp_mux, first.max_ssrcs, first.dscp), (true, 8, None));
        assert_eq!(
            (first.encryption(), first.source()),
            (v1::EncryptionLevel::Required, v1::SourceRule::Learn)
        );
        let Some(Kind::Srtp(keys)) = first.protection.as_ref().unwrap().kind.as_ref() else {
            panic!("no keys")
        };
        assert_eq!(keys.receive[0].key, (0..16).collect::<Vec<u8>>());
        assert_eq!(keys.receive[0].salt, (0xa0..=0xab).collect::<Vec<u8>>());
        assert_eq!((keys.send[0].mki.as_slice(), keys.send[0].lifetime), (&[1, 2][..], 5));
        let second = &media.legs[1];
        assert_eq!(
            (second.dscp, second.ipv6, second.encryption()),
            (Some(46), true, v1::EncryptionLevel::Unspecified)
        );
        assert_eq!((second.peer_class.as_str(), second.peer_offers_srtp), ("gateway", Some(false)));
        assert_eq!((first.peer_class.as_str(), first.peer_offers_srtp), ("", None));
        assert!(matches!(second.protection.as_ref().unwrap().kind, Some(Kind::Plain(_))));
    }

    #[test]
    fn a_key_that_is_no_hex_is_named_and_not_shown() {
        let form: Create = serde_json::from_str(&FULL.replace("\"ff\"", "\"SECRET\"")).unwrap();
        let error = form.request().unwrap_err().to_string();
        assert_eq!(
            error,
            "media[0].legs[0].protection.srtp.send[0].key: is not an even number of hex digits"
        );
    }

    #[test]
    fn unknown_names_are_refused() {
        for (from, to) in [
            ("\"realm\"", "\"realms\""),
            ("\"required\"", "\"Required\""),
            ("\"plain\": {}", "\"clear\": {}"),
        ] {
            assert!(serde_json::from_str::<Create>(&FULL.replacen(from, to, 1)).is_err(), "{to}");
        }
        assert!(serde_json::from_str::<Update>(r#"{"legs": [{"media": 0}]}"#).is_err());
    }

    #[test]
    fn an_update_leaves_unset_what_it_does_not_say() {
        let form: Update =
            serde_json::from_str(r#"{"legs": [{"media": 0, "leg": 1, "held": false}]}"#).unwrap();
        let update = v1::LegUpdate { leg: 1, held: Some(false), ..v1::LegUpdate::default() };
        assert_eq!(form.request().unwrap().legs, [update]);
    }
}
