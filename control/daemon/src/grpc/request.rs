// SPDX-License-Identifier: MIT OR Apache-2.0
//! From messages of `culvert.v1` to requests of `culvert_session`. What a message can say and a request cannot is
//! refused here; every other check is the session's.

use std::mem;
use std::time::Duration;

use culvert_api::v1;
use culvert_session::{
    EncryptionLevel, EndpointRequest, KeyMaterial, LegRequest, LegUpdate, MediaKind, MediaRequest,
    ProtectionRequest, RemoteRequest, SessionError, SessionRequest, SourceRule, SrtpKeys, Traffic,
    UpdateRequest,
};
use zeroize::Zeroizing;

pub(super) fn create(message: v1::CreateSessionRequest) -> Result<SessionRequest, SessionError> {
    let media_timeout = message.media_timeout.map(timeout).transpose()?;
    let media = message
        .media
        .into_iter()
        .enumerate()
        .map(|(index, media)| self::media(media, &format!("media[{index}]")))
        .collect::<Result<_, _>>()?;
    Ok(SessionRequest { session_id: message.session_id, media, media_timeout })
}

pub(super) fn update(message: v1::UpdateSessionRequest) -> Result<UpdateRequest, SessionError> {
    let legs = message
        .legs
        .into_iter()
        .enumerate()
        .map(|(index, leg)| {
            Ok(LegUpdate {
                media: leg.media,
                leg: leg.leg,
                remote: leg.remote.map(remote),
                protection: protection(leg.protection),
                held: leg.held,
                dscp: leg.dscp,
                source: source(leg.source, &format!("legs[{index}].source"))?,
            })
        })
        .collect::<Result<_, _>>()?;
    Ok(UpdateRequest { session_id: message.session_id, legs })
}

fn media(message: v1::Media, path: &str) -> Result<MediaRequest, SessionError> {
    let field = format!("{path}.kind");
    let kind = match v1::MediaKind::try_from(message.kind) {
        Ok(v1::MediaKind::Unspecified) => None,
        Ok(v1::MediaKind::Audio) => Some(MediaKind::Audio),
        Ok(v1::MediaKind::Video) => Some(MediaKind::Video),
        Ok(v1::MediaKind::ApplicationSharing) => Some(MediaKind::ApplicationSharing),
        Err(_) => return Err(unknown(field, message.kind, "a MediaKind")),
    };
    let legs = message
        .legs
        .into_iter()
        .enumerate()
        .map(|(index, leg)| self::leg(leg, &format!("{path}.legs[{index}]")))
        .collect::<Result<_, _>>()?;
    let expected = message.expected.map(|traffic| Traffic {
        packets_per_second: traffic.packets_per_second,
        payload_bytes: traffic.payload_bytes,
    });
    Ok(MediaRequest { kind, clock_rate: message.clock_rate, legs, expected })
}

fn leg(message: v1::Leg, path: &str) -> Result<LegRequest, SessionError> {
    let encryption = match v1::EncryptionLevel::try_from(message.encryption) {
        Ok(v1::EncryptionLevel::Unspecified) => None,
        Ok(v1::EncryptionLevel::Required) => Some(EncryptionLevel::Required),
        Ok(v1::EncryptionLevel::Supported) => Some(EncryptionLevel::Supported),
        Ok(v1::EncryptionLevel::NotSupported) => Some(EncryptionLevel::NotSupported),
        Err(_) => {
            return Err(unknown(format!("{path}.encryption"), message.encryption, "an EncryptionLevel"));
        }
    };
    Ok(LegRequest {
        realm: message.realm,
        remote: message.remote.map(remote),
        protection: protection(message.protection),
        rtcp_mux: message.rtcp_mux,
        encryption,
        peer_class: message.peer_class,
        peer_offers_srtp: message.peer_offers_srtp,
        source: source(message.source, &format!("{path}.source"))?,
        dscp: message.dscp,
        ipv6: message.ipv6,
        max_ssrcs: message.max_ssrcs,
    })
}

fn source(value: i32, field: &str) -> Result<Option<SourceRule>, SessionError> {
    match v1::SourceRule::try_from(value) {
        Ok(v1::SourceRule::Unspecified) => Ok(None),
        Ok(v1::SourceRule::Fixed) => Ok(Some(SourceRule::Fixed)),
        Ok(v1::SourceRule::Learn) => Ok(Some(SourceRule::Learn)),
        Ok(v1::SourceRule::SignalledAddress) => Ok(Some(SourceRule::SignalledAddress)),
        Ok(v1::SourceRule::LearnAny) => Ok(Some(SourceRule::LearnAny)),
        Err(_) => Err(unknown(field, value, "a SourceRule")),
    }
}

fn remote(message: v1::Remote) -> RemoteRequest {
    RemoteRequest { rtp: message.rtp.map(endpoint), rtcp: message.rtcp.map(endpoint) }
}

fn endpoint(message: v1::Endpoint) -> EndpointRequest {
    EndpointRequest { address: message.address, port: message.port }
}

fn protection(message: Option<v1::Protection>) -> ProtectionRequest {
    match message.and_then(|protection| protection.kind) {
        None => ProtectionRequest::Unset,
        Some(v1::protection::Kind::Plain(_)) => ProtectionRequest::Plain,
        Some(v1::protection::Kind::Srtp(keys)) => ProtectionRequest::Srtp(SrtpKeys {
            suite: keys.suite,
            receive: keys.receive.into_iter().map(key).collect(),
            send: keys.send.into_iter().map(key).collect(),
        }),
        Some(v1::protection::Kind::Sdes(mut sdes)) => ProtectionRequest::Sdes {
            receive: Zeroizing::new(mem::take(&mut sdes.receive)),
            send: Zeroizing::new(mem::take(&mut sdes.send)),
        },
    }
}

fn key(mut message: v1::MasterKey) -> KeyMaterial {
    KeyMaterial {
        key: Zeroizing::new(mem::take(&mut message.key)),
        salt: Zeroizing::new(mem::take(&mut message.salt)),
        mki: mem::take(&mut message.mki),
        lifetime: message.lifetime,
    }
}

fn timeout(message: prost_types::Duration) -> Result<Duration, SessionError> {
    duration(message).filter(|timeout| !timeout.is_zero()).ok_or_else(|| {
        SessionError::invalid("media_timeout", "must be longer than 0; leave it unset for the default")
    })
}

/// `None` for what is negative. The conversion of `prost_types` negates it, which overflows for the least of all.
pub(super) fn duration(message: prost_types::Duration) -> Option<Duration> {
    let seconds = u64::try_from(message.seconds).ok()?;
    let nanos = u32::try_from(message.nanos).ok()?;
    Duration::from_secs(seconds).checked_add(Duration::from_nanos(nanos.into()))
}

fn unknown(field: impl Into<String>, value: i32, what: &str) -> SessionError {
    SessionError::invalid(field, format!("{value} is not {what} of this interface"))
}
