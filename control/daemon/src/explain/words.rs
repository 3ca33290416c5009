// SPDX-License-Identifier: MIT OR Apache-2.0
//! Sentences of evidence.

use std::time::Duration;

use culvert_engine::{Note, Shape};

use super::{Facts, FlowFacts};

/// "leg 0 (outside)".
pub(super) fn leg(facts: &Facts, flow: &FlowFacts, leg: u8) -> String {
    let medium = facts.view.media.get(usize::from(flow.media));
    let realm = medium.and_then(|medium| medium.legs.get(usize::from(leg))).map(|leg| leg.realm.as_str());
    let of_medium =
        if facts.view.media.len() > 1 { format!(" of medium {}", flow.media) } else { String::new() };
    format!("leg {leg}{of_medium} ({})", realm.unwrap_or_default())
}

/// "12 packet(s)".
pub(super) fn packets(count: u64) -> String {
    if count == 1 { "1 packet".to_owned() } else { format!("{count} packets") }
}

/// What was counted of a flow, for the first line of evidence.
pub(super) fn counted(facts: &Facts, flow: &FlowFacts) -> String {
    let span = if facts.observed.is_zero() {
        "since the session was made".to_owned()
    } else {
        format!("in {}", seconds(facts.observed))
    };
    let mut text = format!("{span}: {} relayed", packets(flow.counts.relayed));
    if flow.counts.rtcp > 0 {
        text += &format!(" ({} of RTCP)", flow.counts.rtcp);
    }
    let dropped: Vec<_> =
        flow.counts.dropped.iter().map(|(reason, packets)| format!("{reason} {packets}")).collect();
    if dropped.is_empty() { text + ", none dropped" } else { text + ", dropped: " + &dropped.join(", ") }
}

/// When a packet was last accepted.
pub(super) fn last(flow: &FlowFacts) -> String {
    match flow.silent_for {
        None => "no packet was ever accepted".to_owned(),
        Some(silent) => format!("the last packet was accepted {} ago", seconds(silent)),
    }
}

/// "2.0 s".
pub(super) fn seconds(span: Duration) -> String {
    format!("{:.1} s", span.as_secs_f64())
}

/// One packet.
pub(super) fn packet(note: &Note) -> String {
    let source = note.source.to_socket_addr();
    let what = match note.shape {
        Shape::Rtp { payload_type, sequence, ssrc, .. } => {
            format!("RTP, SSRC {ssrc:#010x}, sequence {sequence}, payload type {payload_type}")
        }
        Shape::Rtcp { packet_type, ssrc, .. } => format!("RTCP, SSRC {ssrc:#010x}, type {packet_type}"),
        Shape::Other => "neither RTP nor RTCP".to_owned(),
    };
    format!("from {source}: {what}, {} bytes", note.length)
}

/// Whose packets are so many bytes longer.
pub(super) fn suites_of(tag: u16) -> &'static str {
    match tag {
        4 => "a tag of 32 bits, as AES_CM_128_HMAC_SHA1_32 has",
        10 => "a tag of 80 bits, as AES_CM_128_HMAC_SHA1_80 has",
        _ => "a tag of 128 bits, as AEAD_AES_128_GCM and AEAD_AES_256_GCM have",
    }
}
