// SPDX-License-Identifier: MIT OR Apache-2.0
//! Packets as they pass through a worker.

use arrayvec::ArrayVec;
use culvert_wire::Endpoint;

use crate::flow::FlowSlot;
use crate::reason::DropReason;

/// Most packets of a burst.
pub const BURST: usize = 64;

/// Memory of one packet: head room, packet and tail room. Protecting a packet grows it at the end, and its new
/// headers are written before it, so both rooms matter: 66 bytes before and 150 behind always suffice.
pub trait FrameBuffer: AsRef<[u8]> + AsMut<[u8]> {}

impl FrameBuffer for Box<[u8]> {}

/// An interface, as the engine's configuration numbers them.
#[derive(Copy, Clone, Debug, Default, Eq, PartialEq, Ord, PartialOrd, Hash)]
pub struct InterfaceId(pub u8);

/// What the bytes of a packet start with.
#[derive(Copy, Clone, Debug, Eq, PartialEq)]
pub enum Link {
    /// An Ethernet header: the engine parses and writes all headers.
    Ethernet,
    /// The UDP payload: the kernel has parsed the headers and will write them.
    Datagram,
}

/// What is to become of a packet.
#[derive(Copy, Clone, Debug, Eq, PartialEq)]
pub enum Verdict {
    /// Not decided yet.
    Pending,
    /// To be sent.
    Send,
    /// Not to be sent.
    Drop(DropReason),
    /// For the worker of this number, which owns its flow: not to be sent here.
    HandOver(u32),
}

/// What is known about a packet beside its bytes.
#[derive(Copy, Clone, Debug)]
pub struct PacketInfo {
    /// First byte of the packet in its frame.
    pub start: usize,
    /// First byte after the packet.
    pub end: usize,
    /// Where it came from; once the verdict is [`Verdict::Send`], where to send it.
    pub interface: InterfaceId,
    /// What its bytes start with.
    pub link: Link,
    /// Sender. Known from the start on [`Link::Datagram`], and once parsed on [`Link::Ethernet`].
    pub source: Endpoint,
    /// Receiver, likewise.
    pub destination: Endpoint,
    /// DSCP and ECN, likewise.
    pub traffic_class: u8,
    /// What is to become of it.
    pub verdict: Verdict,
    /// The flow it was found to belong to.
    pub flow: Option<FlowSlot>,
}

impl PacketInfo {
    /// An Ethernet frame at `start..end`.
    pub fn ethernet(interface: InterfaceId, start: usize, end: usize) -> PacketInfo {
        PacketInfo {
            interface,
            link: Link::Ethernet,
            ..PacketInfo::datagram(UNKNOWN, UNKNOWN, 0, start, end)
        }
    }

    /// A UDP payload at `start..end`.
    pub fn datagram(
        source: Endpoint,
        destination: Endpoint,
        traffic_class: u8,
        start: usize,
        end: usize,
    ) -> PacketInfo {
        PacketInfo {
            start,
            end,
            interface: InterfaceId(0),
            link: Link::Datagram,
            source,
            destination,
            traffic_class,
            verdict: Verdict::Pending,
            flow: None,
        }
    }
}

const UNKNOWN: Endpoint = Endpoint { address: culvert_wire::Address([0; 16]), port: 0 };

/// A packet in its frame.
#[derive(Debug)]
pub struct Packet<F> {
    /// Its memory.
    pub frame: F,
    /// What is known about it.
    pub info: PacketInfo,
}

impl<F: FrameBuffer> Packet<F> {
    /// The packet's bytes; empty when `start..end` is not within the frame.
    pub fn bytes(&self) -> &[u8] {
        self.frame.as_ref().get(self.info.start..self.info.end).unwrap_or_default()
    }
}

/// Up to [`BURST`] packets, frames apart from what is known about them.
#[derive(Debug)]
pub struct Burst<F> {
    pub(crate) frames: ArrayVec<F, BURST>,
    pub(crate) infos: ArrayVec<PacketInfo, BURST>,
}

impl<F> Default for Burst<F> {
    fn default() -> Burst<F> {
        Burst { frames: ArrayVec::new(), infos: ArrayVec::new() }
    }
}

impl<F> Burst<F> {
    /// Empty.
    pub fn new() -> Burst<F> {
        Burst::default()
    }

    /// Packets in it.
    pub fn len(&self) -> usize {
        self.frames.len()
    }

    /// No packet in it.
    pub fn is_empty(&self) -> bool {
        self.frames.is_empty()
    }

    /// Packets that still fit.
    pub fn room(&self) -> usize {
        self.frames.remaining_capacity()
    }

    /// Appends a packet.
    ///
    /// # Errors
    /// Gives the packet back when the burst is full.
    pub fn push(&mut self, frame: F, info: PacketInfo) -> Result<(), Packet<F>> {
        if self.room() == 0 {
            return Err(Packet { frame, info });
        }
        self.frames.push(frame);
        self.infos.push(info);
        Ok(())
    }

    /// Takes all packets out, in order.
    pub fn drain(&mut self) -> impl Iterator<Item = Packet<F>> {
        self.frames.drain(..).zip(self.infos.drain(..)).map(|(frame, info)| Packet { frame, info })
    }

    /// What is known about each packet, in order.
    pub fn infos(&self) -> &[PacketInfo] {
        &self.infos
    }
}
