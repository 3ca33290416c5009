// SPDX-License-Identifier: MIT OR Apache-2.0
use crate::Reject;
use crate::index::{self, MAX_INDEX};
use crate::keyset::SessionKeys;
use crate::replay::{ReplayWindow, Standing};

/// One index space of an SSRC.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(super) struct Track {
    pub(super) window: ReplayWindow,
    /// The newest generation of keys that a packet has authenticated under.
    pub(super) settled: u32,
    /// The generation that started the index afresh: keys before it are refused.
    pub(super) since: u32,
}

#[derive(Copy, Clone, Debug, Eq, PartialEq)]
pub(super) enum Set {
    Newest,
    Previous,
}

impl Track {
    /// The index that a sequence number stands for, and the one it would stand for had the sender started afresh. The
    /// first packet of an SSRC has a roll-over counter of 0.
    pub(super) fn rtp_indices(&self, sequence: u16) -> [Option<u64>; 2] {
        let afresh = u64::from(sequence);
        match self.window.highest() {
            None => [Some(afresh), None],
            Some(highest) => {
                let estimate = index::estimate(highest, sequence);
                [Some(estimate), (estimate != afresh).then_some(afresh)]
            }
        }
    }

    /// Finds the index under which the packet authenticates, and whether it starts a new index space.
    pub(super) fn judge(
        &self,
        set: Set,
        keys: &SessionKeys,
        indices: [Option<u64>; 2],
        authenticates: impl Fn(u64) -> bool,
    ) -> Result<(u64, bool), Reject> {
        if keys.generation() < self.since {
            return Err(Reject::AuthenticationFailed);
        }
        let fresh = matches!(set, Set::Newest) && keys.generation() > self.settled;
        match self.window.highest() {
            Some(highest) if fresh => indices
                .into_iter()
                .flatten()
                .filter(|index| *index <= MAX_INDEX)
                .find(|index| authenticates(*index))
                .map(|index| (index, index <= highest))
                .ok_or(Reject::AuthenticationFailed),
            _ => {
                let index = indices[0].filter(|index| *index <= MAX_INDEX).ok_or(Reject::KeyExpired)?;
                match self.window.standing(index) {
                    Standing::Seen => Err(Reject::Replayed),
                    Standing::TooOld => Err(Reject::TooOld),
                    Standing::New if authenticates(index) => Ok((index, false)),
                    Standing::New => Err(Reject::AuthenticationFailed),
                }
            }
        }
    }
}
