// SPDX-License-Identifier: MIT OR Apache-2.0
use aes::cipher::{Block, BlockCipherEncrypt, KeyInit};
use aes::{Aes128Enc, Aes192Enc, Aes256Enc};

use super::module::ModuleAes;
use crate::Path;

/// AES in counter mode where no kernel is needed: for key derivation and header extensions. Of the `aes` crate, but for the
/// path that leaves no cryptography to it.
#[expect(
    clippy::large_enum_variant,
    reason = "lies on the stack of the derivation, or in the memory for keys"
)]
pub(crate) enum CounterAes {
    Portable(PortableAes),
    Module(ModuleAes),
}

impl CounterAes {
    /// Expands the first 16, 24 or 32 bytes of `key`, as many as `length` says. `None` if the module refuses them.
    pub(crate) fn new(path: Path, key: &[u8; 32], length: usize) -> Option<CounterAes> {
        match path {
            Path::AwsLc => ModuleAes::new(key, length).map(Self::Module),
            Path::Avx512 | Path::Avx2 | Path::AesNi | Path::Portable => {
                Some(Self::Portable(PortableAes::new(key, length)))
            }
        }
    }

    /// Xors the key stream that starts at `counter` into `data`.
    pub(crate) fn apply_keystream(&self, counter: &[u8; 16], data: &mut [u8]) {
        match self {
            Self::Portable(aes) => aes.apply_keystream(counter, data),
            Self::Module(aes) => aes.apply_keystream(counter, data),
        }
    }
}

/// AES by the `aes` crate. Its schedules leave room for a bitsliced fallback and take up to a kilobyte, so keys that are
/// kept are boxed; keys that are made for one packet lie on the stack.
pub(crate) enum PortableAes {
    Aes128(Aes128Enc),
    Aes192(Aes192Enc),
    Aes256(Aes256Enc),
}

impl PortableAes {
    /// Expands the first 16, 24 or 32 bytes of `key`, as many as `length` says.
    pub(crate) fn new(key: &[u8; 32], length: usize) -> PortableAes {
        match (length, key.first_chunk::<16>(), key.first_chunk::<24>()) {
            (16, Some(key), _) => Self::Aes128(Aes128Enc::new(key.into())),
            (24, _, Some(key)) => Self::Aes192(Aes192Enc::new(key.into())),
            _ => Self::Aes256(Aes256Enc::new(key.into())),
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

    /// Encrypts one block in place.
    pub(crate) fn encrypt_block(&self, block: &mut [u8; 16]) {
        self.encrypt(core::slice::from_mut(block));
    }

    /// Xors the key stream that starts at `counter` into `data`. Only the last 32 bits of the counter count, and no
    /// packet is long enough for more than the 16 that RFC 3711 has.
    pub(crate) fn apply_keystream(&self, counter: &[u8; 16], data: &mut [u8]) {
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
