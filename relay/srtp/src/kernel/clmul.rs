// SPDX-License-Identifier: MIT OR Apache-2.0
//! GHASH with PCLMULQDQ.
//!
//! GHASH numbers the bits of a field element from the wrong end for the multiplier. RFC 8452 appendix A gives the way
//! round that: GHASH is POLYVAL over byte-reversed blocks, with the hash key multiplied by x once. POLYVAL's product
//! is `a * b * x^-128`, a Montgomery product, whose reduction is two more multiplications by a constant.
//!
//! Up to four blocks share one reduction: `(y + x1) h^4 + x2 h^3 + x3 h^2 + x4 h`.

use core::arch::x86_64::*;

use zeroize::{Zeroize, ZeroizeOnDrop};

use super::aes_ni::AesNi;
use super::partial;

/// Powers of the hash key that are kept, and the blocks that share a reduction.
const POWERS: usize = 4;

/// The hash key in POLYVAL's form: h, h^2, h^3, h^4.
#[derive(Zeroize, ZeroizeOnDrop)]
pub(crate) struct HashKey([[u8; 16]; POWERS]);

impl HashKey {
    /// Takes GHASH's key, the encryption of the zero block.
    pub(crate) fn new(_proof: AesNi, h: &[u8; 16]) -> Self {
        let mut powers = [[0; 16]; POWERS];
        // SAFETY: `_proof` says that the processor has the features that `powers_of` enables.
        unsafe { powers_of(h, &mut powers) };
        Self(powers)
    }

    /// GHASH of `aad` and `ciphertext`, each padded with zeros to whole blocks, and their lengths.
    pub(crate) fn hash(&self, aad: &[u8], ciphertext: &[u8]) -> [u8; 16] {
        // SAFETY: `self` was made from a proof that the processor has the features that `hash` enables.
        unsafe { hash(&self.0, aad, ciphertext) }
    }
}

#[inline(always)]
fn load(bytes: &[u8; 16]) -> __m128i {
    // SAFETY: the reference covers the 16 bytes that are read, and the load asks for no alignment.
    unsafe { _mm_loadu_si128(bytes.as_ptr().cast()) }
}

#[inline(always)]
fn store(value: __m128i) -> [u8; 16] {
    let mut bytes = [0; 16];
    // SAFETY: the array has the 16 bytes that are written, and the store asks for no alignment.
    unsafe { _mm_storeu_si128(bytes.as_mut_ptr().cast(), value) };
    bytes
}

#[target_feature(enable = "pclmulqdq,avx")]
fn powers_of(h: &[u8; 16], powers: &mut [[u8; 16]; POWERS]) {
    // Times x in POLYVAL's field: x^128 is x^127 + x^126 + x^121 + 1.
    let h = u128::from_be_bytes(*h);
    let carry = (h >> 127).wrapping_neg();
    let h = (h << 1) ^ (carry & ((0xc2 << 120) | 1));
    let h = load(&h.to_le_bytes());
    let mut power = h;
    for kept in powers {
        *kept = store(power);
        let mut product = Product::zero();
        product.add(power, h);
        power = product.reduce();
    }
}

/// The sum of unreduced 256-bit products, in three overlapping parts.
#[derive(Copy, Clone)]
struct Product {
    low: __m128i,
    middle: __m128i,
    high: __m128i,
}

impl Product {
    #[inline]
    #[target_feature(enable = "avx")]
    fn zero() -> Product {
        let zero = _mm_setzero_si128();
        Product { low: zero, middle: zero, high: zero }
    }

    #[inline]
    #[target_feature(enable = "pclmulqdq,avx")]
    fn add(&mut self, a: __m128i, b: __m128i) {
        self.low = _mm_xor_si128(self.low, _mm_clmulepi64_si128::<0x00>(a, b));
        self.high = _mm_xor_si128(self.high, _mm_clmulepi64_si128::<0x11>(a, b));
        let cross = _mm_xor_si128(_mm_clmulepi64_si128::<0x01>(a, b), _mm_clmulepi64_si128::<0x10>(a, b));
        self.middle = _mm_xor_si128(self.middle, cross);
    }

    /// Divides by x^128: twice, the low 64 bits times the modulus are added, which makes them zero.
    #[inline]
    #[target_feature(enable = "pclmulqdq,avx")]
    fn reduce(self) -> __m128i {
        let modulus = _mm_set_epi64x((0xc2_u64 << 56).cast_signed(), 0);
        let low = _mm_xor_si128(self.low, _mm_slli_si128::<8>(self.middle));
        let high = _mm_xor_si128(self.high, _mm_srli_si128::<8>(self.middle));
        let low = _mm_xor_si128(_mm_shuffle_epi32::<0x4e>(low), _mm_clmulepi64_si128::<0x10>(low, modulus));
        let low = _mm_xor_si128(_mm_shuffle_epi32::<0x4e>(low), _mm_clmulepi64_si128::<0x10>(low, modulus));
        _mm_xor_si128(high, low)
    }
}

