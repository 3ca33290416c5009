// SPDX-License-Identifier: MIT OR Apache-2.0
//! The ring: words of eight bytes that one thread writes and one reads.
//!
//! ```text
//! record: head words << 32 | bytes   head words   the packet, padded to words
//! ```
//! Records lie one behind the other and go on at the begin of the ring when they come to its end. Both cursors count words
//! for ever. What is between them is the receiver's, all else the sender's: whoever gives words away stores its cursor
//! with Release after its last access to them, and the other loads it with Acquire before its first. Words are atomic so
//! that this takes no unsafe code; relaxed, they cost what plain ones do.

use std::fmt;
use std::sync::atomic::Ordering::{Acquire, Relaxed, Release};

use crate::sync::{Arc, AtomicU64, Word};

/// Bytes of a word.
const WORD: usize = size_of::<u64>();

/// A cursor on cache lines of its own: processors fetch them in pairs.
#[repr(align(128))]
struct Cursor(AtomicU64);

struct Shared {
    /// Words that the sender has published.
    produced: Cursor,
    /// Words that the receiver has given back.
    consumed: Cursor,
    /// A power of two of them.
    words: Box<[Word]>,
}

impl Shared {
    fn word(&self, at: u64) -> Option<&Word> {
        self.words.get(at as usize & (self.words.len() - 1))
    }

    /// Words from `at` on, up to the end of the ring, and those that follow, up to `at` again.
    fn from(&self, at: u64) -> (&[Word], &[Word]) {
        let (before, from) = self.words.split_at(at as usize & (self.words.len() - 1));
        (from, before)
    }
}

/// A ring of at least `bytes`, and at least eight words. A packet takes its length in whole words, one word, and its head.
pub fn ring(bytes: usize) -> (Sender, Receiver) {
    let words = bytes.div_ceil(WORD).max(8).next_power_of_two();
    let shared = Arc::new(Shared {
        produced: Cursor(AtomicU64::new(0)),
        consumed: Cursor(AtomicU64::new(0)),
        words: (0..words).map(|_| Word::new(0)).collect(),
    });
    let sender = Sender { shared: Arc::clone(&shared), next: 0, published: 0, consumed: 0 };
    (sender, Receiver { shared, next: 0, released: 0, produced: 0 })
}

/// The end that packets go in by.
pub struct Sender {
    shared: Arc<Shared>,
    /// Where the next record begins; beyond the shared cursor until it is published.
    next: u64,
    published: u64,
    /// The receiver's cursor when last looked at.
    consumed: u64,
}

impl Sender {
    /// Writes a packet and what goes with it, for the receiver to see after [`Sender::publish`]; false when there is no
    /// room.
    pub fn push(&mut self, head: &[u64], packet: &[u8]) -> bool {
        let Ok(length) = u32::try_from(packet.len()) else { return false };
        let needed = 1 + head.len() + packet.len().div_ceil(WORD);
        if !self.has_room(needed) {
            return false;
        }
        let descriptor = (head.len() as u64) << 32 | u64::from(length);
        for (at, value) in (self.next..).zip(std::iter::once(&descriptor).chain(head)) {
            if let Some(word) = self.shared.word(at) {
                word.store(*value, Relaxed);
            }
        }
        let (from, begin) = self.shared.from(self.next + 1 + head.len() as u64);
        let (fits, rest) = packet.split_at(packet.len().min(from.len() * WORD));
        write(from, fits);
        write(begin, rest);
        self.next += needed as u64;
        true
    }

    /// Looks at the receiver's cursor only when the room it left last time does not do.
    fn has_room(&mut self, words: usize) -> bool {
        let size = self.shared.words.len() as u64;
        let free = |sender: &Sender| size - (sender.next - sender.consumed);
        if free(self) < words as u64 {
            self.consumed = self.shared.consumed.0.load(Acquire);
        }
        free(self) >= words as u64
    }

