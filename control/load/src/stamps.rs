// SPDX-License-Identifier: MIT OR Apache-2.0
//! When each packet was sent, for whom receives it.
//!
//! A table, and not a field of the packet: a field in the clear would make the packet another one than a telephone's, and
//! one in the payload would have to be decrypted out of every packet that comes back.

/// Bits of an entry that tell which packet of the slot it belongs to; the rest is nanoseconds, enough for 78 hours.
const LAP_BITS: u32 = 16;
/// Entries in all: 128 MiB.
const MOST: usize = 1 << 24;

/// The newest packets of each flow, by flow and index.
#[derive(Debug)]
pub(crate) struct Stamps {
    entries: Box<[u64]>,
    /// Packets of a flow that are remembered, a power of two.
    depth: usize,
}

impl Stamps {
    /// For so many flows, of which each sends about `per_flow` packets while one is under way.
    pub(crate) fn new(flows: usize, per_flow: f64) -> Stamps {
        let most = (MOST / flows.max(1)).max(16);
        let wanted = (per_flow.ceil() as usize).clamp(64, 1 << 16).next_power_of_two();
        let depth = wanted.min(if most.is_power_of_two() { most } else { most.next_power_of_two() / 2 });
        Stamps { entries: vec![0; flows * depth].into_boxed_slice(), depth }
    }

    /// Notes when a packet was sent, in nanoseconds since the begin.
    pub(crate) fn set(&mut self, flow: usize, index: u64, time: u64) {
        let (slot, lap) = self.place(flow, index);
        if let Some(entry) = self.entries.get_mut(slot) {
            // An entry of 0 is none.
            *entry = (time + 1) << LAP_BITS | lap;
        }
    }

    /// When a packet was sent; `None` if it was not, or so long ago that it is forgotten.
    pub(crate) fn get(&self, flow: usize, index: u64) -> Option<u64> {
        let (slot, lap) = self.place(flow, index);
        let entry = *self.entries.get(slot)?;
        (entry & ((1 << LAP_BITS) - 1) == lap).then_some(entry >> LAP_BITS)?.checked_sub(1)
    }

    fn place(&self, flow: usize, index: u64) -> (usize, u64) {
        let depth = self.depth as u64;
        (flow * self.depth + (index % depth) as usize, (index / depth) & ((1 << LAP_BITS) - 1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stamp_is_of_its_packet_alone() {
        let mut stamps = Stamps::new(3, 50.0);
        assert_eq!(stamps.depth, 64);
        for index in 0..1000 {
            for flow in 0..3 {
                stamps.set(flow, index, index * 10 + flow as u64);
            }
        }
        for index in 1000 - 64..1000 {
            assert_eq!(
                [0, 1, 2].map(|flow| stamps.get(flow, index)),
                [0, 1, 2].map(|n| Some(index * 10 + n))
            );
        }
        assert_eq!((stamps.get(1, 1000 - 65), stamps.get(1, 1000)), (None, None));
        assert_eq!(Stamps::new(1, 50.0).get(0, 0), None);
    }

    #[test]
    fn memory_is_bounded() {
        assert_eq!(Stamps::new(200_000, 1000.0).entries.len(), 200_000 * 64);
        assert_eq!(Stamps::new(1, 1e9).depth, 1 << 16);
    }
}
