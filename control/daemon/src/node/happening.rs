// SPDX-License-Identifier: MIT OR Apache-2.0
//! What watchers are told.

use std::net::SocketAddr;
use std::time::{Duration, SystemTime};

use culvert_session::{AuthorityState, Owner, SessionId};

/// Something that happened to a session.
#[derive(Clone, Debug)]
pub struct Happening {
    /// When.
    pub time: SystemTime,
    /// To which session.
    pub session: SessionId,
    /// Whose it is.
    pub owner: Owner,
    /// Index of the media and leg, where it concerns one.
    pub place: (u8, u8),
    /// What.
    pub what: What,
}

/// What happened.
#[derive(Clone, Debug, PartialEq)]
pub enum What {
    /// It was made.
    Created,
    /// It was deleted.
    Deleted,
    /// The first packet from the leg's endpoint was relayed.
    FirstMedia,
    /// The leg's endpoint has been silent.
    MediaTimeout(Duration),
    /// The leg's endpoint was found.
    AddressLearnt {
        /// RTCP rather than RTP.
        rtcp: bool,
        /// Where.
        source: SocketAddr,
    },
    /// Packets that did not authenticate.
    AuthenticationFailures {
        /// Per second.
        in_last_second: u64,
        /// Of this direction in all.
        total: u64,
    },
    /// New keys of the leg took effect.
    RekeyDone,
    /// A key of the leg has not much of its lifetime left.
    KeyExpiring {
        /// Packets that it can still protect.
        packets_left: u64,
    },
    /// A key of the leg has served its lifetime.
    KeyExpired,
    /// The leg's credential has ended, and its keys are erased.
    AuthorityEnded(AuthorityState),
}
