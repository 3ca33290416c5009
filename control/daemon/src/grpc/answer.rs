// SPDX-License-Identifier: MIT OR Apache-2.0
//! From views, counters and errors to messages of `culvert.v1`.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use culvert_api::v1;
use culvert_engine::FlowCounters;
use culvert_session::{
    Authority, AuthorityState, EncryptionLevel, ErrorKind, FlowKey, LegView, MediaKind, MediaView, Remote,
    SessionError, SessionView, SourceRule,
};
use tonic::Status;

use crate::plane::Plane;
use crate::quality::StreamQuality;

pub(super) fn status(error: &SessionError) -> Status {
    let text = error.to_string();
    match error.kind {
        ErrorKind::InvalidArgument => Status::invalid_argument(text),
        ErrorKind::AlreadyExists => Status::already_exists(text),
        ErrorKind::NotFound => Status::not_found(text),
        ErrorKind::ResourceExhausted => Status::resource_exhausted(text),
        ErrorKind::FailedPrecondition => Status::failed_precondition(text),
        ErrorKind::Unavailable => Status::unavailable(text),
        _ => Status::unknown(text),
    }
}

/// A session, with the counters that `counters` finds for its flows.
pub(super) fn session(
    view: &SessionView,
    plane: &Plane,
    counters: impl Fn(&FlowKey) -> Option<Arc<FlowCounters>>,
) -> v1::Session {
    let media = view.media.iter().enumerate().map(|(index, media)| v1::MediaStatus {
        kind: media_kind(media.kind).into(),
        clock_rate: media.clock_rate,
        legs: media
            .legs
            .iter()
            .zip(0u8..)
            .map(|(leg, from_leg)| {
                let key = FlowKey { session: view.id.clone(), media: index as u8, from_leg };
                let received = counters(&key).map(|flow| direction(&flow, media, plane));
                self::leg(leg, received)
            })
            .collect(),
    });
    v1::Session {
        session_id: view.id.to_string(),
        owner: view.owner.to_string(),
        created: Some(time(view.created)),
        media: media.collect(),
        worker: view.worker,
    }
}

fn leg(view: &LegView, received: Option<v1::FlowCounters>) -> v1::LegStatus {
    let [rtp, rtcp] = view.learnt;
    v1::LegStatus {
        realm: view.realm.clone(),
        local_rtp: Some(endpoint(view.local.rtp)),
        local_rtcp: Some(endpoint(view.local.rtcp)),
        signalled: view.signalled.map(remote),
        learnt: (rtp.is_some() || rtcp.is_some())
            .then(|| v1::Remote { rtp: rtp.map(endpoint), rtcp: rtcp.map(endpoint) }),
        protection: view.protection.to_owned(),
        encryption: encryption(view.encryption).into(),
        source: match view.source {
            SourceRule::Fixed => v1::SourceRule::Fixed,
            SourceRule::Learn => v1::SourceRule::Learn,
            SourceRule::SignalledAddress => v1::SourceRule::SignalledAddress,
            SourceRule::LearnAny => v1::SourceRule::LearnAny,
        }
        .into(),
        rtcp_mux: view.rtcp_mux,
        held: view.held,
        dscp: view.dscp.map(u32::from),
        receive_ready: view.receive_ready,
        send_ready: view.send_ready,
        received,
        rekeys: view.rekeys,
        peer_class: view.peer_class.clone(),
        authority: view.authority.as_ref().map(authority),
    }
}

pub(super) fn authority(authority: &Authority) -> v1::Authority {
    let Authority { credential, state } = authority;
    let identity = credential.claims.subject.identity();
    v1::Authority {
        credential_id: credential.id.to_string(),
        identity: identity.map(|identity| identity.as_str().to_owned()).unwrap_or_default(),
        expiry: Some(time(SystemTime::UNIX_EPOCH + Duration::from_secs(credential.claims.expires))),
        state: authority_state(*state).into(),
    }
}

pub(super) fn authority_state(state: AuthorityState) -> v1::AuthorityState {
    match state {
        AuthorityState::Valid => v1::AuthorityState::Valid,
        AuthorityState::Revoked => v1::AuthorityState::Revoked,
        AuthorityState::Expired => v1::AuthorityState::Expired,
    }
}

pub(super) fn media_kind(kind: MediaKind) -> v1::MediaKind {
    match kind {
        MediaKind::Audio => v1::MediaKind::Audio,
        MediaKind::Video => v1::MediaKind::Video,
        MediaKind::ApplicationSharing => v1::MediaKind::ApplicationSharing,
    }
}

pub(super) fn encryption(level: EncryptionLevel) -> v1::EncryptionLevel {
    match level {
        EncryptionLevel::Required => v1::EncryptionLevel::Required,
        EncryptionLevel::Supported => v1::EncryptionLevel::Supported,
        EncryptionLevel::NotSupported => v1::EncryptionLevel::NotSupported,
    }
}

fn direction(flow: &FlowCounters, media: &MediaView, plane: &Plane) -> v1::FlowCounters {
    v1::FlowCounters {
        packets: flow.packets(),
        bytes: flow.bytes(),
        rtcp_packets: flow.rtcp_packets(),
        drops: drops(flow.drops()),
        last_packet: flow.last_seen().map(|stamp| time(plane.wall(stamp))),
        streams: flow
            .streams()
            .map(|stream| {
                let quality = StreamQuality::of(&stream, media.clock_rate, media.kind);
                v1::StreamStatistics {
                    ssrc: stream.ssrc,
                    packets: stream.packets,
                    lost: stream.lost,
                    jitter: stream.jitter,
                    jitter_ms: f64::from(stream.jitter) * 1000.0 / f64::from(media.clock_rate.max(1)),
                    highest_sequence: stream.highest_sequence,
                    loss_ratio: quality.loss_ratio,
                    mos: quality.mos.unwrap_or_default(),
                }
            })
            .collect(),
    }
}

pub(super) fn drops(drops: impl Iterator<Item = (culvert_engine::DropReason, u64)>) -> HashMap<String, u64> {
    drops.map(|(reason, count)| (reason.name().to_owned(), count)).collect()
}

fn remote(remote: Remote) -> v1::Remote {
    v1::Remote { rtp: Some(endpoint(remote.rtp)), rtcp: Some(endpoint(remote.rtcp)) }
}

pub(super) fn endpoint(address: SocketAddr) -> v1::Endpoint {
    v1::Endpoint { address: address.ip().to_string(), port: u32::from(address.port()) }
}

pub(super) fn time(time: SystemTime) -> prost_types::Timestamp {
    prost_types::Timestamp::from(time)
}
