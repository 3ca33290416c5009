// SPDX-License-Identifier: MIT OR Apache-2.0
//! Why a session's media do not pass: from facts to findings, as a pure function.

mod judge;
mod packets;
mod tags;
#[cfg(test)]
mod tests;
mod words;

use std::time::Duration;

use culvert_engine::{DropReason, FlowCounters, Note, Standing};
use culvert_session::SessionView;

pub use judge::judge;

/// What is known of a session after it was observed.
#[derive(Clone, Debug)]
pub struct Facts {
    /// For how long. 0: not at all, and counts are those since the session was made.
    pub observed: Duration,
    /// Packets come by AF_XDP: next hops are the relay's own business.
    pub xdp: bool,
    /// The session.
    pub view: SessionView,
    /// Both directions of each medium.
    pub flows: Vec<FlowFacts>,
    /// What the node has lost meanwhile before it reached any session.
    pub losses: Vec<Loss>,
}

/// What is known of one direction of a medium.
#[derive(Clone, Debug)]
pub struct FlowFacts {
    /// Index of the medium.
    pub media: u8,
    /// The leg whose endpoint sends.
    pub leg: u8,
    /// What was counted while it was observed.
    pub counts: Counts,
    /// Since the last packet that was accepted; `None`: there was none.
    pub silent_for: Option<Duration>,
    /// Some of its packets.
    pub notes: Vec<Note>,
    /// How it stood in the end.
    pub standing: Option<Standing>,
}

/// What was counted of a flow.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Counts {
    /// Packets relayed, RTP and RTCP.
    pub relayed: u64,
    /// Of those, RTCP.
    pub rtcp: u64,
    /// Packets dropped, in the order of [`DropReason`].
    pub dropped: Vec<(DropReason, u64)>,
}

/// Packets lost before they reached a flow. Of which session they were is not known.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Loss {
    /// The interface; `None` where it is between workers, or behind them.
    pub interface: Option<String>,
    /// As metrics name it.
    pub reason: &'static str,
    /// How many.
    pub packets: u64,
}

impl Counts {
    /// As they are now.
    pub fn of(counters: &FlowCounters) -> Counts {
        Counts {
            relayed: counters.packets(),
            rtcp: counters.rtcp_packets(),
            dropped: counters.drops().collect(),
        }
    }

    /// What has come on top of `before`.
    #[must_use]
    pub fn since(&self, before: &Counts) -> Counts {
        let more = |(reason, packets): &(DropReason, u64)| {
            let more = packets.saturating_sub(before.of_reason(*reason));
            (more > 0).then_some((*reason, more))
        };
        Counts {
            relayed: self.relayed.saturating_sub(before.relayed),
            rtcp: self.rtcp.saturating_sub(before.rtcp),
            dropped: self.dropped.iter().filter_map(more).collect(),
        }
    }

    /// Packets dropped for a reason.
    pub fn of_reason(&self, reason: DropReason) -> u64 {
        self.dropped.iter().find(|(other, _)| *other == reason).map_or(0, |(_, packets)| *packets)
    }

    fn all_dropped(&self) -> u64 {
        self.dropped.iter().map(|(_, packets)| packets).sum()
    }

    /// RTP that was relayed.
    fn media(&self) -> u64 {
        self.relayed.saturating_sub(self.rtcp)
    }
}
