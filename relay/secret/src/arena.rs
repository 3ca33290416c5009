// SPDX-License-Identifier: MIT OR Apache-2.0
//! The arena of keys, of which a process has one.

use std::alloc::{Layout, handle_alloc_error};
use std::ptr::NonNull;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::MemoryError;
use crate::region::{self, Purpose};
use crate::slots::{LINE, Slots};

static ARENA: Mutex<Slots> = Mutex::new(Slots::new(Purpose::Keys));

/// What the arena has given out, and what it holds. In bytes, but for the allocations.
#[derive(Copy, Clone, Debug, Default, Eq, PartialEq)]
pub struct Usage {
    /// Of slots in use, each a multiple of 32 bytes.
    pub in_use: usize,
    /// Slots given out since the process began.
    pub allocations: u64,
    /// Locked into memory.
    pub locked: usize,
    /// Mapped, but the system refused to lock it: the keys in it may be swapped out.
    pub unlocked: usize,
}

/// What the arena has given out and holds at this time. It does not shrink: memory that becomes free is used again.
pub fn usage() -> Usage {
    arena().usage()
}

/// Maps the first memory for keys, so that what is wrong with it is known before there are any.
///
/// # Errors
/// [`MemoryError::Map`] when there is none, and then to make a [`Secret`](crate::Secret) would abort the process;
/// [`MemoryError::NotLocked`] when it cannot be locked, and whoever runs on does so with keys that may be swapped out.
pub fn check() -> Result<(), MemoryError> {
    let mut arena = arena();
    let Usage { locked, unlocked, .. } = arena.usage();
    if locked + unlocked == 0 {
        arena.grow().map_err(|source| MemoryError::Map { bytes: 2 << 20, source })?;
    }
    match arena.usage().unlocked {
        0 => Ok(()),
        bytes => Err(MemoryError::NotLocked { bytes, limit: region::lock_limit() }),
    }
}

/// A slot of zeros for a value of that many bytes. Out of memory is what it is for `Box`.
pub(crate) fn allocate(length: usize) -> NonNull<u8> {
    let slot = arena().allocate(length);
    slot.unwrap_or_else(|_| {
        handle_alloc_error(Layout::from_size_align(length, LINE).unwrap_or(Layout::new::<u8>()))
    })
}

/// Takes back a slot that [`allocate`] gave for that many bytes and that holds zeros.
pub(crate) fn free(slot: NonNull<u8>, length: usize) {
    arena().free(slot.addr().get(), length);
}

/// A panic elsewhere has not left the books half-written: nothing under the lock panics.
fn arena() -> MutexGuard<'static, Slots> {
    ARENA.lock().unwrap_or_else(PoisonError::into_inner)
}
