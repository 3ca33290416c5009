// SPDX-License-Identifier: MIT OR Apache-2.0
//! The 48-bit packet index: a 32-bit roll-over counter and the sequence number (RFC 3711 section 3.3.1).

/// The last index. Indices outlast re-keys in this crate, so a stream ends here, after 89,000 years at 100 packets a second.
pub(crate) const MAX_INDEX: u64 = (1 << 48) - 1;

/// The last SRTCP index.
pub(crate) const MAX_RTCP_INDEX: u64 = (1 << 31) - 1;

/// The index of a packet with `sequence`, when `highest` is the highest index so far (RFC 3711 appendix A).
///
/// With a roll-over counter of 0 the estimate does not go below it: no packet has such an index. The result is above
/// [`MAX_INDEX`] where the counter would overflow.
#[inline(always)]
pub(crate) fn estimate(highest: u64, sequence: u16) -> u64 {
    let next = highest + 1;
    if next as u16 == sequence { next } else { estimate_out_of_order(highest, sequence) }
}

fn estimate_out_of_order(highest: u64, sequence: u16) -> u64 {
    let roll_over = highest >> 16;
    let last = (highest & 0xffff) as u16;
    let guess = if last < 0x8000 {
        if sequence.saturating_sub(last) > 0x8000 { roll_over.saturating_sub(1) } else { roll_over }
    } else if last - 0x8000 > sequence {
        roll_over + 1
    } else {
        roll_over
    };
    (guess << 16) | u64::from(sequence)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Of the three indices around `highest` that end in `sequence`, the nearest. At equal distance RFC 3711 keeps the
    /// roll-over counter.
    fn nearest(highest: u64, sequence: u16) -> u64 {
        let roll_over = i128::from(highest >> 16);
        [roll_over, roll_over - 1, roll_over + 1]
            .into_iter()
            .filter(|roll_over| *roll_over >= 0)
            .map(|roll_over| (roll_over << 16) + i128::from(sequence))
            .min_by_key(|index| (index - i128::from(highest)).abs())
            .unwrap() as u64
    }

    proptest! {
        #[test]
        fn estimates_the_nearest_index(highest in 0..=MAX_INDEX, sequence: u16) {
            prop_assert_eq!(estimate(highest, sequence), nearest(highest, sequence));
        }

        #[test]
        fn estimates_the_nearest_index_in_the_first_cycles(highest in 0_u64..0x3_0000, sequence: u16) {
            prop_assert_eq!(estimate(highest, sequence), nearest(highest, sequence));
        }

        #[test]
        fn finds_any_index_within_half_a_cycle(highest in 0x8000..=MAX_INDEX, offset in -0x7fff_i64..=0x7fff) {
            let index = highest.wrapping_add_signed(offset);
            prop_assert_eq!(estimate(highest, index as u16), index);
        }
    }

    #[test]
    fn edges() {
        for (highest, sequence, expected) in [
            (0, 0xffff, 0xffff),
            (0x7fff, 0xffff, 0xffff),
            (0x8000, 0, 0),
            (0x8001, 0, 0x1_0000),
            (0xffff, 0, 0x1_0000),
            (0xffff, 0x7ffe, 0x1_7ffe),
            (0xffff, 0x7fff, 0x7fff),
            (0x1_0000, 0xffff, 0xffff),
            (0x1_0000, 0x8000, 0x1_8000),
            (0x1_0000, 0x8001, 0x8001),
            (MAX_INDEX, 0xffff, MAX_INDEX),
            (MAX_INDEX, 0, MAX_INDEX + 1),
        ] {
            assert_eq!(estimate(highest, sequence), expected, "highest {highest:#x}, sequence {sequence:#x}");
        }
    }
}
