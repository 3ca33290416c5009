// SPDX-License-Identifier: MIT OR Apache-2.0
use std::io;

/// What can go wrong with packet memory and AF_XDP sockets.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum XskError {
    /// A number of frames that cannot be mapped.
    #[error(
        "{frames} frames do not make a packet memory; choose at least 1, and no more than fit the address space"
    )]
    Frames {
        /// Frames asked for.
        frames: u32,
    },
    /// A frame size that the kernel does not take.
    #[error("a frame cannot have {frame_size} bytes; choose 2048 or 4096")]
    FrameSize {
        /// Bytes asked for.
        frame_size: u32,
    },
    /// Head room that leaves no room for a packet.
    #[error(
        "head room of {headroom} bytes leaves no room in frames of {frame_size}; choose less than {frame_size} - 256"
    )]
    Headroom {
        /// Bytes asked for.
        headroom: u32,
        /// Bytes of a frame.
        frame_size: u32,
    },
    /// A ring size that is not a power of two below 2^32.
    #[error("the {ring} ring cannot have {entries} entries; choose at most 2^31")]
    RingSize {
        /// Which ring.
        ring: &'static str,
        /// Entries asked for.
        entries: u32,
    },
    /// No memory for the frames.
    #[error(
        "cannot map {bytes} bytes of packet memory: {source}; configure fewer frames or give the process more memory"
    )]
    MapMemory {
        /// Bytes of the memory.
        bytes: usize,
        /// Why.
        source: io::Error,
    },
    /// No such interface.
    #[error("no interface {interface}: {source}; `ip link` lists those of this network namespace")]
    Interface {
        /// Its name.
        interface: String,
        /// Why.
        source: io::Error,
    },
    /// The socket could not be made or bound.
    #[error("AF_XDP on {interface} queue {queue}: cannot {step}: {source}; {}", advice(.step, .source))]
    Bind {
        /// The interface.
        interface: String,
        /// Its queue.
        queue: u32,
        /// What was being done.
        step: BindStep,
        /// Why it failed.
        source: io::Error,
    },
    /// The kernel refused to transmit.
    #[error(
        "AF_XDP on {interface} queue {queue}: cannot transmit: {source}; see that the interface is there and up"
    )]
    Transmit {
        /// The interface.
        interface: String,
        /// Its queue.
        queue: u32,
        /// Why.
        source: io::Error,
    },
    /// The kernel refused to be woken for receiving.
    #[error(
        "AF_XDP on {interface} queue {queue}: cannot receive: {source}; see that the interface is there and up"
    )]
    Receive {
        /// The interface.
        interface: String,
        /// Its queue.
        queue: u32,
        /// Why.
        source: io::Error,
    },
    /// The counters could not be read.
    #[error("AF_XDP on {interface} queue {queue}: cannot read its counters: {source}")]
    Statistics {
        /// The interface.
        interface: String,
        /// Its queue.
        queue: u32,
        /// Why.
        source: io::Error,
    },
    /// The socket is gone.
    #[error("AF_XDP on {interface} queue {queue}: the socket was closed")]
    Closed {
        /// The interface.
        interface: String,
        /// Its queue.
        queue: u32,
    },
}

/// The step of making a socket that failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum BindStep {
    /// Opening it.
    Open,
    /// Giving it the packet memory.
    RegisterMemory,
    /// Making the rings.
    MakeRings,
    /// Mapping the rings.
    MapRings,
    /// Binding the queue.
    Bind,
}

impl std::fmt::Display for BindStep {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            BindStep::Open => "open a socket",
            BindStep::RegisterMemory => "register the packet memory",
            BindStep::MakeRings => "make its rings",
            BindStep::MapRings => "map its rings",
            BindStep::Bind => "bind the queue",
        })
    }
}

fn advice(step: &BindStep, source: &io::Error) -> &'static str {
    match (step, source.raw_os_error()) {
        (_, Some(libc::EPERM | libc::EACCES)) => "give the process CAP_NET_RAW",
        (BindStep::Open, Some(libc::EAFNOSUPPORT)) => "the kernel needs CONFIG_XDP_SOCKETS",
        (BindStep::RegisterMemory, Some(libc::ENOBUFS)) => {
            "raise the limit of locked memory (LimitMEMLOCK=infinity) or give the process CAP_IPC_LOCK"
        }
        (BindStep::Bind, Some(libc::EBUSY)) => {
            "another socket has the queue: stop the program that opened it, or choose another queue"
        }
        (BindStep::Bind, Some(libc::EINVAL)) => {
            "see that the interface has that many active queues (`ethtool -l`)"
        }
        (BindStep::Bind, Some(libc::EOPNOTSUPP)) => {
            "the first interface of this packet memory is in zero-copy mode and this one cannot be: use copy mode for both"
        }
        (BindStep::Bind, Some(libc::ENETDOWN)) => "set the interface up first",
        (_, Some(libc::ENOMEM | libc::ENOBUFS)) => "configure smaller rings or give the process more memory",
        _ => "see that the interface exists and its driver supports XDP",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_names_the_queue_and_the_remedy() {
        let error = XskError::Bind {
            interface: "wan0".into(),
            queue: 3,
            step: BindStep::Bind,
            source: io::Error::from_raw_os_error(libc::EBUSY),
        };
        assert_eq!(
            error.to_string(),
            "AF_XDP on wan0 queue 3: cannot bind the queue: Device or resource busy (os error 16); another socket \
             has the queue: stop the program that opened it, or choose another queue"
        );
    }
}
