// SPDX-License-Identifier: MIT OR Apache-2.0
//! Where packets come from and go to.

use std::time::Duration;

use culvert_udp::UdpSocket;
use culvert_wire::Endpoint;

use crate::burst::{Burst, FrameBuffer};

/// What became of a burst that was to be sent.
#[derive(Copy, Clone, Debug, Default, Eq, PartialEq)]
pub struct Transmitted {
    /// Packets that the back end took.
    pub sent: usize,
    /// Packets with [`crate::Verdict::Send`] for which it had no room.
    pub refused: usize,
}

/// A back end: receives, sends and owns frames, on one worker's thread.
///
/// Nothing here blocks but [`PacketIo::wait`], and nothing allocates once media flow.
pub trait PacketIo {
    /// Its packet memory.
    type Frame: FrameBuffer;

    /// Appends packets that have arrived, as many as fit; says how many.
    fn receive(&mut self, burst: &mut Burst<Self::Frame>) -> usize;

    /// Empties the burst: sends what has [`crate::Verdict::Send`], takes all frames back.
    fn transmit(&mut self, burst: &mut Burst<Self::Frame>) -> Transmitted;

    /// Sleeps until a packet arrives, the worker is woken, or the time is over.
    fn wait(&mut self, timeout: Duration);

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
