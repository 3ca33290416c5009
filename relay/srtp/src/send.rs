// SPDX-License-Identifier: MIT OR Apache-2.0
use crate::{KeySet, Packet, Reject};

/// Protects the packets of one direction of a leg.
#[derive(Debug)]
pub struct SendContext {
    keys: Box<KeySet>,
}

impl SendContext {
    /// A context for up to `max_ssrcs` SSRCs (held to 1..=256), whose memory is allocated here and never later.
    pub fn new(keys: Box<KeySet>, _max_ssrcs: usize) -> SendContext {
        Self { keys }
    }

    /// Protects under the first key of `keys` from now on. Returns the set before, for the control side to drop.
    pub fn rekey(&mut self, keys: Box<KeySet>) -> Box<KeySet> {
        core::mem::replace(&mut self.keys, keys)
    }

    /// The key set in use.
    pub fn keys(&self) -> &KeySet {
        &self.keys
    }

    pub(crate) fn protect(&mut self, _packet: &mut Packet<'_>) -> Result<(), Reject> {
        Err(Reject::NoContext)
    }
}
