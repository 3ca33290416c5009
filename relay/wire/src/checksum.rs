// SPDX-License-Identifier: MIT OR Apache-2.0
//! The Internet checksum (RFC 1071).

/// A one's complement sum in the making.
///
/// Words are summed in the host's byte order, which gives the same sum with its bytes swapped (RFC 1071 section
/// 2 B); the carries of 32-bit words gather in the upper half of 64 bits, which hold those of 16 GiB.
#[derive(Clone, Copy, Debug, Default)]
pub struct Sum(u64);

impl Sum {
    /// Nothing summed yet.
    pub const fn new() -> Self {
        Self(0)
    }

    /// Adds a 16-bit value.
    #[inline(always)]
    #[must_use]
    pub const fn add_u16(self, value: u16) -> Self {
        Self(self.0 + value.to_be() as u64)
    }

    /// Adds the four bytes at an even place of the data.
    #[inline(always)]
    #[must_use]
    pub const fn add_four(self, bytes: [u8; 4]) -> Self {
        Self(self.0 + u32::from_ne_bytes(bytes) as u64)
    }

    /// Adds bytes, the first of which is at an even place of the data; a last odd byte is padded with zero.
    #[inline]
    #[must_use]
    pub fn add_bytes(self, bytes: &[u8]) -> Self {
        let mut sum = self.0;
        let (blocks, rest) = bytes.as_chunks::<32>();
        for block in blocks {
            let (words, _) = block.as_chunks::<4>();
            for word in words {
                sum += u64::from(u32::from_ne_bytes(*word));
            }
        }
        let (words, rest) = rest.as_chunks::<4>();
        for word in words {
            sum += u64::from(u32::from_ne_bytes(*word));
        }
        let last = match *rest {
            [a] => [a, 0, 0, 0],
            [a, b] => [a, b, 0, 0],
            [a, b, c] => [a, b, c, 0],
            _ => [0; 4],
        };
        Self(sum).add_four(last)
    }

    /// The checksum: the complement of the folded sum.
    #[inline(always)]
    pub const fn finish(self) -> u16 {
        let mut sum = (self.0 & 0xffff_ffff) + (self.0 >> 32);
        sum = (sum & 0xffff) + (sum >> 16);
        sum = (sum & 0xffff) + (sum >> 16);
        sum = (sum & 0xffff) + (sum >> 16);
        (!(sum as u16)).to_be()
    }
}

#[cfg(test)]
mod tests {
    use super::Sum;
    use proptest::prelude::*;
    use std::vec;
    use std::vec::Vec;

    /// One word at a time, each carry at once, as RFC 1071 describes it.
    fn reference(bytes: &[u8]) -> u16 {
        let mut sum = 0u32;
        for pair in bytes.chunks(2) {
            sum += u32::from(pair[0]) << 8 | u32::from(*pair.get(1).unwrap_or(&0));
            if sum > 0xffff {
                sum -= 0xffff;
            }
        }
        !(sum as u16)
    }

    #[test]
    fn the_example_of_rfc_1071() {
        let bytes = [0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7];
        assert_eq!(Sum::new().add_bytes(&bytes).finish(), !0xddf2);
    }

    #[test]
    fn every_length_agrees_with_the_reference() {
        let bytes: Vec<u8> = (0..2100u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
        for length in 0..bytes.len() {
            assert_eq!(Sum::new().add_bytes(&bytes[..length]).finish(), reference(&bytes[..length]));
        }
    }

    #[test]
    fn all_ones_do_not_overflow() {
        let bytes = vec![0xff; 65_536];
        assert_eq!(Sum::new().add_bytes(&bytes).finish(), 0);
    }

    proptest! {
        #[test]
        fn parts_agree_with_the_reference(
            head in prop::collection::vec(any::<u8>(), 0..40),
            word: u16,
            four: [u8; 4],
            tail in prop::collection::vec(any::<u8>(), 0..300),
        ) {
            let head = &head[..head.len() & !1];
            let mut whole = head.to_vec();
            whole.extend(word.to_be_bytes());
            whole.extend(four);
            whole.extend(&tail);
            let sum = Sum::new().add_bytes(head).add_u16(word).add_four(four).add_bytes(&tail);
            prop_assert_eq!(sum.finish(), reference(&whole));
        }
    }
}
