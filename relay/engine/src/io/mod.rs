// SPDX-License-Identifier: MIT OR Apache-2.0
//! Where packets come from and go to.

pub mod memory;
pub mod socket;
pub mod xdp;

use std::time::Duration;

use culvert_udp::UdpSocket;
use culvert_wire::Endpoint;

use crate::burst::{Burst, FrameBuffer};

/// What became of a burst that was to be sent, in packets.
#[derive(Copy, Clone, Debug, Default, Eq, PartialEq)]
pub struct Transmitted {
    /// Taken by the back end.
    pub sent: usize,
    /// Refused for want of room.
    pub full: usize,
    /// Refused by the kernel as longer than the path takes.
    pub too_big: usize,
    /// Refused by the kernel for want of a route or a listener.
    pub unreachable: usize,
    /// Calls to the kernel that failed for any other reason.
    pub errors: usize,
}

/// A back end: receives, sends and owns frames, on one worker's thread.
///
/// Nothing here blocks but [`PacketIo::wait`], and nothing allocates once media flow.
pub trait PacketIo {
    /// Its packet memory.
    type Frame: FrameBuffer;

    /// Appends packets that have arrived, as many as fit; says how many. One that came truncated carries
    /// [`crate::Verdict::Drop`] already.
    fn receive(&mut self, burst: &mut Burst<Self::Frame>) -> usize;

    /// Empties the burst: sends what has [`crate::Verdict::Send`], takes all frames back.
    fn transmit(&mut self, burst: &mut Burst<Self::Frame>) -> Transmitted;

    /// Sleeps until a packet arrives, the worker is woken, or the time is over.
    fn wait(&mut self, timeout: Duration);

    /// A free frame, for a packet that another worker has received. It comes back by [`PacketIo::transmit`].
    fn frame(&mut self) -> Option<Self::Frame> {
        None
    }

    /// Starts receiving from a socket and sending through it.
    ///
    /// # Errors
    /// Gives the socket back when the back end has no sockets, has no room, or serves the endpoint already.
    fn attach(&mut self, endpoint: Endpoint, socket: UdpSocket) -> Result<(), UdpSocket> {
        let _ = endpoint;
        Err(socket)
    }

    /// Gives a socket back.
    fn detach(&mut self, endpoint: Endpoint) -> Option<UdpSocket> {
        let _ = endpoint;
        None
    }
}
