// SPDX-License-Identifier: MIT OR Apache-2.0
use core::borrow::Borrow;

use aes::cipher::{Block, BlockCipherEncrypt, KeyInit};
use aes::{Aes128Enc, Aes192Enc, Aes256Enc};
use zeroize::{Zeroize, ZeroizeOnDrop};

use crate::kernel::aes_ni::{AesNi, Schedule};
use crate::{Path, Suite};

/// An AES key before its expansion.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub(crate) enum CipherKey {
    Aes128([u8; 16]),
    Aes192([u8; 24]),
    Aes256([u8; 32]),
}

impl CipherKey {
    /// The first 16, 24 or 32 bytes of `bytes`, whichever the suite's keys have.
    pub(crate) fn new(suite: Suite, bytes: &[u8; 32]) -> CipherKey {
        match suite.key_length() {
            16 => Self::Aes128(core::array::from_fn(|i| bytes[i])),
            24 => Self::Aes192(core::array::from_fn(|i| bytes[i])),
            _ => Self::Aes256(*bytes),
        }
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        match self {
            Self::Aes128(bytes) => bytes,
            Self::Aes192(bytes) => bytes,
            Self::Aes256(bytes) => bytes,
        }
    }
}

/// AES by the `aes` crate. Its schedules leave room for a bitsliced fallback and take up to a kilobyte.
pub(crate) enum PortableAes {
    Aes128(Aes128Enc),
    Aes192(Aes192Enc),
    Aes256(Aes256Enc),
}

impl PortableAes {
    fn new(key: &CipherKey) -> PortableAes {
        match key {
            CipherKey::Aes128(bytes) => Self::Aes128(Aes128Enc::new(bytes.into())),
            CipherKey::Aes192(bytes) => Self::Aes192(Aes192Enc::new(bytes.into())),
            CipherKey::Aes256(bytes) => Self::Aes256(Aes256Enc::new(bytes.into())),
        }
    }

    fn encrypt(&self, blocks: &mut [[u8; 16]]) {
        let blocks = Block::<Aes128Enc>::cast_slice_from_core_mut(blocks);
        match self {
            Self::Aes128(cipher) => cipher.encrypt_blocks(blocks),
            Self::Aes192(cipher) => cipher.encrypt_blocks(blocks),
            Self::Aes256(cipher) => cipher.encrypt_blocks(blocks),
        }
    }

    fn apply_keystream(&self, counter: &[u8; 16], data: &mut [u8]) {
        let [nonce @ .., c0, c1, c2, c3] = *counter;
        let mut number = u32::from_be_bytes([c0, c1, c2, c3]);
        for group in data.chunks_mut(128) {
            let mut stream = [[0; 16]; 8];
            for block in &mut stream {
                block[..12].copy_from_slice(&nonce);
                block[12..].copy_from_slice(&number.to_be_bytes());
                number = number.wrapping_add(1);
            }
            self.encrypt(&mut stream[..group.len().div_ceil(16)]);
            for (byte, stream) in group.iter_mut().zip(stream.as_flattened()) {
                *byte ^= stream;
            }
        }
    }
}

/// An expanded AES key. `P` says where the large portable schedule lies: boxed in keys that are kept, on the stack in
/// keys that are made for one packet.
pub(crate) enum Aes<P = Box<PortableAes>> {
    Ni128(Schedule<11>),
    Ni192(Schedule<13>),
    Ni256(Schedule<15>),
    Portable(P),
}

impl<P: Borrow<PortableAes> + From<PortableAes>> Aes<P> {
    /// Expands `key` for `path`, or for the portable path where the processor lacks the other.
    pub(crate) fn new(path: Path, key: &CipherKey) -> Aes<P> {
        match (path, AesNi::detect()) {
            (Path::AesNi, Some(proof)) => match key {
                CipherKey::Aes128(bytes) => Self::Ni128(Schedule::expand(proof, bytes)),
                CipherKey::Aes192(bytes) => Self::Ni192(Schedule::expand(proof, bytes)),
                CipherKey::Aes256(bytes) => Self::Ni256(Schedule::expand(proof, bytes)),
            },
            _ => Self::Portable(PortableAes::new(key).into()),
        }
    }

    /// Encrypts one block in place.
    pub(crate) fn encrypt_block(&self, block: &mut [u8; 16]) {
        match self {
            Self::Ni128(schedule) => schedule.encrypt_block(block),
            Self::Ni192(schedule) => schedule.encrypt_block(block),
            Self::Ni256(schedule) => schedule.encrypt_block(block),
            Self::Portable(cipher) => cipher.borrow().encrypt(core::slice::from_mut(block)),
        }
    }

    /// Xors the key stream that starts at `counter` into `data`. Only the last 32 bits of the counter count, and no
    /// packet is long enough for more than the 16 that RFC 3711 has.
    pub(crate) fn apply_keystream(&self, counter: &[u8; 16], data: &mut [u8]) {
        match self {
            Self::Ni128(schedule) => schedule.apply_keystream(counter, data),
            Self::Ni192(schedule) => schedule.apply_keystream(counter, data),
            Self::Ni256(schedule) => schedule.apply_keystream(counter, data),
            Self::Portable(cipher) => cipher.borrow().apply_keystream(counter, data),
        }
    }
}
