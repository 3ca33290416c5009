// SPDX-License-Identifier: MIT OR Apache-2.0
#![expect(unsafe_code, reason = "pointers to frames in the mapped memory")]

use crate::{Frame, FramePool, HugePages, UmemConfig, XskError, mapping::Mapping};
use std::{
    mem::ManuallyDrop,
    os::fd::OwnedFd,
    ptr::NonNull,
    sync::{
        Arc, Mutex, PoisonError, Weak,
        atomic::{AtomicU32, Ordering},
    },
};

/// Packet memory that the sockets of one worker share. Clones are handles to the same memory.
///
/// The memory is unmapped when the handles, the pool and the sockets are gone and every frame has come home to the
/// pool or a socket's rings. If a [`Frame`] is still somewhere, or was dropped later than that, the memory stays
/// mapped for good: the price of frames without a reference count.
#[derive(Debug, Clone)]
pub struct Umem {
    memory: Arc<Memory>,
}

impl Umem {
    /// Maps the memory. All its frames are in the pool.
    ///
    /// # Errors
    /// A shape that the kernel would refuse, or no memory.
    pub fn new(config: UmemConfig) -> Result<(Umem, FramePool), XskError> {
        let bytes = config.bytes()?;
        let huge = match config.huge_pages {
            HugePages::Try => Mapping::huge(bytes).ok(),
            HugePages::Never => None,
        };
        let on_huge_pages = huge.is_some();
        let mapping = huge
            .map_or_else(|| Mapping::anonymous(bytes), Ok)
            .map_err(|source| XskError::MapMemory { bytes, source })?;
        // A few dozen bytes per packet memory are leaked so that frames can refer to them without a count.
        let region: &'static Region = Box::leak(Box::new(Region {
            base: mapping.address(),
            frames: config.frames,
            frame_size: config.frame_size,
            home: AtomicU32::new(0),
            lost: AtomicU32::new(0),
        }));
        let memory = Arc::new(Memory {
            mapping: ManuallyDrop::new(mapping),
            region,
            bytes,
            on_huge_pages,
            headroom: config.headroom,
            sockets: Mutex::new(Vec::new()),
        });
        let frames = (0..config.frames)
            .rev()
            .filter_map(|index| {
                // SAFETY: every offset is visited once, and nobody else has a frame of this new memory.
                unsafe { region.frame_at(u64::from(index) * u64::from(config.frame_size)) }
            })
            .collect();
        let pool = FramePool::new(frames, Arc::clone(&memory));
        Ok((Umem { memory }, pool))
    }

    /// Frames in all.
    pub fn frames(&self) -> u32 {
        self.memory.region.frames
    }

    /// Bytes of a frame.
    pub fn frame_size(&self) -> u32 {
        self.memory.region.frame_size
    }

    /// Whether it is on huge pages.
    pub fn is_on_huge_pages(&self) -> bool {
        self.memory.on_huge_pages
    }

    /// Frames that were dropped instead of put back to the pool: 0 in a program without faults.
    pub fn lost_frames(&self) -> u32 {
        self.memory.region.lost.load(Ordering::Relaxed)
    }

    pub(crate) fn memory(&self) -> &Arc<Memory> {
        &self.memory
    }
}

/// What frames know of their memory.
#[derive(Debug)]
pub(crate) struct Region {
    base: NonNull<u8>,
    frames: u32,
    pub(crate) frame_size: u32,
    /// Frames that no handle will ever be made for again: left in a dropped pool or in the rings of a dropped socket.
    home: AtomicU32,
    lost: AtomicU32,
}

// SAFETY: the pointer is only an address here; who may use the memory behind it is the matter of `Frame`.
unsafe impl Send for Region {}
// SAFETY: as above.
unsafe impl Sync for Region {}

impl Region {
    /// The frame that holds the byte at `offset`; None outside the memory.
    ///
    /// # Safety
    /// The caller owns that frame: no other [`Frame`] for it exists, and the kernel does not use it.
    pub(crate) unsafe fn frame_at(&'static self, offset: u64) -> Option<Frame> {
        let start = offset & !(u64::from(self.frame_size) - 1);
        if start >= u64::from(self.frames) * u64::from(self.frame_size) {
            return None;
        }
        // SAFETY: start is the offset of a whole frame within the mapping, which a live frame keeps mapped.
        Some(unsafe { Frame::new(self.base.add(start as usize), self) })
    }

    /// Offset of a frame of this memory from its begin, as descriptors have it.
    pub(crate) fn offset_of(&self, address: NonNull<u8>) -> u64 {
        (address.as_ptr() as usize).wrapping_sub(self.base.as_ptr() as usize) as u64
    }

    pub(crate) fn retire(&self, frames: u32) {
        // Release: what was done through a frame happens before the memory is unmapped.
        self.home.fetch_add(frames, Ordering::Release);
    }

    pub(crate) fn lose(&self) {
        self.lost.fetch_add(1, Ordering::Release);
    }

    fn is_unused(&self) -> bool {
        self.home.load(Ordering::Acquire) + self.lost.load(Ordering::Acquire) >= self.frames
    }
}

/// The mapping, shared by handles, pool and sockets.
#[derive(Debug)]
pub(crate) struct Memory {
    mapping: ManuallyDrop<Mapping>,
    pub(crate) region: &'static Region,
    /// Bytes of all frames; whole huge pages may be longer.
    bytes: usize,
    on_huge_pages: bool,
    headroom: u32,
    /// Sockets bound on this memory; any live one lets the next share it.
    pub(crate) sockets: Mutex<Vec<Weak<OwnedFd>>>,
}

