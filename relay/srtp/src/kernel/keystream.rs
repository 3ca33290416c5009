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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cipher::aes::PortableAes;
    use crate::hex::hex;
    use crate::kernel::Machine;
    use crate::kernel::schedule::{ROUND_KEYS, expand};
    use crate::kernel::trial::{ORIGIN, counter_mode, transform};
    use crate::kernel::vector::{ymm::Ymm, zmm::Zmm};
    use crate::tests::harness::{machines, noise};

    /// Xors the key stream whose first counter block is `block` into `data`.
    fn applied(machine: Machine, key: &str, block: &str, data: &str) -> Vec<u8> {
        let proof = crate::kernel::aes_ni::AesNi::detect().unwrap();
        let mut keys = [[0; 16]; ROUND_KEYS];
        let rounds = expand(proof, &hex(key), &mut keys);
        let (mut counter, block) = ([0; 16], hex(block));
        counter[..12].copy_from_slice(&block[..12]);
        let stream = Keystream {
            schedule: Schedule { keys: &keys, rounds },
            counter: u128::from_le_bytes(counter),
            first: u32::from_be_bytes(block[12..].try_into().unwrap()),
        };
        let mut data = hex(data);
        match machine {
            Machine::Avx512(proof) => apply::<Zmm, 64, 1>(proof, &[stream], &mut data),
            Machine::Avx2(proof) => apply::<Ymm, 32, 1>(proof, &[stream], &mut data),
            Machine::AesNi(proof) => apply::<Xmm, 16, 1>(proof, &[stream], &mut data),
        }
        data
    }

    #[test]
    fn fips_197_appendix_c() {
        for (key, expected) in [
            ("000102030405060708090a0b0c0d0e0f", "69c4e0d86a7b0430d8cdb78070b4c55a"),
            ("000102030405060708090a0b0c0d0e0f1011121314151617", "dda97ca4864cdfe06eaf70a0ec0d7191"),
            (
                "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f",
                "8ea2b7ca516745bfeafc49904b496089",
            ),
        ] {
            for (path, machine) in machines() {
                let got = applied(machine, key, "00112233445566778899aabbccddeeff", &"00".repeat(16));
                assert_eq!(got, hex(expected), "{path}");
            }
        }
    }

    /// NIST SP 800-38A sections F.5.1, F.5.3 and F.5.5.
    #[test]
    fn sp_800_38a_counter_mode() {
        let plain = "6bc1bee22e409f96e93d7e117393172a ae2d8a571e03ac9c9eb76fac45af8e51
                     30c81c46a35ce411e5fbc1191a0a52ef f69f2445df4f9b17ad2b417be66c3710";
        for (key, expected) in [
            (
                "2b7e151628aed2a6abf7158809cf4f3c",
                "874d6191b620e3261bef6864990db6ce 9806f66b7970fdff8617187bb9fffdff
                 5ae4df3edbd5d35e5b4f09020db03eab 1e031dda2fbe03d1792170a0f3009cee",
            ),
            (
                "8e73b0f7da0e6452c810f32b809079e562f8ead2522c6b7b",
                "1abc932417521ca24f2b0459fe7e6e0b 090339ec0aa6faefd5ccc2c6f4ce8e94
                 1e36b26bd1ebc670d1bd1d665620abf7 4f78a7f6d29809585a97daec58c6b050",
            ),
            (
                "603deb1015ca71be2b73aef0857d77811f352c073b6108d72d9810a30914dff4",
                "601ec313775789a5b7a7f504bbf3d228 f443e3ca4d62b59aca84e990cacaf5c5
                 2b0930daa23de94ce87017ba2d84988d dfc9c58db67aada613c2dd08457941a6",
            ),
        ] {
            for (path, machine) in machines() {
                let got = applied(machine, key, "f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff", plain);
                assert_eq!(got, hex(expected), "{path}");
            }
        }
    }

    const LONGEST: usize = 1600;
    /// What lies around a packet.
    const AROUND: usize = 80;

    /// One key stream or two, and not a byte beside the payload.
    #[test]
    fn every_length_is_that_of_the_aes_crate() {
        let memory = noise(AROUND + LONGEST + AROUND, 7);
        for lengths in [[16, 16], [24, 16], [32, 24], [16, 32]] {
            let key = |n: usize| noise(lengths[n], 10 + n as u64);
            let salt = |n: usize| -> [u8; 14] { noise(14, 8 + n as u64).try_into().unwrap() };
            let streams = [0, 1].map(|n| {
                let (mut padded, mut block, mut stream) = ([0; 32], [0; 16], vec![0; LONGEST]);
                padded[..lengths[n]].copy_from_slice(&key(n));
                block[..14].copy_from_slice(&salt(n));
                PortableAes::new(&padded, lengths[n]).apply_keystream(&block, &mut stream);
                stream
            });
            for (path, machine) in machines() {
                let keys = [0, 1].map(|n| counter_mode(machine, &key(n), salt(n)));
                for length in 0..=LONGEST {
                    let (header, end) = (length % 29, AROUND + length);
                    for used in [[true, false], [false, true], [true, true]] {
                        let at = |n: usize| used[n].then_some((&keys[n], ORIGIN));
                        let mut got = memory.clone();
                        let packet = &mut got[AROUND - header..end];
                        transform(machine, at(0), at(1), packet, header);
                        let mut expected = memory.clone();
                        for (stream, _) in streams.iter().zip(used).filter(|(_, used)| *used) {
                            for (byte, stream) in expected[AROUND..end].iter_mut().zip(stream) {
                                *byte ^= stream;
                            }
                        }
                        assert!(got == expected, "{path} {lengths:?}: {length} bytes, {used:?}");
                    }
                }
            }
        }
    }
}
