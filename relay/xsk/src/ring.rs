// SPDX-License-Identifier: MIT OR Apache-2.0
#![expect(unsafe_code, reason = "cursors and entries in memory shared with the kernel")]

//! Single-producer, single-consumer rings in memory shared with the kernel.
//!
//! ```text
//! producer: u32   consumer: u32   flags: u32   entries: [T; 2^n]
//! ```
//! Both cursors count for ever and wrap at 2^32; an entry's place is its cursor modulo the size. Producer - consumer is the
//! number of entries in the ring. Whoever advances a cursor stores it with Release after touching entries, and the
//! other side loads it with Acquire before.

use crate::{RingOccupancy, mapping::Mapping, syscall};
use std::{
    io,
    ptr::NonNull,
    sync::{
        Arc, Weak,
        atomic::{AtomicU32, Ordering},
    },
};

/// Where the parts of a ring are in its mapping, in bytes.
pub(crate) type Offsets = libc::xdp_ring_offset;

#[derive(Debug)]
struct Ring<T> {
    producer: NonNull<AtomicU32>,
    consumer: NonNull<AtomicU32>,
    flags: NonNull<AtomicU32>,
    entries: NonNull<T>,
    size: u32,
    memory: Arc<Mapping>,
}

// SAFETY: the pointers go into the mapping that moves along with them.
unsafe impl<T: Send> Send for Ring<T> {}

/// Bytes to map for a ring of `size` entries.
pub(crate) fn mapping_length<T>(offsets: &Offsets, size: u32) -> usize {
    offsets.desc as usize + size as usize * size_of::<T>()
}

impl<T: Copy> Ring<T> {
    /// `size`: a power of two. Fails when the parts do not lie in the mapping.
    fn new(memory: Mapping, offsets: &Offsets, size: u32) -> io::Result<Ring<T>> {
        let base = memory.address();
        let part = |offset: u64, length: usize, align: usize| {
            let offset = usize::try_from(offset).ok()?;
            let inside = offset.checked_add(length)? <= memory.length();
            // SAFETY: the offset is within the mapping.
            (inside && offset.is_multiple_of(align)).then(|| unsafe { base.add(offset) })
        };
        let cursor =
            |offset| part(offset, size_of::<AtomicU32>(), align_of::<AtomicU32>()).map(NonNull::cast);
        let entries =
            || part(offsets.desc, size as usize * size_of::<T>(), align_of::<T>()).map(NonNull::cast);
        let (Some(producer), Some(consumer), Some(flags), Some(entries), true) = (
            cursor(offsets.producer),
            cursor(offsets.consumer),
            cursor(offsets.flags),
            entries(),
            size.is_power_of_two(),
        ) else {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "the ring does not fit its mapping"));
        };
        Ok(Ring { producer, consumer, flags, entries, size, memory: Arc::new(memory) })
    }

    #[inline]
    fn producer(&self) -> &AtomicU32 {
        // SAFETY: within the mapping and aligned, see `new`; both sides use it atomically only.
        unsafe { self.producer.as_ref() }
    }

    #[inline]
    fn consumer(&self) -> &AtomicU32 {
        // SAFETY: as in `producer`.
        unsafe { self.consumer.as_ref() }
    }

    #[inline]
    fn needs_wakeup(&self) -> bool {
        // SAFETY: as in `producer`.
        let flags = unsafe { self.flags.as_ref() };
        flags.load(Ordering::Relaxed) & libc::XDP_RING_NEED_WAKEUP != 0
    }

    #[inline]
    fn entry(&self, cursor: u32) -> NonNull<T> {
        // SAFETY: the masked cursor is below the size, and all entries lie in the mapping, see `new`.
        unsafe { self.entries.add((cursor & (self.size - 1)) as usize) }
    }
}

/// Reads how full a ring is. The mapping holds the socket open, so that this holds it only while it reads.
#[derive(Debug, Clone)]
pub(crate) struct Watch {
    producer: NonNull<AtomicU32>,
    consumer: NonNull<AtomicU32>,
    size: u32,
    memory: Weak<Mapping>,
}

// SAFETY: the cursors are used only while the mapping is held, and atomically.
unsafe impl Send for Watch {}
// SAFETY: as above.
unsafe impl Sync for Watch {}

impl Watch {
    /// None when the ring is gone.
    pub(crate) fn occupancy(&self) -> Option<RingOccupancy> {
        let _memory = self.memory.upgrade()?;
        // SAFETY: within the mapping, which is held, and aligned, see `Ring::new`.
        let (producer, consumer) = unsafe { (self.producer.as_ref(), self.consumer.as_ref()) };
        // The consumer's first: a producer that goes on in between makes the ring look fuller, not negative.
        let consumed = consumer.load(Ordering::Acquire);
        let used = producer.load(Ordering::Relaxed).wrapping_sub(consumed);
        Some(RingOccupancy { used: used.min(self.size), size: self.size })
    }
}

impl<T> Ring<T> {
    fn watch(&self) -> Watch {
        let memory = Arc::downgrade(&self.memory);
        Watch { producer: self.producer, consumer: self.consumer, size: self.size, memory }
    }
}

