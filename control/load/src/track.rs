// SPDX-License-Identifier: MIT OR Apache-2.0
//! Order, duplicates and reordering of one flow, as RFC 4737 defines them.

/// Packets behind the highest of which is known whether they have come.
const WINDOW: u64 = 512;
/// Arrivals that are remembered: the reordering extent is told up to here.
pub(crate) const REMEMBERED: usize = 32;

/// What an arrival is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Arrival {
    /// The first of its index, and none after it has come yet.
    InOrder,
    /// The first of its index, after such as were sent later. Its reordering extent (RFC 4737 section 4.2.1), at most
    /// [`REMEMBERED`].
    Reordered(u32),
    /// It has come before.
    Duplicate,
    /// So far behind that nothing is known of it. It counts as lost.
    Late,
}

/// One flow at the sink.
#[derive(Clone, Debug)]
pub(crate) struct Track {
    /// The index after the highest that has come: NextExp.
    next: u64,
    first: u64,
    /// Bit `i % WINDOW` stands for index `i`.
    seen: [u64; (WINDOW / 64) as usize],
    /// The low bits of the indices that came last.
    arrivals: [u32; REMEMBERED],
    arrived: u64,
}

impl Track {
    /// A flow whose first packet has this index.
    pub(crate) fn new(first: u64) -> Track {
        Track { next: first, first, seen: [0; (WINDOW / 64) as usize], arrivals: [0; REMEMBERED], arrived: 0 }
    }

    /// The index that a sequence number stands for: the nearest to the next expected one. `None` for one before the
    /// first.
    pub(crate) fn index(&self, sequence: u16) -> Option<u64> {
        let distance = sequence.wrapping_sub(self.next as u16) as i16;
        self.next.checked_add_signed(i64::from(distance)).filter(|index| *index >= self.first)
    }

    /// Takes an arrival down.
    pub(crate) fn arrive(&mut self, index: u64) -> Arrival {
        if index < self.next {
            return self.behind(index);
        }
        if index - self.next >= WINDOW {
            self.seen = [0; (WINDOW / 64) as usize];
        } else {
            (self.next..index).for_each(|missing| *self.word(missing) &= !bit(missing));
        }
        *self.word(index) |= bit(index);
        self.next = index + 1;
        self.remember(index);
        Arrival::InOrder
    }

    fn behind(&mut self, index: u64) -> Arrival {
        if index + WINDOW < self.next {
            return Arrival::Late;
        }
        let word = self.word(index);
        if *word & bit(index) != 0 {
            return Arrival::Duplicate;
        }
        *word |= bit(index);
        let extent = self.extent(index);
        self.remember(index);
        Arrival::Reordered(extent)
    }

    /// How many arrivals ago the earliest came that was sent later.
    fn extent(&self, index: u64) -> u32 {
        let known = self.arrived.min(REMEMBERED as u64);
        let later = |back: &u64| {
            let then = self.arrivals[((self.arrived - back) % REMEMBERED as u64) as usize];
            // Within the window, so that the low bits tell.
            then.wrapping_sub(index as u32) as i32 > 0
        };
        (1..=known).rev().find(later).map_or(0, |back| back as u32)
    }

    fn remember(&mut self, index: u64) {
        self.arrivals[(self.arrived % REMEMBERED as u64) as usize] = index as u32;
        self.arrived += 1;
    }

    fn word(&mut self, index: u64) -> &mut u64 {
        &mut self.seen[(index % WINDOW / 64) as usize]
    }
}

fn bit(index: u64) -> u64 {
    1 << (index % 64)
}

#[cfg(test)]
mod tests {
    use super::{Arrival::*, *};

    fn arrivals(first: u64, indices: &[u64]) -> Vec<Arrival> {
        let mut track = Track::new(first);
        let arrive = |index: &u64| {
            assert_eq!(track.index(*index as u16), Some(*index));
            track.arrive(*index)
        };
        indices.iter().map(arrive).collect()
    }

    #[test]
    fn order_over_the_roll_over() {
        let all: Vec<u64> = (65_500..140_000).collect();
        assert!(arrivals(65_500, &all).iter().all(|arrival| *arrival == InOrder));
    }

    #[test]
    fn the_example_of_rfc_4737() {
        // Section 4.2.1 counts how far back the first greater one came.
        assert_eq!(
            arrivals(1, &[1, 2, 3, 4, 5, 7, 8, 9, 6, 10]),
            [InOrder, InOrder, InOrder, InOrder, InOrder, InOrder, InOrder, InOrder, Reordered(3), InOrder]
        );
        assert_eq!(arrivals(0, &[1, 0, 3, 2]), [InOrder, Reordered(1), InOrder, Reordered(1)]);
        assert_eq!(arrivals(0, &[2, 1, 0]), [InOrder, Reordered(1), Reordered(2)]);
    }

    #[test]
    fn duplicates_are_told_from_gaps_that_fill() {
        assert_eq!(
            arrivals(10, &[10, 12, 12, 11, 11, 10, 13]),
            [InOrder, InOrder, Duplicate, Reordered(1), Duplicate, Duplicate, InOrder]
        );
    }

    #[test]
    fn the_window_ends_where_it_should() {
        let mut track = Track::new(0);
        track.arrive(0);
        track.arrive(WINDOW);
        assert_eq!(track.arrive(0), Late);
        assert_eq!(track.arrive(1), Reordered(1));
        track.arrive(5 * WINDOW + 3);
        for index in 4 * WINDOW + 4..5 * WINDOW + 3 {
            assert!(matches!(track.arrive(index), Reordered(_)), "{index}");
        }
        assert_eq!(track.arrive(4 * WINDOW + 3), Late);
    }

    #[test]
    fn the_extent_is_told_up_to_what_is_remembered() {
        let mut indices: Vec<u64> = (1..100).collect();
        indices.push(0);
        assert_eq!(arrivals(0, &indices).last(), Some(&Reordered(REMEMBERED as u32)));
    }

    #[test]
    fn nothing_was_sent_before_the_first() {
        let track = Track::new(1000);
        assert_eq!((track.index(999), track.index(1000)), (None, Some(1000)));
    }
}
