// SPDX-License-Identifier: MIT OR Apache-2.0
//! GHASH by carry-less multiplication.
//!
//! GHASH numbers the bits of a field element from the wrong end for the multiplier. RFC 8452 appendix A gives the way
//! round that: GHASH is POLYVAL over byte-reversed blocks, with the hash key multiplied by x once. POLYVAL's product
//! is `a * b * x^-128`, a Montgomery product, whose reduction is two more multiplications by a constant.
//!
//! The blocks of a vector are hashed side by side. All but the last few vectors are multiplied by the same power in
//! every block, each group of them with one reduction; the last group meets the powers h^n, ..., h^2, h in order, and
//! only then are the blocks of the sum added up:
//!
//! ```text
//! group:  sum = (sum + v1) * [h^12, h^12, h^12, h^12] + v2 * [h^8, ...] + v3 * [h^4, ...]
//! last:   sum = (sum + v1) * [h^6,  h^5,  h^4,  h^3 ] + v2 * [h^2, h, 0, 0]
//! ```

use zeroize::{Zeroize, ZeroizeOnDrop};

use super::aes_ni::AesNi;
use super::keystream::Keystream;
use super::schedule::{ROUND_KEYS, Rounds, Schedule, expand};
use super::vector::Vector;
use super::vector::xmm::Xmm;
use crate::session::Position;

/// The powers of the hash key that are kept in sequence: a payload of 160 bytes makes 11 blocks with its lengths, its
/// header the twelfth.
pub(crate) const SEQUENCE: usize = 12;
/// Further ones, four apart: with them the vectors of 256 bytes and more share a reduction.
const FURTHER: [usize; 4] = [28, 24, 20, 16];
const POWERS: usize = FURTHER.len() + SEQUENCE;

/// An AES-GCM key.
#[repr(C, align(64))]
#[derive(Zeroize, ZeroizeOnDrop)]
pub(crate) struct GcmKey {
    /// The powers, the highest first, in POLYVAL's form. Behind them the round keys, so that a vector of powers can be
    /// loaded from where fewer are left: what follows is multiplied by zeros.
    blocks: [[u8; 16]; POWERS + ROUND_KEYS],
    salt: [u8; 12],
    #[zeroize(skip)]
    rounds: Rounds,
}

impl GcmKey {
    /// Expands a key of 16 or 32 bytes.
    pub(crate) fn new(proof: AesNi, key: &[u8], salt: [u8; 12]) -> GcmKey {
        let mut expanded = GcmKey { blocks: [[0; 16]; POWERS + ROUND_KEYS], salt, rounds: Rounds::Ten };
        if let Some((powers, round_keys)) = expanded.blocks.split_first_chunk_mut::<POWERS>()
            && let Some(round_keys) = round_keys.first_chunk_mut()
        {
            expanded.rounds = expand(proof, key, round_keys);
            let schedule = Schedule { keys: round_keys, rounds: expanded.rounds };
            // SAFETY: the proof says that the processor has the features that `raise` enables.
            unsafe { raise(proof, schedule, powers) };
        }
        expanded
    }

    #[inline(always)]
    fn schedule(&self) -> Schedule<'_> {
        const NONE: &[[u8; 16]; ROUND_KEYS] = &[[0; 16]; ROUND_KEYS];
        Schedule { keys: self.blocks.last_chunk().unwrap_or(NONE), rounds: self.rounds }
    }

    /// The key stream of a packet's payload.
    #[inline(always)]
    pub(crate) fn keystream(&self, position: Position) -> Keystream<'_> {
        Keystream { schedule: self.schedule(), counter: position.nonce_block(&self.salt), first: 2 }
    }

    /// The powers from the `n`th on, up to 12, in order.
    #[inline(always)]
    fn descending<V: Vector<N>, const N: usize>(&self, proof: V::Proof, n: usize) -> V {
        let powers =
            self.blocks.get(POWERS.wrapping_sub(n)..).and_then(|powers| powers.as_flattened().first_chunk());
        match powers {
            Some(powers) => V::load(proof, powers),
            None => V::zero(proof),
        }
    }

    /// The `n`th power everywhere: up to 12, or one of the further ones.
    #[inline(always)]
    fn power<V: Vector<N>, const N: usize>(&self, proof: V::Proof, n: usize) -> V {
        let at = if n <= SEQUENCE { POWERS - n } else { FURTHER.len() + 3 - n / 4 };
        match self.blocks.get(at) {
            Some(power) => V::broadcast(proof, power),
            None => V::zero(proof),
        }
    }
}

