// SPDX-License-Identifier: MIT OR Apache-2.0
//! AES with the x86-64 instructions: key expansion, single blocks and counter mode.
//!
//! Counter mode works on eight blocks at a time. One `aesenc` takes four or so cycles, but one or two start in every
//! cycle: eight blocks under way keep the unit busy, and still leave the sixteen vector registers to the states
//! and the round key. The tail costs a full pass of eight as well, which takes no longer than one block alone.

use core::arch::x86_64::*;

use zeroize::{Zeroize, ZeroizeOnDrop};

use super::partial;

/// Blocks in flight.
const LANES: usize = 8;

/// Proof that the processor has AES-NI, PCLMULQDQ and AVX, whose three-operand forms save moves.
#[derive(Copy, Clone)]
pub(crate) struct AesNi(());

impl AesNi {
    pub(crate) fn detect() -> Option<AesNi> {
        let found = is_x86_feature_detected!("aes")
            && is_x86_feature_detected!("pclmulqdq")
            && is_x86_feature_detected!("avx");
        found.then_some(AesNi(()))
    }
}

/// `N` round keys: 11 for AES-128, 13 for AES-192, 15 for AES-256. Bytes, not vectors, so that a schedule needs no
/// padding where it is stored.
#[derive(Zeroize, ZeroizeOnDrop)]
pub(crate) struct Schedule<const N: usize>([[u8; 16]; N]);

impl<const N: usize> Schedule<N> {
    /// Expands a key of `K` bytes, which has `K / 4 + 7` round keys.
    pub(crate) fn expand<const K: usize>(_proof: AesNi, key: &[u8; K]) -> Self {
        const { assert!(K / 4 + 7 == N) };
        let mut round_keys = [[0; 16]; N];
        // SAFETY: `_proof` says that the processor has the features that `expand` enables.
        unsafe { expand(key, round_keys.as_flattened_mut()) };
        Self(round_keys)
    }

    /// Encrypts one block in place.
    pub(crate) fn encrypt_block(&self, block: &mut [u8; 16]) {
        // SAFETY: `self` was made from a proof that the processor has the features that `encrypt` enables.
        unsafe { encrypt_block(&self.0, block) };
    }

    /// Xors the key stream that starts at `counter` into `data`. Only the last 32 bits of the counter count.
    pub(crate) fn apply_keystream(&self, counter: &[u8; 16], data: &mut [u8]) {
        // SAFETY: `self` was made from a proof that the processor has the features that `apply_keystream` enables.
        unsafe { apply_keystream(&self.0, counter, data) };
    }
}

#[inline(always)]
fn load(bytes: &[u8; 16]) -> __m128i {
    // SAFETY: the reference covers the 16 bytes that are read, and the load asks for no alignment.
    unsafe { _mm_loadu_si128(bytes.as_ptr().cast()) }
}

#[inline(always)]
fn store(bytes: &mut [u8; 16], value: __m128i) {
    // SAFETY: the reference covers the 16 bytes that are written, and the store asks for no alignment.
    unsafe { _mm_storeu_si128(bytes.as_mut_ptr().cast(), value) };
}

/// FIPS 197 section 5.2, word by word. `aeskeygenassist` looks words up in the S-box without a table in memory.
#[target_feature(enable = "aes,avx")]
fn expand<const K: usize>(key: &[u8; K], round_keys: &mut [u8]) {
    let (words, _) = round_keys.as_chunks_mut::<4>();
    for (word, chunk) in words.iter_mut().zip(key.as_chunks::<4>().0) {
        *word = *chunk;
    }
    let key_words = K / 4;
    let mut round_constant = 1_u8;
    for i in key_words..words.len() {
        let mut word = u32::from_le_bytes(words[i - 1]);
        if i % key_words == 0 {
            word = substitute(word).rotate_right(8) ^ u32::from(round_constant);
            // Doubling in GF(2^8): 0x80 is followed by 0x1b.
            round_constant = (round_constant << 1) ^ (0x1b & (round_constant >> 7).wrapping_neg());
        } else if key_words > 6 && i % key_words == 4 {
            word = substitute(word);
        }
        words[i] = (u32::from_le_bytes(words[i - key_words]) ^ word).to_le_bytes();
    }
}

#[target_feature(enable = "aes,avx")]
fn substitute(word: u32) -> u32 {
    let replicated = _mm_set1_epi32(word.cast_signed());
    _mm_extract_epi32::<0>(_mm_aeskeygenassist_si128::<0>(replicated)).cast_unsigned()
}

/// `L` blocks through every round side by side.
#[inline]
#[target_feature(enable = "aes,avx")]
fn encrypt<const N: usize, const L: usize>(keys: &[[u8; 16]; N], blocks: &mut [__m128i; L]) {
    let whitening = load(&keys[0]);
    for block in blocks.iter_mut() {
        *block = _mm_xor_si128(*block, whitening);
    }
    for key in &keys[1..N - 1] {
        let key = load(key);
        for block in blocks.iter_mut() {
            *block = _mm_aesenc_si128(*block, key);
        }
    }
    let last = load(&keys[N - 1]);
    for block in blocks.iter_mut() {
        *block = _mm_aesenclast_si128(*block, last);
    }
}

#[target_feature(enable = "aes,avx")]
fn encrypt_block<const N: usize>(keys: &[[u8; 16]; N], block: &mut [u8; 16]) {
    let mut state = [load(block)];
    encrypt(keys, &mut state);
    store(block, state[0]);
}

