// SPDX-License-Identifier: MIT OR Apache-2.0
use core::arch::x86_64::*;

use super::Lanes;
use crate::kernel::avx512::Avx512;

/// Sixteen words.
#[derive(Copy, Clone)]
pub(crate) struct Words16(__m512i, Avx512);

impl Lanes<16> for Words16 {
    type Proof = Avx512;

    #[inline(always)]
    fn splat(proof: Avx512, word: u32) -> Self {
        // SAFETY: the proof.
        Words16(unsafe { _mm512_set1_epi32(word.cast_signed()) }, proof)
    }

    #[inline(always)]
    fn to_words(self) -> [u32; 16] {
        let mut words = [0; 16];
        // SAFETY: the array has the 64 bytes that are written, and the store asks for no alignment.
        unsafe { _mm512_storeu_si512(words.as_mut_ptr().cast(), self.0) }
        words
    }

    #[inline(always)]
    fn add(self, other: Self) -> Self {
        // SAFETY: the values are the proof, here and below.
        Words16(unsafe { _mm512_add_epi32(self.0, other.0) }, self.1)
    }

    #[inline(always)]
    fn summed(self) -> Self {
        // SAFETY: the value is the proof.
        Words16(unsafe { summed(self.0) }, self.1)
    }

    #[inline(always)]
    fn xor(self, other: Self) -> Self {
        // SAFETY: as above.
        Words16(unsafe { _mm512_xor_si512(self.0, other.0) }, self.1)
    }

    #[inline(always)]
    fn rotate_left<const N: i32, const REST: i32>(self) -> Self {
        // SAFETY: as above.
        Words16(unsafe { _mm512_rol_epi32::<N>(self.0) }, self.1)
    }

    /// One instruction for any function of three bits: the constants are its truth tables.
    #[inline(always)]
    fn parity(self, b: Self, c: Self) -> Self {
        // SAFETY: as above.
        Words16(unsafe { _mm512_ternarylogic_epi32::<0x96>(self.0, b.0, c.0) }, self.1)
    }

    #[inline(always)]
    fn choose(self, b: Self, c: Self) -> Self {
        // SAFETY: as above.
        Words16(unsafe { _mm512_ternarylogic_epi32::<0xca>(self.0, b.0, c.0) }, self.1)
    }

    #[inline(always)]
    fn majority(self, b: Self, c: Self) -> Self {
        // SAFETY: as above.
        Words16(unsafe { _mm512_ternarylogic_epi32::<0xe8>(self.0, b.0, c.0) }, self.1)
    }

    #[inline(always)]
    fn select(self, mask: u32, other: Self) -> Self {
        // SAFETY: as above.
        Words16(unsafe { _mm512_mask_mov_epi32(other.0, mask as u16, self.0) }, self.1)
    }

    /// Rows become columns in four steps: words pair up within 128 bits, then pairs, then the 128-bit parts change places.
    #[inline(always)]
    fn transposed(proof: Avx512, blocks: &[&[u8; 64]; 16]) -> [Self; 16] {
        // SAFETY: the proof; each load reads the 64 bytes that a reference covers, and asks for no alignment.
        unsafe {
            let order =
                _mm512_broadcast_i32x4(_mm_set_epi8(12, 13, 14, 15, 8, 9, 10, 11, 4, 5, 6, 7, 0, 1, 2, 3));
            let mut rows = [order; 16];
            for (row, block) in rows.iter_mut().zip(blocks) {
                *row = _mm512_shuffle_epi8(_mm512_loadu_si512(block.as_ptr().cast()), order);
            }
            // Row 4q + r in part p: words 4p.. of block 4q + r. After two steps, quad[q][w]: word 4p + w of the blocks 4q...
            let mut quads = [[_mm512_setzero_si512(); 4]; 4];
            for (q, quad) in quads.iter_mut().enumerate() {
                let [a, b, c, d] = [rows[4 * q], rows[4 * q + 1], rows[4 * q + 2], rows[4 * q + 3]];
                let (ab_low, ab_high) = (_mm512_unpacklo_epi32(a, b), _mm512_unpackhi_epi32(a, b));
                let (cd_low, cd_high) = (_mm512_unpacklo_epi32(c, d), _mm512_unpackhi_epi32(c, d));
                *quad = [
                    _mm512_unpacklo_epi64(ab_low, cd_low),
                    _mm512_unpackhi_epi64(ab_low, cd_low),
                    _mm512_unpacklo_epi64(ab_high, cd_high),
                    _mm512_unpackhi_epi64(ab_high, cd_high),
                ];
            }
            let mut words = [Words16(order, proof); 16];
            for w in 0..4 {
                let [a, b, c, d] = [quads[0][w], quads[1][w], quads[2][w], quads[3][w]];
                // Parts 0 and 1 of both, then parts 2 and 3.
                let (ab_low, ab_high) =
                    (_mm512_shuffle_i32x4::<0x44>(a, b), _mm512_shuffle_i32x4::<0xee>(a, b));
                let (cd_low, cd_high) =
                    (_mm512_shuffle_i32x4::<0x44>(c, d), _mm512_shuffle_i32x4::<0xee>(c, d));
                words[w].0 = _mm512_shuffle_i32x4::<0x88>(ab_low, cd_low);
                words[4 + w].0 = _mm512_shuffle_i32x4::<0xdd>(ab_low, cd_low);
                words[8 + w].0 = _mm512_shuffle_i32x4::<0x88>(ab_high, cd_high);
                words[12 + w].0 = _mm512_shuffle_i32x4::<0xdd>(ab_high, cd_high);
            }
            words
        }
    }
}

#[inline]
#[target_feature(enable = "avx512f")]
fn summed(mut sum: __m512i) -> __m512i {
    // SAFETY: there is no instruction in it.
    unsafe {
        core::arch::asm!("/* {0} */", inout(zmm_reg) sum, options(pure, nomem, nostack, preserves_flags))
    }
    sum
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_operation() {
        let Some(proof) = Avx512::detect() else { return };
        super::super::tests::operations::<Words16, 16>(proof);
    }
}
