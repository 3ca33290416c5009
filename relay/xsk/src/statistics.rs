// SPDX-License-Identifier: MIT OR Apache-2.0
use crate::{XskError, syscall};
use std::{
    os::fd::{AsFd, OwnedFd},
    sync::{Arc, Weak},
};

/// What the kernel counted for a socket since it was bound.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Statistics {
    /// Packets dropped before the receive ring: longer than a frame, or (counted here too in copy mode) for want of frames.
    pub receive_dropped: u64,
    /// Entries of the fill ring that are no frames.
    pub receive_invalid_descriptors: u64,
    /// Entries of the transmit ring that are no frames.
    pub transmit_invalid_descriptors: u64,
    /// Packets dropped because the receive ring was full: the worker is too slow.
    pub receive_ring_full: u64,
    /// Packets dropped because the fill ring was empty: there are too few frames.
    pub fill_ring_empty: u64,
    /// Times the kernel found nothing to transmit.
    pub transmit_ring_empty: u64,
}

/// Reads a socket's counters from any thread. It does not keep the socket open.
#[derive(Debug, Clone)]
pub struct StatisticsReader {
    pub(crate) socket: Weak<OwnedFd>,
    pub(crate) queue: Arc<Queue>,
}

impl StatisticsReader {
    /// Reads the counters: one system call.
    ///
    /// # Errors
    /// [`XskError::Closed`] after the socket was dropped.
    pub fn read(&self) -> Result<Statistics, XskError> {
        let socket = self.socket.upgrade().ok_or_else(|| self.queue.closed())?;
        let raw: libc::xdp_statistics = syscall::option(socket.as_fd(), libc::XDP_STATISTICS)
            .map_err(|source| self.queue.statistics(source))?;
        Ok(Statistics {
            receive_dropped: raw.rx_dropped,
            receive_invalid_descriptors: raw.rx_invalid_descs,
            transmit_invalid_descriptors: raw.tx_invalid_descs,
            receive_ring_full: raw.rx_ring_full,
            fill_ring_empty: raw.rx_fill_ring_empty_descs,
            transmit_ring_empty: raw.tx_ring_empty_descs,
        })
    }
}

/// The queue a socket is bound to, for errors.
#[derive(Debug)]
pub(crate) struct Queue {
    pub(crate) interface: String,
    pub(crate) queue: u32,
}

impl Queue {
    pub(crate) fn closed(&self) -> XskError {
        XskError::Closed { interface: self.interface.clone(), queue: self.queue }
    }

    fn statistics(&self, source: std::io::Error) -> XskError {
        XskError::Statistics { interface: self.interface.clone(), queue: self.queue, source }
    }

    pub(crate) fn transmit(&self, source: std::io::Error) -> XskError {
        XskError::Transmit { interface: self.interface.clone(), queue: self.queue, source }
    }

    pub(crate) fn receive(&self, source: std::io::Error) -> XskError {
        XskError::Receive { interface: self.interface.clone(), queue: self.queue, source }
    }
}
