// SPDX-License-Identifier: MIT OR Apache-2.0
//! Stands in for the x86-64 kernels elsewhere: types without values.

use core::convert::Infallible;

/// Proof that the processor has the instructions: here there is none.
#[derive(Copy, Clone)]
pub(crate) struct AesNi(Infallible);

impl AesNi {
    pub(crate) fn detect() -> Option<AesNi> {
        None
    }
}

/// A key schedule that cannot be.
pub(crate) struct Schedule<const N: usize>(Infallible);

impl<const N: usize> Schedule<N> {
    pub(crate) fn expand<const K: usize>(proof: AesNi, _key: &[u8; K]) -> Self {
        match proof.0 {}
    }

    pub(crate) fn encrypt_block(&self, _block: &mut [u8; 16]) {
        match self.0 {}
    }

    pub(crate) fn apply_keystream(&self, _counter: &[u8; 16], _data: &mut [u8]) {
        match self.0 {}
    }
}

/// A hash key that cannot be.
pub(crate) struct HashKey(Infallible);

impl HashKey {
    pub(crate) fn new(proof: AesNi, _h: &[u8; 16]) -> Self {
        match proof.0 {}
    }

    pub(crate) fn hash(&self, _aad: &[u8], _ciphertext: &[u8]) -> [u8; 16] {
        match self.0 {}
    }
}
