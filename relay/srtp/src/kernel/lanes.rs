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
