// SPDX-License-Identifier: MIT OR Apache-2.0
use crate::{KeySet, Packet, Reject};

/// Unprotects the packets of one direction of a leg: keys, and for every SSRC its index and replay lists.
#[derive(Debug)]
pub struct ReceiveContext {
    keys: Box<KeySet>,
    previous: Option<Box<KeySet>>,
    rekeyed: bool,
}

impl ReceiveContext {
    /// A context for up to `max_ssrcs` SSRCs (held to 1..=256), whose memory is allocated here and never later.
    pub fn new(keys: Box<KeySet>, _max_ssrcs: usize) -> ReceiveContext {
        Self { keys, previous: None, rekeyed: false }
    }

    /// Takes a new key set. Packets are tried under it first and under the set it replaces next, so that those in
    /// flight are not lost. Returns the set before that one, for the control side to drop.
    pub fn rekey(&mut self, keys: Box<KeySet>) -> Option<Box<KeySet>> {
        self.rekeyed = false;
        self.previous.replace(core::mem::replace(&mut self.keys, keys))
    }

    /// Ends the overlap: packets under the set that the last [`rekey`](Self::rekey) replaced no longer authenticate.
    pub fn retire_previous(&mut self) -> Option<Box<KeySet>> {
        self.previous.take()
    }

    /// Whether a packet has authenticated under the newest set.
    pub fn rekeyed(&self) -> bool {
        self.rekeyed
    }

    /// The newest key set.
    pub fn keys(&self) -> &KeySet {
        &self.keys
    }

    pub(crate) fn unprotect(&mut self, _packet: &mut Packet<'_>) -> Result<(), Reject> {
        Err(Reject::NoContext)
    }
}
