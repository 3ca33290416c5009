// SPDX-License-Identifier: MIT OR Apache-2.0
use std::net::SocketAddr;

use culvert_api::ClientError;
use culvert_srtp::KeyError;
use culvert_udp::UdpError;

/// Why there is no load, or none any more. The sessions of the run are deleted in any case.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LoadError {
    /// A part of the plan contradicts itself or another.
    #[error("{part}: {reason}")]
    Plan {
        /// Which part.
        part: &'static str,
        /// What is wrong with it, and what would do.
        reason: String,
    },
    /// The relay refused, or the way to it.
    #[error("session {session}: {source}")]
    Relay {
        /// Which session of the run.
        session: String,
        /// What the relay said.
        source: ClientError,
    },
    /// The relay answered with a session that cannot be used.
    #[error(
        "session {session}: the relay's answer names no address for leg {leg}; is it a relay of this version?"
    )]
    Answer {
        /// Which session of the run.
        session: String,
        /// 0 or 1.
        leg: usize,
    },
    /// A key could not be used.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// The cryptographic library has no randomness.
    #[error("the system gave no random bytes for keys")]
    Random,
    /// A socket.
    #[error(transparent)]
    Udp(#[from] UdpError),
    /// The relay's address cannot be sent to.
    #[error("cannot send to {destination}: {reason}")]
    Send {
        /// The relay's endpoint.
        destination: SocketAddr,
        /// What the system says.
        reason: String,
    },
    /// The kernel's routes cannot be read.
    #[error(transparent)]
    Watch(#[from] culvert_route::WatchError),
    /// There is no next hop to the relay.
    #[error("no next hop to the relay at {destination}: {reason}")]
    NextHop {
        /// The relay's address.
        destination: std::net::IpAddr,
        /// Why, and what would help.
        reason: String,
    },
    /// The generator in the kernel.
    #[error(transparent)]
    Traffic(#[from] culvert_traffic::TrafficError),
    /// An AF_XDP socket.
    #[error(transparent)]
    Xsk(#[from] culvert_xsk::XskError),
    /// The XDP program that hands packets over.
    #[error(transparent)]
    Steering(#[from] SteeringFailure),
    /// Nothing could be sent for a while.
    #[error("the system has taken no packet for {seconds} s: is the interface up?")]
    Stuck {
        /// How long that was.
        seconds: u64,
    },
    /// The list of endpoints could not be written.
    #[error("cannot write the relay's endpoints: {0}")]
    Output(#[source] std::io::Error),
    /// The run was stopped before its sessions were there.
    #[error("stopped before media began; the sessions that were there are deleted")]
    Stopped,
    /// The thread that sends ended without a result.
    #[error("the generator's thread has ended in the middle of the run; please report this")]
    Thread,
}

/// Why packets from the relay cannot be had from an interface.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SteeringFailure {
    /// The program was not loaded.
    #[error(transparent)]
    Load(#[from] culvert_ebpf_loader::LoadError),
    /// It was not attached.
    #[error(transparent)]
    Attach(#[from] culvert_ebpf_loader::AttachError),
    /// It cannot be told of a socket or an endpoint.
    #[error(transparent)]
    Steering(#[from] culvert_ebpf_loader::SteeringError),
}

impl LoadError {
    pub(crate) fn plan(part: &'static str, reason: impl Into<String>) -> LoadError {
        LoadError::Plan { part, reason: reason.into() }
    }
}
