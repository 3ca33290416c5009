// SPDX-License-Identifier: MIT OR Apache-2.0
//! AES in counter mode, under one key or under two at once.

use super::schedule::Schedule;
use super::vector::Vector;
use super::vector::xmm::Xmm;

/// A key stream: under which key, for which packet, and from which count on.
#[derive(Copy, Clone)]
pub(crate) struct Keystream<'k> {
    pub(crate) schedule: Schedule<'k>,
    /// The counter block as a little-endian number. Its last 32 bits, which count the blocks, are zero.
    pub(crate) counter: u128,
    /// The count of the payload's first block: 0 in counter mode, 2 in GCM.
    pub(crate) first: u32,
}

/// The block that hides the tag of GCM has a count of 1; here as it lies in a counter block.
const TAG_COUNT: u128 = 1 << 120;

/// `C` vectors of each of `K` key streams, from block `at` of the payload on. With `tagged`, the very last block is that
/// which hides the tag.
///
/// All go through a round together. A round takes four cycles or so, but two can start in each: it takes about eight
/// vectors under way to keep the units busy.
#[inline(always)]
pub(crate) fn generate<V: Vector<N>, const N: usize, const K: usize, const C: usize>(
    proof: V::Proof,
    streams: &[Keystream<'_>; K],
    at: usize,
    tagged: bool,
) -> [[V; C]; K] {
    let narrow = V::narrow(proof);
    let mut blocks = [[V::zero(proof); C]; K];
    for (blocks, stream) in blocks.iter_mut().zip(streams) {
        // Whitening is one more xor of the counter block, so it is done once for all blocks.
        let whitened = V::splat(proof, Xmm::of(narrow, stream.counter));
        let whitened = whitened.xor(V::broadcast(proof, stream.schedule.whitening()));
        for (i, block) in blocks.iter_mut().enumerate() {
            let mut counts = V::counts(proof, stream.first + (at + i * V::BLOCKS) as u32);
            if tagged && i == C - 1 {
                counts = counts.with_last(Xmm::of(narrow, TAG_COUNT));
            }
            *block = whitened.xor(counts);
        }
    }
    for round in 0..9 {
        for (blocks, stream) in blocks.iter_mut().zip(streams) {
            let key = V::broadcast(proof, &stream.schedule.common()[round]);
            for block in blocks {
                *block = block.aes_round(key);
            }
        }
    }
    for (blocks, stream) in blocks.iter_mut().zip(streams) {
        for key in stream.schedule.further() {
            let key = V::broadcast(proof, key);
            for block in blocks.iter_mut() {
                *block = block.aes_round(key);
            }
        }
        let key = V::broadcast(proof, stream.schedule.last());
        for block in blocks {
            *block = block.aes_last_round(key);
        }
    }
    blocks
}

/// Xors `K` key streams into `data`.
#[inline(always)]
pub(crate) fn apply<V: Vector<N>, const N: usize, const K: usize>(
    proof: V::Proof,
    streams: &[Keystream<'_>; K],
    data: &mut [u8],
) {
    let mut rest = data;
    let mut at = 0;
    while rest.len() > 4 * N {
        let chunk;
        (chunk, rest) = rest.split_at_mut(4 * N);
        apply_chunk::<V, N, K, 4>(proof, streams, at, chunk);
        at += 4 * V::BLOCKS;
    }
    match rest.len().div_ceil(N) {
        0 => {}
        1 => apply_chunk::<V, N, K, 1>(proof, streams, at, rest),
        2 => apply_chunk::<V, N, K, 2>(proof, streams, at, rest),
        3 => apply_chunk::<V, N, K, 3>(proof, streams, at, rest),
        _ => apply_chunk::<V, N, K, 4>(proof, streams, at, rest),
    }
}

#[inline(always)]
fn apply_chunk<V: Vector<N>, const N: usize, const K: usize, const C: usize>(
    proof: V::Proof,
    streams: &[Keystream<'_>; K],
    at: usize,
    data: &mut [u8],
) {
    let stream = generate::<V, N, K, C>(proof, streams, at, false);
    xor_into(proof, &stream, data);
}

/// Xors vectors of key streams into as much data, of which the last vector's may be short. Returns what was there and
/// what is there now, zeros behind the end.
#[inline(always)]
pub(crate) fn xor_into<V: Vector<N>, const N: usize, const K: usize, const C: usize>(
    proof: V::Proof,
    stream: &[[V; C]; K],
    data: &mut [u8],
) -> [[V; C]; 2] {
    let (full, rest) = data.as_chunks_mut::<N>();
    let mut before = [V::zero(proof); C];
    // All loads come first: one that touches what has just been stored in part would wait for the store.
    for (i, before) in before.iter_mut().enumerate() {
        if let Some(bytes) = full.get(i) {
            *before = V::load(proof, bytes);
        } else if i == full.len() && !rest.is_empty() {
            *before = V::load_start(proof, rest);
        }
    }
    let mut after = before;
    for (i, after) in after.iter_mut().enumerate() {
        for stream in stream {
            *after = after.xor(stream[i]);
        }
        if let Some(bytes) = full.get_mut(i) {
            after.store(bytes);
        } else if i == full.len() && !rest.is_empty() {
            after.store_start(rest);
            *after = after.keep(rest.len());
        } else {
            *after = V::zero(proof);
        }
    }
    [before, after]
}
