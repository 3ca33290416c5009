// SPDX-License-Identifier: MIT OR Apache-2.0
//! Events: one line each, for people and for programs.

use std::time::Duration;

use culvert_api::v1;
use serde::Serialize;

use super::model::{Endpoint, authority_state, time};

/// `session watch`, one object per line.
#[derive(Debug, Serialize)]
pub(crate) struct Event {
    time: Option<String>,
    session_id: String,
    media: u32,
    leg: u32,
    #[serde(flatten)]
    kind: Kind,
}

#[derive(Debug, Serialize)]
#[serde(tag = "event", rename_all = "snake_case")]
enum Kind {
    FirstMedia,
    MediaTimeout {
        silent_for_seconds: f64,
    },
    AddressLearnt {
        source: Option<Endpoint>,
        rtcp: bool,
    },
    AuthenticationFailures {
        in_last_second: u64,
        total: u64,
    },
    RekeyDone,
    KeyExpiring {
        packets_left: u64,
    },
    KeyExpired,
    AuthorityEnded {
        state: &'static str,
    },
    SessionCreated,
    SessionDeleted,
    EventsLost {
        count: u64,
    },
    /// From a relay that is newer than this program.
    Unknown,
}

impl From<v1::Event> for Event {
    fn from(event: v1::Event) -> Self {
        use v1::event::Kind as Wire;
        let kind = match event.kind {
            None => Kind::Unknown,
            Some(Wire::FirstMedia(_)) => Kind::FirstMedia,
            Some(Wire::MediaTimeout(timeout)) => Kind::MediaTimeout {
                silent_for_seconds: timeout
                    .silent_for
                    .and_then(|duration| Duration::try_from(duration).ok())
                    .unwrap_or_default()
                    .as_secs_f64(),
            },
            Some(Wire::AddressLearnt(learnt)) => {
                Kind::AddressLearnt { source: learnt.source.map(Into::into), rtcp: learnt.rtcp }
            }
            Some(Wire::AuthenticationFailures(failures)) => Kind::AuthenticationFailures {
                in_last_second: failures.in_last_second,
                total: failures.total,
            },
            Some(Wire::RekeyDone(_)) => Kind::RekeyDone,
            Some(Wire::KeyExpiring(key)) => Kind::KeyExpiring { packets_left: key.packets_left },
            Some(Wire::KeyExpired(_)) => Kind::KeyExpired,
            Some(Wire::AuthorityEnded(ended)) => {
                Kind::AuthorityEnded { state: authority_state(ended.state()) }
            }
            Some(Wire::SessionCreated(_)) => Kind::SessionCreated,
            Some(Wire::SessionDeleted(_)) => Kind::SessionDeleted,
            Some(Wire::EventsLost(lost)) => Kind::EventsLost { count: lost.count },
        };
        Self {
            time: time(event.time),
            session_id: event.session_id,
            media: event.media,
            leg: event.leg,
            kind,
        }
    }
}