    /// Shows the receiver what was pushed; false when that is nothing.
    pub fn publish(&mut self) -> bool {
        if self.next == self.published {
            return false;
        }
        self.shared.produced.0.store(self.next, Release);
        self.published = self.next;
        true
    }
}

/// The end that packets come out by.
pub struct Receiver {
    shared: Arc<Shared>,
    /// Where the next record begins; beyond the shared cursor until what was read is released.
    next: u64,
    released: u64,
    /// The sender's cursor when last looked at.
    produced: u64,
}

impl Receiver {
    /// The next packet, in order. Its words go back to the sender by [`Receiver::release`].
    pub fn pop(&mut self) -> Option<Record<'_>> {
        if self.next == self.produced {
            self.produced = self.shared.produced.0.load(Acquire);
            if self.next == self.produced {
                return None;
            }
        }
        let descriptor = self.shared.word(self.next)?.load(Relaxed);
        let (heads, length) = (descriptor >> 32, descriptor as u32 as usize);
        let record = Record { shared: &self.shared, head: self.next + 1, heads, length };
        self.next += 1 + heads + length.div_ceil(WORD) as u64;
        Some(record)
    }

    /// Gives the sender the words of what was popped.
    pub fn release(&mut self) {
        if self.next != self.released {
            self.shared.consumed.0.store(self.next, Release);
            self.released = self.next;
        }
    }

    /// Nothing is published that was not popped.
    pub fn is_empty(&self) -> bool {
        self.next == self.shared.produced.0.load(Acquire)
    }
}

/// A packet in the ring.
pub struct Record<'a> {
    shared: &'a Shared,
    head: u64,
    heads: u64,
    length: usize,
}

impl Record<'_> {
    /// A word of its head; 0 from its end on.
    pub fn head(&self, index: usize) -> u64 {
        let word = || self.shared.word(self.head + index as u64);
        if (index as u64) < self.heads { word().map_or(0, |word| word.load(Relaxed)) } else { 0 }
    }

    /// Bytes of the packet.
    pub fn length(&self) -> usize {
        self.length
    }

    /// Copies the packet to the begin of `into` and says how long it is; None when it does not fit.
    pub fn copy_to(&self, into: &mut [u8]) -> Option<usize> {
        let (from, begin) = self.shared.from(self.head + self.heads);
        let (fits, rest) = into.get_mut(..self.length)?.split_at_mut(self.length.min(from.len() * WORD));
        read(from, fits);
        read(begin, rest);
        Some(self.length)
    }
}

fn write(words: &[Word], bytes: &[u8]) {
    let (whole, part) = bytes.as_chunks::<WORD>();
    for (word, bytes) in words.iter().zip(whole) {
        word.store(u64::from_ne_bytes(*bytes), Relaxed);
    }
    if let (Some(word), false) = (words.get(whole.len()), part.is_empty()) {
        let mut padded = [0; WORD];
        padded[..part.len()].copy_from_slice(part);
        word.store(u64::from_ne_bytes(padded), Relaxed);
    }
}

fn read(words: &[Word], bytes: &mut [u8]) {
    let (whole, part) = bytes.as_chunks_mut::<WORD>();
    for (word, bytes) in words.iter().zip(whole.iter_mut()) {
        *bytes = word.load(Relaxed).to_ne_bytes();
    }
    if let (Some(word), false) = (words.get(whole.len()), part.is_empty()) {
        let padded = word.load(Relaxed).to_ne_bytes();
        part.copy_from_slice(&padded[..part.len()]);
    }
}

// Bytes of packets may be media in the clear, and have no place in a log.
impl fmt::Debug for Sender {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sender").field("next", &self.next).finish_non_exhaustive()
    }
}

impl fmt::Debug for Receiver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Receiver").field("next", &self.next).finish_non_exhaustive()
    }
}

impl fmt::Debug for Record<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Record").field("length", &self.length).finish_non_exhaustive()
    }
}
