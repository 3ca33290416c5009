// SPDX-License-Identifier: MIT OR Apache-2.0
//! AES in Galois/counter mode, with the nonces of RFC 7714.

use core::borrow::Borrow;

use ghash::GHash;
use ghash::universal_hash::UniversalHash;
use zeroize::Zeroize;

use crate::Path;
use crate::cipher::aes::{Aes, CipherKey, PortableAes};
use crate::kernel::aes_ni::AesNi;
use crate::kernel::clmul::HashKey;

/// Bytes of the tag.
pub(crate) const TAG_LENGTH: usize = 16;

enum Ghash<G> {
    Clmul(HashKey),
    Portable(G),
}

/// An AES-GCM key. `A` and `G` say where the large portable keys lie, as in [`Aes`].
pub(crate) struct Gcm<A = Box<PortableAes>, G = Box<GHash>> {
    aes: Aes<A>,
    ghash: Ghash<G>,
}

impl<A, G> Gcm<A, G>
where
    A: Borrow<PortableAes> + From<PortableAes>,
    G: Borrow<GHash> + From<GHash>,
{
    pub(crate) fn new(path: Path, key: &CipherKey) -> Self {
        let aes = Aes::new(path, key);
        let mut h = [0; 16];
        aes.encrypt_block(&mut h);
        let ghash = match (path, AesNi::detect()) {
            (Path::AesNi, Some(proof)) => Ghash::Clmul(HashKey::new(proof, &h)),
            _ => Ghash::Portable(GHash::new(&h.into()).into()),
        };
        h.zeroize();
        Self { aes, ghash }
    }

    /// The tag of `ciphertext` and `aad`. Reads, so that a packet is judged before it is touched.
    pub(crate) fn tag(&self, nonce: &[u8; 12], aad: &[u8], ciphertext: &[u8]) -> [u8; TAG_LENGTH] {
        let mut tag = counter(nonce, 1);
        self.aes.encrypt_block(&mut tag);
        let hash = match &self.ghash {
            Ghash::Clmul(key) => key.hash(aad, ciphertext),
            Ghash::Portable(key) => portable_hash(key.borrow().clone(), aad, ciphertext),
        };
        for (byte, hash) in tag.iter_mut().zip(hash) {
            *byte ^= hash;
        }
        tag
    }

    /// Encrypts or decrypts in place.
    pub(crate) fn apply_keystream(&self, nonce: &[u8; 12], data: &mut [u8]) {
        self.aes.apply_keystream(&counter(nonce, 2), data);
    }
}

fn portable_hash(mut hash: GHash, aad: &[u8], ciphertext: &[u8]) -> [u8; 16] {
    let bits = |bytes: &[u8]| 8 * bytes.len() as u128;
    let lengths = ((bits(aad) << 64) | bits(ciphertext)).to_be_bytes();
    hash.update_padded(aad);
    hash.update_padded(ciphertext);
    hash.update(&[lengths.into()]);
    hash.finalize().into()
}

fn counter(nonce: &[u8; 12], count: u32) -> [u8; 16] {
    let mut block = [0; 16];
    block[..12].copy_from_slice(nonce);
    block[12..].copy_from_slice(&count.to_be_bytes());
    block
}

/// The nonce of a packet (RFC 7714 sections 8.1 and 9.1): two zero bytes, the SSRC, the 48-bit index, xored with the
/// session salt. An SRTCP index has 31 bits of the 48.
pub(crate) fn nonce(salt: &[u8; 12], ssrc: u32, index: u64) -> [u8; 12] {
    let mut nonce = *salt;
    let position = (u128::from(ssrc) << 48) | u128::from(index);
    for (byte, position) in nonce.iter_mut().zip(&position.to_be_bytes()[4..]) {
        *byte ^= position;
    }
    nonce
}
