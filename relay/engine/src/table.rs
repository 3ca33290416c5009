// SPDX-License-Identifier: MIT OR Apache-2.0
//! From local endpoints to flows: open addressing in one allocation of fixed size.
//!
//! Keys are chosen by control, so a fast hash without a secret suffices: the network can only ask.

use culvert_wire::Endpoint;

use crate::flow::FlowSlot;

/// What arrives at a local endpoint.
#[derive(Copy, Clone, Debug, Eq, PartialEq)]
pub(crate) enum Port {
    /// RTP only.
    Rtp,
    /// RTCP only.
    Rtcp,
    /// Both (RFC 5761).
    Both,
}

/// To whom a local endpoint belongs.
#[derive(Copy, Clone, Debug, Eq, PartialEq)]
pub(crate) enum Target {
    /// A flow of this worker.
    Flow { slot: FlowSlot, port: Port },
    /// Another worker.
    Worker(u32),
}

#[derive(Copy, Clone, Debug)]
struct Entry {
    key: Endpoint,
    /// None: of another worker.
    port: Option<Port>,
    /// Of the slot or the worker.
    number: u32,
}

impl Entry {
    fn new(key: Endpoint, target: Target) -> Entry {
        match target {
            Target::Flow { slot, port } => Entry { key, port: Some(port), number: slot.0 },
            Target::Worker(number) => Entry { key, port: None, number },
        }
    }

    fn target(&self) -> Target {
        match self.port {
            Some(port) => Target::Flow { slot: FlowSlot(self.number), port },
            None => Target::Worker(self.number),
        }
    }
}

/// A hash table that never grows.
#[derive(Debug)]
pub(crate) struct EndpointTable {
    entries: Box<[Option<Entry>]>,
    capacity: usize,
    used: usize,
}

impl EndpointTable {
    /// Room for `capacity` endpoints, at most two thirds full.
    pub(crate) fn new(capacity: usize) -> EndpointTable {
        let size = capacity.saturating_mul(3).div_ceil(2).next_power_of_two().max(4);
        EndpointTable { entries: vec![None; size].into_boxed_slice(), capacity, used: 0 }
    }

    fn mask(&self) -> usize {
        self.entries.len() - 1
    }

    /// Where the search for an endpoint begins.
    pub(crate) fn home(&self, key: &Endpoint) -> usize {
        hash(key) as usize & self.mask()
    }

    /// Reads a little of a place, ahead of time.
    pub(crate) fn touch(&self, place: usize) -> u32 {
        self.entries.get(place).map_or(0, |entry| u32::from(entry.is_some()))
    }

    pub(crate) fn get(&self, key: &Endpoint) -> Option<Target> {
        self.find(self.home(key), key)
    }

    /// The same, with the key's [`EndpointTable::home`].
    pub(crate) fn find(&self, home: usize, key: &Endpoint) -> Option<Target> {
        let mut place = home;
        // An empty entry always comes: the table is never full.
        while let Some(Some(entry)) = self.entries.get(place) {
            if entry.key == *key {
                return Some(entry.target());
            }
            place = (place + 1) & self.mask();
        }
        None
    }

    /// Adds an endpoint; false when it is there already or the table holds all it may.
    pub(crate) fn insert(&mut self, key: Endpoint, target: Target) -> bool {
        if self.used >= self.capacity || self.get(&key).is_some() {
            return false;
        }
        let mask = self.mask();
        let mut place = self.home(&key);
        while let Some(entry) = self.entries.get_mut(place) {
            if entry.is_none() {
                *entry = Some(Entry::new(key, target));
                self.used += 1;
                return true;
            }
            place = (place + 1) & mask;
        }
        false
    }

