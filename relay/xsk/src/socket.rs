// SPDX-License-Identifier: MIT OR Apache-2.0
#![expect(unsafe_code, reason = "frames that the kernel gives back through the rings")]

use crate::{
    Frame, FramePool, SocketConfig, Statistics, StatisticsReader, Umem, XskError,
    bind::{self, Bound},
    prefetch::prefetch,
    statistics::Queue,
    syscall,
    umem::Memory,
};
use std::{
    fmt,
    os::fd::{AsFd, BorrowedFd},
    sync::Arc,
};

/// Kicks of one `flush` beyond what the queued frames need, for those the kernel cuts short.
const SPARE_KICKS: u32 = 2;

/// A received packet: `frame[start..start + length]`.
#[derive(Debug)]
pub struct Received {
    /// The frame it came in.
    pub frame: Frame,
    /// Its first byte: [`KERNEL_HEADROOM`](crate::KERNEL_HEADROOM) plus the UMEM's head room.
    pub start: usize,
    /// Its bytes, from the Ethernet header on.
    pub length: usize,
}

/// An AF_XDP socket bound to one queue of one interface, owned by one core.
///
/// No method blocks. None allocates but `bind` and those that report errors.
pub struct Socket {
    rings: Bound,
    /// Frames in the four rings or in the kernel's hands.
    held: u32,
    queue: Arc<Queue>,
    /// After the rings: their descriptors point into it.
    memory: Arc<Memory>,
}

impl Socket {
    /// Binds a queue. Sockets on one UMEM share it, so that a frame received by one can be transmitted by another.
    ///
    /// The first socket asks for zero copy if the configuration says so, and takes copy mode when that fails; later ones
    /// get the mode of the first. A queue still busy with a socket closed just before is waited for, half a second.
    ///
    /// # Errors
    /// [`XskError::Bind`] names the interface, the queue, the step and what to do; [`XskError::RingSize`].
    pub fn bind(umem: &Umem, config: &SocketConfig) -> Result<Socket, XskError> {
        let memory = Arc::clone(umem.memory());
        let rings = bind::bind(&memory, config)?;
        let queue = Arc::new(Queue { interface: config.interface_name.clone(), queue: config.queue });
        Ok(Socket { rings, held: 0, queue, memory })
    }

    /// Tops up the fill ring from the pool, and returns how many frames went to the kernel.
    ///
    /// Takes all frames there are when the ring has room for them: a worker that must always have frames in hand gets a
    /// UMEM with more frames than its fill and transmit rings have entries.
    pub fn refill(&mut self, pool: &mut FramePool) -> usize {
        if !pool.is_of(self.memory.region) {
            return 0;
        }
        let wanted = u32::try_from(pool.len()).unwrap_or(u32::MAX);
        let count = self.rings.fill.free(wanted).min(wanted);
        for _ in 0..count {
            if let Some(frame) = pool.take() {
                self.rings.fill.push(frame.into_offset());
            }
        }
        if count > 0 {
            self.rings.fill.publish();
            self.held += count;
        }
        count as usize
    }

    /// Takes up to `max` received packets, in order, and returns their number.
    pub fn receive(&mut self, max: usize, mut deliver: impl FnMut(Received)) -> usize {
        let max = u32::try_from(max).unwrap_or(u32::MAX);
        let count = self.rings.receive.available(max).min(max);
        for _ in 0..count {
            let Some(descriptor) = self.rings.receive.pop() else { break };
            self.held = self.held.saturating_sub(1);
            let region = self.memory.region;
            // SAFETY: the frame went to the kernel by `refill`, without a handle left, and the kernel returns it once.
            let Some(frame) = (unsafe { region.frame_at(descriptor.addr) }) else { continue };
            let start = (descriptor.addr & (u64::from(region.frame_size) - 1)) as usize;
            let length = (descriptor.len as usize).min(frame.len() - start);
            if let Some(packet) = frame.get(start..start + length) {
                prefetch(packet);
            }
            deliver(Received { frame, start, length });
        }
        if count > 0 {
            self.rings.receive.release();
        }
        count as usize
    }

