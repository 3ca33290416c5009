// SPDX-License-Identifier: MIT OR Apache-2.0
use core::arch::x86_64::*;

use super::Vector;
use super::xmm::{REVERSE, Xmm};
use crate::kernel::aes_ni::AesNi;
use crate::kernel::avx2::Avx2;
use crate::kernel::partial;

/// Two blocks.
#[derive(Copy, Clone)]
pub(crate) struct Ymm(__m256i, Avx2);

impl Ymm {
    #[inline(always)]
    fn of_halves(proof: Avx2, low: Xmm, high: Xmm) -> Ymm {
        // SAFETY: the proof.
        Ymm(unsafe { _mm256_set_m128i(high.0, low.0) }, proof)
    }

    #[inline(always)]
    fn low(self) -> Xmm {
        // SAFETY: the value is the proof.
        Xmm(unsafe { _mm256_castsi256_si128(self.0) }, self.1.aes_ni())
    }
}

impl Vector<32> for Ymm {
    type Proof = Avx2;
    const CHUNK: usize = 4;

    #[inline(always)]
    fn narrow(proof: Avx2) -> AesNi {
        proof.aes_ni()
    }

    #[inline(always)]
    fn zero(proof: Avx2) -> Self {
        // SAFETY: the proof.
        Ymm(unsafe { _mm256_setzero_si256() }, proof)
    }

    #[inline(always)]
    fn load(proof: Avx2, bytes: &[u8; 32]) -> Self {
        // SAFETY: the reference covers the 32 bytes that are read, and the load asks for no alignment.
        Ymm(unsafe { _mm256_loadu_si256(bytes.as_ptr().cast()) }, proof)
    }

    #[inline(always)]
    fn load_start(proof: Avx2, bytes: &[u8]) -> Self {
        let xmm = proof.aes_ni();
        match bytes.split_first_chunk() {
            Some((block, rest)) => {
                Self::of_halves(proof, Xmm::load(xmm, block), Xmm::of(xmm, partial::read(rest)))
            }
            None => Self::of_halves(proof, Xmm::of(xmm, partial::read(bytes)), Xmm::zero(xmm)),
        }
    }

    #[inline(always)]
    fn store(self, bytes: &mut [u8; 32]) {
        // SAFETY: the reference covers the 32 bytes that are written, and the store asks for no alignment.
        unsafe { _mm256_storeu_si256(bytes.as_mut_ptr().cast(), self.0) }
    }

    #[inline(always)]
    fn store_start(self, bytes: &mut [u8]) {
        match bytes.split_first_chunk_mut() {
            Some((block, rest)) => {
                self.low().store(block);
                self.last().store_start(rest);
            }
            None => self.low().store_start(bytes),
        }
    }

    #[inline(always)]
    fn keep(self, count: usize) -> Self {
        if count >= 32 {
            return self;
        }
        Self::of_halves(self.1, self.low().keep(count), self.last().keep(count.saturating_sub(16)))
    }

    #[inline(always)]
    fn broadcast(proof: Avx2, block: &[u8; 16]) -> Self {
        // SAFETY: the proof; the reference covers the 16 bytes that are read.
        Ymm(unsafe { _mm256_broadcastsi128_si256(_mm_loadu_si128(block.as_ptr().cast())) }, proof)
    }

    #[inline(always)]
    fn splat(proof: Avx2, block: Xmm) -> Self {
        // SAFETY: the proof.
        Ymm(unsafe { _mm256_broadcastsi128_si256(block.0) }, proof)
    }

    #[inline(always)]
    fn place(proof: Avx2, block: Xmm, position: usize) -> Self {
        let zero = Xmm::zero(proof.aes_ni());
        match position {
            0 => Self::of_halves(proof, block, zero),
            _ => Self::of_halves(proof, zero, block),
        }
    }

    #[inline(always)]
    fn counts(proof: Avx2, first: u32) -> Self {
        let xmm = proof.aes_ni();
        Self::of_halves(proof, Xmm::counts(xmm, first), Xmm::counts(xmm, first.wrapping_add(1)))
    }

    #[inline(always)]
    fn with_last(self, block: Xmm) -> Self {
        // SAFETY: the value is the proof, here and below.
        Ymm(unsafe { _mm256_inserti128_si256::<1>(self.0, block.0) }, self.1)
    }

    #[inline(always)]
    fn last(self) -> Xmm {
        // SAFETY: as above.
        Xmm(unsafe { _mm256_extracti128_si256::<1>(self.0) }, self.1.aes_ni())
    }

    #[inline(always)]
    fn fold(self) -> Xmm {
        self.low().xor(self.last())
    }

    #[inline(always)]
    fn xor(self, other: Self) -> Self {
        // SAFETY: as above.
        Ymm(unsafe { _mm256_xor_si256(self.0, other.0) }, self.1)
    }

    #[inline(always)]
    fn aes_round(self, key: Self) -> Self {
        // SAFETY: as above.
        Ymm(unsafe { _mm256_aesenc_epi128(self.0, key.0) }, self.1)
    }

    #[inline(always)]
    fn aes_last_round(self, key: Self) -> Self {
        // SAFETY: as above.
        Ymm(unsafe { _mm256_aesenclast_epi128(self.0, key.0) }, self.1)
    }

    #[inline(always)]
    fn reverse(self) -> Self {
        let order = Self::broadcast(self.1, &REVERSE);
        // SAFETY: as above.
        Ymm(unsafe { _mm256_shuffle_epi8(self.0, order.0) }, self.1)
    }

    #[inline(always)]
    fn swap_halves(self) -> Self {
        // SAFETY: as above.
        Ymm(unsafe { _mm256_shuffle_epi32::<0x4e>(self.0) }, self.1)
    }

    #[inline(always)]
    fn low_to_high(self) -> Self {
        // SAFETY: as above.
        Ymm(unsafe { _mm256_bslli_epi128::<8>(self.0) }, self.1)
    }

    #[inline(always)]
    fn high_to_low(self) -> Self {
        // SAFETY: as above.
        Ymm(unsafe { _mm256_bsrli_epi128::<8>(self.0) }, self.1)
    }

    #[inline(always)]
    fn multiply_low(self, other: Self) -> Self {
        // SAFETY: as above.
        Ymm(unsafe { _mm256_clmulepi64_epi128::<0x00>(self.0, other.0) }, self.1)
    }

    #[inline(always)]
    fn multiply_high(self, other: Self) -> Self {
        // SAFETY: as above.
        Ymm(unsafe { _mm256_clmulepi64_epi128::<0x11>(self.0, other.0) }, self.1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_operation() {
        let Some(proof) = Avx2::detect() else { return };
        super::super::tests::operations::<Ymm, 32>(proof);
    }
}
