// SPDX-License-Identifier: MIT OR Apache-2.0
//! HMAC-SHA1 of many packets at once (RFC 2104), whatever it is that hashes their blocks side by side.
//!
//! Packets are sorted by their number of blocks, so that those hashed together are alike. They end together: a shorter one
//! starts later, and until then its lane is hashed in vain and set back.

use arrayvec::ArrayVec;

use super::work::BATCH;
use super::{Message, partial};
use crate::cipher::hmac::HmacKey;

/// FIPS 180-4 section 4.2.1.
pub(crate) const ROUND_CONSTANTS: [u32; 4] = [0x5a82_7999, 0x6ed9_eba1, 0x8f1b_bcdc, 0xca62_c1d6];

/// Bits that the outer hash of HMAC goes over: the padded key and the inner digest.
pub(crate) const OUTER_BITS: u32 = 8 * (64 + 20);

/// SHA-1 over one block of each of `T` messages, up to 64.
pub(crate) trait Compress<const T: usize>: Copy {
    type State: Copy;
    /// Memory for the message schedule.
    type Scratch;

    fn scratch(self) -> Self::Scratch;

    /// The states after the inner and after the outer padded key.
    fn start(self, keys: &[&[u8; 64]; T]) -> [Self::State; 2];

    /// Takes a block of each message.
    fn load(self, scratch: &mut Self::Scratch, blocks: &[&[u8; 64]; T]);

    /// Takes the only block of HMAC's outer hash behind the key: a digest and its padding.
    fn load_digests(self, scratch: &mut Self::Scratch, digests: &Self::State);

    /// Hashes what was taken.
    fn rounds(self, scratch: &mut Self::Scratch, state: &mut Self::State);

    /// Of the lanes whose bit is set `new`, of the others `old`.
    fn select(self, mask: u64, new: Self::State, old: Self::State) -> Self::State;

    /// Every lane's words.
    fn words(self, state: &Self::State) -> [[u32; 5]; T];
}

/// A message as blocks: those that lie in the packet, and one or two that end it.
struct Blocks<'m> {
    key: &'m HmacKey,
    whole: &'m [[u8; 64]],
    end: [[u8; 64]; 2],
    count: usize,
}

impl<'m> Blocks<'m> {
    /// A message that is still to be ended.
    #[inline(always)]
    fn of(message: &Message<'m>) -> Blocks<'m> {
        let (whole, rest) = message.bytes.as_chunks::<64>();
        // Roll-over counter, padding and length take 13 bytes.
        let ends = if rest.len() + 13 <= 64 { 1 } else { 2 };
        Blocks { key: message.key, whole, end: [[0; 64]; 2], count: whole.len() + ends }
    }

    /// Writes the end, in its place: moving what has just been written in parts would wait for it.
    #[inline(always)]
    fn end(&mut self, message: &Message<'m>) {
        let (_, rest) = message.bytes.as_chunks::<64>();
        copy_short(rest, &mut self.end[0]);
        let suffix = u64::from(message.roll_over_counter.swap_bytes()) | 0x80 << 32;
        let bytes = self.end.as_flattened_mut();
        if let Some(suffixed) = bytes.get_mut(rest.len()..).and_then(|rest| rest.first_chunk_mut()) {
            *suffixed = suffix.to_le_bytes();
        }
        let bits = 8 * (64 + message.bytes.len() as u64 + 4);
        let last = &mut self.end[(self.count - self.whole.len() - 1) & 1];
        last[56..].copy_from_slice(&bits.to_be_bytes());
    }

    #[inline(always)]
    fn get(&self, n: usize) -> &[u8; 64] {
        self.whole.get(n).unwrap_or_else(|| &self.end[n.wrapping_sub(self.whole.len()) & 1])
    }
}

/// Copies less than a block without the call that a copy of unknown length would be.
#[inline(always)]
fn copy_short(from: &[u8], to: &mut [u8; 64]) {
    let (blocks, rest) = from.as_chunks::<16>();
    let (to, _) = to.as_chunks_mut::<16>();
    if let Some(block) = blocks.first() {
        to[0] = *block;
    }
    if let Some(block) = blocks.get(1) {
        to[1] = *block;
    }
    if let Some(block) = blocks.get(2) {
        to[2] = *block;
    }
    to[blocks.len() & 3] = partial::read(rest).to_le_bytes();
}

/// Messages as blocks, and their order by number of blocks.
pub(crate) struct Batch<'m> {
    blocks: ArrayVec<Blocks<'m>, BATCH>,
    order: [u8; BATCH],
}