    /// Queues `frame[start..start + length]`, from the Ethernet header on. [`flush`](Socket::flush) sends what is queued.
    ///
    /// # Errors
    /// Gives the frame back when the ring is full, when the packet is empty or not inside the frame, and when the frame is
    /// of another UMEM.
    pub fn transmit(&mut self, frame: Frame, start: usize, length: usize) -> Result<(), Frame> {
        let inside = start.checked_add(length).is_some_and(|end| end <= frame.len());
        // The kernel swallows an invalid descriptor without giving the frame back.
        if !inside || length == 0 || !frame.is_of(self.memory.region) || self.rings.transmit.free(1) == 0 {
            return Err(frame);
        }
        let addr = frame.into_offset() + start as u64;
        self.rings.transmit.push(libc::xdp_desc { addr, len: length as u32, options: 0 });
        self.held += 1;
        Ok(())
    }

    /// Shows the kernel what was queued, and kicks it if it sleeps.
    ///
    /// In copy mode a kick moves at most [`transmit_budget`](Socket::transmit_budget) frames, so this kicks until the
    /// ring is empty or the kernel gets no further (its queue or the completion ring is full). What then stays queued,
    /// see [`unsent`](Socket::unsent), goes with the next flush. No system call when nothing is queued.
    ///
    /// # Errors
    /// [`XskError::Transmit`] when the interface is gone or down; the frames stay queued.
    pub fn flush(&mut self) -> Result<(), XskError> {
        let ring = &mut self.rings.transmit;
        ring.publish();
        let unsent = ring.unconsumed();
        if unsent == 0 || !ring.needs_wakeup() {
            return Ok(());
        }
        // A driver in zero-copy mode works on its own once awake.
        let kicks = if self.rings.zero_copy { 1 } else { unsent.div_ceil(self.rings.budget) + SPARE_KICKS };
        let socket = self.rings.socket.as_fd();
        ring.kick_until_empty(kicks, || syscall::kick_transmit(socket))
            .map_err(|source| self.queue.transmit(source))
    }

    /// Takes the frames that were sent back into the pool, and returns their number.
    pub fn reclaim(&mut self, pool: &mut FramePool) -> usize {
        if !pool.is_of(self.memory.region) {
            return 0;
        }
        let count = self.rings.completion.available(u32::MAX);
        for _ in 0..count {
            let Some(offset) = self.rings.completion.pop() else { break };
            self.held = self.held.saturating_sub(1);
            // SAFETY: the frame went to the kernel by `transmit`, without a handle left, and the kernel returns it once.
            if let Some(frame) = unsafe { self.memory.region.frame_at(offset) } {
                pool.put(frame);
            }
        }
        if count > 0 {
            self.rings.completion.release();
        }
        count as usize
    }

    /// Wakes the driver if it stopped receiving for want of frames; call after [`refill`](Socket::refill).
    ///
    /// # Errors
    /// [`XskError::Receive`] when the interface is gone or down.
    pub fn wake_receive(&mut self) -> Result<(), XskError> {
        if !self.rings.fill.needs_wakeup() {
            return Ok(());
        }
        match syscall::kick_receive(self.as_fd()) {
            Err(error) if !syscall::is_transient(&error) => Err(self.queue.receive(error)),
            _ => Ok(()),
        }
    }

    /// Queued packets that the kernel has not taken: flush again while it is not 0.
    pub fn unsent(&self) -> u32 {
        self.rings.transmit.unconsumed()
    }

    /// Frames in the socket's rings. With those in the pool and in hand they make all frames of the UMEM.
    pub fn held_frames(&self) -> u32 {
        self.held
    }

    /// Whether the driver works on the packet memory directly.
    pub fn is_zero_copy(&self) -> bool {
        self.rings.zero_copy
    }

    /// Frames that one kick moves in copy mode, as the kernel accepted it.
    pub fn transmit_budget(&self) -> u32 {
        self.rings.budget
    }

    /// What the kernel counted: one system call.
    ///
    /// # Errors
    /// [`XskError::Statistics`].
    pub fn statistics(&self) -> Result<Statistics, XskError> {
        self.statistics_reader().read()
    }

    /// A handle that reads the counters from other threads.
    pub fn statistics_reader(&self) -> StatisticsReader {
        StatisticsReader { socket: Arc::downgrade(&self.rings.socket), queue: Arc::clone(&self.queue) }
    }
}

impl AsFd for Socket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.rings.socket.as_fd()
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        // The kernel keeps the pages of what it still has until it is done with them; no handle comes of those frames.
        self.memory.region.retire(self.held);
    }
}

impl fmt::Debug for Socket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Socket")
            .field("interface", &self.queue.interface)
            .field("queue", &self.queue.queue)
            .field("zero_copy", &self.rings.zero_copy)
            .field("held", &self.held)
            .finish_non_exhaustive()
    }
}