#[target_feature(enable = "aes,pclmulqdq,avx")]
fn raise(proof: AesNi, schedule: Schedule<'_>, powers: &mut [[u8; 16]; POWERS]) {
    let mut h = Xmm::broadcast(proof, schedule.whitening());
    for key in schedule.common().iter().chain(schedule.further()) {
        h = h.aes_round(Xmm::broadcast(proof, key));
    }
    let h = h.aes_last_round(Xmm::broadcast(proof, schedule.last()));
    // Times x in POLYVAL's field: x^128 is x^127 + x^126 + x^121 + 1.
    let h = u128::from_be_bytes(h.to_bytes());
    let carry = (h >> 127).wrapping_neg();
    let h = Xmm::of(proof, (h << 1) ^ (carry & ((0xc2 << 120) | 1)));
    let mut power = h;
    for n in 1..=FURTHER[0] {
        let at =
            if n <= SEQUENCE { Some(POWERS - n) } else { FURTHER.iter().position(|further| *further == n) };
        if let Some(kept) = at.and_then(|at| powers.get_mut(at)) {
            power.store(kept);
        }
        let mut product = Product::new(proof);
        product.add(power, h);
        power = product.reduce(proof);
    }
}

/// The sum of products, not reduced: 256 bits in three overlapping parts.
#[derive(Copy, Clone)]
struct Product<V> {
    low: V,
    /// Karatsuba's: the product of the sums of both halves, from which low and high are still to be subtracted.
    middle: V,
    high: V,
}

impl<V> Product<V> {
    #[inline(always)]
    fn new<const N: usize>(proof: V::Proof) -> Product<V>
    where
        V: Vector<N>,
    {
        let zero = V::zero(proof);
        Product { low: zero, middle: zero, high: zero }
    }

    #[inline(always)]
    fn add<const N: usize>(&mut self, blocks: V, powers: V)
    where
        V: Vector<N>,
    {
        let sums = (blocks.xor(blocks.swap_halves()), powers.xor(powers.swap_halves()));
        self.low = self.low.xor(blocks.multiply_low(powers));
        self.middle = self.middle.xor(sums.0.multiply_low(sums.1));
        self.high = self.high.xor(blocks.multiply_high(powers));
    }

    #[inline(always)]
    fn fold<const N: usize>(self) -> Product<Xmm>
    where
        V: Vector<N>,
    {
        Product { low: self.low.fold(), middle: self.middle.fold(), high: self.high.fold() }
    }

    /// Divides by x^128: twice, the low 64 bits times the modulus are added, which makes them zero.
    #[inline(always)]
    fn reduce<const N: usize>(self, proof: V::Proof) -> V
    where
        V: Vector<N>,
    {
        const MODULUS: [u8; 16] = [0, 0, 0, 0, 0, 0, 0, 0xc2, 0, 0, 0, 0, 0, 0, 0, 0xc2];
        let modulus = V::broadcast(proof, &MODULUS);
        let middle = self.middle.xor(self.low).xor(self.high);
        let low = self.low.xor(middle.low_to_high());
        let high = self.high.xor(middle.high_to_low());
        let low = low.swap_halves().xor(low.multiply_low(modulus));
        high.xor(low.swap_halves().xor(low.multiply_low(modulus)))
    }
}

/// Who hears the blocks of a payload pass: a hash, or nobody.
pub(crate) trait Listener<V: Vector<N>, const N: usize> {
    /// The additional data, where it does not come with the last group.
    fn additional(&mut self, aad: &[u8]);
    /// Vectors that are not the last, and how many more there are before the last group.
    fn group<const C: usize>(&mut self, vectors: [V; C], more: usize);
    /// The last vectors, in which there are `blocks` blocks, and with `additional` the additional data behind them.
    fn last<const C: usize>(&mut self, vectors: [V; C], blocks: usize, additional: bool);
}

