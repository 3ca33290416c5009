// SPDX-License-Identifier: MIT OR Apache-2.0

use std::collections::HashMap;

use culvert_engine::{DropReason, FlowCounters};

/// Sums over flows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// Packets relayed.
    pub packets: u64,
    /// UDP payload relayed, in bytes.
    pub bytes: u64,
    /// Packets dropped, by reason.
    pub drops: HashMap<DropReason, u64>,
}

impl Totals {
    /// Adds what a flow has counted.
    pub(super) fn add(&mut self, counters: &FlowCounters) {
        self.packets += counters.packets();
        self.bytes += counters.bytes();
        for (reason, count) in counters.drops() {
            *self.drops.entry(reason).or_default() += count;
        }
    }

    /// Adds other sums.
    pub(super) fn merge(&mut self, other: &Totals) {
        self.packets += other.packets;
        self.bytes += other.bytes;
        for (reason, count) in &other.drops {
            *self.drops.entry(*reason).or_default() += count;
        }
    }
}
