// SPDX-License-Identifier: MIT OR Apache-2.0
use std::fmt;

use crate::crypto::{self, CryptoError};

/// `N` bytes of a key: in one place of the memory for keys, erased when dropped, never shown.
pub struct Secret<const N: usize>(culvert_secret::Secret<[u8; N]>);

impl<const N: usize> Secret<N> {
    /// Random bytes.
    ///
    /// # Errors
    /// When the library has no randomness.
    pub fn generate() -> Result<Secret<N>, CryptoError> {
        Self::fill(crypto::random)
    }

    /// What `write` writes, which is where the bytes stay: no copy is made of them.
    ///
    /// # Errors
    /// That of `write`.
    pub fn fill<E>(write: impl FnOnce(&mut [u8]) -> Result<(), E>) -> Result<Secret<N>, E> {
        let mut secret = Secret(culvert_secret::Secret::new([0; N]));
        write(secret.0.as_mut_slice())?;
        Ok(secret)
    }

    /// The bytes. Whoever copies them erases the copy.
    pub fn expose(&self) -> &[u8; N] {
        &self.0
    }
}

impl<const N: usize> fmt::Debug for Secret<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Secret<{N}>(..)")
    }
}
