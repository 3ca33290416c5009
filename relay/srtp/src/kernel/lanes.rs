// SPDX-License-Identifier: MIT OR Apache-2.0
//! 32-bit words side by side in one register: what SHA-1 of many messages is written in. As in [`super::vector`], a value
//! carries the proof that the processor has its instructions.

pub(crate) mod words16;

/// `L` words of 32 bits.
pub(crate) trait Lanes<const L: usize>: Copy {
    /// That the processor has the instructions.
    type Proof: Copy;

    fn splat(proof: Self::Proof, word: u32) -> Self;

    fn to_words(self) -> [u32; L];

    fn add(self, other: Self) -> Self;

    /// The same, but the compiler may not take the sum apart: it would add up terms in an order of its own.
    fn summed(self) -> Self;

    fn xor(self, other: Self) -> Self;

    /// Rotates each word by `N` bits; `REST` is `32 - N`.
    fn rotate_left<const N: i32, const REST: i32>(self) -> Self;

    /// `self ^ b ^ c` (FIPS 180-4 section 4.1.1, here and below).
    fn parity(self, b: Self, c: Self) -> Self;

    /// The bits of `b` where `self` has ones, of `c` elsewhere.
    fn choose(self, b: Self, c: Self) -> Self;

    fn majority(self, b: Self, c: Self) -> Self;

    /// Of lanes whose bit is set in `mask` the word of `self`, of the others that of `other`.
    fn select(self, mask: u32, other: Self) -> Self;

    /// Word `n` of every block, big-endian, in vector `n`: one block for each lane.
    fn transposed(proof: Self::Proof, blocks: &[&[u8; 64]; L]) -> [Self; 16];
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::harness::noise;

    /// Holds every operation against the same on one word at a time.
    pub(super) fn operations<V: Lanes<L>, const L: usize>(proof: V::Proof) {
        assert_eq!(V::splat(proof, 0x0123_4567).to_words(), [0x0123_4567; L]);

        let blocks: [[u8; 64]; L] = core::array::from_fn(|n| noise(64, n as u64).try_into().unwrap());
        let vectors = V::transposed(proof, &blocks.each_ref());
        for (n, vector) in vectors.into_iter().enumerate() {
            let word = |block: [u8; 64]| u32::from_be_bytes(block[4 * n..4 * n + 4].try_into().unwrap());
            assert_eq!(vector.to_words(), blocks.map(word), "word {n}");
        }

        let [a, b, c, ..] = vectors;
        let all = |of: &dyn Fn(u32, u32, u32) -> u32| -> [u32; L] {
            let (a, b, c) = (a.to_words(), b.to_words(), c.to_words());
            core::array::from_fn(|n| of(a[n], b[n], c[n]))
        };
        assert_eq!(a.add(b).to_words(), all(&|a, b, _| a.wrapping_add(b)));
        assert_eq!(a.summed().to_words(), a.to_words());
        assert_eq!(a.xor(b).to_words(), all(&|a, b, _| a ^ b));
        assert_eq!(a.rotate_left::<1, 31>().to_words(), all(&|a, _, _| a.rotate_left(1)));
        assert_eq!(a.rotate_left::<5, 27>().to_words(), all(&|a, _, _| a.rotate_left(5)));
        assert_eq!(a.rotate_left::<30, 2>().to_words(), all(&|a, _, _| a.rotate_left(30)));
        assert_eq!(a.parity(b, c).to_words(), all(&|a, b, c| a ^ b ^ c));
        assert_eq!(a.choose(b, c).to_words(), all(&|a, b, c| (a & b) | (!a & c)));
        assert_eq!(a.majority(b, c).to_words(), all(&|a, b, c| (a & b) | (a & c) | (b & c)));
        for lane in 0..L {
            let mut expected = b.to_words();
            expected[lane] = a.to_words()[lane];
            assert_eq!(a.select(1 << lane, b).to_words(), expected, "lane {lane}");
        }
    }
}
