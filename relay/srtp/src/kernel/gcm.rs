// SPDX-License-Identifier: MIT OR Apache-2.0
//! One pass over a payload that GCM protects, on one side or on both: key streams are xored into it, and what was read and
//! what is written are hashed on the way.
//!
//! Both of SRTP's ciphers are key streams, so going from key A to key B is xoring A's and B's at once: no plain text comes
//! into being. What was read is authenticated by A's hash, what is written by B's.
//!
//! ```text
//!                  payload under A --------> GHASH under A --> tag A
//!   key stream A -->  xor
//!   key stream B -->  xor
//!                  payload under B --------> GHASH under B --> tag B
//! ```
//!
//! A hash ends with a block of lengths, and a tag is hidden by one more block of key stream. Vectors are counted so that the
//! last has room for the one behind its payload, and for the other in its last block. Where two blocks of it are
//! free, the header of a short packet goes into the second, behind the end, under the power that its place in front needs.

use super::aes_ni::AesNi;
use super::ghash::{GcmKey, Ghash, Listener, Nobody, SEQUENCE};
use super::keystream::{Keystream, generate, xor_into};
use super::vector::Vector;
use super::vector::xmm::Xmm;
use crate::session::Position;

/// A packet's place in the key stream of an AES-GCM key.
pub(crate) type Nonce<'k> = (&'k GcmKey, Position);

/// Takes `payload` from one key to the other. Returns the tags of what was there and of what is there now.
#[inline(always)]
pub(crate) fn rekey<V: Vector<N>, const N: usize>(
    proof: V::Proof,
    from: Nonce<'_>,
    to: Nonce<'_>,
    aad: &[u8],
    payload: &mut [u8],
) -> [[u8; 16]; 2] {
    let mut input: Ghash<'_, V, N> = Ghash::new(proof, from.0);
    let mut output: Ghash<'_, V, N> = Ghash::new(proof, to.0);
    let streams = [from.0.keystream(from.1), to.0.keystream(to.1)];
    let [from, to] = pass::<V, N, _, _, _>(proof, &streams, aad, payload, &mut input, &mut output);
    [input.finish().xor(from).to_bytes(), output.finish().xor(to).to_bytes()]
}

/// Takes `payload` from a key to plain text, or to another key's counter mode. Returns the tag of what was there.
#[inline(always)]
pub(crate) fn open<V: Vector<N>, const N: usize>(
    proof: V::Proof,
    from: Nonce<'_>,
    to: Option<Keystream<'_>>,
    aad: &[u8],
    payload: &mut [u8],
) -> [u8; 16] {
    let mut input: Ghash<'_, V, N> = Ghash::new(proof, from.0);
    let hidden = match to {
        Some(to) => {
            let [hidden, _] = pass::<V, N, _, _, _>(
                proof,
                &[from.0.keystream(from.1), to],
                aad,
                payload,
                &mut input,
                &mut Nobody,
            );
            hidden
        }
        None => {
            let [hidden] = pass::<V, N, _, _, _>(
                proof,
                &[from.0.keystream(from.1)],
                aad,
                payload,
                &mut input,
                &mut Nobody,
            );
            hidden
        }
    };
    input.finish().xor(hidden).to_bytes()
}

/// Takes `payload` from plain text, or from another key's counter mode, to a key. Returns the tag of what is there now.
#[inline(always)]
pub(crate) fn seal<V: Vector<N>, const N: usize>(
    proof: V::Proof,
    from: Option<Keystream<'_>>,
    to: Nonce<'_>,
    aad: &[u8],
    payload: &mut [u8],
) -> [u8; 16] {
    let mut output: Ghash<'_, V, N> = Ghash::new(proof, to.0);
    let hidden = match from {
        Some(from) => {
            let [_, hidden] = pass::<V, N, _, _, _>(
                proof,
                &[from, to.0.keystream(to.1)],
                aad,
                payload,
                &mut Nobody,
                &mut output,
            );
            hidden
        }
        None => {
            let [hidden] =
                pass::<V, N, _, _, _>(proof, &[to.0.keystream(to.1)], aad, payload, &mut Nobody, &mut output);
            hidden
        }
    };
    output.finish().xor(hidden).to_bytes()
}

/// The tag of `payload`, which is left as it is.
#[inline(always)]
pub(crate) fn tag(proof: AesNi, at: Nonce<'_>, aad: &[u8], payload: &[u8]) -> [u8; 16] {
    let mut hash: Ghash<'_, Xmm, 16> = Ghash::new(proof, at.0);
    hash.additional(aad);
    let blocks = payload.len().div_ceil(16);
    for (n, block) in payload.chunks(16).enumerate() {
        hash.group([Xmm::padded(proof, block)], blocks - 1 - n);
    }
    hash.last([lengths::<Xmm, 16>(proof, aad.len(), payload.len())], 1, false);
    let [[hidden]] = generate::<Xmm, 16, 1, 1>(proof, &[at.0.keystream(at.1)], 0, true);
    hash.finish().xor(hidden).to_bytes()
}

