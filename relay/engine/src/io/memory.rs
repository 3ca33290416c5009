// SPDX-License-Identifier: MIT OR Apache-2.0
//! Packets from and to memory, for tests and benches: the worker holds a [`MemoryIo`], the test its [`MemoryPeer`].

use std::time::Duration;

use culvert_udp::{Poller, UdpError, Waker};
use culvert_wire::Endpoint;
use rtrb::{Consumer, Producer, RingBuffer};

use super::{PacketIo, Transmitted};
use crate::burst::{BURST, Burst, InterfaceId, Packet, PacketInfo, Verdict};

/// Bytes before a packet in its frame.
const HEAD_ROOM: usize = 128;
const WAKE: u64 = 0;

/// Shape of the memory between a worker and its peer.
#[derive(Copy, Clone, Debug)]
pub struct MemoryConfig {
    /// Frames in all, and entries of each queue.
    pub frames: usize,
    /// Bytes of a frame, head room and tail room among them.
    pub frame_size: usize,
    /// Entries of the queue of what the worker sends.
    pub transmit: usize,
}

impl Default for MemoryConfig {
    fn default() -> MemoryConfig {
        MemoryConfig { frames: 256, frame_size: 2048, transmit: 256 }
    }
}

/// The worker's end.
#[derive(Debug)]
pub struct MemoryIo {
    arriving: Consumer<Packet<Box<[u8]>>>,
    leaving: Producer<Packet<Box<[u8]>>>,
    recycled: Producer<Box<[u8]>>,
    /// For packets of other workers; they join the peer's frames in the end.
    spare: Vec<Box<[u8]>>,
    poller: Poller,
    waker: Waker,
}

/// The other end: puts packets in and takes out what was sent.
#[derive(Debug)]
pub struct MemoryPeer {
    arriving: Producer<Packet<Box<[u8]>>>,
    leaving: Consumer<Packet<Box<[u8]>>>,
    recycled: Consumer<Box<[u8]>>,
    free: Vec<Box<[u8]>>,
    waker: Waker,
}

impl MemoryIo {
    /// Both ends. The waker is for the worker's handle.
    ///
    /// # Errors
    /// When the system gives no descriptors to wait on.
    pub fn new(config: MemoryConfig) -> Result<(MemoryIo, MemoryPeer, Waker), UdpError> {
        let waker = Waker::new()?;
        let mut poller = Poller::new(1)?;
        poller.add(std::os::fd::AsFd::as_fd(&waker), WAKE)?;
        let (put_arriving, arriving) = RingBuffer::new(config.frames);
        let (leaving, take_leaving) = RingBuffer::new(config.transmit);
        let (recycled, take_recycled) = RingBuffer::new(config.frames + BURST);
        let frames = |count| (0..count).map(|_| vec![0; config.frame_size].into_boxed_slice()).collect();
        let (free, spare) = (frames(config.frames), frames(BURST));
        let peer = MemoryPeer {
            arriving: put_arriving,
            leaving: take_leaving,
            recycled: take_recycled,
            free,
            waker: waker.clone(),
        };
        Ok((MemoryIo { arriving, leaving, recycled, spare, poller, waker: waker.clone() }, peer, waker))
    }
}

impl PacketIo for MemoryIo {
    type Frame = Box<[u8]>;

    fn receive(&mut self, burst: &mut Burst<Box<[u8]>>) -> usize {
        let mut received = 0;
        while burst.room() > 0 {
            let Ok(packet) = self.arriving.pop() else { break };
            if burst.push(packet.frame, packet.info).is_ok() {
                received += 1;
            }
        }
        received
    }

    fn transmit(&mut self, burst: &mut Burst<Box<[u8]>>) -> Transmitted {
        let mut transmitted = Transmitted::default();
        for packet in burst.drain() {
            let unsent = if packet.info.verdict == Verdict::Send {
                match self.leaving.push(packet) {
                    Ok(()) => {
                        transmitted.sent += 1;
                        continue;
                    }
                    Err(rtrb::PushError::Full(packet)) => {
                        transmitted.full += 1;
                        packet
                    }
                }
            } else {
                packet
            };
            // The queue has room for every frame there is.
            let _ = self.recycled.push(unsent.frame);
        }
        transmitted
    }

    fn frame(&mut self) -> Option<Box<[u8]>> {
        self.spare.pop()
    }

    fn wait(&mut self, timeout: Duration) {
        if self.arriving.is_empty() && self.poller.wait(Some(timeout)).is_ok_and(|ready| ready > 0) {
            self.waker.clear();
        }
    }
}

impl MemoryPeer {
    /// Puts an Ethernet frame in; false when there is no free frame, or it is too long for one.
    pub fn send_frame(&mut self, interface: InterfaceId, bytes: &[u8]) -> bool {
        let end = HEAD_ROOM + bytes.len();
        self.send(bytes, PacketInfo::ethernet(interface, HEAD_ROOM, end))
    }

    /// Puts a UDP payload in, as a kernel's socket would deliver it; false as above.
    pub fn send_datagram(
        &mut self,
        source: Endpoint,
        destination: Endpoint,
        traffic_class: u8,
        payload: &[u8],
    ) -> bool {
        let end = HEAD_ROOM + payload.len();
        self.send(payload, PacketInfo::datagram(source, destination, traffic_class, HEAD_ROOM, end))
    }

    fn send(&mut self, bytes: &[u8], info: PacketInfo) -> bool {
        while let Ok(frame) = self.recycled.pop() {
            self.free.push(frame);
        }
        let Some(mut frame) = self.free.pop() else { return false };
        let Some(room) = frame.get_mut(info.start..info.end) else {
            self.free.push(frame);
            return false;
        };
        room.copy_from_slice(bytes);
        match self.arriving.push(Packet { frame, info }) {
            Ok(()) => {
                self.waker.wake();
                true
            }
            Err(rtrb::PushError::Full(packet)) => {
                self.free.push(packet.frame);
                false
            }
        }
    }

    /// What the worker has sent next. Give the frame back with [`MemoryPeer::recycle`].
    pub fn receive(&mut self) -> Option<Packet<Box<[u8]>>> {
        self.leaving.pop().ok()
    }

    /// Takes a frame back.
    pub fn recycle(&mut self, packet: Packet<Box<[u8]>>) {
        self.free.push(packet.frame);
    }

    /// Frames that are with neither the worker nor the queues.
    pub fn free_frames(&mut self) -> usize {
        while let Ok(frame) = self.recycled.pop() {
            self.free.push(frame);
        }
        self.free.len()
    }
}