/// The key stream of eight counters from `counter` on, which is in host order, and the counter that follows.
#[inline]
#[target_feature(enable = "aes,avx")]
fn keystream<const N: usize>(keys: &[[u8; 16]; N], counter: __m128i) -> ([__m128i; LANES], __m128i) {
    let mut blocks = [counter; LANES];
    for (block, lane) in blocks.iter_mut().zip(0..) {
        *block = _mm_shuffle_epi8(_mm_add_epi32(counter, _mm_set_epi32(0, 0, 0, lane)), reversed());
    }
    encrypt(keys, &mut blocks);
    (blocks, _mm_add_epi32(counter, _mm_set_epi32(0, 0, 0, LANES as i32)))
}

#[target_feature(enable = "aes,avx")]
fn apply_keystream<const N: usize>(keys: &[[u8; 16]; N], counter: &[u8; 16], data: &mut [u8]) {
    let mut counter = _mm_shuffle_epi8(load(counter), reversed());
    let (groups, tail) = data.as_chunks_mut::<{ 16 * LANES }>();
    for group in groups {
        let (stream, next) = keystream(keys, counter);
        counter = next;
        for (block, stream) in group.as_chunks_mut().0.iter_mut().zip(stream) {
            store(block, _mm_xor_si128(load(block), stream));
        }
    }
    if tail.is_empty() {
        return;
    }
    let (stream, _) = keystream(keys, counter);
    let (blocks, rest) = tail.as_chunks_mut();
    let mut stream = stream.into_iter();
    for (block, stream) in blocks.iter_mut().zip(&mut stream) {
        store(block, _mm_xor_si128(load(block), stream));
    }
    if let Some(stream) = stream.next() {
        let mut last = [0; 16];
        store(&mut last, stream);
        partial::xor(rest, u128::from_le_bytes(last));
    }
}

/// The shuffle that reverses sixteen bytes.
#[inline]
#[target_feature(enable = "avx")]
fn reversed() -> __m128i {
    _mm_set_epi8(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15)
}

#[cfg(test)]
mod tests {
    use aes::cipher::{BlockCipherEncrypt, KeyInit};
    use aes::{Aes128Enc, Aes192Enc, Aes256Enc};
    use proptest::prelude::*;

    use super::*;
    use crate::hex::hex;

    /// FIPS 197 appendix C: one block under each key length.
    #[test]
    fn fips_197_appendix_c() {
        let Some(proof) = AesNi::detect() else { return };
        let plain: [u8; 16] = core::array::from_fn(|i| 0x11 * i as u8);
        let mut block = plain;
        Schedule::<11>::expand::<16>(proof, &core::array::from_fn(|i| i as u8)).encrypt_block(&mut block);
        assert_eq!(block[..], hex("69c4e0d86a7b0430d8cdb78070b4c55a"));
        block = plain;
        Schedule::<13>::expand::<24>(proof, &core::array::from_fn(|i| i as u8)).encrypt_block(&mut block);
        assert_eq!(block[..], hex("dda97ca4864cdfe06eaf70a0ec0d7191"));
        block = plain;
        Schedule::<15>::expand::<32>(proof, &core::array::from_fn(|i| i as u8)).encrypt_block(&mut block);
        assert_eq!(block[..], hex("8ea2b7ca516745bfeafc49904b496089"));
    }

    proptest! {
        #[test]
        fn expands_and_encrypts_as_the_aes_crate(key: [u8; 32], block: [u8; 16]) {
            let Some(proof) = AesNi::detect() else { return Ok(()) };
            let (k128, k192): ([u8; 16], [u8; 24]) =
                (core::array::from_fn(|i| key[i]), core::array::from_fn(|i| key[i]));
            let (mut a, mut b, mut c) = (block, block, block);
            Schedule::<11>::expand(proof, &k128).encrypt_block(&mut a);
            Schedule::<13>::expand(proof, &k192).encrypt_block(&mut b);
            Schedule::<15>::expand(proof, &key).encrypt_block(&mut c);
            let (mut x, mut y, mut z) = (block.into(), block.into(), block.into());
            Aes128Enc::new(&k128.into()).encrypt_block(&mut x);
            Aes192Enc::new(&k192.into()).encrypt_block(&mut y);
            Aes256Enc::new(&key.into()).encrypt_block(&mut z);
            prop_assert_eq!([a, b, c], [x.0, y.0, z.0]);
        }

        #[test]
        fn keystream_is_one_block_after_another(key: [u8; 16], counter: [u8; 16], length in 0_usize..600) {
            let Some(proof) = AesNi::detect() else { return Ok(()) };
            let schedule = Schedule::<11>::expand(proof, &key);
            let data: Vec<u8> = (0..length).map(|i| i as u8).collect();
            let mut whole = data.clone();
            schedule.apply_keystream(&counter, &mut whole);
            let mut expected = data;
            for (chunk, number) in expected.chunks_mut(16).zip(0_u32..) {
                let mut block = counter;
                let last = u32::from_be_bytes([counter[12], counter[13], counter[14], counter[15]]);
                block[12..].copy_from_slice(&last.wrapping_add(number).to_be_bytes());
                schedule.encrypt_block(&mut block);
                for (byte, stream) in chunk.iter_mut().zip(block) {
                    *byte ^= stream;
                }
            }
            prop_assert_eq!(whole, expected);
        }
    }
}