impl Event {
    /// "TIME SESSION media 0 leg 1: what happened".
    pub(crate) fn line(&self) -> String {
        let time = self.time.as_deref().unwrap_or("-");
        let leg = format!("media {} leg {}", self.media, self.leg);
        let what = match &self.kind {
            Kind::FirstMedia => format!("{leg}: first media"),
            Kind::MediaTimeout { silent_for_seconds } => {
                format!("media {}: no media for {silent_for_seconds:.0} s", self.media)
            }
            Kind::AddressLearnt { source, rtcp } => {
                let source = source.as_ref().map_or_else(|| "?".to_owned(), ToString::to_string);
                let protocol = if *rtcp { "RTCP" } else { "RTP" };
                format!("{leg}: {protocol} comes from {source}")
            }
            Kind::AuthenticationFailures { in_last_second, total } => {
                format!(
                    "{leg}: {in_last_second} packets failed authentication in the last second, {total} in all"
                )
            }
            Kind::RekeyDone => format!("{leg}: new keys in use"),
            Kind::KeyExpiring { packets_left } => {
                format!("{leg}: key expires in {packets_left} packets, update it")
            }
            Kind::KeyExpired => format!("{leg}: key expired, update it"),
            Kind::AuthorityEnded { state } => {
                format!("{leg}: credential {state}, its keys are erased: key the leg anew")
            }
            Kind::SessionCreated => "created".to_owned(),
            Kind::SessionDeleted => "deleted".to_owned(),
            Kind::EventsLost { count } => return format!("{time} {count} events were lost: read faster"),
            Kind::Unknown => format!("{leg}: an event that this version does not know"),
        };
        format!("{time} {} {what}", self.session_id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use v1::event::Kind as Wire;

    fn event(kind: Option<Wire>) -> Event {
        let time = Some(prost_types::Timestamp { seconds: 1_700_000_000, nanos: 0 });
        v1::Event { time, session_id: "call-7".to_owned(), media: 0, leg: 1, kind }.into()
    }

    #[test]
    fn every_event_has_its_line_and_its_object() {
        let source = Some(v1::Endpoint { address: "2001:db8::9".to_owned(), port: 4000 });
        let silent_for = Some(prost_types::Duration { seconds: 30, nanos: 500_000_000 });
        let failures = v1::AuthenticationFailures { in_last_second: 9, total: 12 };
        #[rustfmt::skip]
        let cases = [
            (Some(Wire::FirstMedia(v1::FirstMedia {})), "call-7 media 0 leg 1: first media", r#""event":"first_media""#),
            (Some(Wire::MediaTimeout(v1::MediaTimeout { silent_for })), "call-7 media 0: no media for 30 s", r#""event":"media_timeout","silent_for_seconds":30.5"#),
            (Some(Wire::AddressLearnt(v1::AddressLearnt { source, rtcp: true })), "call-7 media 0 leg 1: RTCP comes from [2001:db8::9]:4000", r#""event":"address_learnt","source":{"address":"2001:db8::9","port":4000},"rtcp":true"#),
            (Some(Wire::AuthenticationFailures(failures)), "call-7 media 0 leg 1: 9 packets failed authentication in the last second, 12 in all", r#""event":"authentication_failures","in_last_second":9,"total":12"#),
            (Some(Wire::RekeyDone(v1::RekeyDone {})), "call-7 media 0 leg 1: new keys in use", r#""event":"rekey_done""#),
            (Some(Wire::KeyExpiring(v1::KeyExpiring { packets_left: 7 })), "call-7 media 0 leg 1: key expires in 7 packets, update it", r#""event":"key_expiring","packets_left":7"#),
            (Some(Wire::KeyExpired(v1::KeyExpired {})), "call-7 media 0 leg 1: key expired, update it", r#""event":"key_expired""#),
            (Some(Wire::AuthorityEnded(v1::AuthorityEnded { state: v1::AuthorityState::Revoked.into() })), "call-7 media 0 leg 1: credential revoked, its keys are erased: key the leg anew", r#""event":"authority_ended","state":"revoked""#),
            (Some(Wire::SessionCreated(v1::SessionCreated {})), "call-7 created", r#""event":"session_created""#),
            (Some(Wire::SessionDeleted(v1::SessionDeleted {})), "call-7 deleted", r#""event":"session_deleted""#),
            (Some(Wire::EventsLost(v1::EventsLost { count: 3 })), "3 events were lost: read faster", r#""event":"events_lost","count":3"#),
            (None, "call-7 media 0 leg 1: an event that this version does not know", r#""event":"unknown""#),
        ];
        for (kind, line, object) in cases {
            let event = event(kind);
            assert_eq!(event.line(), format!("2023-11-14T22:13:20.000Z {line}"));
            let json = serde_json::to_string(&event).unwrap();
            let head = r#"{"time":"2023-11-14T22:13:20.000Z","session_id":"call-7","media":0,"leg":1,"#;
            assert_eq!(json, format!("{head}{object}}}"));
        }
    }
}