/// Our end of a ring that the kernel consumes: fill and transmit.
#[derive(Debug)]
pub(crate) struct Producer<T> {
    ring: Ring<T>,
    /// Next entry to write; beyond the shared cursor until `publish`.
    next: u32,
    published: u32,
    /// The kernel's cursor when last looked at.
    consumed: u32,
}

impl<T: Copy> Producer<T> {
    pub(crate) fn new(memory: Mapping, offsets: &Offsets, size: u32) -> io::Result<Producer<T>> {
        let ring = Ring::new(memory, offsets, size)?;
        let next = ring.producer().load(Ordering::Relaxed);
        let consumed = ring.consumer().load(Ordering::Acquire);
        Ok(Producer { ring, next, published: next, consumed })
    }

    /// Free entries; looks at the kernel's cursor only when fewer than `wanted` are known to be free.
    #[inline]
    pub(crate) fn free(&mut self, wanted: u32) -> u32 {
        let free = self.ring.size.saturating_sub(self.next.wrapping_sub(self.consumed));
        if free >= wanted {
            return free;
        }
        self.consumed = self.ring.consumer().load(Ordering::Acquire);
        self.ring.size.saturating_sub(self.next.wrapping_sub(self.consumed))
    }

    /// Writes an entry that the kernel sees after `publish`; false when the ring is full.
    #[inline]
    pub(crate) fn push(&mut self, entry: T) -> bool {
        if self.free(1) == 0 {
            return false;
        }
        // SAFETY: the entry is free: the kernel has consumed it and does not read it before `publish`.
        unsafe { self.ring.entry(self.next).write(entry) };
        self.next = self.next.wrapping_add(1);
        true
    }

    /// Shows the kernel what was pushed. With nothing pushed, its copy of the cache line stays good.
    #[inline]
    pub(crate) fn publish(&mut self) {
        if self.published != self.next {
            self.ring.producer().store(self.next, Ordering::Release);
            self.published = self.next;
        }
    }

    pub(crate) fn watch(&self) -> Watch {
        self.ring.watch()
    }

    /// Entries pushed that the kernel has not consumed.
    #[inline]
    pub(crate) fn unconsumed(&self) -> u32 {
        self.next.wrapping_sub(self.ring.consumer().load(Ordering::Acquire))
    }

    /// Whether the kernel sleeps until a system call.
    #[inline]
    pub(crate) fn needs_wakeup(&self) -> bool {
        self.ring.needs_wakeup()
    }

    /// Kicks the kernel until it has consumed everything, at most `kicks` times. Stops when a kick moved nothing: something
    /// on the kernel's side is full, and kicking on would spin.
    pub(crate) fn kick_until_empty(
        &self,
        kicks: u32,
        mut kick: impl FnMut() -> io::Result<()>,
    ) -> io::Result<()> {
        let mut left = self.unconsumed();
        for _ in 0..kicks {
            let interrupted = match kick() {
                Ok(()) => false,
                Err(error) if syscall::is_transient(&error) => error.raw_os_error() == Some(libc::EINTR),
                Err(error) => return Err(error),
            };
            let before = std::mem::replace(&mut left, self.unconsumed());
            if left == 0 || (left == before && !interrupted) {
                break;
            }
        }
        Ok(())
    }
}

/// Our end of a ring that the kernel produces: receive and completion.
#[derive(Debug)]
pub(crate) struct Consumer<T> {
    ring: Ring<T>,
    /// Next entry to read; beyond the shared cursor until `release`.
    next: u32,
    /// The kernel's cursor when last looked at.
    produced: u32,
}

impl<T: Copy> Consumer<T> {
    pub(crate) fn new(memory: Mapping, offsets: &Offsets, size: u32) -> io::Result<Consumer<T>> {
        let ring = Ring::new(memory, offsets, size)?;
        let next = ring.consumer().load(Ordering::Relaxed);
        let produced = ring.producer().load(Ordering::Acquire);
        Ok(Consumer { ring, next, produced })
    }

    /// Entries to read; looks at the kernel's cursor only when fewer than `wanted` are known.
    #[inline]
    pub(crate) fn available(&mut self, wanted: u32) -> u32 {
        let available = self.produced.wrapping_sub(self.next);
        if available >= wanted {
            return available;
        }
        self.produced = self.ring.producer().load(Ordering::Acquire);
        self.produced.wrapping_sub(self.next)
    }

    /// Reads an entry, whose place the kernel gets back by `release`.
    #[inline]
    pub(crate) fn pop(&mut self) -> Option<T> {
        if self.available(1) == 0 {
            return None;
        }
        // SAFETY: the kernel has written the entry and does not touch it before `release`.
        let entry = unsafe { self.ring.entry(self.next).read() };
        self.next = self.next.wrapping_add(1);
        Some(entry)
    }

    pub(crate) fn watch(&self) -> Watch {
        self.ring.watch()
    }

    /// Gives the kernel the places of what was popped.
    #[inline]
    pub(crate) fn release(&mut self) {
        self.ring.consumer().store(self.next, Ordering::Release);
    }
}

#[cfg(test)]
#[path = "ring_tests.rs"]
mod tests;
