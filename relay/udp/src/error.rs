// SPDX-License-Identifier: MIT OR Apache-2.0
use std::{io, net::SocketAddr};

/// What can go wrong with UDP sockets and with waiting for them.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum UdpError {
    /// The address could not be bound.
    #[error("cannot bind UDP {address}: {source}; {}", advice(.source))]
    Bind {
        /// The local address.
        address: SocketAddr,
        /// Why.
        source: io::Error,
    },
    /// A setting was refused.
    #[error("cannot set {option} of UDP {address}: {source}")]
    Option {
        /// The local address.
        address: SocketAddr,
        /// The socket option.
        option: &'static str,
        /// Why.
        source: io::Error,
    },
    /// Receiving failed for another reason than that nothing waits.
    #[error("cannot receive on UDP {address}: {source}")]
    Receive {
        /// The local address.
        address: SocketAddr,
        /// Why.
        source: io::Error,
    },
    /// Sending failed for a reason that is not the message's.
    #[error("cannot send from UDP {address}: {source}; see what uses up the system's memory")]
    Send {
        /// The local address.
        address: SocketAddr,
        /// Why.
        source: io::Error,
    },
    /// A poller or waker could not be made or changed.
    #[error("cannot {action}: {source}; raise the limit of open files (LimitNOFILE) if it is reached")]
    Poll {
        /// What was tried.
        action: &'static str,
        /// Why.
        source: io::Error,
    },
}

fn advice(source: &io::Error) -> &'static str {
    match source.raw_os_error() {
        Some(libc::EADDRINUSE) => {
            "another socket has it: `ss --udp --listening --processes` names its owner; stop that, or move the port range"
        }
        Some(libc::EADDRNOTAVAIL) => "it is no address of this host: see `ip address`",
        Some(libc::EACCES | libc::EPERM) => "ports below 1024 need CAP_NET_BIND_SERVICE: choose a higher one",
        Some(libc::EMFILE | libc::ENFILE) => "raise the limit of open files (LimitNOFILE)",
        _ => "see that the address family is enabled on this host",
    }
}