/// A hash under way. Blocks are counted down from the end, so that only the first group may have fewer than [`POWERS`].
struct Hasher<'k> {
    powers: &'k [[u8; 16]; POWERS],
    /// The hash of the groups before this one, added to its first block.
    carried: __m128i,
    product: Product,
    /// Blocks that the group still lacks, which is the power of the next one.
    lacking: usize,
}

impl<'k> Hasher<'k> {
    /// A hash of `blocks` blocks, at least one.
    #[inline]
    #[target_feature(enable = "pclmulqdq,avx")]
    fn new(powers: &'k [[u8; 16]; POWERS], blocks: usize) -> Self {
        Hasher {
            powers,
            carried: _mm_setzero_si128(),
            product: Product::zero(),
            lacking: (blocks - 1) % POWERS + 1,
        }
    }

    #[inline]
    #[target_feature(enable = "pclmulqdq,avx")]
    fn push(&mut self, block: &[u8; 16]) {
        let block = _mm_shuffle_epi8(load(block), reversed());
        self.product.add(_mm_xor_si128(block, self.carried), load(&self.powers[self.lacking - 1]));
        self.carried = _mm_setzero_si128();
        self.lacking -= 1;
        if self.lacking == 0 {
            self.carried = self.product.reduce();
            self.product = Product::zero();
            self.lacking = POWERS;
        }
    }

    /// Four blocks, where a group starts.
    #[inline]
    #[target_feature(enable = "pclmulqdq,avx")]
    fn push_group(&mut self, group: &[[u8; 16]; POWERS]) {
        let mut product = Product::zero();
        for (block, power) in group.iter().zip(self.powers.iter().rev()) {
            let block = _mm_shuffle_epi8(load(block), reversed());
            product.add(_mm_xor_si128(block, self.carried), load(power));
            self.carried = _mm_setzero_si128();
        }
        self.carried = product.reduce();
    }

    #[inline]
    #[target_feature(enable = "pclmulqdq,avx")]
    fn push_padded(&mut self, data: &[u8]) {
        let (blocks, rest) = data.as_chunks();
        let (first, blocks) = blocks.split_at(blocks.len().min(self.lacking % POWERS));
        let (groups, last) = blocks.as_chunks();
        for block in first {
            self.push(block);
        }
        for group in groups {
            self.push_group(group);
        }
        for block in last {
            self.push(block);
        }
        if !rest.is_empty() {
            self.push(&partial::read(rest).to_le_bytes());
        }
    }
}

#[target_feature(enable = "pclmulqdq,avx")]
fn hash(powers: &[[u8; 16]; POWERS], aad: &[u8], ciphertext: &[u8]) -> [u8; 16] {
    let bits = |bytes: &[u8]| 8 * bytes.len() as u128;
    let lengths = ((bits(aad) << 64) | bits(ciphertext)).to_be_bytes();
    let blocks = aad.len().div_ceil(16) + ciphertext.len().div_ceil(16) + 1;
    let mut hasher = Hasher::new(powers, blocks);
    hasher.push_padded(aad);
    hasher.push_padded(ciphertext);
    hasher.push(&lengths);
    store(_mm_shuffle_epi8(hasher.carried, reversed()))
}

/// The shuffle that reverses sixteen bytes.
#[inline]
#[target_feature(enable = "avx")]
fn reversed() -> __m128i {
    _mm_set_epi8(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15)
}

#[cfg(test)]
mod tests {
    use ghash::GHash;
    use ghash::universal_hash::UniversalHash;
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn hashes_as_the_ghash_crate(
            h: [u8; 16],
            aad in prop::collection::vec(any::<u8>(), 0..100),
            ciphertext in prop::collection::vec(any::<u8>(), 0..300),
        ) {
            let Some(proof) = AesNi::detect() else { return Ok(()) };
            let mut expected = GHash::new(&h.into());
            expected.update_padded(&aad);
            expected.update_padded(&ciphertext);
            let lengths = ((8 * aad.len() as u128) << 64) | (8 * ciphertext.len() as u128);
            expected.update(&[lengths.to_be_bytes().into()]);
            let expected: [u8; 16] = expected.finalize().into();
            prop_assert_eq!(HashKey::new(proof, &h).hash(&aad, &ciphertext), expected);
        }
    }
}
