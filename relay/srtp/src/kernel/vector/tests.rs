// SPDX-License-Identifier: MIT OR Apache-2.0
use super::Vector;
use super::xmm::Xmm;
use crate::hex::hex;
use crate::tests::harness::noise;

/// A carry-less product.
fn product(a: u64, b: u64) -> u128 {
    (0..64).filter(|bit| b >> bit & 1 == 1).fold(0, |sum, bit| sum ^ u128::from(a) << bit)
}

fn bytes<V: Vector<N>, const N: usize>(vector: V) -> [u8; N] {
    let mut bytes = [0; N];
    vector.store(&mut bytes);
    bytes
}

/// Every block of a vector on its own.
fn each<const N: usize>(vector: [u8; N], of: impl Fn(u128) -> u128) -> [u8; N] {
    let mut all = vector;
    for block in all.as_chunks_mut().0 {
        *block = of(u128::from_le_bytes(*block)).to_le_bytes();
    }
    all
}

/// Holds every operation against the same on bytes and numbers.
pub(super) fn operations<V: Vector<N>, const N: usize>(proof: V::Proof) {
    let narrow = V::narrow(proof);
    let data: [u8; N] = noise(N, 1).try_into().unwrap();
    let other: [u8; N] = noise(N, 2).try_into().unwrap();
    let block: [u8; 16] = noise(16, 3).try_into().unwrap();
    let (a, b, x) = (V::load(proof, &data), V::load(proof, &other), Xmm::load(narrow, &block));
    assert_eq!(V::BLOCKS * 16, N);
    assert_eq!(bytes(V::zero(proof)), [0; N]);
    assert_eq!(bytes(a), data);
    assert_eq!(bytes(V::broadcast(proof, &block)), each(data, |_| u128::from_le_bytes(block)));
    assert_eq!(bytes(V::splat(proof, x)), each(data, |_| u128::from_le_bytes(block)));
    for position in 0..V::BLOCKS {
        let mut expected = [0; N];
        expected[16 * position..][..16].copy_from_slice(&block);
        assert_eq!(bytes(V::place(proof, x, position)), expected, "block {position}");
    }
    for first in [0, 1, 2, 0xfe, 0xff, 0xfffe, 0x0102_0304, u32::MAX] {
        let counts = bytes(V::counts(proof, first));
        for (n, block) in counts.as_chunks::<16>().0.iter().enumerate() {
            assert_eq!(u128::from_be_bytes(*block), u128::from(first.wrapping_add(n as u32)));
        }
    }
    let mut expected = data;
    expected[N - 16..].copy_from_slice(&block);
    assert_eq!(bytes(a.with_last(x)), expected);
    assert_eq!(bytes(a.last())[..], data[N - 16..]);
    let sum = data.as_chunks().0.iter().fold(0, |sum, block| sum ^ u128::from_le_bytes(*block));
    assert_eq!(bytes(a.fold()), sum.to_le_bytes());
    assert_eq!(bytes(a.xor(b)), core::array::from_fn(|n| data[n] ^ other[n]));
    assert_eq!(bytes(a.reverse()), each(data, u128::swap_bytes));
    assert_eq!(bytes(a.swap_halves()), each(data, |block| block.rotate_left(64)));
    assert_eq!(bytes(a.low_to_high()), each(data, |block| block << 64));
    assert_eq!(bytes(a.high_to_low()), each(data, |block| block >> 64));
    for (shift, products) in [(0, a.multiply_low(b)), (64, a.multiply_high(b))] {
        let pairs = data.as_chunks().0.iter().zip(other.as_chunks().0);
        let halves = |block: &[u8; 16]| (u128::from_le_bytes(*block) >> shift) as u64;
        let expected: Vec<u8> =
            pairs.flat_map(|(a, b)| product(halves(a), halves(b)).to_le_bytes()).collect();
        assert_eq!(bytes(products)[..], expected);
    }
    parts::<V, N>(proof, &data);
    rounds::<V, N>(proof);
}

/// What is shorter than a vector: nothing beside it is read or written.
fn parts<V: Vector<N>, const N: usize>(proof: V::Proof, data: &[u8; N]) {
    for length in 0..N {
        let mut expected = [0; N];
        expected[..length].copy_from_slice(&data[..length]);
        assert_eq!(bytes(V::load_start(proof, &data[..length])), expected, "{length} bytes");
        assert_eq!(bytes(V::load(proof, data).keep(length)), expected, "{length} bytes");
        let mut memory = [0x5a; 256];
        V::load(proof, data).store_start(&mut memory[64..64 + length]);
        assert_eq!(memory[64..64 + length], data[..length], "{length} bytes");
        assert_eq!(memory[..64], [0x5a; 64], "{length} bytes");
        assert!(memory[64 + length..].iter().all(|byte| *byte == 0x5a), "{length} bytes");
    }
    assert_eq!(bytes(V::load(proof, data).keep(N)), *data);
}

/// The first and the last round of FIPS 197 appendix B, one block after the other amid others.
fn rounds<V: Vector<N>, const N: usize>(proof: V::Proof) {
    let block = |digits: &str| -> [u8; 16] { hex(digits).try_into().unwrap() };
    let first = [
        "193de3bea0f4e22b9ac68d2ae9f84808",
        "a0fafe1788542cb123a339392a6c7605",
        "a49c7ff2689f352b6b5bea43026a5049",
    ];
    let last = [
        "eb40f21e592e38848ba113e71bc342d2",
        "d014f9a8c9ee2589e13f0cc8b6630ca6",
        "3925841d02dc09fbdc118597196a0b32",
    ];
    for position in 0..V::BLOCKS {
        for ([state, key, expected], is_last) in [(first, false), (last, true)] {
            let mut vectors = [noise(N, 4), noise(N, 5)].map(|bytes| <[u8; N]>::try_from(bytes).unwrap());
            for (vector, digits) in vectors.iter_mut().zip([state, key]) {
                vector[16 * position..][..16].copy_from_slice(&block(digits));
            }
            let [state, key] = vectors.map(|vector| V::load(proof, &vector));
            let got = if is_last { state.aes_last_round(key) } else { state.aes_round(key) };
            assert_eq!(bytes(got)[16 * position..][..16], block(expected), "block {position}");
        }
    }
}
