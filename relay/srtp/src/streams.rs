// SPDX-License-Identifier: MIT OR Apache-2.0
use crate::kernel::prefetch;

/// The most SSRCs of one context.
pub(crate) const MAX_SSRCS: usize = 256;

/// What a context knows of each SSRC. Bounded and never evicted: with a replay window its packets would come back.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Streams<S> {
    /// Those in use come first.
    entries: Box<[S]>,
    used: u16,
    // Of the context, which has room for it only here, where there would else be padding.
    /// A packet has authenticated under the newest set.
    pub(crate) rekeyed: bool,
    /// A key of the newest set has passed its warning, which nobody has been told yet.
    pub(crate) expiring: bool,
    /// Of the newest set.
    pub(crate) generation: u32,
}

/// The state of one SSRC, which knows its name: beside the state it would cost more than its size.
pub(crate) trait Stream: Clone + Default {
    fn ssrc(&self) -> u32;
    fn set_ssrc(&mut self, ssrc: u32);
}

/// Where the stream of a packet is, or that it may be added.
#[derive(Copy, Clone, Debug)]
pub(crate) enum Slot {
    Known(u16),
    New,
}

impl<S: Stream> Streams<S> {
    /// Room for `max` SSRCs, held to 1..=[`MAX_SSRCS`].
    pub(crate) fn new(max: usize) -> Streams<S> {
        let max = max.clamp(1, MAX_SSRCS);
        Streams {
            entries: vec![S::default(); max].into(),
            used: 0,
            rekeyed: false,
            expiring: false,
            generation: 0,
        }
    }

    /// Bytes on the heap.
    #[cfg(test)]
    pub(crate) fn memory(&self) -> usize {
        size_of_val(&*self.entries)
    }

    /// Asks for the first stream ahead of time. Most contexts have no other.
    #[inline]
    pub(crate) fn prefetch(&self) {
        if let Some(first) = self.entries.first() {
            prefetch(first);
        }
    }

    fn known(&self) -> &[S] {
        self.entries.get(..usize::from(self.used)).unwrap_or_default()
    }

    /// `None` when the SSRC is new and there is no room for it.
    #[inline(always)]
    pub(crate) fn find(&self, ssrc: u32) -> Option<Slot> {
        // Most contexts have one stream.
        match self.entries.first() {
            Some(first) if self.used > 0 && first.ssrc() == ssrc => Some(Slot::Known(0)),
            _ => self.search(ssrc),
        }
    }

    fn search(&self, ssrc: u32) -> Option<Slot> {
        match self.known().iter().position(|stream| stream.ssrc() == ssrc) {
            Some(position) => Some(Slot::Known(position as u16)),
            None => (usize::from(self.used) < self.entries.len()).then_some(Slot::New),
        }
    }

    #[inline]
    pub(crate) fn get(&self, slot: Slot) -> Option<&S> {
        match slot {
            Slot::Known(position) => self.known().get(usize::from(position)),
            Slot::New => None,
        }
    }

    /// The state at a slot that [`find`](Self::find) just gave for `ssrc`, added if it is new.
    #[inline]
    pub(crate) fn entry(&mut self, slot: Slot, ssrc: u32) -> &mut S {
        let position = match slot {
            Slot::Known(position) => usize::from(position),
            Slot::New => {
                let position = usize::from(self.used);
                self.used += 1;
                self.entries[position].set_ssrc(ssrc);
                position
            }
        };
        &mut self.entries[position]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Clone, Debug, Default, Eq, PartialEq)]
    struct Named(u32, u8);

    impl Stream for Named {
        fn ssrc(&self) -> u32 {
            self.0
        }

        fn set_ssrc(&mut self, ssrc: u32) {
            self.0 = ssrc;
        }
    }

    #[test]
    fn holds_its_bound_without_growing() {
        let mut streams = Streams::<Named>::new(2);
        let memory = streams.memory();
        for ssrc in [7, 9] {
            let slot = streams.find(ssrc).unwrap();
            streams.entry(slot, ssrc).1 = ssrc as u8;
        }
        assert!(streams.find(8).is_none());
        assert_eq!(streams.find(7).and_then(|slot| streams.get(slot)), Some(&Named(7, 7)));
        assert_eq!(streams.find(9).and_then(|slot| streams.get(slot)), Some(&Named(9, 9)));
        assert_eq!(streams.memory(), memory);
    }

    #[test]
    fn the_bound_is_held_to_its_range() {
        assert_eq!(Streams::<Named>::new(0).entries.len(), 1);
        assert_eq!(Streams::<Named>::new(usize::MAX).entries.len(), MAX_SSRCS);
    }
}
