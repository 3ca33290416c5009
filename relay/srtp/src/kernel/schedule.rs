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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hex::hex;

    /// The round keys of a key, one after the other.
    fn expanded(key: &str) -> Option<(Rounds, Vec<u8>)> {
        let mut round_keys = [[0; 16]; ROUND_KEYS];
        let rounds = expand(AesNi::detect()?, &hex(key), &mut round_keys);
        let schedule = Schedule { keys: &round_keys, rounds };
        let mut all = schedule.whitening().to_vec();
        all.extend(schedule.common().iter().chain(schedule.further()).flatten());
        all.extend(schedule.last());
        Some((rounds, all))
    }

    /// The key itself, what the appendix has right behind it, and the last round key.
    fn check(key: &str, rounds: Rounds, next: &str, last: &str) {
        let Some((got, keys)) = expanded(key) else { return };
        let count = [11, 13, 15][rounds as usize];
        assert_eq!((got, keys.len()), (rounds, 16 * count));
        let (key, next) = (hex(key), hex(next));
        assert_eq!(keys[..key.len()], key);
        assert_eq!(keys[key.len()..][..next.len()], next);
        assert_eq!(keys[16 * (count - 1)..], hex(last));
    }

    #[test]
    fn fips_197_appendix_a_1() {
        check(
            "2b7e151628aed2a6abf7158809cf4f3c",
            Rounds::Ten,
            "a0fafe17 88542cb1 23a33939 2a6c7605 f2c295f2 7a96b943 5935807a 7359f67f",
            "d014f9a8 c9ee2589 e13f0cc8 b6630ca6",
        );
    }

    #[test]
    fn fips_197_appendix_a_2() {
        check(
            "8e73b0f7da0e6452c810f32b809079e562f8ead2522c6b7b",
            Rounds::Twelve,
            "fe0c91f7 2402f5a5 ec12068e 6c827f6b 0e7a95b9 5c56fec2",
            "e98ba06f 448c773c 8ecc7204 01002202",
        );
    }

    #[test]
    fn fips_197_appendix_a_3() {
        check(
            "603deb1015ca71be2b73aef0857d77811f352c073b6108d72d9810a30914dff4",
            Rounds::Fourteen,
            "9ba35411 8e6925af a51a8b5f 2067fcde a8b09c1a 93d194cd be49846e b75d5b9a",
            "fe4890d1 e6188d0b 046df344 706c631e",
        );
    }
}
