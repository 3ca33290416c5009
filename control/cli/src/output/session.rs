// SPDX-License-Identifier: MIT OR Apache-2.0
//! Sessions as `--json` writes them. A stable form of its own: fields are added, never renamed.

use culvert_api::v1;
use serde::Serialize;
use serde_json::Value;

use super::model::{Authority, Counts, Pair, counts, encryption, given, media_kind, time};

/// `session list`.
#[derive(Debug, Serialize)]
pub(crate) struct SessionList {
    pub(crate) sessions: Vec<Session>,
    /// How many there are, also when fewer were asked for.
    pub(crate) total: u64,
}

/// `session delete`: the session's last state, and what the audit trail keeps of it.
#[derive(Debug, Serialize)]
pub(crate) struct Ended {
    #[serde(flatten)]
    pub(crate) session: Session,
    /// What the trail has of it, where one is kept.
    receipt: Option<Value>,
}

impl From<v1::DeleteSessionResponse> for Ended {
    fn from(answer: v1::DeleteSessionResponse) -> Self {
        // A relay that is newer than this program may write it otherwise: then as text.
        let receipt = given(answer.receipt);
        let receipt = receipt.map(|line| serde_json::from_str(&line).unwrap_or(Value::String(line)));
        Self { session: answer.session.unwrap_or_default().into(), receipt }
    }
}

/// `session create`, `update` and `show`.
#[derive(Debug, Serialize)]
pub(crate) struct Session {
    pub(super) session_id: String,
    pub(super) owner: String,
    pub(super) created: Option<String>,
    pub(super) worker: u32,
    pub(super) media: Vec<Media>,
}

#[derive(Debug, Serialize)]
pub(super) struct Media {
    pub(super) kind: &'static str,
    pub(super) clock_rate: u32,
    pub(super) legs: Vec<Leg>,
}

#[derive(Debug, Serialize)]
pub(super) struct Leg {
    pub(super) realm: String,
    pub(super) local: Pair,
    pub(super) signalled: Option<Pair>,
    pub(super) learnt: Option<Pair>,
    /// "plain", the suite's name, or "" when not yet known.
    pub(super) protection: String,
    pub(super) encryption: &'static str,
    pub(super) source: &'static str,
    pub(super) rtcp_mux: bool,
    pub(super) held: bool,
    /// Null: as it came.
    pub(super) dscp: Option<u32>,
    pub(super) receive_ready: bool,
    pub(super) send_ready: bool,
    pub(super) rekeys: u32,
    pub(super) peer_class: Option<String>,
    /// Null where the front end gave the keys.
    pub(super) authority: Option<Authority>,
    pub(super) received: Received,
}

/// What came in on a leg.
#[derive(Debug, Default, Serialize)]
pub(super) struct Received {
    pub(super) packets: u64,
    pub(super) bytes: u64,
    pub(super) rtcp_packets: u64,
    pub(super) drops: Counts,
    pub(super) last_packet: Option<String>,
    pub(super) streams: Vec<Stream>,
}

#[derive(Debug, Serialize)]
pub(super) struct Stream {
    pub(super) ssrc: u32,
    pub(super) packets: u64,
    pub(super) lost: i64,
    pub(super) jitter: u32,
    pub(super) jitter_ms: f64,
    pub(super) highest_sequence: u32,
    /// Of the expected packets, 0 to 1.
    pub(super) loss_ratio: f64,
    /// Estimated mean opinion score, 1 to 4.5; null but for audio.
    pub(super) mos: Option<f64>,
}

impl From<v1::Session> for Session {
    fn from(session: v1::Session) -> Self {
        Self {
            session_id: session.session_id,
            owner: session.owner,
            created: time(session.created),
            worker: session.worker,
            media: session.media.into_iter().map(Into::into).collect(),
        }
    }
}

impl From<v1::MediaStatus> for Media {
    fn from(media: v1::MediaStatus) -> Self {
        Self {
            kind: media_kind(media.kind()),
            clock_rate: media.clock_rate,
            legs: media.legs.into_iter().map(Into::into).collect(),
        }
    }
}

impl From<v1::LegStatus> for Leg {
    fn from(leg: v1::LegStatus) -> Self {
        Self {
            encryption: encryption(leg.encryption()),
            source: match leg.source() {
                v1::SourceRule::Unspecified => "unspecified",
                v1::SourceRule::Fixed => "fixed",
                v1::SourceRule::Learn => "learn",
                v1::SourceRule::SignalledAddress => "signalled_address",
                v1::SourceRule::LearnAny => "learn_any",
            },
            realm: leg.realm,
            local: Pair { rtp: leg.local_rtp.map(Into::into), rtcp: leg.local_rtcp.map(Into::into) },
            signalled: leg.signalled.map(Into::into),
            learnt: leg.learnt.map(Into::into),
            protection: leg.protection,
            rtcp_mux: leg.rtcp_mux,
            held: leg.held,
            dscp: leg.dscp,
            receive_ready: leg.receive_ready,
            send_ready: leg.send_ready,
            rekeys: leg.rekeys,
            peer_class: given(leg.peer_class),
            authority: leg.authority.map(Into::into),
            received: leg.received.map(Into::into).unwrap_or_default(),
        }
    }
}