/// The block that ends a hash: the bits of the additional data and of the payload (NIST SP 800-38D section 7.1).
#[inline(always)]
fn lengths<V: Vector<N>, const N: usize>(proof: V::Proof, aad: usize, payload: usize) -> Xmm {
    let bits = |bytes: usize| u128::from((8 * bytes as u64).swap_bytes());
    Xmm::of(V::narrow(proof), bits(payload) << 64 | bits(aad))
}

/// What there is in the last group beside payload.
struct End {
    /// Blocks of payload and lengths.
    blocks: usize,
    lengths: Xmm,
    /// Additional data that goes behind.
    additional: Option<Xmm>,
}

/// Xors `K` key streams into `payload` and returns, of each, the block that hides a tag.
#[inline(always)]
fn pass<V, const N: usize, const K: usize, I, O>(
    proof: V::Proof,
    streams: &[Keystream<'_>; K],
    aad: &[u8],
    payload: &mut [u8],
    input: &mut I,
    output: &mut O,
) -> [Xmm; K]
where
    V: Vector<N>,
    I: Listener<V, N>,
    O: Listener<V, N>,
{
    let chunk_blocks = V::CHUNK * V::BLOCKS;
    let lengths = lengths::<V, N>(proof, aad.len(), payload.len());
    let mut blocks = payload.len().div_ceil(16) + 1;
    let mut rest = payload;
    let mut at = 0;
    let mut additional = None;
    if blocks <= chunk_blocks && blocks < SEQUENCE && !blocks.is_multiple_of(V::BLOCKS) && aad.len() <= 16 {
        additional = Some(Xmm::padded(V::narrow(proof), aad));
    } else {
        input.additional(aad);
        output.additional(aad);
    }
    while blocks > chunk_blocks {
        // Blocks are hashed side by side until the last group, which must have one for each.
        let vectors = if blocks < chunk_blocks + V::BLOCKS { V::CHUNK - 1 } else { V::CHUNK };
        let chunk;
        (chunk, rest) = rest.split_at_mut(rest.len().min(N * vectors));
        blocks -= vectors * V::BLOCKS;
        let more = more(blocks, V::BLOCKS, V::CHUNK);
        match vectors {
            2 => full::<V, N, K, 2, I, O>(proof, streams, at, chunk, more, input, output),
            3 => full::<V, N, K, 3, I, O>(proof, streams, at, chunk, more, input, output),
            _ => full::<V, N, K, 4, I, O>(proof, streams, at, chunk, more, input, output),
        }
        at += vectors * V::BLOCKS;
    }
    let end = End { blocks, lengths, additional };
    match blocks.div_ceil(V::BLOCKS) {
        1 => last::<V, N, K, 1, I, O>(proof, streams, at, rest, end, input, output),
        2 => last::<V, N, K, 2, I, O>(proof, streams, at, rest, end, input, output),
        3 => last::<V, N, K, 3, I, O>(proof, streams, at, rest, end, input, output),
        _ => last::<V, N, K, 4, I, O>(proof, streams, at, rest, end, input, output),
    }
}

/// Vectors before the last group, of `blocks` that are left.
#[inline(always)]
fn more(blocks: usize, per_vector: usize, chunk: usize) -> usize {
    let chunk_blocks = chunk * per_vector;
    if blocks <= chunk_blocks {
        return 0;
    }
    let chunks = (blocks - 1) / chunk_blocks;
    let short = blocks - chunks * chunk_blocks < per_vector;
    chunks * chunk - usize::from(short)
}

/// A chunk that is not the last. Its last block may be short, when nothing but lengths comes after it.
#[inline(always)]
fn full<V, const N: usize, const K: usize, const C: usize, I, O>(
    proof: V::Proof,
    streams: &[Keystream<'_>; K],
    at: usize,
    data: &mut [u8],
    more: usize,
    input: &mut I,
    output: &mut O,
) where
    V: Vector<N>,
    I: Listener<V, N>,
    O: Listener<V, N>,
{
    let stream = generate::<V, N, K, C>(proof, streams, at, false);
    let [before, after] = xor_into(proof, &stream, data);
    input.group(before, more);
    output.group(after, more);
}

#[inline(always)]
fn last<V, const N: usize, const K: usize, const C: usize, I, O>(
    proof: V::Proof,
    streams: &[Keystream<'_>; K],
    at: usize,
    data: &mut [u8],
    end: End,
    input: &mut I,
    output: &mut O,
) -> [Xmm; K]
where
    V: Vector<N>,
    I: Listener<V, N>,
    O: Listener<V, N>,
{
    let stream = generate::<V, N, K, C>(proof, streams, at, true);
    let [mut before, mut after] = xor_into(proof, &stream, data);
    let mut behind = V::place(proof, end.lengths, end.blocks - 1 - (C - 1) * V::BLOCKS);
    if let Some(additional) = end.additional {
        behind = behind.with_last(additional);
    }
    before[C - 1] = before[C - 1].xor(behind);
    after[C - 1] = after[C - 1].xor(behind);
    input.last(before, end.blocks, end.additional.is_some());
    output.last(after, end.blocks, end.additional.is_some());
    let mut hidden = [Xmm::zero(V::narrow(proof)); K];
    for (hidden, stream) in hidden.iter_mut().zip(stream) {
        *hidden = stream[C - 1].last();
    }
    hidden
}

#[cfg(test)]
mod tests;
