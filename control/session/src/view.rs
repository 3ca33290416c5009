// SPDX-License-Identifier: MIT OR Apache-2.0
//! Sessions as they stand. The engine's counters are not in here.

use std::{
    net::SocketAddr,
    time::{Duration, SystemTime},
};

use crate::{Authority, EncryptionLevel, KeyId, MediaKind, Owner, SessionId, SourceRule};

/// A session.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct SessionView {
    /// Its name.
    pub id: SessionId,
    /// Who made it.
    pub owner: Owner,
    /// When.
    pub created: SystemTime,
    /// The core that relays it.
    pub worker: u32,
    /// Silence that is worth an event.
    pub media_timeout: Duration,
    /// In the order of the request.
    pub media: Vec<MediaView>,
}

/// One m-line.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct MediaView {
    /// What it carries.
    pub kind: MediaKind,
    /// RTP timestamp units per second.
    pub clock_rate: u32,
    /// Its two legs.
    pub legs: [LegView; 2],
}

/// RTP and RTCP endpoints.
#[derive(Copy, Clone, Debug, Eq, PartialEq)]
pub struct Remote {
    /// RTP.
    pub rtp: SocketAddr,
    /// RTCP; equal to `rtp` when multiplexed.
    pub rtcp: SocketAddr,
}

/// A leg.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct LegView {
    /// The network it lives on.
    pub realm: String,
    /// To signal to the leg's endpoint: advertised addresses.
    pub local: Remote,
    /// Where packets arrive in fact.
    pub bound: Remote,
    /// As the front end gave it.
    pub signalled: Option<Remote>,
    /// Found by a source rule: RTP, RTCP.
    pub learnt: [Option<SocketAddr>; 2],
    /// `"plain"`, a suite's name, or `""` when not known yet.
    pub protection: &'static str,
    /// The level in force.
    pub encryption: EncryptionLevel,
    /// The kind of its peer; empty: not said.
    pub peer_class: String,
    /// The rule in force.
    pub source: SourceRule,
    /// RTP and RTCP on one port.
    pub rtcp_mux: bool,
    /// On hold.
    pub held: bool,
    /// DSCP of what leaves here; `None`: as it came.
    pub dscp: Option<u8>,
    /// What arrives can be opened.
    pub receive_ready: bool,
    /// What leaves can be protected, and it is known where to.
    pub send_ready: bool,
    /// Re-keys since the leg was made.
    pub rekeys: u32,
    /// The credential under which MRAS has keyed it.
    pub authority: Option<Authority>,
    /// The names of the keys for what arrives and for what leaves. With several, that of the first.
    pub key_ids: [Option<KeyId>; 2],
}
