// SPDX-License-Identifier: MIT OR Apache-2.0
//! The ways that packets can go.

mod af_xdp;
mod sockets;

use std::net::SocketAddr;
use std::time::Duration;

use crate::LoadError;

pub(crate) use af_xdp::AfXdp;
pub(crate) use sockets::{STRANGERS, Sockets};

/// One of the generator's own addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Local {
    pub(crate) side: Side,
    /// Its place among those of its side.
    pub(crate) place: usize,
}

/// Whose an address is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    A,
    B,
    /// Nobody's: from here packets are sent that pretend to be a session's.
    Stranger,
}

/// A packet to be sent.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Outgoing<'b> {
    pub(crate) from: Local,
    pub(crate) to: SocketAddr,
    /// UDP payload.
    pub(crate) payload: &'b [u8],
}

/// A packet that has come.
#[derive(Debug)]
pub(crate) struct Incoming<'b> {
    pub(crate) at: Local,
    pub(crate) from: SocketAddr,
    /// UDP payload, to be opened in place.
    pub(crate) payload: &'b mut [u8],
    /// When it came, since 1970; `None` where nothing but the reader's clock tells.
    pub(crate) received: Option<Duration>,
}

/// Sends and receives for one thread.
pub(crate) trait Way {
    /// Sends packets in order, and returns how many: all of them unless the system is full.
    fn send(&mut self, packets: &[Outgoing<'_>]) -> Result<usize, LoadError>;

    /// Hands over what has come, some hundred packets at most, and returns how many.
    fn receive(&mut self, deliver: &mut dyn FnMut(Incoming<'_>)) -> Result<usize, LoadError>;

    /// Returns when something may have come, or after that time.
    fn wait(&mut self, time: Duration) -> Result<(), LoadError>;
}
