// SPDX-License-Identifier: MIT OR Apache-2.0
//! What the host has and does that the configuration must fit: interfaces, ports in use, CPUs, paths of SRTP.

mod ephemeral;
mod interfaces;
mod owner;
mod udp;

pub use ephemeral::{EphemeralPorts, PortRanges};
pub use interfaces::Interface;
pub use owner::Owner;
pub use udp::BoundSocket;

use std::{collections::HashSet, fs, io};

use crate::srtp_path::SrtpPaths;

/// A look at the host.
#[derive(Debug, Clone)]
pub struct System {
    /// All interfaces.
    pub interfaces: Vec<Interface>,
    /// All UDP sockets that have a port.
    pub sockets: Vec<BoundSocket>,
    /// Ports that the kernel gives to sockets that ask for none.
    pub ephemeral: EphemeralPorts,
    /// CPUs, numbered from 0.
    pub cpus: u32,
    /// Implementations of SRTP.
    pub srtp: SrtpPaths,
}

impl System {
    /// Looks at the calling thread's network namespace.
    pub fn look() -> io::Result<System> {
        Ok(System {
            interfaces: interfaces::look()?,
            sockets: sockets()?,
            ephemeral: ephemeral::look(),
            cpus: u32::try_from(std::thread::available_parallelism()?.get()).unwrap_or(u32::MAX),
            srtp: SrtpPaths::look(),
        })
    }

    /// Finds out who owns these sockets, as far as this process may know.
    pub fn owners<'a>(sockets: impl Iterator<Item = &'a BoundSocket>) -> Vec<(u64, Owner)> {
        owner::find(&sockets.map(|socket| socket.inode).collect::<HashSet<_>>())
    }
}

/// A host without IPv6 has no table of it.
fn sockets() -> io::Result<Vec<BoundSocket>> {
    let mut sockets = udp::parse(&fs::read_to_string("/proc/thread-self/net/udp")?);
    match fs::read_to_string("/proc/thread-self/net/udp6") {
        Ok(text) => sockets.extend(udp::parse(&text)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(error),
    }
    Ok(sockets)
}
