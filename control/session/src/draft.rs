// SPDX-License-Identifier: MIT OR Apache-2.0
//! A requested session, checked as far as that goes without ports and workers.

use std::time::Duration;

use crate::{
    EncryptionLevel, LegRequest, MediaKind, MediaRequest, NodeConfig, SessionError, SessionRequest,
    SourceRule, Traffic,
    admission::Assumed,
    fingerprint::Fingerprinter,
    keys::{self, NewKeys, NewProtection},
    leg::Protection,
    level, policy, remote,
    view::Remote,
};

/// The most media of a session.
const MAX_MEDIA: usize = 16;
const CLOCK_RATES: std::ops::RangeInclusive<u32> = 1..=1_000_000;
const PACKET_RATES: std::ops::RangeInclusive<u32> = 1..=1_000_000;
const PAYLOADS: std::ops::RangeInclusive<u32> = 1..=9_000;
/// Streams of a leg that asks for no number.
const DEFAULT_SSRCS: u16 = 4;
const TIMEOUTS: std::ops::RangeInclusive<Duration> = Duration::from_secs(1)..=Duration::from_secs(86_400);

#[derive(Debug)]
pub(crate) struct SessionDraft {
    pub(crate) media: Vec<MediaDraft>,
    pub(crate) media_timeout: Duration,
}

#[derive(Debug)]
pub(crate) struct MediaDraft {
    pub(crate) kind: MediaKind,
    pub(crate) clock_rate: u32,
    pub(crate) expected: Traffic,
    pub(crate) legs: [LegDraft; 2],
}

impl MediaDraft {
    /// What admission needs to know of it.
    pub(crate) fn demand(&self) -> (Traffic, [Assumed; 2]) {
        (self.expected, self.legs.each_ref().map(|leg| leg.protection.assumed(leg.encryption)))
    }
}

#[derive(Debug)]
pub(crate) struct LegDraft {
    pub(crate) realm: usize,
    pub(crate) ipv6: bool,
    pub(crate) multiplexed: bool,
    pub(crate) remote: Option<Remote>,
    pub(crate) protection: Protection,
    pub(crate) receive: NewKeys,
    pub(crate) send: NewKeys,
    pub(crate) encryption: EncryptionLevel,
    pub(crate) peer_class: String,
    pub(crate) source: Option<SourceRule>,
    pub(crate) dscp: Option<u8>,
    pub(crate) max_ssrcs: u16,
}

/// The path of a leg.
pub(crate) fn leg_field(media: usize, leg: usize) -> String {
    format!("media[{media}].legs[{leg}]")
}

pub(crate) fn read(
    config: &NodeConfig,
    prints: &Fingerprinter,
    request: &SessionRequest,
) -> Result<SessionDraft, SessionError> {
    let count = request.media.len();
    if count == 0 || count > MAX_MEDIA {
        return Err(SessionError::invalid("media", format!("has {count} entries; give 1 to {MAX_MEDIA}")));
    }
    let media_timeout = request.media_timeout.unwrap_or(config.media_timeout);
    if !TIMEOUTS.contains(&media_timeout) {
        let message = format!("is {media_timeout:?}; give 1 second to 1 day");
        return Err(SessionError::invalid("media_timeout", message));
    }
    let read = |(index, media)| read_media(config, prints, index, media);
    let media = request.media.iter().enumerate().map(read).collect::<Result<_, _>>()?;
    Ok(SessionDraft { media, media_timeout })
}

fn read_media(
    config: &NodeConfig,
    prints: &Fingerprinter,
    index: usize,
    media: &MediaRequest,
) -> Result<MediaDraft, SessionError> {
    let field = format!("media[{index}]");
    let Some(kind) = media.kind else {
        let message = "is missing; give AUDIO, VIDEO or APPLICATION_SHARING";
        return Err(SessionError::invalid(format!("{field}.kind"), message));
    };
    let clock_rate = match (media.clock_rate, kind) {
        (0, MediaKind::Audio) => 8000,
        (0, MediaKind::Video | MediaKind::ApplicationSharing) => 90_000,
        (rate, _) if CLOCK_RATES.contains(&rate) => rate,
        (rate, _) => {
            let message = format!("is {rate}; give {} to {}, or 0", CLOCK_RATES.start(), CLOCK_RATES.end());
            return Err(SessionError::invalid(format!("{field}.clock_rate"), message));
        }
    };
    let expected = read_traffic(&field, kind, media.expected.unwrap_or_default())?;
    let [one, other] = media.legs.as_slice() else {
        let message = format!("has {} entries; give exactly two", media.legs.len());
        return Err(SessionError::invalid(format!("{field}.legs"), message));
    };
    let legs = [
        read_leg(config, prints, &leg_field(index, 0), one)?,
        read_leg(config, prints, &leg_field(index, 1), other)?,
    ];
    let ends = legs.each_ref().map(|leg| leg.remote.map(|remote| (leg.realm, remote)));
    check_remotes_differ(&format!("{field}.legs[1].remote"), ends)?;
    Ok(MediaDraft { kind, clock_rate, expected, legs })
}

/// Audio in packets of 20 ms of G.711, video and screens of 2.4 Mbit/s, where the request does not say.
fn read_traffic(media: &str, kind: MediaKind, request: Traffic) -> Result<Traffic, SessionError> {
    let (packets_per_second, payload_bytes) = match kind {
        MediaKind::Audio => (50, 160),
        MediaKind::Video | MediaKind::ApplicationSharing => (300, 1000),
    };
    let read = |name, given, default, range: std::ops::RangeInclusive<u32>| match given {
        0 => Ok(default),
        given if range.contains(&given) => Ok(given),
        given => {
            let (first, last) = (range.start(), range.end());
            let message = format!("is {given}; give {first} to {last}, or 0 for {default}");
            Err(SessionError::invalid(format!("{media}.expected.{name}"), message))
        }
    };
    Ok(Traffic {
        packets_per_second: read(
            "packets_per_second",
            request.packets_per_second,
            packets_per_second,
            PACKET_RATES,
        )?,
        payload_bytes: read("payload_bytes", request.payload_bytes, payload_bytes, PAYLOADS)?,
    })
}

