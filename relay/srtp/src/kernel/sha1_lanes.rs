// SPDX-License-Identifier: MIT OR Apache-2.0
//! SHA-1 of many messages, one in each lane of a vector.
//!
//! A round of SHA-1 waits for the round before it, which leaves a superscalar processor half idle. So `S` sets of vectors
//! are hashed together, round by round: with two, the instructions of one fill the gaps of the other.
//!
//! The message schedule is made as the rounds need it and kept in memory, where it is an operand that costs no register:
//! two states and what a round computes take most of those that there are.

use super::lanes::Lanes;
use super::sha1::{Compress, OUTER_BITS, ROUND_CONSTANTS};

/// `S` sets of `L` lanes.
#[derive(Copy, Clone)]
pub(crate) struct ByLanes<V: Lanes<L>, const L: usize, const S: usize>(pub(crate) V::Proof);

/// The words W0 to W79, each for all sets.
pub(crate) type Schedule<V, const S: usize> = [[V; S]; 80];

/// The words a to e of every set.
pub(crate) type State<V, const S: usize> = [[V; 5]; S];

impl<V: Lanes<L>, const L: usize, const S: usize> ByLanes<V, L, S> {
    /// The word that follows the 16 words from `words[0]` on (FIPS 180-4 section 6.1.2).
    #[inline(always)]
    fn scheduled(words: &[[V; S]], set: usize) -> V {
        let [w0, w2, w8, w13] = [words[0][set], words[2][set], words[8][set], words[13][set]];
        w13.parity(w8, w2).xor(w0).rotate_left::<1, 31>()
    }

    /// Five rounds from `t` on, after which the words are back in their places. `STAGE` is `t / 20`.
    #[inline(always)]
    fn five<const STAGE: usize>(self, state: &mut State<V, S>, schedule: &mut Schedule<V, S>, t: usize) {
        // The words that the rounds take, and the 16 before them that they are made of.
        let before = if STAGE == 0 { 0 } else { 16 };
        let Some(words) = schedule.get_mut(t - before..t + 5) else { return };
        let constant = V::splat(self.0, ROUND_CONSTANTS[STAGE]);
        for i in before..before + 5 {
            for set in 0..S {
                if STAGE > 0 {
                    words[i][set] = Self::scheduled(&words[i - 16..], set);
                }
                let [a, b, c, d, e] = state[set];
                let mixed = match STAGE {
                    0 => b.choose(c, d),
                    2 => b.majority(c, d),
                    _ => b.parity(c, d),
                };
                // Only the sum with a's rotation waits for the round before.
                let sum = e.add(words[i][set]).add(constant).add(mixed).summed();
                let first = sum.add(a.rotate_left::<5, 27>());
                state[set] = [first, a, b.rotate_left::<30, 2>(), c, d];
            }
        }
    }

    /// All rounds over a schedule whose first 16 words are filled in.
    #[inline(always)]
    fn rounds(self, state: &mut State<V, S>, schedule: &mut Schedule<V, S>) {
        for t in 16..20 {
            for set in 0..S {
                schedule[t][set] = Self::scheduled(&schedule[t - 16..], set);
            }
        }
        let before = *state;
        for t in [0, 5, 10, 15] {
            self.five::<0>(state, schedule, t);
        }
        for t in [20, 25, 30, 35] {
            self.five::<1>(state, schedule, t);
        }
        for t in [40, 45, 50, 55] {
            self.five::<2>(state, schedule, t);
        }
        for t in [60, 65, 70, 75] {
            self.five::<3>(state, schedule, t);
        }
        for (state, before) in state.iter_mut().zip(before) {
            for (word, before) in state.iter_mut().zip(before) {
                *word = word.add(before);
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
        [[V::splat(self.0, 0); S]; 80]
    }

    #[inline(always)]
    fn start(self, _: &mut Schedule<V, S>, keys: &[&[u8; 64]; T]) -> [State<V, S>; 2] {
        let mut states = [[[V::splat(self.0, 0); 5]; S]; 2];
        for (set, keys) in keys.as_chunks().0.iter().enumerate() {
            let words = V::transposed(self.0, keys);
            for n in 0..5 {
                states[0][set][n] = words[n];
                states[1][set][n] = words[5 + n];
            }
        }
        states
    }

    #[inline(always)]
    fn compress(self, schedule: &mut Schedule<V, S>, state: &mut State<V, S>, blocks: &[&[u8; 64]; T]) {
        for (set, blocks) in blocks.as_chunks().0.iter().enumerate() {
            for (word, lanes) in schedule.iter_mut().zip(V::transposed(self.0, blocks)) {
                word[set] = lanes;
            }
        }
        self.rounds(state, schedule);
    }

    #[inline(always)]
    fn compress_digests(
        self,
        schedule: &mut Schedule<V, S>,
        state: &mut State<V, S>,
        digests: State<V, S>,
    ) {
        for (set, digest) in digests.into_iter().enumerate() {
            for (word, digest) in schedule.iter_mut().zip(digest) {
                word[set] = digest;
            }
            schedule[5][set] = V::splat(self.0, 1 << 31);
            for word in &mut schedule[6..15] {
                word[set] = V::splat(self.0, 0);
            }
            schedule[15][set] = V::splat(self.0, OUTER_BITS);
        }
        self.rounds(state, schedule);
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
