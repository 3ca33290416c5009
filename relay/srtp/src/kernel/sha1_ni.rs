// SPDX-License-Identifier: MIT OR Apache-2.0
//! SHA-1 by its own instructions, the messages of `T` packets interleaved.
//!
//! `sha1rnds4` does four rounds, and the next four wait for it. A second message runs meanwhile almost for nothing, and so
//! do further ones until the unit is busy.

use core::arch::x86_64::*;

use super::aes_ni::AesNi;
use super::sha1::{Compress, OUTER_BITS};

#[derive(Copy, Clone)]
pub(crate) struct Interleaved<const T: usize>(pub(crate) AesNi);

/// The words of one message.
#[derive(Copy, Clone)]
pub(crate) struct State {
    /// a in the highest lane, d in the lowest.
    abcd: __m128i,
    /// e in the highest lane, zeros below.
    e: __m128i,
}

/// Rounds `4 * n` to `4 * n + 3`.
#[inline(always)]
fn four(_: AesNi, n: usize, abcd: __m128i, e: __m128i) -> __m128i {
    // SAFETY: the proof.
    unsafe {
        match n / 5 {
            0 => _mm_sha1rnds4_epu32::<0>(abcd, e),
            1 => _mm_sha1rnds4_epu32::<1>(abcd, e),
            2 => _mm_sha1rnds4_epu32::<2>(abcd, e),
            _ => _mm_sha1rnds4_epu32::<3>(abcd, e),
        }
    }
}

/// The words of 64 bytes, four to a vector, the first in the highest lane.
#[inline(always)]
fn load(_: AesNi, block: &[u8; 64]) -> [__m128i; 4] {
    // SAFETY: the proof; each load reads 16 of the 64 bytes that the reference covers, and asks for no alignment.
    unsafe {
        let order = _mm_set_epi8(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
        let mut words = [order; 4];
        for (words, bytes) in words.iter_mut().zip(block.as_chunks::<16>().0) {
            *words = _mm_shuffle_epi8(_mm_loadu_si128(bytes.as_ptr().cast()), order);
        }
        words
    }
}

impl<const T: usize> Interleaved<T> {
    /// FIPS 180-4 section 6.1.2, four words and four rounds at a time.
    #[inline(always)]
    fn hash(self, states: &mut [State; T], mut messages: [[__m128i; 4]; T]) {
        let before = *states;
        // SAFETY: `self` is the proof.
        let mut last = [unsafe { _mm_setzero_si128() }; T];
        for n in 0..20 {
            for lane in 0..T {
                let words = &mut messages[lane];
                let state = &mut states[lane];
                // SAFETY: as above.
                unsafe {
                    if n >= 4 {
                        let word = _mm_sha1msg1_epu32(words[n % 4], words[(n + 1) % 4]);
                        let word = _mm_xor_si128(word, words[(n + 2) % 4]);
                        words[n % 4] = _mm_sha1msg2_epu32(word, words[(n + 3) % 4]);
                    }
                    let e = if n == 0 {
                        _mm_add_epi32(state.e, words[0])
                    } else {
                        _mm_sha1nexte_epu32(last[lane], words[n % 4])
                    };
                    last[lane] = state.abcd;
                    state.abcd = four(self.0, n, state.abcd, e);
                }
            }
        }
        for lane in 0..T {
            // SAFETY: as above.
            unsafe {
                states[lane].abcd = _mm_add_epi32(states[lane].abcd, before[lane].abcd);
                states[lane].e = _mm_sha1nexte_epu32(last[lane], before[lane].e);
            }
        }
    }
}

impl<const T: usize> Compress<T> for Interleaved<T> {
    type State = [State; T];
    type Scratch = [[__m128i; 4]; T];

    #[inline(always)]
    fn scratch(self) -> [[__m128i; 4]; T] {
        // SAFETY: `self` is the proof.
        [[unsafe { _mm_setzero_si128() }; 4]; T]
    }

    #[inline(always)]
    fn start(self, keys: &[&[u8; 64]; T]) -> [[State; T]; 2] {
        // SAFETY: `self` is the proof.
        let zero = unsafe { _mm_setzero_si128() };
        let mut states = [[State { abcd: zero, e: zero }; T]; 2];
        for (lane, key) in keys.iter().enumerate() {
            // Words 0 to 4 are the inner state, 5 to 9 the outer.
            let [w0, w4, w8, _] = load(self.0, key);
            // SAFETY: as above.
            unsafe {
                states[0][lane] = State { abcd: w0, e: _mm_and_si128(w4, _mm_set_epi32(-1, 0, 0, 0)) };
                let e = _mm_slli_si128::<4>(w8);
                states[1][lane] = State {
                    abcd: _mm_alignr_epi8::<12>(w4, w8),
                    e: _mm_and_si128(e, _mm_set_epi32(-1, 0, 0, 0)),
                };
            }
        }
        states
    }

    #[inline(always)]
    fn load(self, messages: &mut [[__m128i; 4]; T], blocks: &[&[u8; 64]; T]) {
        for (words, block) in messages.iter_mut().zip(blocks) {
            *words = load(self.0, block);
        }
    }

    #[inline(always)]
    fn load_digests(self, messages: &mut [[__m128i; 4]; T], digests: &[State; T]) {
        for (words, digest) in messages.iter_mut().zip(digests) {
            // SAFETY: `self` is the proof.
            unsafe {
                let padding = _mm_set_epi32(0, 1 << 31, 0, 0);
                let length = _mm_set_epi32(0, 0, 0, OUTER_BITS.cast_signed());
                let e = _mm_and_si128(digest.e, _mm_set_epi32(-1, 0, 0, 0));
                *words = [digest.abcd, _mm_or_si128(e, padding), _mm_setzero_si128(), length];
            }
        }
    }

    #[inline(always)]
    fn rounds(self, messages: &mut [[__m128i; 4]; T], state: &mut [State; T]) {
        self.hash(state, *messages);
    }

    #[inline(always)]
    fn select(self, mask: u64, new: [State; T], old: [State; T]) -> [State; T] {
        let mut selected = old;
        for (lane, (selected, new)) in selected.iter_mut().zip(new).enumerate() {
            if mask >> lane & 1 == 1 {
                *selected = new;
            }
        }
        selected
    }

    #[inline(always)]
    fn words(self, states: &[State; T]) -> [[u32; 5]; T] {
        let mut all = [[0; 5]; T];
        for (words, state) in all.iter_mut().zip(states) {
            // SAFETY: `self` is the proof.
            let lanes = unsafe {
                [
                    _mm_extract_epi32::<3>(state.abcd),
                    _mm_extract_epi32::<2>(state.abcd),
                    _mm_extract_epi32::<1>(state.abcd),
                    _mm_extract_epi32::<0>(state.abcd),
                    _mm_extract_epi32::<3>(state.e),
                ]
            };
            for (word, lane) in words.iter_mut().zip(lanes) {
                *word = lane.cast_unsigned();
            }
        }
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::sha1::tests::steps;

    #[test]
    fn each_step_is_that_of_the_sha1_crate() {
        let Some(proof) = AesNi::detect() else { return };
        steps::<1, _>(Interleaved(proof));
        steps::<2, _>(Interleaved(proof));
        steps::<4, _>(Interleaved(proof));
    }
}