impl Memory {
    pub(crate) fn registration(&self) -> libc::xdp_umem_reg {
        libc::xdp_umem_reg {
            addr: self.mapping.address().as_ptr() as u64,
            len: self.bytes as u64,
            chunk_size: self.region.frame_size,
            headroom: self.headroom,
            flags: 0,
            tx_metadata_len: 0,
        }
    }

    /// A live socket on this memory.
    pub(crate) fn sharing_socket(&self) -> Option<Arc<OwnedFd>> {
        let mut sockets = self.sockets.lock().unwrap_or_else(PoisonError::into_inner);
        sockets.retain(|socket| socket.strong_count() > 0);
        sockets.iter().find_map(Weak::upgrade)
    }

    pub(crate) fn add_socket(&self, socket: &Arc<OwnedFd>) {
        self.sockets.lock().unwrap_or_else(PoisonError::into_inner).push(Arc::downgrade(socket));
    }
}

impl Drop for Memory {
    fn drop(&mut self) {
        if self.region.is_unused() {
            // SAFETY: dropped once, here. No frame is left that could reach the memory, and the sockets are closed.
            unsafe { ManuallyDrop::drop(&mut self.mapping) };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_mapped(address: usize) -> bool {
        let maps = std::fs::read_to_string("/proc/self/maps").unwrap();
        maps.lines().any(|line| {
            let (range, _) = line.split_once(' ').unwrap();
            let (from, to) = range.split_once('-').unwrap();
            let bound = |text| usize::from_str_radix(text, 16).unwrap();
            (bound(from)..bound(to)).contains(&address)
        })
    }

    fn config(frames: u32) -> UmemConfig {
        UmemConfig { frames, frame_size: 4096, ..UmemConfig::default() }
    }

    #[test]
    fn a_frame_keeps_its_memory_mapped() {
        let (umem, mut pool) = Umem::new(config(500)).unwrap();
        let mut frame = pool.take().unwrap();
        let address = frame.as_ptr() as usize;
        drop((umem, pool));
        frame.fill(7);
        assert!(is_mapped(address));
        assert_eq!(frame[4095], 7);
    }

    #[test]
    fn memory_is_unmapped_with_the_last_handle() {
        // Other tests map memory too, and the kernel may give one of them this range again; many tries cannot all fail.
        let unmapped = (0..20).any(|_| {
            let (umem, mut pool) = Umem::new(config(3000)).unwrap();
            let frame = pool.take().unwrap();
            let address = frame.as_ptr() as usize;
            drop(pool.take());
            pool.put(frame);
            assert_eq!(umem.lost_frames(), 1);
            drop(pool);
            assert!(is_mapped(address));
            drop(umem);
            !is_mapped(address)
        });
        assert!(unmapped);
    }

    /// A line of what the kernel says of the mapping that an address is in.
    fn in_smaps(address: usize, key: &str) -> String {
        let smaps = std::fs::read_to_string("/proc/self/smaps").unwrap();
        let mut inside = false;
        let found = smaps.lines().find_map(|line| {
            let range = line.split(' ').next().unwrap().split_once('-');
            if let Some((Ok(from), Ok(to))) =
                range.map(|(from, to)| (usize::from_str_radix(from, 16), usize::from_str_radix(to, 16)))
            {
                inside = (from..to).contains(&address);
            }
            line.strip_prefix(key).filter(|_| inside)
        });
        found.unwrap().trim().to_owned()
    }

    fn address_in(pool: &mut FramePool) -> usize {
        let frame = pool.take().unwrap();
        let address = frame.as_ptr() as usize;
        pool.put(frame);
        address
    }

    #[test]
    fn memory_is_kept_out_of_core_dumps() {
        let (_umem, mut pool) = Umem::new(config(700)).unwrap();
        let flags = in_smaps(address_in(&mut pool), "VmFlags:");
        assert!(flags.split_whitespace().any(|flag| flag == "dd"), "{flags:?}");
    }

    #[test]
    fn memory_is_on_ordinary_pages_where_there_are_not_enough_huge_ones() {
        // 1 GiB: more than a host of tests sets aside.
        let many = UmemConfig { huge_pages: HugePages::Try, ..config(1 << 18) };
        let (umem, mut pool) = Umem::new(many).unwrap();
        assert!(!umem.is_on_huge_pages());
        assert_eq!(in_smaps(address_in(&mut pool), "KernelPageSize:"), "4 kB");
    }

    #[test]
    #[ignore = "needs root: sets huge pages aside"]
    fn memory_is_on_huge_pages_where_there_are_some() {
        const SETTING: &str = "/proc/sys/vm/nr_hugepages";
        let before = std::fs::read_to_string(SETTING).unwrap();
        let pages = before.trim().parse::<u32>().unwrap() + 3;
        std::fs::write(SETTING, pages.to_string()).unwrap();
        // Two and a half of them: the mapping is longer than the memory.
        let result = std::panic::catch_unwind(|| {
            let (umem, mut pool) =
                Umem::new(UmemConfig { huge_pages: HugePages::Try, ..config(1280) }).unwrap();
            let address = address_in(&mut pool);
            let found = (umem.is_on_huge_pages(), in_smaps(address, "KernelPageSize:"));
            assert_eq!(umem.memory().registration().len, 1280 * 4096);
            drop((umem, pool));
            assert!(!is_mapped(address));
            found
        });
        std::fs::write(SETTING, before).unwrap();
        assert_eq!(result.unwrap(), (true, "2048 kB".to_owned()));
    }
}
