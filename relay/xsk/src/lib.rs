// SPDX-License-Identifier: MIT OR Apache-2.0
//! AF_XDP: packet memory, rings and sockets.
use std::os::fd::{AsFd, BorrowedFd};

/// Shape of a packet memory.
#[derive(Debug, Clone, Copy)]
pub struct UmemConfig {
    /// Number of frames.
    pub frames: u32,
    /// Bytes of one frame: 2048 or 4096.
    pub frame_size: u32,
    /// Bytes kept free before a received packet, besides the 256 the kernel keeps.
    pub headroom: u32,
}

/// Packet memory that sockets of one worker share.
#[derive(Debug, Clone)]
pub struct Umem {}

impl Umem {
    /// Maps the memory; all frames are in the pool.
    pub fn new(config: UmemConfig) -> Result<(Umem, FramePool), XskError> {
        let _ = config;
        todo!()
    }
    /// Frames in all.
    pub fn frames(&self) -> u32 {
        todo!()
    }
    /// Bytes per frame.
    pub fn frame_size(&self) -> u32 {
        todo!()
    }
    /// Frames dropped instead of put back.
    pub fn lost_frames(&self) -> u32 {
        todo!()
    }
}

/// Free frames of one UMEM.
#[derive(Debug)]
pub struct FramePool {}

impl FramePool {
    /// Takes a free frame.
    pub fn take(&mut self) -> Option<Frame> {
        todo!()
    }
    /// Gives a frame back.
    pub fn put(&mut self, frame: Frame) {
        let _ = frame;
        todo!()
    }
    /// Free frames.
    pub fn len(&self) -> usize {
        todo!()
    }
    /// Whether no frame is free.
    pub fn is_empty(&self) -> bool {
        todo!()
    }
}

/// One chunk of the UMEM, owned. `Deref<Target = [u8]>` over the whole chunk.
#[derive(Debug)]
pub struct Frame {}

impl std::ops::Deref for Frame {
    type Target = [u8];
    fn deref(&self) -> &[u8] {
        todo!()
    }
}
impl std::ops::DerefMut for Frame {
    fn deref_mut(&mut self) -> &mut [u8] {
        todo!()
    }
}
impl AsRef<[u8]> for Frame {
    fn as_ref(&self) -> &[u8] {
        self
    }
}
impl AsMut<[u8]> for Frame {
    fn as_mut(&mut self) -> &mut [u8] {
        self
    }
}

/// A received packet: `frame[start..start + length]`.
#[derive(Debug)]
pub struct Received {
    /// The chunk.
    pub frame: Frame,
    /// First byte of the packet in the chunk.
    pub start: usize,
    /// Bytes of the packet.
    pub length: usize,
}

/// Entries per ring; rounded up to powers of two.
#[derive(Debug, Clone, Copy)]
pub struct RingSizes {
    /// Receive ring.
    pub receive: u32,
    /// Transmit ring.
    pub transmit: u32,
    /// Fill ring.
    pub fill: u32,
    /// Completion ring.
    pub completion: u32,
}

impl Default for RingSizes {
    fn default() -> Self {
        RingSizes { receive: 2048, transmit: 2048, fill: 4096, completion: 4096 }
    }
}

/// Whether to ask the driver to work on the UMEM directly.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ZeroCopy {
    /// Zero copy where the driver can, copy mode otherwise.
    Try,
    /// Copy mode.
    Never,
}

/// Which queue a socket binds, and how.
#[derive(Debug, Clone)]
pub struct SocketConfig {
    /// Kernel index of the interface.
    pub interface_index: u32,
    /// Its name, for errors.
    pub interface_name: String,
    /// Queue.
    pub queue: u32,
    /// Ring sizes.
    pub rings: RingSizes,
    /// Zero copy.
    pub zero_copy: ZeroCopy,
    /// Frames the kernel moves per kick in copy mode; None leaves its default (32).
    pub transmit_budget: Option<u32>,
}

