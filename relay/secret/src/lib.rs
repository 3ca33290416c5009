// SPDX-License-Identifier: MIT OR Apache-2.0
//! Memory for keys: locked, out of core dumps, out of child processes, erased.
//!
//! [`Secret`] is to a key what `Box` is to other values, [`SecretBytes`] what `Box<[u8]>` is. What they point to lies in an
//! arena of its own: private anonymous mappings between guard pages, each locked into memory (`mlock`), left out of core
//! dumps (`MADV_DONTDUMP`) and absent from child processes (`MADV_DONTFORK`). A slot is erased as a whole before it is
//! given up. Access is one pointer; to make and to drop takes a lock, which is for the control side.
//!
//! ```
//! use culvert_secret::{Secret, SecretBytes};
//!
//! let mut key = Secret::<[u8; 32]>::filled(|key| key[..4].copy_from_slice(b"....") );
//! key[4] = 7;
//! assert_eq!(format!("{key:?} {:?}", SecretBytes::copy_of(b"password")), "Secret(..) SecretBytes(..)");
//! ```
//!
//! A key also passes through other memory on its way: the stack of whoever derives it ([`scrubbed`],
//! [`keep_stack_out_of_dumps`]), vector registers ([`scrub_registers`]), and the buffers that it was received in
//! ([`ErasingAllocator`]).
//!
//! # When memory cannot be locked
//!
//! An unprivileged process may lock as much as `RLIMIT_MEMLOCK` says, often 8 MiB. [`check`] tells at start whether locking
//! works at all. What later exceeds the limit is not refused: the memory is used unlocked, still out of core dumps, and
//! counted ([`Usage::unlocked`]).

mod allocator;
mod arena;
mod bytes;
mod erase;
mod error;
mod region;
mod registers;
mod secret;
mod slots;
mod stack;

pub use allocator::ErasingAllocator;
pub use arena::{Usage, check, usage};
pub use bytes::SecretBytes;
pub use error::MemoryError;
pub use registers::scrub_registers;
pub use secret::Secret;
pub use stack::{keep_stack_out_of_dumps, scrub_stack, scrubbed};

#[cfg(test)]
mod tests;
