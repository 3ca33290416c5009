// SPDX-License-Identifier: MIT OR Apache-2.0

use aya::EbpfError;
use aya::maps::MapError;
use aya::programs::ProgramError;
use culvert_wire::Endpoint;
use std::error::Error;
use std::io;

/// Why the XDP program could not be loaded.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LoadError {
    /// A size of zero was asked for.
    #[error("{field} is 0: the XDP program needs room for at least one")]
    Empty {
        /// The field of the configuration.
        field: &'static str,
    },
    /// The process may not use BPF.
    #[error("not allowed to load an XDP program: run as root, or with CAP_BPF and CAP_NET_ADMIN")]
    Permission,
    /// The kernel refused a map or the program; the source says which, with the verifier's words.
    #[error(
        "the kernel refused the XDP program (maps for {max_endpoints} endpoints and {queues} queues); it \
         needs Linux 5.9 or newer and memory for the maps"
    )]
    Refused {
        /// Endpoints that were asked for.
        max_endpoints: u32,
        /// Queues that were asked for.
        queues: u32,
        /// What the kernel said.
        source: Box<EbpfError>,
    },
    /// The object lacks a program or a map: program and loader were not built together.
    #[error("the XDP object has no {name}: build culvert again from one source tree")]
    Missing {
        /// The name of the program or map.
        name: &'static str,
    },
}

impl LoadError {
    pub(crate) fn new(max_endpoints: u32, queues: u32, source: EbpfError) -> Self {
        if is_permission(&source) {
            return Self::Permission;
        }
        Self::Refused { max_endpoints, queues, source: Box::new(source) }
    }
}

/// Why the XDP program could not be attached to an interface.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AttachError {
    /// There is no such interface in this network namespace.
    #[error("there is no interface {interface}: `ip link` lists those of this network namespace")]
    UnknownInterface {
        /// The interface.
        interface: String,
    },
    /// This steering is attached already.
    #[error("cannot attach to {interface}: already attached to {attached}; load one steering per interface")]
    Attached {
        /// The interface asked for.
        interface: String,
        /// The interface it is attached to.
        attached: String,
    },
    /// Another XDP program is on the interface.
    #[error(
        "{interface} has an XDP program already: `ip link show {interface}` names it; stop the process that \
         attached it, or remove it with `ip link set dev {interface} xdp off`"
    )]
    Occupied {
        /// The interface.
        interface: String,
    },
    /// The process may not attach programs.
    #[error(
        "not allowed to attach an XDP program to {interface}: run as root, or with CAP_BPF and CAP_NET_ADMIN"
    )]
    Permission {
        /// The interface.
        interface: String,
    },
    /// The driver refused native mode, which was asked for alone.
    #[error(
        "the driver of {interface} refused native XDP: lower the MTU or the number of queues if it is known \
         to support it, or allow generic mode"
    )]
    NativeRefused {
        /// The interface.
        interface: String,
        /// What the kernel said.
        source: Box<ProgramError>,
    },
    /// The kernel refused generic mode.
    #[error("the kernel refused generic XDP on {interface}: use the socket back end for it")]
    GenericRefused {
        /// The interface.
        interface: String,
        /// What the kernel said.
        source: Box<ProgramError>,
    },
    /// The kernel attached the program without a link, so that it would stay when the process is killed.
    #[error(
        "the kernel cannot tie an XDP program on {interface} to this process: Linux 5.9 or newer is needed"
    )]
    NoLink {
        /// The interface.
        interface: String,
    },
}

/// Why a map of the XDP program could not be read or changed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SteeringError {
    /// The queue is not one of those the steering was loaded for.
    #[error(
        "queue {queue} is not among the {queues} of this steering: load it for as many queues as the \
         interface has"
    )]
    NoSuchQueue {
        /// The queue.
        queue: u32,
        /// Number of queues.
        queues: u32,
    },
    /// The kernel did not take the socket.
    #[error(
        "the kernel did not take the socket of queue {queue}: it must be an AF_XDP socket with a receive ring"
    )]
    Socket {
        /// The queue.
        queue: u32,
        /// What the kernel said.
        source: Box<MapError>,
    },
    /// There is room for no more endpoints.
    #[error(
        "no room for {endpoint}: the XDP program was loaded for {max_endpoints} endpoints; raise that limit"
    )]
    Full {
        /// The endpoint.
        endpoint: Endpoint,
        /// Endpoints there is room for.
        max_endpoints: u32,
    },
    /// The kernel refused to insert or remove an endpoint.
    #[error("the kernel refused to change the endpoint {endpoint} in the XDP program's map")]
    Endpoint {
        /// The endpoint.
        endpoint: Endpoint,
        /// What the kernel said.
        source: Box<MapError>,
    },
    /// The counters could not be read.
    #[error("cannot read the counters of the XDP program")]
    Counters {
        /// What the kernel said.
        source: Box<MapError>,
    },
    /// The kernel did not run the program on a test packet.
    #[error(
        "the kernel did not run the XDP program on a packet of {length} bytes: at least an Ethernet header \
         is needed"
    )]
    TestRun {
        /// Bytes of the packet.
        length: usize,
        /// What the kernel said.
        source: Box<ProgramError>,
    },
}

pub(crate) fn is_permission(error: &(dyn Error + 'static)) -> bool {
    // Not `PermissionDenied`: that is EACCES too, the verifier's answer to a program it refuses.
    const EPERM: i32 = 1;
    os_error(error).and_then(io::Error::raw_os_error) == Some(EPERM)
}

/// The operating system's error in a chain of errors.
pub(crate) fn os_error<'e>(error: &'e (dyn Error + 'static)) -> Option<&'e io::Error> {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(found) = error.downcast_ref() {
            return Some(found);
        }
        next = error.source();
    }
    None
}
