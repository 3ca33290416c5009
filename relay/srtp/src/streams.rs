// SPDX-License-Identifier: MIT OR Apache-2.0

/// The most SSRCs of one context.
pub(crate) const MAX_SSRCS: usize = 256;

/// What a context knows of each SSRC. Bounded and never evicted: with a replay window its packets would come back.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Streams<S> {
    /// Beside the states, so that a search reads four bytes for each.
    ssrcs: Vec<u32>,
    states: Vec<S>,
    max: usize,
}

/// Where the stream of a packet is, or that it may be added.
#[derive(Copy, Clone, Debug)]
pub(crate) enum Slot {
    Known(usize),
    New,
}

impl<S: Default> Streams<S> {
    /// Room for `max` SSRCs, held to 1..=[`MAX_SSRCS`].
    pub(crate) fn new(max: usize) -> Streams<S> {
        let max = max.clamp(1, MAX_SSRCS);
        Streams { ssrcs: Vec::with_capacity(max), states: Vec::with_capacity(max), max }
    }

    /// Bytes on the heap.
    #[cfg(test)]
    pub(crate) fn memory(&self) -> usize {
        self.ssrcs.capacity() * size_of::<u32>() + self.states.capacity() * size_of::<S>()
    }

    /// `None` when the SSRC is new and there is no room for it.
    pub(crate) fn find(&self, ssrc: u32) -> Option<Slot> {
        match self.ssrcs.iter().position(|known| *known == ssrc) {
            Some(position) => Some(Slot::Known(position)),
            None => (self.ssrcs.len() < self.max).then_some(Slot::New),
        }
    }

    pub(crate) fn get(&self, slot: Slot) -> Option<&S> {
        match slot {
            Slot::Known(position) => self.states.get(position),
            Slot::New => None,
        }
    }

    /// The state at a slot that [`find`](Self::find) just gave for `ssrc`, added if it is new.
    pub(crate) fn entry(&mut self, slot: Slot, ssrc: u32) -> &mut S {
        let position = match slot {
            Slot::Known(position) => position,
            Slot::New => {
                self.ssrcs.push(ssrc);
                self.states.push(S::default());
                self.states.len() - 1
            }
        };
        &mut self.states[position]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn holds_its_bound_without_growing() {
        let mut streams = Streams::<u8>::new(2);
        let capacity = (streams.ssrcs.capacity(), streams.states.capacity());
        for ssrc in [7, 9] {
            let slot = streams.find(ssrc).unwrap();
            *streams.entry(slot, ssrc) = ssrc as u8;
        }
        assert!(streams.find(8).is_none());
        assert_eq!(streams.find(7).and_then(|slot| streams.get(slot)), Some(&7));
        assert_eq!(streams.find(9).and_then(|slot| streams.get(slot)), Some(&9));
        assert_eq!((streams.ssrcs.capacity(), streams.states.capacity()), capacity);
    }

    #[test]
    fn the_bound_is_held_to_its_range() {
        assert_eq!(Streams::<u8>::new(0).max, 1);
        assert_eq!(Streams::<u8>::new(usize::MAX).max, MAX_SSRCS);
    }
}
