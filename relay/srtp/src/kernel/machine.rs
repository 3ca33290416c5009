// SPDX-License-Identifier: MIT OR Apache-2.0
use super::aes_ni::AesNi;
use super::avx2::Avx2;
use super::avx512::Avx512;
use super::{At, CounterKey, GcmKey, Message, Work};
use crate::Path;
use crate::cipher::hmac::HmacKey;
use crate::session::Position;

/// A path that this processor has. All of them take the same keys.
#[derive(Copy, Clone, Debug, Eq, PartialEq)]
pub(crate) enum Machine {
    Avx512(Avx512),
    Avx2(Avx2),
    AesNi(AesNi),
}

impl Machine {
    /// `None` for a path without kernels, and for one that the processor lacks.
    pub(crate) fn of(path: Path) -> Option<Machine> {
        match path {
            Path::Avx512 => Avx512::detect().map(Machine::Avx512),
            Path::Avx2 => Avx2::detect().map(Machine::Avx2),
            Path::AesNi => AesNi::detect().map(Machine::AesNi),
            Path::Portable | Path::AwsLc => None,
        }
    }

    fn aes_ni(self) -> AesNi {
        match self {
            Machine::Avx512(proof) => proof.aes_ni(),
            Machine::Avx2(proof) => proof.aes_ni(),
            Machine::AesNi(proof) => proof,
        }
    }

    /// Expands a key of 16, 24 or 32 bytes.
    pub(crate) fn counter_key(self, key: &[u8], hmac: HmacKey, salt: [u8; 14]) -> CounterKey {
        CounterKey::new(self.aes_ni(), key, hmac, salt)
    }

    /// Expands a key of 16 or 32 bytes.
    pub(crate) fn gcm_key(self, key: &[u8], salt: [u8; 12]) -> GcmKey {
        GcmKey::new(self.aes_ni(), key, salt)
    }

    /// The HMACs of up to 64 messages, in order.
    pub(crate) fn tags(self, messages: &[Message<'_>], tags: &mut [[u8; 20]]) {
        match self {
            Machine::Avx512(proof) => proof.tags(messages, tags),
            Machine::Avx2(proof) => proof.tags(messages, tags),
            Machine::AesNi(proof) => proof.tags(messages, tags),
        }
    }

    /// The GCM tag of a payload, which is left as it is.
    pub(crate) fn gcm_tag(self, key: &GcmKey, position: Position, aad: &[u8], payload: &[u8]) -> [u8; 16] {
        self.aes_ni().gcm_tag(key, position, aad, payload)
    }

    /// Takes a packet from key to key.
    #[inline]
    pub(crate) fn transform(self, job: &mut Work<'_, '_>) {
        match self {
            Machine::Avx512(proof) => proof.transform(job),
            Machine::Avx2(proof) => proof.transform(job),
            Machine::AesNi(proof) => proof.transform(job),
        }
    }

    /// Xors one key stream into a payload.
    pub(crate) fn xor(self, at: At<'_>, payload: &mut [u8]) {
        match self {
            Machine::Avx512(proof) => proof.xor(at, payload),
            Machine::Avx2(proof) => proof.xor(at, payload),
            Machine::AesNi(proof) => proof.xor(at, payload),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_path_with_kernels_that_is_available_has_its_own() {
        for path in Path::ALL {
            let found = match Machine::of(path) {
                Some(Machine::Avx512(_)) => Some(Path::Avx512),
                Some(Machine::Avx2(_)) => Some(Path::Avx2),
                Some(Machine::AesNi(_)) => Some(Path::AesNi),
                None => None,
            };
            let expected = path.is_available() && !matches!(path, Path::Portable | Path::AwsLc);
            assert_eq!(found, expected.then_some(path));
        }
    }
}
