// SPDX-License-Identifier: MIT OR Apache-2.0
use crate::{XskError, ring::Watch, statistics::Queue};
use std::sync::Arc;

/// How full a ring was a moment ago.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct RingOccupancy {
    /// Entries written and not yet taken.
    pub used: u32,
    /// Entries in all.
    pub size: u32,
}

/// How full the rings of a socket were a moment ago, each read by itself.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Occupancy {
    /// Packets received that the worker has not taken.
    pub receive: RingOccupancy,
    /// Packets queued that the kernel has not taken.
    pub transmit: RingOccupancy,
    /// Free frames that the kernel can receive into.
    pub fill: RingOccupancy,
    /// Sent frames that the worker has not taken back.
    pub completion: RingOccupancy,
}

impl Occupancy {
    /// Each ring under its name: `receive`, `transmit`, `fill`, `completion`.
    pub fn by_name(&self) -> [(&'static str, RingOccupancy); 4] {
        [
            ("receive", self.receive),
            ("transmit", self.transmit),
            ("fill", self.fill),
            ("completion", self.completion),
        ]
    }
}

/// Reads how full a socket's rings are from any thread: eight loads and no system call, and nothing that the worker
/// notices. It does not keep the socket open.
#[derive(Debug, Clone)]
pub struct OccupancyReader {
    pub(crate) receive: Watch,
    pub(crate) transmit: Watch,
    pub(crate) fill: Watch,
    pub(crate) completion: Watch,
    pub(crate) queue: Arc<Queue>,
}

impl OccupancyReader {
    /// Reads all four.
    ///
    /// # Errors
    /// [`XskError::Closed`] after the socket was dropped.
    pub fn read(&self) -> Result<Occupancy, XskError> {
        let of = |watch: &Watch| watch.occupancy().ok_or_else(|| self.queue.closed());
        Ok(Occupancy {
            receive: of(&self.receive)?,
            transmit: of(&self.transmit)?,
            fill: of(&self.fill)?,
            completion: of(&self.completion)?,
        })
    }
}
