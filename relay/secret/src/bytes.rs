// SPDX-License-Identifier: MIT OR Apache-2.0
#![expect(unsafe_code, reason = "owns what a pointer points to")]

use std::fmt;
use std::ops::{Deref, DerefMut};
use std::ptr::NonNull;

use zeroize::{Zeroize as _, ZeroizeOnDrop};

use crate::arena;
use crate::erase::erase;
use crate::slots::Slots;

/// Secret bytes, as many as are known when it is made. Erased on drop; `Debug` shows nothing, and there is no `==`: compare
/// secrets in constant time.
pub struct SecretBytes {
    bytes: NonNull<u8>,
    length: usize,
}

// SAFETY: as for `Secret`: it owns its bytes alone, and the arena has a lock.
unsafe impl Send for SecretBytes {}
// SAFETY: through `&SecretBytes` there is `&[u8]` to be had and nothing else.
unsafe impl Sync for SecretBytes {}

impl SecretBytes {
    /// So many zeros, to be filled in where they lie.
    pub fn zeroed(length: usize) -> SecretBytes {
        SecretBytes { bytes: arena::allocate(length), length }
    }

    /// A copy. The original is its owner's to erase.
    pub fn copy_of(bytes: &[u8]) -> SecretBytes {
        let mut copy = Self::zeroed(bytes.len());
        copy.copy_from_slice(bytes);
        copy
    }
}

/// Takes the bytes over and erases the vector.
impl From<Vec<u8>> for SecretBytes {
    fn from(mut bytes: Vec<u8>) -> SecretBytes {
        let copy = Self::copy_of(&bytes);
        bytes.zeroize();
        copy
    }
}

impl Deref for SecretBytes {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        // SAFETY: the slot has as many bytes, and all have been initialised: with zeros, by the system or by `erase`.
        unsafe { NonNull::slice_from_raw_parts(self.bytes, self.length).as_ref() }
    }
}

impl DerefMut for SecretBytes {
    fn deref_mut(&mut self) -> &mut [u8] {
        // SAFETY: as above, and `&mut self` is the only way to them.
        unsafe { NonNull::slice_from_raw_parts(self.bytes, self.length).as_mut() }
    }
}

impl AsRef<[u8]> for SecretBytes {
    fn as_ref(&self) -> &[u8] {
        self
    }
}

impl Drop for SecretBytes {
    fn drop(&mut self) {
        // SAFETY: a slot of this size belongs to `self`.
        unsafe { erase(self.bytes.as_ptr(), Slots::size(self.length)) };
        arena::free(self.bytes, self.length);
    }
}

impl ZeroizeOnDrop for SecretBytes {}

impl Clone for SecretBytes {
    fn clone(&self) -> SecretBytes {
        Self::copy_of(self)
    }
}

impl Default for SecretBytes {
    fn default() -> SecretBytes {
        Self::zeroed(0)
    }
}

impl fmt::Debug for SecretBytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretBytes(..)")
    }
}