pub(crate) struct Nobody;

impl<V: Vector<N>, const N: usize> Listener<V, N> for Nobody {
    #[inline(always)]
    fn additional(&mut self, _aad: &[u8]) {}

    #[inline(always)]
    fn group<const C: usize>(&mut self, _vectors: [V; C], _more: usize) {}

    #[inline(always)]
    fn last<const C: usize>(&mut self, _vectors: [V; C], _blocks: usize, _additional: bool) {}
}

/// A hash under way.
pub(crate) struct Ghash<'k, V: Vector<N>, const N: usize> {
    proof: V::Proof,
    key: &'k GcmKey,
    /// What is to be added to the next vector.
    carried: V,
    /// The vectors since the last reduction.
    product: Product<V>,
    /// The power, in vectors, of the next vector of the group; 0 between groups.
    next: usize,
    hash: Xmm,
}

impl<'k, V: Vector<N>, const N: usize> Ghash<'k, V, N> {
    /// Most vectors that share a reduction, by the powers that there are.
    const MOST: usize = if V::BLOCKS == 4 { 7 } else { SEQUENCE / V::BLOCKS };

    #[inline(always)]
    pub(crate) fn new(proof: V::Proof, key: &'k GcmKey) -> Self {
        let hash = Xmm::zero(V::narrow(proof));
        Ghash { proof, key, carried: V::zero(proof), product: Product::new(proof), next: 0, hash }
    }

    /// The hash, once the last group has been heard.
    #[inline(always)]
    pub(crate) fn finish(self) -> Xmm {
        self.hash.reverse()
    }
}

impl<V: Vector<N>, const N: usize> Listener<V, N> for Ghash<'_, V, N> {
    #[inline(always)]
    fn additional(&mut self, aad: &[u8]) {
        let narrow = V::narrow(self.proof);
        let h: Xmm = self.key.power(narrow, 1);
        let mut carried = Xmm::zero(narrow);
        for block in aad.chunks(16) {
            let mut product = Product::new(narrow);
            product.add(Xmm::padded(narrow, block).reverse().xor(carried), h);
            carried = product.reduce(narrow);
        }
        self.carried = V::place(self.proof, carried, 0);
    }

    #[inline(always)]
    fn group<const C: usize>(&mut self, vectors: [V; C], more: usize) {
        if self.next == 0 {
            // As many whole chunks as there are powers for.
            self.next = if C + more <= Self::MOST { C + more } else { Self::MOST / V::CHUNK * V::CHUNK };
        }
        for vector in vectors {
            self.product
                .add(vector.reverse().xor(self.carried), self.key.power(self.proof, self.next * V::BLOCKS));
            self.carried = V::zero(self.proof);
            self.next -= 1;
        }
        if self.next == 0 {
            self.carried = self.product.reduce(self.proof);
            self.product = Product::new(self.proof);
        }
    }

    #[inline(always)]
    fn last<const C: usize>(&mut self, vectors: [V; C], blocks: usize, additional: bool) {
        let mut product = Product::new(self.proof);
        for (i, vector) in vectors.into_iter().enumerate() {
            let mut block = vector.reverse();
            if i == 0 {
                block = block.xor(self.carried);
            }
            let mut powers: V = self.key.descending(self.proof, blocks - i * V::BLOCKS);
            if additional && i == C - 1 {
                powers = powers.with_last(self.key.power(V::narrow(self.proof), blocks + 1));
            }
            product.add(block, powers);
        }
        self.hash = product.fold().reduce(V::narrow(self.proof));
    }
}

#[cfg(test)]
mod tests {
    use ghash::GHash;
    use ghash::universal_hash::UniversalHash as _;

    use super::*;
    use crate::cipher::aes::PortableAes;
    use crate::hex::hex;
    use crate::kernel::Machine;
    use crate::kernel::trial::{gcm, gcm_tag};
    use crate::session::RtpKeys;
    use crate::tests::harness::{machines, noise};

