// SPDX-License-Identifier: MIT OR Apache-2.0
//! AES in Galois/counter mode, with the nonces of RFC 7714.

use ghash::GHash;
use ghash::universal_hash::UniversalHash;
use zeroize::Zeroize;

use crate::cipher::aes::PortableAes;

/// Bytes of the tag.
pub(crate) const TAG_LENGTH: usize = 16;

/// AES-GCM by the `aes` and `ghash` crates.
pub(crate) struct PortableGcm {
    aes: PortableAes,
    ghash: GHash,
}

impl PortableGcm {
    /// A key of `length` bytes.
    pub(crate) fn new(key: &[u8; 32], length: usize) -> PortableGcm {
        let aes = PortableAes::new(key, length);
        let mut h = [0; 16];
        aes.encrypt_block(&mut h);
        let ghash = ghash::universal_hash::KeyInit::new(&h.into());
        h.zeroize();
        PortableGcm { aes, ghash }
    }

    /// The tag of `ciphertext` and `aad`. Reads, so that a packet is judged before it is touched.
    pub(crate) fn tag(&self, nonce: &[u8; 12], aad: &[u8], ciphertext: &[u8]) -> [u8; TAG_LENGTH] {
        let mut tag = counter(nonce, 1);
        self.aes.encrypt_block(&mut tag);
        let bits = |bytes: &[u8]| 8 * bytes.len() as u128;
        let lengths = ((bits(aad) << 64) | bits(ciphertext)).to_be_bytes();
        let mut hash = self.ghash.clone();
        hash.update_padded(aad);
        hash.update_padded(ciphertext);
        hash.update(&[lengths.into()]);
        for (byte, hash) in tag.iter_mut().zip(hash.finalize()) {
            *byte ^= hash;
        }
        tag
    }

    /// Encrypts or decrypts in place.
    pub(crate) fn apply_keystream(&self, nonce: &[u8; 12], data: &mut [u8]) {
        self.aes.apply_keystream(&counter(nonce, 2), data);
    }
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
    let block = nonce_block(salt, ssrc, index).to_le_bytes();
    core::array::from_fn(|i| block[i])
}

/// The same as a counter block with a count of 0, a little-endian number that never lies in memory.
#[inline(always)]
pub(crate) fn nonce_block(salt: &[u8; 12], ssrc: u32, index: u64) -> u128 {
    let first: [u8; 8] = core::array::from_fn(|i| salt[i]);
    let last: [u8; 8] = core::array::from_fn(|i| salt[4 + i]);
    let salt = u128::from(u64::from_le_bytes(last) >> 32) << 64 | u128::from(u64::from_le_bytes(first));
    let position = (u128::from(ssrc) << 48) | u128::from(index);
    salt ^ (position << 32).swap_bytes()
}
