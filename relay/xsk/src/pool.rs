// SPDX-License-Identifier: MIT OR Apache-2.0
use crate::{
    Frame,
    umem::{Memory, Region},
};
use std::{fmt, sync::Arc};

/// The free frames of a UMEM; the last one put is the first one taken, while the cache still has it.
pub struct FramePool {
    frames: Vec<Frame>,
    memory: Arc<Memory>,
}

impl FramePool {
    pub(crate) fn new(frames: Vec<Frame>, memory: Arc<Memory>) -> FramePool {
        FramePool { frames, memory }
    }

    /// A free frame, if there is one. Its bytes are not cleared.
    #[inline]
    pub fn take(&mut self) -> Option<Frame> {
        self.frames.pop()
    }

    /// Takes a frame back. A frame of another UMEM does not fit here and is lost to its own.
    #[inline]
    pub fn put(&mut self, frame: Frame) {
        // The vector was made with room for all frames of this UMEM, so that this does not allocate.
        if frame.is_of(self.memory.region) {
            self.frames.push(frame);
        }
    }

    /// Free frames.
    #[inline]
    pub fn len(&self) -> usize {
        self.frames.len()
    }

    /// Whether no frame is free.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.frames.is_empty()
    }

    #[inline]
    pub(crate) fn is_of(&self, region: &'static Region) -> bool {
        std::ptr::eq(self.memory.region, region)
    }
}

impl Drop for FramePool {
    fn drop(&mut self) {
        let mut home = 0;
        for frame in self.frames.drain(..) {
            frame.into_offset();
            home += 1;
        }
        self.memory.region.retire(home);
    }
}

impl fmt::Debug for FramePool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FramePool").field("free", &self.frames.len()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use crate::{HugePages, Umem, UmemConfig};
    use std::collections::HashSet;

    const CONFIG: UmemConfig =
        UmemConfig { frames: 16, frame_size: 2048, headroom: 0, huge_pages: HugePages::Never };

    #[test]
    fn every_frame_is_handed_out_once_and_whole() {
        let (umem, mut pool) = Umem::new(CONFIG).unwrap();
        assert_eq!((umem.frames(), umem.frame_size(), pool.len()), (16, 2048, 16));
        let mut frames: Vec<_> = std::iter::from_fn(|| pool.take()).collect();
        assert!(pool.is_empty());
        let addresses: HashSet<_> = frames.iter().map(|frame| frame.as_ptr() as usize).collect();
        assert_eq!(addresses.len(), 16);
        for (value, frame) in frames.iter_mut().enumerate() {
            assert_eq!(frame.len(), 2048);
            frame.fill(value as u8);
        }
        for (value, frame) in frames.iter().enumerate() {
            assert!(frame.iter().all(|&byte| byte == value as u8));
        }
        frames.into_iter().for_each(|frame| pool.put(frame));
        assert_eq!((pool.len(), umem.lost_frames()), (16, 0));
    }

    #[test]
    fn the_warmest_frame_comes_first() {
        let (_umem, mut pool) = Umem::new(CONFIG).unwrap();
        let (first, second) = (pool.take().unwrap(), pool.take().unwrap());
        let address = first.as_ptr();
        pool.put(second);
        pool.put(first);
        let again = pool.take().unwrap();
        assert_eq!(again.as_ptr(), address);
        pool.put(again);
    }

    #[test]
    fn a_dropped_frame_is_counted_and_never_handed_out_again() {
        let (umem, mut pool) = Umem::new(CONFIG).unwrap();
        drop(pool.take());
        assert_eq!((pool.len(), umem.lost_frames()), (15, 1));
        assert_eq!(std::iter::from_fn(|| pool.take()).inspect(|_| ()).count(), 15);
        assert_eq!(umem.lost_frames(), 16);
    }

    #[test]
    fn a_frame_of_another_memory_is_lost_to_its_own() {
        let (ours, mut our_pool) = Umem::new(CONFIG).unwrap();
        let (theirs, mut their_pool) = Umem::new(CONFIG).unwrap();
        our_pool.put(their_pool.take().unwrap());
        assert_eq!((our_pool.len(), ours.lost_frames()), (16, 0));
        assert_eq!((their_pool.len(), theirs.lost_frames()), (15, 1));
    }

    #[test]
    fn frames_cross_threads_and_tell_nothing_of_their_bytes() {
        let (_umem, mut pool) = Umem::new(CONFIG).unwrap();
        let mut frame = pool.take().unwrap();
        frame[..6].copy_from_slice(b"secret");
        let frame = std::thread::spawn(move || {
            assert_eq!(&frame[..6], b"secret");
            frame
        })
        .join()
        .unwrap();
        assert_eq!(format!("{frame:?}"), "Frame { offset: 0, .. }");
        pool.put(frame);
    }
}