    /// Removes an endpoint if it belongs to this target.
    pub(crate) fn remove(&mut self, key: &Endpoint, target: Target) -> bool {
        let mut hole = self.home(key);
        loop {
            match self.entries.get(hole) {
                Some(Some(entry)) if entry.key == *key => {
                    if entry.target() != target {
                        return false;
                    }
                    break;
                }
                Some(Some(_)) => hole = (hole + 1) & self.mask(),
                _ => return false,
            }
        }
        // Close the gap, so that no search ends before its entry: move back what may stand in the hole.
        let mut place = hole;
        loop {
            place = (place + 1) & self.mask();
            let Some(Some(entry)) = self.entries.get(place).copied() else { break };
            let distance = place.wrapping_sub(self.home(&entry.key)) & self.mask();
            if distance >= place.wrapping_sub(hole) & self.mask() {
                self.entries[hole] = Some(entry);
                hole = place;
            }
        }
        self.entries[hole] = None;
        self.used -= 1;
        true
    }
}

fn hash(key: &Endpoint) -> u64 {
    let address = u128::from_be_bytes(key.address.0);
    let high = (address >> 64) as u64 ^ u64::from(key.port).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let low = address as u64 ^ 0xa076_1d64_78bd_642f;
    let product = u128::from(high ^ 0xe703_7ed1_a0b4_28db) * u128::from(low);
    let folded = (product >> 64) as u64 ^ product as u64;
    // The low bits choose the entry.
    folded ^ (folded >> 32)
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use culvert_wire::Address;
    use proptest::prelude::*;

    use super::*;

    fn endpoint(number: u16) -> Endpoint {
        Endpoint {
            address: Address::from_ipv4([192, 0, 2, (number >> 8) as u8]),
            port: 30_000 + number % 256,
        }
    }

    fn target(slot: u32) -> Target {
        Target::Flow { slot: FlowSlot(slot), port: Port::Rtp }
    }

    #[test]
    fn entries_are_small() {
        assert_eq!(size_of::<Option<Entry>>(), 24);
    }

    #[test]
    fn a_full_table_refuses_and_still_finds() {
        let mut table = EndpointTable::new(3);
        for number in 0..3 {
            assert!(table.insert(endpoint(number), target(u32::from(number))));
        }
        assert!(!table.insert(endpoint(3), target(3)));
        assert!(!table.insert(endpoint(0), target(9)));
        assert_eq!(table.get(&endpoint(0)), Some(target(0)));
        assert_eq!(table.get(&endpoint(3)), None);
        assert!(!table.remove(&endpoint(0), target(1)), "belongs to another slot");
        assert!(!table.remove(&endpoint(0), Target::Worker(0)), "belongs to a flow");
        assert!(table.remove(&endpoint(0), target(0)));
        assert!(table.insert(endpoint(3), target(3)));
    }

    #[test]
    fn neighbouring_ports_spread() {
        let mut table = EndpointTable::new(20_000);
        for number in 0..20_000 {
            assert!(table.insert(endpoint(number), target(u32::from(number))));
        }
        let probes: usize = (0..20_000)
            .map(|number| {
                let home = table.home(&endpoint(number));
                let held = |at: usize| matches!(&table.entries[at], Some(e) if e.key == endpoint(number));
                (0..).find(|step| held((home + step) & table.mask())).unwrap()
            })
            .sum();
        assert!(probes < 30_000, "{probes} extra probes for 20,000 endpoints");
    }

    proptest! {
        #[test]
        fn behaves_as_a_map(steps in prop::collection::vec((any::<bool>(), 0u16..40), 1..400)) {
            let mut table = EndpointTable::new(24);
            let mut model = HashMap::new();
            for (step, (insert, number)) in steps.into_iter().enumerate() {
                let key = endpoint(number);
                if insert {
                    let fits = model.len() < 24 && !model.contains_key(&key);
                    prop_assert_eq!(table.insert(key, target(step as u32)), fits);
                    if fits {
                        model.insert(key, target(step as u32));
                    }
                } else {
                    let owner = model.get(&key).copied().unwrap_or(target(0));
                    prop_assert_eq!(table.remove(&key, owner), model.remove(&key).is_some());
                }
                for number in 0..40 {
                    prop_assert_eq!(table.get(&endpoint(number)), model.get(&endpoint(number)).copied());
                }
            }
        }
    }
}
