// SPDX-License-Identifier: MIT OR Apache-2.0
//! AES key schedules, expanded once for each key.

use core::arch::x86_64::*;

use super::aes_ni::AesNi;

/// Round keys of the longest schedule, that of AES-256.
pub(crate) const ROUND_KEYS: usize = 15;

/// How often a block is transformed (FIPS 197 section 5).
#[derive(Copy, Clone, Debug, Eq, PartialEq)]
pub(crate) enum Rounds {
    Ten,
    Twelve,
    Fourteen,
}

/// The round keys of AES-128, AES-192 or AES-256: the first 11, 13 or 15.
#[derive(Copy, Clone)]
pub(crate) struct Schedule<'k> {
    pub(crate) keys: &'k [[u8; 16]; ROUND_KEYS],
    pub(crate) rounds: Rounds,
}

impl<'k> Schedule<'k> {
    /// The key that a block is whitened with before the first round.
    #[inline(always)]
    pub(crate) fn whitening(self) -> &'k [u8; 16] {
        &self.keys[0]
    }

    /// The keys of the nine rounds that every key length has before its last.
    #[inline(always)]
    pub(crate) fn common(self) -> &'k [[u8; 16]] {
        &self.keys[1..10]
    }

    /// The keys of the further rounds of longer keys, without the last.
    #[inline(always)]
    pub(crate) fn further(self) -> &'k [[u8; 16]] {
        match self.rounds {
            Rounds::Ten => &[],
            Rounds::Twelve => &self.keys[10..12],
            Rounds::Fourteen => &self.keys[10..14],
        }
    }

    #[inline(always)]
    pub(crate) fn last(self) -> &'k [u8; 16] {
        match self.rounds {
            Rounds::Ten => &self.keys[10],
            Rounds::Twelve => &self.keys[12],
            Rounds::Fourteen => &self.keys[14],
        }
    }
}

/// Expands a key of 16, 24 or 32 bytes into `round_keys`, which holds as many as its length needs.
pub(crate) fn expand(_proof: AesNi, key: &[u8], round_keys: &mut [[u8; 16]; ROUND_KEYS]) -> Rounds {
    let (rounds, used) = match key.len() {
        16 => (Rounds::Ten, 11),
        24 => (Rounds::Twelve, 13),
        _ => (Rounds::Fourteen, 15),
    };
    // SAFETY: the proof says that the processor has the features that `expand_words` enables.
    unsafe { expand_words(key, round_keys[..used].as_flattened_mut()) };
    rounds
}

/// FIPS 197 section 5.2, word by word. `aeskeygenassist` looks words up in the S-box without a table in memory.
#[target_feature(enable = "aes,avx")]
fn expand_words(key: &[u8], round_keys: &mut [u8]) {
    let (words, _) = round_keys.as_chunks_mut::<4>();
    for (word, chunk) in words.iter_mut().zip(key.as_chunks::<4>().0) {
        *word = *chunk;
    }
    let key_words = key.len() / 4;
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
