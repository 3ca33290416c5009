// SPDX-License-Identifier: MIT OR Apache-2.0
//! Packets over AF_XDP: one packet memory for each worker, one socket for each interface.

use std::os::fd::AsFd;
use std::time::Duration;

use culvert_udp::{Poller, UdpError, Waker};
use culvert_xsk::{Frame, FramePool, Socket};

use super::{PacketIo, Transmitted};
use crate::burst::{Burst, FrameBuffer, InterfaceId, PacketInfo, Verdict};

const WAKE: u64 = u64::MAX;
/// Packets that may be queued before the kernel is shown them, while more are waiting to be received. Engine and kernel
/// do not fit into the caches together, so that each had better have long turns.
const KICK: u32 = 256;
/// While the kernel has not taken all that was queued, it must be asked again soon.
const UNSENT_SLEEP: Duration = Duration::from_micros(50);

impl FrameBuffer for Frame {}

/// One worker's sockets, by [`InterfaceId`], and the frames that are not in one of their rings.
#[derive(Debug)]
pub struct XdpIo {
    sockets: Vec<Socket>,
    pool: FramePool,
    poller: Poller,
    waker: Waker,
    /// Which socket is asked first, so that a busy one does not starve the others.
    first: usize,
    /// The last burst was full, so that there is more to come.
    more: bool,
}

impl XdpIo {
    /// Fills the sockets' fill rings. `sockets[i]` serves `InterfaceId(i)`; all are of the pool's packet memory.
    ///
    /// # Errors
    /// When the system gives no descriptors to wait on.
    pub fn new(sockets: Vec<Socket>, mut pool: FramePool) -> Result<(XdpIo, Waker), UdpError> {
        let waker = Waker::new()?;
        let mut poller = Poller::new(sockets.len() + 1)?;
        poller.add(waker.as_fd(), WAKE)?;
        let mut sockets = sockets;
        for (token, socket) in sockets.iter_mut().enumerate() {
            poller.add(socket.as_fd(), token as u64)?;
            socket.refill(&mut pool);
        }
        Ok((XdpIo { sockets, pool, poller, waker: waker.clone(), first: 0, more: false }, waker))
    }

    /// The sockets, by interface.
    pub fn sockets(&self) -> &[Socket] {
        &self.sockets
    }
}

impl PacketIo for XdpIo {
    type Frame = Frame;

    fn receive(&mut self, burst: &mut Burst<Frame>) -> usize {
        let before = burst.len();
        let sockets = self.sockets.len();
        for turn in 0..sockets {
            let index = (self.first + turn) % sockets;
            let Some(socket) = self.sockets.get_mut(index) else { continue };
            let interface = InterfaceId(index as u8);
            let pool = &mut self.pool;
            let received = socket.receive(burst.room(), |received| {
                let end = received.start + received.length;
                let info = PacketInfo::ethernet(interface, received.start, end);
                if let Err(packet) = burst.push(received.frame, info) {
                    pool.put(packet.frame);
                }
            });
            if received > 0 {
                socket.refill(&mut self.pool);
            }
        }
        self.first = (self.first + 1) % sockets.max(1);
        self.more = burst.room() == 0;
        burst.len() - before
    }

    fn transmit(&mut self, burst: &mut Burst<Frame>) -> Transmitted {
        let mut transmitted = Transmitted::default();
        for packet in burst.drain() {
            let info = packet.info;
            if info.verdict != Verdict::Send {
                self.pool.put(packet.frame);
                continue;
            }
            let length = info.end.saturating_sub(info.start);
            let refused = match self.sockets.get_mut(usize::from(info.interface.0)) {
                Some(socket) => socket.transmit(packet.frame, info.start, length).err(),
                None => Some(packet.frame),
            };
            match refused {
                None => transmitted.sent += 1,
                Some(frame) => {
                    transmitted.full += 1;
                    self.pool.put(frame);
                }
            }
        }
        for socket in &mut self.sockets {
            let put_off = self.more && !socket.is_zero_copy() && socket.unsent() < KICK;
            if !put_off && socket.flush().is_err() {
                transmitted.errors += 1;
            }
            socket.reclaim(&mut self.pool);
            socket.refill(&mut self.pool);
        }
        transmitted
    }

    fn frame(&mut self) -> Option<Frame> {
        self.pool.take()
    }

    fn wait(&mut self, timeout: Duration) {
        let mut timeout = timeout;
        for socket in &mut self.sockets {
            // A failure shows as an error of the next transmission.
            let _ = socket.wake_receive();
            if socket.unsent() > 0 {
                timeout = timeout.min(UNSENT_SLEEP);
            }
        }
        let ready = self.poller.wait(Some(timeout)).unwrap_or(0);
        if (0..ready).any(|index| self.poller.ready(index) == Some(WAKE)) {
            self.waker.clear();
        }
    }
}
