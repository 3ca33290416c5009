// SPDX-License-Identifier: MIT OR Apache-2.0
//! Blocks of 128 bits side by side in one register: what AES and GHASH are written in, once for every width.
//!
//! A value of a vector type carries a proof that the processor has the type's instructions, so that all that can be done
//! with it is safe. The proof has no bytes.
//!
//! Every function is inlined into the entry points of a path ([`super::avx512`], [`super::avx2`], [`super::aes_ni`]),
//! which alone are compiled for those instructions: `inline(always)` throughout, and no closures in between, which
//! would be functions of their own.

pub(crate) mod xmm;
pub(crate) mod ymm;
pub(crate) mod zmm;

use super::aes_ni::AesNi;
use xmm::Xmm;

/// `N` bytes: `N / 16` blocks.
pub(crate) trait Vector<const N: usize>: Copy {
    /// That the processor has the instructions.
    type Proof: Copy;

    /// Blocks of a vector.
    const BLOCKS: usize = N / 16;

    /// Vectors of each of two key streams that GCM makes together, 3 or 4: enough to hide the latency of a round of AES,
    /// and no more than the registers hold.
    const CHUNK: usize;

    /// The same processor has the instructions for one block.
    fn narrow(proof: Self::Proof) -> AesNi;

    fn zero(proof: Self::Proof) -> Self;

    fn load(proof: Self::Proof, bytes: &[u8; N]) -> Self;

    /// Loads fewer than `N` bytes, zeros behind them.
    fn load_start(proof: Self::Proof, bytes: &[u8]) -> Self;

    fn store(self, bytes: &mut [u8; N]);

    /// Stores as many of the first bytes as there is room for, which is fewer than `N`.
    fn store_start(self, bytes: &mut [u8]);

    /// The first `count` bytes, zeros behind them.
    fn keep(self, count: usize) -> Self;

    /// The same block everywhere, from memory.
    fn broadcast(proof: Self::Proof, block: &[u8; 16]) -> Self;

    /// The same block everywhere.
    fn splat(proof: Self::Proof, block: Xmm) -> Self;

    /// A block at a position, zeros elsewhere.
    fn place(proof: Self::Proof, block: Xmm, position: usize) -> Self;

    /// Consecutive numbers from `first` on, big-endian, in the last 32 bits of each block, zeros elsewhere.
    fn counts(proof: Self::Proof, first: u32) -> Self;

    /// The vector with its last block replaced.
    fn with_last(self, block: Xmm) -> Self;

    /// The last block.
    fn last(self) -> Xmm;

    /// The sum (xor) of all blocks.
    fn fold(self) -> Xmm;

    fn xor(self, other: Self) -> Self;

    /// One round of AES on each block (FIPS 197 section 5.1).
    fn aes_round(self, key: Self) -> Self;

    /// The last round, which does not mix columns.
    fn aes_last_round(self, key: Self) -> Self;

    /// The bytes of each block in reverse.
    fn reverse(self) -> Self;

    /// The halves of each block exchanged.
    fn swap_halves(self) -> Self;

    /// The low half of each block as its high half, zeros below.
    fn low_to_high(self) -> Self;

    /// The high half of each block as its low half, zeros above.
    fn high_to_low(self) -> Self;

    /// Carry-less product of the low halves of each pair of blocks.
    fn multiply_low(self, other: Self) -> Self;

    /// The same of the high halves.
    fn multiply_high(self, other: Self) -> Self;
}

#[cfg(test)]
mod tests;
