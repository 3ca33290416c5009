// SPDX-License-Identifier: MIT OR Apache-2.0
use core::arch::x86_64::*;

use super::Vector;
use super::xmm::{REVERSE, Xmm};
use crate::kernel::aes_ni::AesNi;
use crate::kernel::avx512::Avx512;

/// Four blocks.
#[derive(Copy, Clone)]
pub(crate) struct Zmm(__m512i, Avx512);

/// The mask of the first `count` bytes, of up to 63.
#[inline(always)]
fn first(count: usize) -> u64 {
    (1_u64 << (count & 63)) - 1
}

impl Vector<64> for Zmm {
    type Proof = Avx512;
    const CHUNK: usize = 3;

    #[inline(always)]
    fn narrow(proof: Avx512) -> AesNi {
        proof.aes_ni()
    }

    #[inline(always)]
    fn zero(proof: Avx512) -> Self {
        // SAFETY: the proof.
        Zmm(unsafe { _mm512_setzero_si512() }, proof)
    }

    #[inline(always)]
    fn load(proof: Avx512, bytes: &[u8; 64]) -> Self {
        // SAFETY: the reference covers the 64 bytes that are read, and the load asks for no alignment.
        Zmm(unsafe { _mm512_loadu_si512(bytes.as_ptr().cast()) }, proof)
    }

    #[inline(always)]
    fn load_start(proof: Avx512, bytes: &[u8]) -> Self {
        // SAFETY: the mask has no more bits than the slice has bytes, and bytes that are masked out are not read.
        Zmm(unsafe { _mm512_maskz_loadu_epi8(first(bytes.len()), bytes.as_ptr().cast()) }, proof)
    }

    #[inline(always)]
    fn store(self, bytes: &mut [u8; 64]) {
        // SAFETY: the reference covers the 64 bytes that are written, and the store asks for no alignment.
        unsafe { _mm512_storeu_si512(bytes.as_mut_ptr().cast(), self.0) }
    }

    #[inline(always)]
    fn store_start(self, bytes: &mut [u8]) {
        // SAFETY: the mask has no more bits than the slice has bytes, and bytes that are masked out are not written.
        unsafe { _mm512_mask_storeu_epi8(bytes.as_mut_ptr().cast(), first(bytes.len()), self.0) }
    }

    #[inline(always)]
    fn keep(self, count: usize) -> Self {
        if count >= 64 {
            return self;
        }
        // SAFETY: the value is the proof, here and below.
        Zmm(unsafe { _mm512_maskz_mov_epi8(first(count), self.0) }, self.1)
    }

    #[inline(always)]
    fn broadcast(proof: Avx512, block: &[u8; 16]) -> Self {
        // SAFETY: the proof; the reference covers the 16 bytes that are read.
        Zmm(unsafe { _mm512_broadcast_i32x4(_mm_loadu_si128(block.as_ptr().cast())) }, proof)
    }

    #[inline(always)]
    fn splat(proof: Avx512, block: Xmm) -> Self {
        // SAFETY: the proof.
        Zmm(unsafe { _mm512_broadcast_i32x4(block.0) }, proof)
    }

    #[inline(always)]
    fn place(proof: Avx512, block: Xmm, position: usize) -> Self {
        let mask = 0xf_u16 << (4 * (position & 3));
        // SAFETY: the proof.
        Zmm(unsafe { _mm512_maskz_broadcast_i32x4(mask, block.0) }, proof)
    }

    #[inline(always)]
    fn counts(proof: Avx512, first: u32) -> Self {
        const ORDER: [u8; 16] =
            [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 3, 2, 1, 0];
        let order = Self::broadcast(proof, &ORDER);
        // SAFETY: the proof.
        let counts = unsafe {
            let ahead = _mm512_set_epi32(0, 0, 0, 3, 0, 0, 0, 2, 0, 0, 0, 1, 0, 0, 0, 0);
            _mm512_shuffle_epi8(_mm512_add_epi32(_mm512_set1_epi32(first.cast_signed()), ahead), order.0)
        };
        Zmm(counts, proof)
    }

    #[inline(always)]
    fn with_last(self, block: Xmm) -> Self {
        // SAFETY: as above.
        Zmm(unsafe { _mm512_mask_broadcast_i32x4(self.0, 0xf000, block.0) }, self.1)
    }

    #[inline(always)]
    fn last(self) -> Xmm {
        // SAFETY: as above.
        Xmm(unsafe { _mm512_extracti32x4_epi32::<3>(self.0) }, self.1.aes_ni())
    }

    #[inline(always)]
    fn fold(self) -> Xmm {
        // SAFETY: as above.
        unsafe {
            let half =
                _mm256_xor_si256(_mm512_castsi512_si256(self.0), _mm512_extracti64x4_epi64::<1>(self.0));
            let sum = _mm_xor_si128(_mm256_castsi256_si128(half), _mm256_extracti128_si256::<1>(half));
            Xmm(sum, self.1.aes_ni())
        }
    }

    #[inline(always)]
    fn xor(self, other: Self) -> Self {
        // SAFETY: as above.
        Zmm(unsafe { _mm512_xor_si512(self.0, other.0) }, self.1)
    }

    #[inline(always)]
    fn aes_round(self, key: Self) -> Self {
        // SAFETY: as above.
        Zmm(unsafe { _mm512_aesenc_epi128(self.0, key.0) }, self.1)
    }

    #[inline(always)]
    fn aes_last_round(self, key: Self) -> Self {
        // SAFETY: as above.
        Zmm(unsafe { _mm512_aesenclast_epi128(self.0, key.0) }, self.1)
    }

    #[inline(always)]
    fn reverse(self) -> Self {
        let order = Self::broadcast(self.1, &REVERSE);
        // SAFETY: as above.
        Zmm(unsafe { _mm512_shuffle_epi8(self.0, order.0) }, self.1)
    }

    #[inline(always)]
    fn swap_halves(self) -> Self {
        // SAFETY: as above.
        Zmm(unsafe { _mm512_shuffle_epi32::<0x4e>(self.0) }, self.1)
    }

    #[inline(always)]
    fn low_to_high(self) -> Self {
        // SAFETY: as above.
        Zmm(unsafe { _mm512_bslli_epi128::<8>(self.0) }, self.1)
    }

    #[inline(always)]
    fn high_to_low(self) -> Self {
        // SAFETY: as above.
        Zmm(unsafe { _mm512_bsrli_epi128::<8>(self.0) }, self.1)
    }

    #[inline(always)]
    fn multiply_low(self, other: Self) -> Self {
        // SAFETY: as above.
        Zmm(unsafe { _mm512_clmulepi64_epi128::<0x00>(self.0, other.0) }, self.1)
    }

    #[inline(always)]
    fn multiply_high(self, other: Self) -> Self {
        // SAFETY: as above.
        Zmm(unsafe { _mm512_clmulepi64_epi128::<0x11>(self.0, other.0) }, self.1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_operation() {
        let Some(proof) = Avx512::detect() else { return };
        super::super::tests::operations::<Zmm, 64>(proof);
    }
}