impl SocketConfig {
    /// Defaults for a queue of an interface.
    pub fn new(interface_index: u32, interface_name: impl Into<String>, queue: u32) -> SocketConfig {
        SocketConfig {
            interface_index,
            interface_name: interface_name.into(),
            queue,
            rings: RingSizes::default(),
            zero_copy: ZeroCopy::Try,
            transmit_budget: None,
        }
    }
}

/// An AF_XDP socket bound to one queue. `Send`; owned by one core.
#[derive(Debug)]
pub struct Socket {}

impl Socket {
    /// Binds; the second socket of a UMEM shares it with the first.
    pub fn bind(umem: &Umem, config: &SocketConfig) -> Result<Socket, XskError> {
        let _ = (umem, config);
        todo!()
    }
    /// Tops up the fill ring from the pool; returns the number of frames handed to the kernel.
    pub fn refill(&mut self, pool: &mut FramePool) -> usize {
        let _ = pool;
        todo!()
    }
    /// Takes up to `max` received packets.
    pub fn receive(&mut self, max: usize, deliver: impl FnMut(Received)) -> usize {
        let _ = (max, deliver);
        todo!()
    }
    /// Queues `frame[start..start + length]`. Err gives the frame back (ring full, or not a range of a frame of this UMEM).
    pub fn transmit(&mut self, frame: Frame, start: usize, length: usize) -> Result<(), Frame> {
        let _ = (start, length);
        Err(frame)
    }
    /// Publishes what was queued and kicks the kernel where it asks for it.
    pub fn flush(&mut self) -> Result<(), XskError> {
        todo!()
    }
    /// Takes transmitted frames back into the pool.
    pub fn reclaim(&mut self, pool: &mut FramePool) -> usize {
        let _ = pool;
        todo!()
    }
    /// Wakes the driver when the fill ring asks for it.
    pub fn wake_receive(&mut self) -> Result<(), XskError> {
        todo!()
    }
    /// Queued frames that the kernel has not taken yet; `flush` again while not 0.
    pub fn unsent(&self) -> u32 {
        todo!()
    }
    /// Frames in the socket's rings.
    pub fn held_frames(&self) -> u32 {
        todo!()
    }
    /// Whether the driver works on the UMEM directly.
    pub fn is_zero_copy(&self) -> bool {
        todo!()
    }
    /// Frames per kick in copy mode.
    pub fn transmit_budget(&self) -> u32 {
        todo!()
    }
    /// Kernel counters.
    pub fn statistics(&self) -> Result<Statistics, XskError> {
        todo!()
    }
    /// A handle that reads them from another thread.
    pub fn statistics_reader(&self) -> StatisticsReader {
        todo!()
    }
}

impl AsFd for Socket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        todo!()
    }
}

/// Reads a socket's counters from any thread; does not keep the socket open.
#[derive(Debug, Clone)]
pub struct StatisticsReader {}

impl StatisticsReader {
    /// Reads; `XskError::Closed` after the socket was dropped.
    pub fn read(&self) -> Result<Statistics, XskError> {
        todo!()
    }
}

/// What the kernel counted for a socket.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Statistics {
    /// Dropped for other reasons than a full ring or an invalid descriptor.
    pub receive_dropped: u64,
    /// Invalid descriptors in the fill ring.
    pub receive_invalid_descriptors: u64,
    /// Invalid descriptors in the transmit ring.
    pub transmit_invalid_descriptors: u64,
    /// Dropped because the receive ring was full.
    pub receive_ring_full: u64,
    /// Times the fill ring was empty.
    pub fill_ring_empty: u64,
    /// Times the transmit ring was empty.
    pub transmit_ring_empty: u64,
}

/// Kernel index of the interface of that name.
pub fn interface_index(name: &str) -> Result<u32, XskError> {
    let _ = name;
    todo!()
}

/// What can go wrong.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum XskError {}
