// SPDX-License-Identifier: MIT OR Apache-2.0
use crate::{ReceiveContext, Reject, SendContext};

/// What a packet is. RFC 5761 tells them apart where they share a port.
#[derive(Copy, Clone, Debug, Eq, PartialEq, Hash)]
pub enum Kind {
    /// RTP or SRTP.
    Rtp,
    /// RTCP or SRTCP, possibly a compound packet.
    Rtcp,
}

/// One packet of a burst, changed in place.
#[derive(Debug)]
pub struct Packet<'b> {
    /// From the first byte of the RTP or RTCP header to the end of the room that protection may use.
    pub buffer: &'b mut [u8],
    /// Bytes of the packet at the start of `buffer`. Set to the new length when the packet succeeds.
    pub length: usize,
    /// RTP or RTCP.
    pub kind: Kind,
    /// What the caller's [`Contexts`] knows the packet's context by.
    pub context: u32,
    /// The packet's verdict. Set it to `Ok(())` before the first burst function; a packet that holds a [`Reject`] is
    /// passed over. On rejection neither the bytes nor the length nor any state has changed.
    pub outcome: Result<(), Reject>,
    /// SSRC of the packet; of an RTCP packet the sender's. Set when the packet succeeds.
    pub ssrc: u32,
    /// The 48-bit SRTP index (roll-over counter and sequence number) or 31-bit SRTCP index. Set when the packet
    /// succeeds.
    pub index: u64,
}

impl<'b> Packet<'b> {
    /// A packet that no burst function has seen yet.
    pub fn new(buffer: &'b mut [u8], length: usize, kind: Kind, context: u32) -> Packet<'b> {
        Packet { buffer, length, kind, context, outcome: Ok(()), ssrc: 0, index: 0 }
    }

    /// The bytes of the packet, without the room behind them.
    pub fn bytes(&self) -> &[u8] {
        self.buffer.get(..self.length).unwrap_or_default()
    }
}

/// Where the burst functions find the contexts of packets.
pub trait Contexts {
    /// The context that unprotects packets of this id, to look at.
    fn receive(&self, id: u32) -> Option<&ReceiveContext>;
    /// The same, to change.
    fn receive_mut(&mut self, id: u32) -> Option<&mut ReceiveContext>;
    /// The context that protects packets of this id, to look at.
    fn send(&self, id: u32) -> Option<&SendContext>;
    /// The same, to change.
    fn send_mut(&mut self, id: u32) -> Option<&mut SendContext>;
}

/// Who decides about packets between their two legs.
pub trait Relay: Contexts {
    /// Called once for every packet that has authenticated, in order, by its place in the burst. Its headers, SSRC and
    /// index may be read; its payload is neither what it was nor yet what it will be. What a leg encrypts of headers besides
    /// (see [`HeaderProtection`](crate::HeaderProtection)) is still as it came. Key sets must stay as they are until the burst
    /// has ended: tags and key streams were begun under them.
    fn accept(&mut self, place: usize, packet: &Packet<'_>) -> Onward;
}

/// Where a packet that has authenticated goes.
#[derive(Copy, Clone, Debug, Eq, PartialEq)]
pub enum Onward {
    /// To a leg that is protected: under the send context of the packet's id.
    Protect,
    /// To a leg that is not: as plain RTP or RTCP.
    Clear,
    /// Nowhere. Its payload is of no use to anyone.
    Nowhere,
}
