// SPDX-License-Identifier: MIT OR Apache-2.0
use core::arch::x86_64::*;

use super::Vector;
use crate::kernel::aes_ni::AesNi;
use crate::kernel::partial;

/// One block.
#[derive(Copy, Clone)]
pub(crate) struct Xmm(pub(super) __m128i, pub(super) AesNi);

/// The shuffle that reverses sixteen bytes.
pub(super) const REVERSE: [u8; 16] = [15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0];

impl Xmm {
    /// A block whose bytes are those of `value`, little endian. From registers: what was just stored in two parts cannot
    /// be loaded as a whole before both stores have left the pipeline.
    #[inline(always)]
    pub(crate) fn of(proof: AesNi, value: u128) -> Xmm {
        // SAFETY: the proof.
        Xmm(unsafe { _mm_set_epi64x((value >> 64) as i64, value as i64) }, proof)
    }

    /// Up to 16 bytes, zeros behind them.
    #[inline(always)]
    pub(crate) fn padded(proof: AesNi, bytes: &[u8]) -> Xmm {
        match bytes.try_into() {
            Ok(block) => Xmm::load(proof, block),
            Err(_) => Xmm::load_start(proof, bytes),
        }
    }

    #[inline(always)]
    pub(crate) fn to_bytes(self) -> [u8; 16] {
        let mut bytes = [0; 16];
        self.store(&mut bytes);
        bytes
    }
}

impl Vector<16> for Xmm {
    type Proof = AesNi;
    const CHUNK: usize = 4;

    #[inline(always)]
    fn narrow(proof: AesNi) -> AesNi {
        proof
    }

    #[inline(always)]
    fn zero(proof: AesNi) -> Self {
        // SAFETY: the proof.
        Xmm(unsafe { _mm_setzero_si128() }, proof)
    }

    #[inline(always)]
    fn load(proof: AesNi, bytes: &[u8; 16]) -> Self {
        // SAFETY: the reference covers the 16 bytes that are read, and the load asks for no alignment.
        Xmm(unsafe { _mm_loadu_si128(bytes.as_ptr().cast()) }, proof)
    }

    #[inline(always)]
    fn load_start(proof: AesNi, bytes: &[u8]) -> Self {
        Self::of(proof, partial::read(bytes))
    }

    #[inline(always)]
    fn store(self, bytes: &mut [u8; 16]) {
        // SAFETY: the reference covers the 16 bytes that are written, and the store asks for no alignment.
        unsafe { _mm_storeu_si128(bytes.as_mut_ptr().cast(), self.0) }
    }

    #[inline(always)]
    fn store_start(self, bytes: &mut [u8]) {
        partial::write(bytes, u128::from_le_bytes(self.to_bytes()));
    }

    #[inline(always)]
    fn keep(self, count: usize) -> Self {
        if count >= 16 {
            return self;
        }
        let mask = Self::of(self.1, (1_u128 << (8 * count)) - 1);
        // SAFETY: the values are the proof.
        Xmm(unsafe { _mm_and_si128(self.0, mask.0) }, self.1)
    }

    #[inline(always)]
    fn broadcast(proof: AesNi, block: &[u8; 16]) -> Self {
        Self::load(proof, block)
    }

    #[inline(always)]
    fn splat(_: AesNi, block: Xmm) -> Self {
        block
    }

    #[inline(always)]
    fn place(_: AesNi, block: Xmm, _position: usize) -> Self {
        block
    }

    #[inline(always)]
    fn counts(proof: AesNi, first: u32) -> Self {
        Self::of(proof, u128::from(first.swap_bytes()) << 96)
    }

    #[inline(always)]
    fn with_last(self, block: Xmm) -> Self {
        block
    }

    #[inline(always)]
    fn last(self) -> Xmm {
        self
    }

    #[inline(always)]
    fn fold(self) -> Xmm {
        self
    }

    #[inline(always)]
    fn xor(self, other: Self) -> Self {
        // SAFETY: the values are the proof, here and below.
        Xmm(unsafe { _mm_xor_si128(self.0, other.0) }, self.1)
    }

    #[inline(always)]
    fn aes_round(self, key: Self) -> Self {
        // SAFETY: as above.
        Xmm(unsafe { _mm_aesenc_si128(self.0, key.0) }, self.1)
    }

    #[inline(always)]
    fn aes_last_round(self, key: Self) -> Self {
        // SAFETY: as above.
        Xmm(unsafe { _mm_aesenclast_si128(self.0, key.0) }, self.1)
    }

    #[inline(always)]
    fn reverse(self) -> Self {
        let order = Self::broadcast(self.1, &REVERSE);
        // SAFETY: as above.
        Xmm(unsafe { _mm_shuffle_epi8(self.0, order.0) }, self.1)
    }

    #[inline(always)]
    fn swap_halves(self) -> Self {
        // SAFETY: as above.
        Xmm(unsafe { _mm_shuffle_epi32::<0x4e>(self.0) }, self.1)
    }

    #[inline(always)]
    fn low_to_high(self) -> Self {
        // SAFETY: as above.
        Xmm(unsafe { _mm_slli_si128::<8>(self.0) }, self.1)
    }

    #[inline(always)]
    fn high_to_low(self) -> Self {
        // SAFETY: as above.
        Xmm(unsafe { _mm_srli_si128::<8>(self.0) }, self.1)
    }

    #[inline(always)]
    fn multiply_low(self, other: Self) -> Self {
        // SAFETY: as above.
        Xmm(unsafe { _mm_clmulepi64_si128::<0x00>(self.0, other.0) }, self.1)
    }

    #[inline(always)]
    fn multiply_high(self, other: Self) -> Self {
        // SAFETY: as above.
        Xmm(unsafe { _mm_clmulepi64_si128::<0x11>(self.0, other.0) }, self.1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_operation() {
        let Some(proof) = AesNi::detect() else { return };
        super::super::tests::operations::<Xmm, 16>(proof);
    }
}
