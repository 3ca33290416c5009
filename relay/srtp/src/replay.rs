// SPDX-License-Identifier: MIT OR Apache-2.0
//! The replay list (RFC 3711 section 3.3.2).

/// Indices that the window tells apart: the highest and those before it.
pub(crate) const LENGTH: u64 = 128;

/// What the window knows of an index.
#[derive(Copy, Clone, Debug, Eq, PartialEq)]
pub(crate) enum Standing {
    New,
    Seen,
    TooOld,
}

/// The highest index accepted and which of the [`LENGTH`] up to it were.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(crate) struct ReplayWindow {
    highest: u64,
    /// Bit `n` stands for `highest - n`, low word first. Bit 0 is clear only before the first packet. Two words instead
    /// of one, which would be aligned to 16 bytes.
    seen: [u64; 2],
}

impl ReplayWindow {
    /// The highest index accepted, if any was.
    #[inline]
    pub(crate) fn highest(&self) -> Option<u64> {
        (self.seen[0] & 1 == 1).then_some(self.highest)
    }

    #[inline(always)]
    pub(crate) fn standing(&self, index: u64) -> Standing {
        match self.highest() {
            Some(highest) if index <= highest => self.standing_of_past(highest - index),
            _ => Standing::New,
        }
    }

    fn standing_of_past(&self, behind: u64) -> Standing {
        if behind >= LENGTH {
            Standing::TooOld
        } else if (self.bits() >> behind) & 1 == 1 {
            Standing::Seen
        } else {
            Standing::New
        }
    }

    /// Marks an index. One too old for the window leaves it as it is.
    #[inline(always)]
    pub(crate) fn accept(&mut self, index: u64) {
        // Most packets come in order.
        if index == self.highest.wrapping_add(1) && self.seen[0] & 1 == 1 {
            self.highest = index;
            self.seen = [self.seen[0] << 1 | 1, self.seen[1] << 1 | self.seen[0] >> 63];
        } else {
            self.accept_out_of_order(index);
        }
    }

    fn accept_out_of_order(&mut self, index: u64) {
        let bits = match self.highest() {
            None => {
                self.highest = index;
                1
            }
            Some(highest) if index > highest => {
                self.highest = index;
                let ahead = u32::try_from(index - highest).unwrap_or(u32::MAX);
                self.bits().checked_shl(ahead).unwrap_or(0) | 1
            }
            Some(highest) => {
                let behind = u32::try_from(highest - index).unwrap_or(u32::MAX);
                self.bits() | 1_u128.checked_shl(behind).unwrap_or(0)
            }
        };
        self.seen = [bits as u64, (bits >> 64) as u64];
    }

    #[inline]
    fn bits(&self) -> u128 {
        u128::from(self.seen[1]) << 64 | u128::from(self.seen[0])
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use proptest::prelude::*;

    use super::*;

    /// Every index ever accepted.
    #[derive(Default)]
    struct Model(HashSet<u64>);

    impl Model {
        fn standing(&self, index: u64) -> Standing {
            match self.0.iter().max() {
                Some(highest) if index + LENGTH <= *highest => Standing::TooOld,
                _ if self.0.contains(&index) => Standing::Seen,
                _ => Standing::New,
            }
        }
    }

    proptest! {
        #[test]
        fn agrees_with_a_set(start in 0..1_u64 << 48, steps in prop::collection::vec(
            prop_oneof![
                8 => -20_i64..20,
                2 => -140_i64..140,
                1 => prop_oneof![Just(-129_i64), Just(-128), Just(-127), Just(-64), Just(-63), Just(63), Just(64),
                    Just(127), Just(128), Just(129)],
                1 => -100_000_i64..100_000,
                1 => Just(1_i64 << 33),
            ],
            1..300,
        )) {
            let (mut window, mut model) = (ReplayWindow::default(), Model::default());
            let mut around = start;
            for step in steps {
                let index = around.saturating_add_signed(step);
                let standing = window.standing(index);
                prop_assert_eq!(standing, model.standing(index), "index {}", index);
                if standing == Standing::New {
                    window.accept(index);
                    model.0.insert(index);
                    prop_assert_eq!(window.highest(), model.0.iter().max().copied());
                    around = index.max(around);
                }
            }
        }
    }

    #[test]
    fn every_edge_of_the_window() {
        for index in [0, 1, 127, 128, 5000, u64::from(u32::MAX)] {
            let mut window = ReplayWindow::default();
            assert_eq!(window.highest(), None);
            assert_eq!(window.standing(index), Standing::New);
            window.accept(index);
            assert_eq!(window.standing(index), Standing::Seen);
            window.accept(index + 127);
            assert_eq!(window.standing(index), Standing::Seen);
            assert_eq!(window.standing(index + 1), Standing::New);
            window.accept(index + 128);
            assert_eq!(window.standing(index), Standing::TooOld);
            assert_eq!(window.standing(index + 1), Standing::New);
            window.accept(index + 1);
            assert_eq!(window.standing(index + 1), Standing::Seen);
            assert_eq!(window.standing(index + 2), Standing::New);
            window.accept(index + 128 + 4096);
            assert_eq!(window.standing(index + 128), Standing::TooOld);
            assert_eq!(window.highest(), Some(index + 4224));
        }
    }
}
