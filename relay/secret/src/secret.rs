// SPDX-License-Identifier: MIT OR Apache-2.0
#![expect(unsafe_code, reason = "owns what a pointer points to")]

use std::fmt;
use std::marker::PhantomData;
use std::ops::{Deref, DerefMut};
use std::ptr::NonNull;

use zeroize::ZeroizeOnDrop;

use crate::arena;
use crate::erase::erase;
use crate::slots::{LINE, Slots};

/// A value in the memory for keys, owned as by a `Box`: one pointer, which may be moved without moving the value. On drop
/// the value is dropped and its slot erased. `Debug` shows nothing of it.
pub struct Secret<T> {
    value: NonNull<T>,
    owned: PhantomData<T>,
}

// SAFETY: a `Secret` owns its value as a `Box` does; that another thread may free the slot is the arena's lock's to see to.
unsafe impl<T: Send> Send for Secret<T> {}
// SAFETY: through `&Secret<T>` there is `&T` to be had and nothing else.
unsafe impl<T: Sync> Sync for Secret<T> {}

impl<T> Secret<T> {
    // What is aligned to a line has a size in lines, and so has its slot.
    const FITS: () = assert!(align_of::<T>() <= LINE, "slots are aligned to 64 bytes at most");

    /// Moves a value in. The place that it comes from keeps its bytes: what is a secret already is better made by
    /// [`filled`](Self::filled) or [`build`](Self::build).
    pub fn new(value: T) -> Secret<T> {
        Self::build(|| value)
    }

    /// Makes a value and stores it. The compiler may build it on the stack first: call [`scrub_stack`](crate::scrub_stack)
    /// when the last of a series has been made.
    pub fn build(make: impl FnOnce() -> T) -> Secret<T> {
        // Made first: a panic must not leave a slot behind.
        let value = make();
        const { Self::FITS };
        let slot = arena::allocate(size_of::<T>()).cast::<T>();
        // SAFETY: the slot is big enough, aligned and nobody else's.
        unsafe { slot.write(value) };
        Secret { value: slot, owned: PhantomData }
    }

    /// As [`build`](Self::build), if there is a value.
    ///
    /// # Errors
    /// That of `make`.
    pub fn try_build<E>(make: impl FnOnce() -> Result<T, E>) -> Result<Secret<T>, E> {
        make().map(Self::new)
    }

    /// Stores the default value, which is no secret, and has it filled in where it lies. Nothing of the secret is
    /// elsewhere, unless `fill` leaves it there.
    pub fn filled(fill: impl FnOnce(&mut T)) -> Secret<T>
    where
        T: Default,
    {
        let mut secret = Self::build(T::default);
        fill(&mut secret);
        secret
    }
}

impl<T> Deref for Secret<T> {
    type Target = T;

    #[inline(always)]
    fn deref(&self) -> &T {
        // SAFETY: the value was written when the pointer was made, and lives as long as `self`.
        unsafe { self.value.as_ref() }
    }
}

impl<T> DerefMut for Secret<T> {
    #[inline(always)]
    fn deref_mut(&mut self) -> &mut T {
        // SAFETY: as above, and `&mut self` is the only way to it.
        unsafe { self.value.as_mut() }
    }
}

impl<T> Drop for Secret<T> {
    fn drop(&mut self) {
        // SAFETY: the value is valid, and after this nobody can reach it.
        unsafe { self.value.drop_in_place() };
        let slot = self.value.cast::<u8>();
        // SAFETY: a slot of this size belongs to `self`, and its value is gone.
        unsafe { erase(slot.as_ptr(), Slots::size(size_of::<T>())) };
        arena::free(slot, size_of::<T>());
    }
}

impl<T> ZeroizeOnDrop for Secret<T> {}

impl<T: Clone> Clone for Secret<T> {
    fn clone(&self) -> Secret<T> {
        Self::build(|| T::clone(self))
    }
}

impl<T: Default> Default for Secret<T> {
    fn default() -> Secret<T> {
        Self::build(T::default)
    }
}

impl<T> fmt::Debug for Secret<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}
