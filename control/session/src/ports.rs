// SPDX-License-Identifier: MIT OR Apache-2.0
//! The ports of one address.

use std::{collections::BTreeSet, ops::RangeInclusive};

/// Hands out single ports (RTP and RTCP multiplexed) and pairs of an even port and the odd one after it (RFC 3550
/// section 11).
///
/// The port that has been free the longest goes first, so that a late packet of an old session does not meet a new one
/// on its port. The first round is in random order, so that nobody can tell the next port from the last.
#[derive(Debug)]
pub(crate) struct PortPool {
    first: u16,
    total: usize,
    used: usize,
    clock: u64,
    /// By port less `first`.
    state: Vec<State>,
    /// Even ports whose odd neighbour is free too, by the time of their release.
    pairs: BTreeSet<(u64, u16)>,
    /// Free ports whose neighbour is in use or out of range.
    singles: BTreeSet<(u64, u16)>,
}

#[derive(Copy, Clone, Debug, Eq, PartialEq)]
enum State {
    Used,
    /// In `singles` under this time.
    Single(u64),
    /// In `pairs`.
    Paired,
}

impl PortPool {
    pub(crate) fn new(ports: RangeInclusive<u16>, seed: u64) -> PortPool {
        let first = *ports.start();
        let total = ports.len();
        let mut pool = PortPool {
            first,
            total,
            used: total,
            clock: 0,
            state: vec![State::Used; total],
            pairs: BTreeSet::new(),
            singles: BTreeSet::new(),
        };
        let mut order: Vec<u16> = ports.collect();
        shuffle(&mut order, seed);
        for port in order {
            pool.release(port);
        }
        pool
    }

    /// Ports in the range.
    pub(crate) fn total(&self) -> usize {
        self.total
    }

    /// Ports handed out.
    pub(crate) fn used(&self) -> usize {
        self.used
    }

    /// One port.
    pub(crate) fn take_single(&mut self) -> Option<u16> {
        let single = self.singles.first().copied();
        let pair = self.pairs.first().copied();
        let port = match (single, pair) {
            (Some(single), Some(pair)) if single < pair => self.take_from_singles(single),
            (_, Some((time, even))) => {
                self.pairs.remove(&(time, even));
                self.singles.insert((time, even + 1));
                self.set(even + 1, State::Single(time));
                even
            }
            (Some(single), None) => self.take_from_singles(single),
            (None, None) => return None,
        };
        self.set(port, State::Used);
        self.used += 1;
        Some(port)
    }

    /// An even port, with the odd one after it.
    pub(crate) fn take_pair(&mut self) -> Option<u16> {
        let (_, even) = self.pairs.pop_first()?;
        self.set(even, State::Used);
        self.set(even + 1, State::Used);
        self.used += 2;
        Some(even)
    }

    /// Takes one port back. What was not handed out is left alone.
    pub(crate) fn release(&mut self, port: u16) {
        if self.state(port) != Some(State::Used) {
            return;
        }
        self.used -= 1;
        self.clock += 1;
        if let Some(State::Single(time)) = self.state(port ^ 1) {
            let even = port & !1;
            self.singles.remove(&(time, port ^ 1));
            self.pairs.insert((self.clock, even));
            self.set(even, State::Paired);
            self.set(even + 1, State::Paired);
        } else {
            self.singles.insert((self.clock, port));
            self.set(port, State::Single(self.clock));
        }
    }

    fn take_from_singles(&mut self, single: (u64, u16)) -> u16 {
        self.singles.remove(&single);
        single.1
    }

    fn state(&self, port: u16) -> Option<State> {
        self.state.get(usize::from(port.checked_sub(self.first)?)).copied()
    }

    fn set(&mut self, port: u16, state: State) {
        if let Some(entry) =
            port.checked_sub(self.first).and_then(|index| self.state.get_mut(usize::from(index)))
        {
            *entry = state;
        }
    }
}

/// Fisher and Yates, over the numbers of splitmix64.
fn shuffle(ports: &mut [u16], mut seed: u64) {
    for end in (1..ports.len()).rev() {
        seed = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut number = seed;
        number = (number ^ (number >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        number = (number ^ (number >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        number ^= number >> 31;
        ports.swap(end, (number % (end as u64 + 1)) as usize);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_port_is_handed_out_once() {
        let mut pool = PortPool::new(100..=199, 7);
        let mut ports: Vec<u16> = std::iter::from_fn(|| pool.take_single()).collect();
        assert_eq!((pool.used(), pool.total(), pool.take_pair()), (100, 100, None));
        ports.sort_unstable();
        assert_eq!(ports, (100..=199).collect::<Vec<_>>());
    }

    #[test]
    fn pairs_begin_at_even_ports_and_leave_odd_edges_to_singles() {
        let mut pool = PortPool::new(101..=104, 7);
        assert_eq!((pool.take_pair(), pool.take_pair()), (Some(102), None));
        let mut rest = [pool.take_single().unwrap(), pool.take_single().unwrap()];
        rest.sort_unstable();
        assert_eq!((rest, pool.take_single()), ([101, 104], None));
    }

    #[test]
    fn a_freed_port_rests_until_all_others_had_their_turn() {
        let mut pool = PortPool::new(100..=199, 7);
        let port = pool.take_single().unwrap();
        pool.release(port);
        let next: Vec<u16> = (0..98).filter_map(|_| pool.take_single()).collect();
        assert!(!next.contains(&port));
        let mut pool = PortPool::new(100..=199, 7);
        let even = pool.take_pair().unwrap();
        pool.release(even);
        pool.release(even + 1);
        assert!((0..49).all(|_| pool.take_pair() != Some(even)));
        assert_eq!(pool.take_pair(), Some(even));
    }

    #[test]
    fn singles_become_a_pair_again() {
        let mut pool = PortPool::new(100..=101, 7);
        let ports = [pool.take_single().unwrap(), pool.take_single().unwrap()];
        pool.release(ports[1]);
        assert_eq!(pool.take_pair(), None);
        pool.release(ports[0]);
        assert_eq!(pool.take_pair(), Some(100));
    }

    #[test]
    fn what_was_not_handed_out_is_not_taken_back() {
        let mut pool = PortPool::new(100..=103, 7);
        let port = pool.take_single().unwrap();
        for other in [port, port, port ^ 1, 99, 104, 0, 65535] {
            pool.release(other);
        }
        assert_eq!(pool.used(), 0);
        assert_eq!(std::iter::from_fn(|| pool.take_single()).count(), 4);
    }

    #[test]
    fn the_order_depends_on_the_seed_and_covers_the_highest_port() {
        let order = |seed| {
            let mut pool = PortPool::new(65000..=65535, seed);
            std::iter::from_fn(move || pool.take_pair()).collect::<Vec<_>>()
        };
        assert_ne!(order(1), order(2));
        assert_eq!(order(1).len(), 268);
        assert!(order(1).contains(&65534));
    }
}