    /// The hash key of an AES-128 key.
    fn hash_key(key: &[u8; 16]) -> [u8; 16] {
        let (mut padded, mut h) = ([0; 32], [0; 16]);
        padded[..16].copy_from_slice(key);
        PortableAes::new(&padded, 16).encrypt_block(&mut h);
        h
    }

    /// What is left of a tag without the block that hides it.
    fn hash(machine: Machine, key: &RtpKeys, hidden: &[u8; 16], aad: &[u8], payload: &[u8]) -> Vec<u8> {
        let tag = gcm_tag(machine, key, aad, payload);
        tag.iter().zip(hidden).map(|(tag, hidden)| tag ^ hidden).collect()
    }

    /// The block that hides the tag of nonce 0.
    fn hidden(key: &[u8; 16]) -> [u8; 16] {
        let (mut padded, mut block) = ([0; 32], [0; 16]);
        padded[..16].copy_from_slice(key);
        block[15] = 1;
        PortableAes::new(&padded, 16).encrypt_block(&mut block);
        block
    }

    /// The hash of one block is its product with the hash key.
    #[test]
    fn powers_are_those_of_the_ghash_crate() {
        let Some(proof) = AesNi::detect() else { return };
        for seed in 0..8 {
            let bytes: [u8; 16] = noise(16, seed).try_into().unwrap();
            let key = GcmKey::new(proof, &bytes, [0; 12]);
            let h = hash_key(&bytes);
            let mut power = h;
            let kept: Vec<usize> = FURTHER.into_iter().chain((1..=SEQUENCE).rev()).collect();
            for n in 1..=FURTHER[0] {
                if let Some(at) = kept.iter().position(|kept| *kept == n) {
                    // POLYVAL's form: reversed, and once more times x.
                    let number = u128::from_be_bytes(power);
                    let times_x = (number << 1) ^ if number >> 127 == 1 { 0xc2 << 120 | 1 } else { 0 };
                    assert_eq!(u128::from_le_bytes(key.blocks[at]), times_x, "power {n}");
                }
                let mut product = GHash::new(&h.into());
                product.update(&[power.into()]);
                power = product.finalize().into();
            }
        }
    }

    /// The hash of the GCM specification's second test case (McGrew and Viega, appendix B).
    #[test]
    fn gcm_specification_test_case_2() {
        let key = [0; 16];
        assert_eq!(hash_key(&key)[..], hex("66e94bd4ef8a2c3b884cfa59ca342b2e"));
        for (path, machine) in machines() {
            let payload = hex("0388dace60b6a392f328c2b971b2fe78");
            let got = hash(machine, &gcm(machine, &key, [0; 12]), &hidden(&key), &[], &payload);
            assert_eq!(got, hex("f38cbb1ad69223dcc3457ae5b6b0f885"), "{path}");
        }
    }

    #[test]
    fn every_length_is_that_of_the_ghash_crate() {
        let bytes: [u8; 16] = noise(16, 40).try_into().unwrap();
        let (payload, aad) = (noise(1600, 41), noise(80, 42));
        let (h, hidden) = (GHash::new(&hash_key(&bytes).into()), hidden(&bytes));
        let keys: Vec<_> =
            machines().map(|(path, machine)| (path, machine, gcm(machine, &bytes, [0; 12]))).collect();
        for aad in (0..=80).map(|length| &aad[..length]) {
            for payload in (0..=1600).map(|length| &payload[..length]) {
                let mut expected = h.clone();
                expected.update_padded(aad);
                expected.update_padded(payload);
                let lengths = ((8 * aad.len() as u128) << 64) | (8 * payload.len() as u128);
                expected.update(&[lengths.to_be_bytes().into()]);
                let expected = expected.finalize();
                // One kernel serves all paths.
                for (path, machine, key) in keys.iter().take(1) {
                    let got = hash(*machine, key, &hidden, aad, payload);
                    assert_eq!(got[..], expected[..], "{path} {} and {} bytes", aad.len(), payload.len());
                }
            }
        }
    }
}
