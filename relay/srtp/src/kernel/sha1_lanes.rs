// SPDX-License-Identifier: MIT OR Apache-2.0
//! SHA-1 of many messages, one in each lane of a vector.
//!
//! A round of SHA-1 waits for the round before it, which leaves a superscalar processor half idle. So `S` sets of vectors
//! are hashed together, round by round: with two, the instructions of one fill the gaps of the other.
//!
//! The message schedule is made as the rounds need it. It does not fit into the registers beside two states, but as an operand
//! in memory it costs next to nothing.

use super::lanes::Lanes;
use super::sha1::{Compress, OUTER_BITS, ROUND_CONSTANTS};

/// `S` sets of `L` lanes.
#[derive(Copy, Clone)]
pub(crate) struct ByLanes<V: Lanes<L>, const L: usize, const S: usize>(pub(crate) V::Proof);

/// The last 16 words of the message schedule, each for all sets; word t in place t mod 16.
pub(crate) type Schedule<V, const S: usize> = [[V; S]; 16];

/// The words a to e of every set.
pub(crate) type State<V, const S: usize> = [[V; 5]; S];

impl<V: Lanes<L>, const L: usize, const S: usize> ByLanes<V, L, S> {
    /// Five rounds from `ROUND` on, after which the words are back in their places.
    #[inline(always)]
    fn five<const ROUND: usize>(self, state: &mut State<V, S>, schedule: &mut Schedule<V, S>) {
        let constant = V::splat(self.0, ROUND_CONSTANTS[ROUND / 20]);
        for t in ROUND..ROUND + 5 {
            for set in 0..S {
                if t >= 16 {
                    let word = |back: usize| schedule[(t - back) % 16][set];
                    let [w3, w8, w14, w16] = [word(3), word(8), word(14), word(16)];
                    schedule[t % 16][set] = w3.parity(w8, w14).xor(w16).rotate_left::<1, 31>();
                }
                let [a, b, c, d, e] = state[set];
                let mixed = match ROUND / 20 {
                    0 => b.choose(c, d),
                    2 => b.majority(c, d),
                    _ => b.parity(c, d),
                };
                // Only the sum with a's rotation waits for the round before.
                let sum = e.add(schedule[t % 16][set]).add(constant).add(mixed).summed();
                let first = sum.add(a.rotate_left::<5, 27>());
                state[set] = [first, a, b.rotate_left::<30, 2>(), c, d];
            }
        }
    }
}

impl<V: Lanes<L>, const L: usize, const S: usize, const T: usize> Compress<T> for ByLanes<V, L, S> {
    type State = State<V, S>;
    type Scratch = Schedule<V, S>;

    #[inline(always)]
    fn scratch(self) -> Schedule<V, S> {
        const { assert!(T == L * S) };
        [[V::splat(self.0, 0); S]; 16]
    }

    #[inline(always)]
    fn start(self, keys: &[&[u8; 64]; T]) -> [State<V, S>; 2] {
        let mut states = [[[V::splat(self.0, 0); 5]; S]; 2];
        for (set, keys) in keys.as_chunks().0.iter().enumerate() {
            let words = V::transposed(self.0, keys);
            let [a, b, c, d, e, f, g, h, i, j, ..] = words;
            (states[0][set], states[1][set]) = ([a, b, c, d, e], [f, g, h, i, j]);
        }
        states
    }

    #[inline(always)]
    fn load(self, schedule: &mut Schedule<V, S>, blocks: &[&[u8; 64]; T]) {
        for (set, blocks) in blocks.as_chunks().0.iter().enumerate() {
            for (word, lanes) in schedule.iter_mut().zip(V::transposed(self.0, blocks)) {
                word[set] = lanes;
            }
        }
    }

    #[inline(always)]
    fn load_digests(self, schedule: &mut Schedule<V, S>, digests: &State<V, S>) {
        for (set, digest) in digests.iter().enumerate() {
            for (word, digest) in schedule.iter_mut().zip(digest) {
                word[set] = *digest;
            }
            schedule[5][set] = V::splat(self.0, 1 << 31);
            for word in &mut schedule[6..15] {
                word[set] = V::splat(self.0, 0);
            }
            schedule[15][set] = V::splat(self.0, OUTER_BITS);
        }
    }

    /// FIPS 180-4 section 6.1.2.
    #[inline(always)]
    fn rounds(self, schedule: &mut Schedule<V, S>, state: &mut State<V, S>) {
        let before = *state;
        self.five::<0>(state, schedule);
        self.five::<5>(state, schedule);
        self.five::<10>(state, schedule);
        self.five::<15>(state, schedule);
        self.five::<20>(state, schedule);
        self.five::<25>(state, schedule);
        self.five::<30>(state, schedule);
        self.five::<35>(state, schedule);
        self.five::<40>(state, schedule);
        self.five::<45>(state, schedule);
        self.five::<50>(state, schedule);
        self.five::<55>(state, schedule);
        self.five::<60>(state, schedule);
        self.five::<65>(state, schedule);
        self.five::<70>(state, schedule);
        self.five::<75>(state, schedule);
        for (state, before) in state.iter_mut().zip(before) {
            for (word, before) in state.iter_mut().zip(before) {
                *word = word.add(before);
            }
        }
    }

    #[inline(always)]
    fn select(self, mask: u64, new: State<V, S>, old: State<V, S>) -> State<V, S> {
        let mut selected = new;
        for (set, (selected, old)) in selected.iter_mut().zip(old).enumerate() {
            let mask = (mask >> (set * L)) as u32;
            for (word, old) in selected.iter_mut().zip(old) {
                *word = word.select(mask, old);
            }
        }
        selected
    }

    #[inline(always)]
    fn words(self, state: &State<V, S>) -> [[u32; 5]; T] {
        let mut words = [[0; 5]; T];
        for (words, set) in words.as_chunks_mut::<L>().0.iter_mut().zip(state) {
            for (n, word) in set.iter().enumerate() {
                for (words, word) in words.iter_mut().zip(word.to_words()) {
                    words[n] = word;
                }
            }
        }
        words
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::avx512::Avx512;
    use crate::kernel::lanes::words16::Words16;
    use crate::kernel::sha1::tests::steps;

    #[test]
    fn each_step_is_that_of_the_sha1_crate() {
        let Some(proof) = Avx512::detect() else { return };
        steps::<16, _>(ByLanes::<Words16, 16, 1>(proof));
        steps::<32, _>(ByLanes::<Words16, 16, 2>(proof));
    }
}
