// SPDX-License-Identifier: MIT OR Apache-2.0
//! Which part of which region is in use. Addresses only: what is there is nothing to this module.
//!
//! A region is divided into slabs, a slab into slots of one size. The books are kept outside: a byte that runs over the end of
//! a slot cannot reach them, and a slot that is free holds zeros and nothing else.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::ptr::NonNull;

use crate::Usage;
use crate::region::{Purpose, Region};

/// Slots are multiples of half a cache line: a value of a size between, such as a key set, is one of 400,000.
const UNIT: usize = 32;
/// A slot begins at a multiple of it if its size is one.
pub(crate) const LINE: usize = 64;
const SLAB: usize = 64 << 10;
/// A large page of x86-64 and of most other processors.
const REGION: usize = 2 << 20;
const SLABS: usize = REGION / SLAB;
const MOST_SLOTS: usize = SLAB / UNIT;

#[derive(Copy, Clone, Debug)]
struct Slab {
    /// Bytes of a slot. 0: the slab is vacant.
    size: usize,
    used: usize,
    taken: [u64; MOST_SLOTS / 64],
}

const VACANT: Slab = Slab { size: 0, used: 0, taken: [0; MOST_SLOTS / 64] };

impl Slab {
    fn capacity(&self) -> usize {
        SLAB.checked_div(self.size).unwrap_or(0)
    }

    fn is_full(&self) -> bool {
        self.used == self.capacity()
    }

    /// The lowest free slot.
    fn take(&mut self) -> Option<usize> {
        if self.is_full() {
            return None;
        }
        let (index, word) = self.taken.iter_mut().enumerate().find(|(_, word)| **word != u64::MAX)?;
        let bit = word.trailing_ones();
        *word |= 1 << bit;
        self.used += 1;
        Some(64 * index + bit as usize)
    }

    fn give(&mut self, slot: usize) {
        let Some(word) = self.taken.get_mut(slot / 64) else { return };
        let bit = 1 << (slot % 64);
        debug_assert!(*word & bit != 0, "slot {slot} is not in use");
        *word &= !bit;
        self.used -= 1;
    }
}

#[derive(Debug)]
struct Area {
    region: Region,
    slabs: Box<[Slab; SLABS]>,
}

/// Slots of all sizes.
#[derive(Debug)]
pub(crate) struct Slots {
    purpose: Purpose,
    areas: BTreeMap<usize, Area>,
    /// What is larger than a slab.
    large: BTreeMap<usize, Region>,
    vacant: BTreeSet<usize>,
    /// By the size of their slots, slabs that have a free one. The lowest address is used first, so that the others
    /// become vacant.
    partial: BTreeMap<usize, BTreeSet<usize>>,
    usage: Usage,
}

impl Slots {
    /// Takes no memory yet.
    pub(crate) const fn new(purpose: Purpose) -> Slots {
        Slots {
            purpose,
            areas: BTreeMap::new(),
            large: BTreeMap::new(),
            vacant: BTreeSet::new(),
            partial: BTreeMap::new(),
            usage: Usage { in_use: 0, allocations: 0, locked: 0, unlocked: 0 },
        }
    }

    pub(crate) fn usage(&self) -> Usage {
        self.usage
    }

    /// Bytes of the slot that a value of `length` bytes gets: multiples of 32, in eight steps to the octave above 512.
    pub(crate) fn size(length: usize) -> usize {
        let step = (length.max(1).next_power_of_two() / 16).max(UNIT);
        length.max(1).checked_next_multiple_of(step).unwrap_or(usize::MAX)
    }

    /// A slot for `length` bytes. A slot whose last user has erased it, or that is new, holds zeros.
    pub(crate) fn allocate(&mut self, length: usize) -> io::Result<NonNull<u8>> {
        let size = Self::size(length);
        let slot = if size > SLAB { self.allocate_large(size)? } else { self.allocate_small(size)? };
        self.usage.in_use += size;
        self.usage.allocations += 1;
        Ok(slot)
    }

    fn allocate_large(&mut self, size: usize) -> io::Result<NonNull<u8>> {
        let region = Region::map(size, LINE, self.purpose)?;
        let slot = region.at(0).ok_or(io::ErrorKind::OutOfMemory)?;
        *self.mapped(&region) += region.length();
        self.large.insert(region.address(), region);
        Ok(slot)
    }

    fn allocate_small(&mut self, size: usize) -> io::Result<NonNull<u8>> {
        let address = match self.partial.get(&size).and_then(BTreeSet::first) {
            Some(address) => *address,
            None => self.dedicate(size)?,
        };
        let out_of_memory = || io::Error::from(io::ErrorKind::OutOfMemory);
        let (region, slab) = self.slab(address).ok_or_else(out_of_memory)?;
        let slot = slab.take().ok_or_else(out_of_memory)?;
        let pointer = region.at(address % REGION + slot * size).ok_or_else(out_of_memory)?;
        if slab.is_full()
            && let Some(partial) = self.partial.get_mut(&size)
        {
            partial.remove(&address);
        }
        Ok(pointer)
    }

    /// Gives a vacant slab to slots of a size.
    fn dedicate(&mut self, size: usize) -> io::Result<usize> {
        if self.vacant.is_empty() {
            self.grow()?;
        }
        let address = self.vacant.pop_first().ok_or(io::ErrorKind::OutOfMemory)?;
        if let Some((_, slab)) = self.slab(address) {
            *slab = Slab { size, ..VACANT };
        }
        self.partial.entry(size).or_default().insert(address);
        Ok(address)
    }

    /// Maps another region.
    pub(crate) fn grow(&mut self) -> io::Result<()> {
        let region = Region::map(REGION, REGION, self.purpose)?;
        *self.mapped(&region) += REGION;
        self.vacant.extend((0..SLABS).map(|slab| region.address() + slab * SLAB));
        self.areas.insert(region.address(), Area { region, slabs: Box::new([VACANT; SLABS]) });
        Ok(())
    }

    fn mapped(&mut self, region: &Region) -> &mut usize {
        if region.is_locked() { &mut self.usage.locked } else { &mut self.usage.unlocked }
    }

    fn slab(&mut self, address: usize) -> Option<(&Region, &mut Slab)> {
        let Area { region, slabs } = self.areas.get_mut(&(address - address % REGION))?;
        Some((region, slabs.get_mut(address % REGION / SLAB)?))
    }

    /// Gives a slot up that [`allocate`](Self::allocate) gave for `length` bytes.
    pub(crate) fn free(&mut self, address: usize, length: usize) {
        let size = Self::size(length);
        self.usage.in_use -= size;
        if size > SLAB {
            if let Some(region) = self.large.remove(&address) {
                *self.mapped(&region) -= region.length();
            }
            return;
        }
        let at = address - address % SLAB;
        let Some((_, slab)) = self.slab(at) else { return };
        debug_assert_eq!(slab.size, size);
        slab.give(address % SLAB / size);
        let vacant = slab.used == 0;
        if vacant {
            *slab = VACANT;
            self.vacant.insert(at);
        }
        if let Some(partial) = self.partial.get_mut(&size) {
            if vacant {
                partial.remove(&at)
            } else {
                partial.insert(at)
            };
        }
    }
}