fn read_leg(
    config: &NodeConfig,
    prints: &Fingerprinter,
    field: &str,
    leg: &LegRequest,
) -> Result<LegDraft, SessionError> {
    let found = config.realms.iter().enumerate().find(|(_, realm)| realm.name == leg.realm);
    let Some((index, realm)) = found else {
        let known = config.realms.iter().map(|realm| realm.name.as_str()).collect::<Vec<_>>().join(", ");
        let message = format!("is {:?}, which is not configured; this relay has {known}", leg.realm);
        return Err(SessionError::invalid(format!("{field}.realm"), message));
    };
    let remote = match &leg.remote {
        Some(request) => {
            Some(remote::read(config, realm, leg.rtcp_mux, &format!("{field}.remote"), request)?)
        }
        None => None,
    };
    let has = |ipv6| realm.addresses.iter().any(|own| own.address.is_ipv6() == ipv6);
    let ipv6 = match remote {
        Some(remote) => remote.rtp.is_ipv6(),
        None => leg.ipv6 || !has(false),
    };
    if leg.ipv6 && !ipv6 {
        let message = "is set on a leg whose remote is IPv4; unset it or give an IPv6 remote";
        return Err(SessionError::invalid(format!("{field}.ipv6"), message));
    }
    if !has(ipv6) {
        let (part, family) =
            (if remote.is_some() { "remote" } else { "ipv6" }, if ipv6 { "IPv6" } else { "IPv4" });
        let message = format!("asks for {family}, but realm {:?} has no address of that family", realm.name);
        return Err(SessionError::invalid(format!("{field}.{part}"), message));
    }
    let class = match leg.peer_class.as_str() {
        "" => None,
        name => Some(config.peer_classes.iter().find(|class| class.name == name).ok_or_else(|| {
            let known = config.peer_classes.iter().map(|class| class.name.as_str());
            let message = match known.collect::<Vec<_>>().join(", ").as_str() {
                "" => {
                    format!("is {name:?}, and this relay has no peer classes; configure it or leave it empty")
                }
                known => format!("is {name:?}, which is not configured; this relay has {known}"),
            };
            SessionError::invalid(format!("{field}.peer_class"), message)
        })?),
    };
    let encryption = level::settle(field, leg.encryption, class, leg.peer_offers_srtp)?;
    let (protection, receive, send) =
        match keys::read(prints, &format!("{field}.protection"), &leg.protection)? {
            // The offer has decided: there is nothing to wait for.
            NewProtection::Unset
                if leg.peer_offers_srtp.is_some() && encryption == EncryptionLevel::NotSupported =>
            {
                (Protection::Plain, NewKeys::default(), NewKeys::default())
            }
            NewProtection::Unset => (Protection::Unset, NewKeys::default(), NewKeys::default()),
            NewProtection::Plain => (Protection::Plain, NewKeys::default(), NewKeys::default()),
            NewProtection::Srtp { suite, receive, send } => {
                let kept =
                    Protection::Srtp { suite, receive: receive.prints.clone(), send: send.prints.clone() };
                (kept, receive, send)
            }
        };
    policy::check(field, encryption, &protection, leg.source)?;
    policy::check_approved(field, config.approved_suites_only, &protection)?;
    let default = DEFAULT_SSRCS.min(config.max_ssrcs);
    let max_ssrcs = match u16::try_from(leg.max_ssrcs) {
        Ok(0) => default,
        Ok(asked) if asked <= config.max_ssrcs => asked,
        _ => {
            let message = format!("is {}; give 1 to {}, or 0 for {default}", leg.max_ssrcs, config.max_ssrcs);
            return Err(SessionError::invalid(format!("{field}.max_ssrcs"), message));
        }
    };
    let dscp = match leg.dscp {
        Some(dscp) => Some(code_point(dscp).ok_or_else(|| {
            let message = format!("is {dscp}; give 0 to 63, or leave it unset");
            SessionError::invalid(format!("{field}.dscp"), message)
        })?),
        None => None,
    };
    Ok(LegDraft {
        realm: index,
        ipv6,
        multiplexed: leg.rtcp_mux,
        remote,
        protection,
        receive,
        send,
        encryption,
        peer_class: leg.peer_class.clone(),
        source: leg.source,
        dscp,
        max_ssrcs,
    })
}

/// A differentiated services code point.
pub(crate) fn code_point(dscp: u32) -> Option<u8> {
    u8::try_from(dscp).ok().filter(|dscp| *dscp < 64)
}

/// Two legs of one realm that send to one place would send to each other. Realms may use the same addresses.
pub(crate) fn check_remotes_differ(
    field: &str,
    ends: [Option<(usize, Remote)>; 2],
) -> Result<(), SessionError> {
    let [Some((realm, one)), Some((other_realm, other))] = ends else { return Ok(()) };
    let shared = [one.rtp, one.rtcp].into_iter().find(|end| [other.rtp, other.rtcp].contains(end));
    match shared {
        Some(end) if realm == other_realm => {
            let message = format!("is {end}, as on the media's other leg; give each leg its own endpoint");
            Err(SessionError::invalid(field, message))
        }
        _ => Ok(()),
    }
}