impl<'m> Batch<'m> {
    pub(crate) const fn new() -> Batch<'m> {
        Batch { blocks: ArrayVec::new_const(), order: [0; BATCH] }
    }

    /// Takes the first [`BATCH`] messages.
    #[inline(always)]
    pub(crate) fn fill(&mut self, messages: &[Message<'m>]) {
        let (mut most, mut sorted) = (0, true);
        for (n, message) in messages.iter().take(BATCH).enumerate() {
            self.order[n] = n as u8;
            let blocks = Blocks::of(message);
            sorted &= blocks.count >= most;
            most = blocks.count;
            self.blocks.push(blocks);
            if let Some(blocks) = self.blocks.last_mut() {
                blocks.end(message);
            }
        }
        if !sorted {
            let blocks = &self.blocks;
            self.order[..blocks.len()].sort_unstable_by_key(|n| blocks[usize::from(*n)].count);
        }
    }

    /// The order of all messages.
    #[inline(always)]
    pub(crate) fn order(&self) -> &[u8] {
        &self.order[..self.blocks.len()]
    }

    /// Tags the messages of a part of the order, as many as there are lanes or fewer.
    #[inline(always)]
    pub(crate) fn tag<const T: usize, C: Compress<T>>(
        &self,
        compress: C,
        scratch: &mut C::Scratch,
        group: &[u8],
        tags: &mut [[u8; 20]],
    ) {
        let Some(last) = group.last() else { return };
        // Lanes without a message repeat the last, which is one of the longest.
        let last = &self.blocks[usize::from(*last)];
        let mut lanes = [last; T];
        let mut keys = [last.key.as_bytes(); T];
        let mut alike = true;
        for ((lane, key), n) in lanes.iter_mut().zip(&mut keys).zip(group) {
            *lane = &self.blocks[usize::from(*n)];
            *key = lane.key.as_bytes();
            alike &= lane.count == last.count && lane.whole.len() == last.whole.len();
        }
        let [mut state, outer] = compress.start(&keys);
        let mut row = keys;
        // One place for all rounds: a copy for each kind of block would not fit into the instruction cache.
        for step in 0..=last.count {
            let mut started = u64::MAX;
            if step == last.count {
                compress.load_digests(scratch, &state);
                state = outer;
            } else if alike {
                for (row, lane) in row.iter_mut().zip(lanes) {
                    *row = lane.get(step);
                }
                compress.load(scratch, &row);
            } else {
                started = 0;
                for (n, (row, lane)) in row.iter_mut().zip(lanes).enumerate() {
                    let waits = last.count - lane.count;
                    *row = lane.get(step.saturating_sub(waits));
                    started |= u64::from(step >= waits) << n;
                }
                compress.load(scratch, &row);
            }
            let before = state;
            compress.rounds(scratch, &mut state);
            if !alike && started != u64::MAX {
                state = compress.select(started, state, before);
            }
        }
        let words = compress.words(&state);
        for (n, words) in group.iter().zip(&words) {
            let Some(tag) = tags.get_mut(usize::from(*n)) else { continue };
            for (bytes, word) in tag.as_chunks_mut().0.iter_mut().zip(words) {
                *bytes = word.to_be_bytes();
            }
        }
    }
}

#[cfg(test)]
pub(super) mod tests;