impl From<v1::FlowCounters> for Received {
    fn from(counters: v1::FlowCounters) -> Self {
        Self {
            packets: counters.packets,
            bytes: counters.bytes,
            rtcp_packets: counters.rtcp_packets,
            drops: counts(counters.drops),
            last_packet: time(counters.last_packet),
            streams: counters.streams.into_iter().map(Into::into).collect(),
        }
    }
}

impl From<v1::StreamStatistics> for Stream {
    fn from(stream: v1::StreamStatistics) -> Self {
        Self {
            ssrc: stream.ssrc,
            packets: stream.packets,
            lost: stream.lost,
            jitter: stream.jitter,
            jitter_ms: stream.jitter_ms,
            highest_sequence: stream.highest_sequence,
            loss_ratio: stream.loss_ratio,
            mos: (stream.mos > 0.0).then_some(stream.mos),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::output::fixture;
    use serde_json::json;

    #[test]
    fn every_field_of_the_answer_is_there_under_its_name() {
        let authority = json!({
            "credential_id": "c0".repeat(16), "identity": "sip:alice@example.org",
            "expiry": "2023-11-15T06:13:20.000Z", "state": "valid",
        });
        let outside = json!({
            "realm": "outside",
            "local": {
                "rtp": {"address": "203.0.113.7", "port": 20000},
                "rtcp": {"address": "203.0.113.7", "port": 20000},
            },
            "signalled": {
                "rtp": {"address": "192.0.2.10", "port": 40000},
                "rtcp": {"address": "192.0.2.10", "port": 40001},
            },
            "learnt": {"rtp": {"address": "192.0.2.77", "port": 1024}, "rtcp": null},
            "protection": "AES_CM_128_HMAC_SHA1_80", "encryption": "required", "source": "learn",
            "rtcp_mux": true, "held": false, "dscp": null, "receive_ready": true, "send_ready": true,
            "rekeys": 1, "peer_class": null,
            "authority": authority,
            "received": {
                "packets": 250, "bytes": 5120, "rtcp_packets": 3,
                "drops": {"authentication_failed": 2, "replayed": 1},
                "last_packet": "2023-11-14T22:13:25.000Z",
                "streams": [{
                    "ssrc": 7, "packets": 250, "lost": 1, "jitter": 4, "jitter_ms": 0.5,
                    "highest_sequence": 65536, "loss_ratio": 0.004, "mos": 4.375,
                }],
            },
        });
        let inside = json!({
            "realm": "inside",
            "local": {"rtp": {"address": "198.51.100.1", "port": 20000}, "rtcp": null},
            "signalled": null, "learnt": null, "protection": "", "encryption": "supported",
            "source": "signalled_address", "rtcp_mux": false, "held": false, "dscp": 46,
            "receive_ready": false, "send_ready": false, "rekeys": 0,
            "peer_class": "gateway", "authority": null,
            "received": {
                "packets": 0, "bytes": 0, "rtcp_packets": 0, "drops": {}, "last_packet": null,
                "streams": [],
            },
        });
        let expected = json!({
            "session_id": "call-7", "owner": "front-end.culvert.test", "created": "2023-11-14T22:13:20.000Z",
            "worker": 1, "media": [{"kind": "audio", "clock_rate": 8000, "legs": [outside, inside]}],
        });
        assert_eq!(serde_json::to_value(Session::from(fixture::session())).unwrap(), expected);
    }

    #[test]
    fn an_ended_session_has_its_receipt() {
        let receipt = |receipt: &str| {
            let session = Some(fixture::session());
            serde_json::to_value(Ended::from(v1::DeleteSessionResponse {
                session,
                receipt: receipt.to_owned(),
            }))
            .unwrap()
        };
        let mut expected = serde_json::to_value(Session::from(fixture::session())).unwrap();
        expected["receipt"] = json!({"session_id": "call-7", "media": []});
        assert_eq!(receipt(r#"{"session_id":"call-7","media":[]}"#), expected);
        expected["receipt"] = json!("call-7 is over");
        assert_eq!(receipt("call-7 is over"), expected);
        expected["receipt"] = json!(null);
        assert_eq!(receipt(""), expected);
    }
}
