// SPDX-License-Identifier: MIT OR Apache-2.0
//! What the checks ask a host.

use std::collections::BTreeMap;

/// Why something was not found out.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unseen {
    /// The kernel, the driver or the host has no such thing.
    #[error("not supported")]
    Unsupported,
    /// It could not be asked for.
    #[error("{0}")]
    Failed(String),
}

/// A network interface.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    /// The kernel's number of it.
    pub index: u32,
    /// Its name.
    pub name: String,
    /// ARPHRD_*; 1 is Ethernet.
    pub hardware_type: u16,
    /// Whether it is administratively up.
    pub up: bool,
    /// Whether a cable is in it.
    pub carrier: bool,
    /// Bytes of the largest IP packet.
    pub mtu: u32,
    /// Receive queues that it was made with.
    pub receive_queues: u32,
    /// "veth", "vlan", ...; `None` for a device's own.
    pub kind: Option<String>,
    /// Index of the interface below or, of a veth, opposite.
    pub parent: Option<u32>,
    /// Directory of its device in sysfs; `None` without one.
    pub device: Option<String>,
}

/// What a driver can do with XDP (NETDEV_XDP_ACT_* of include/uapi/linux/netdev.h).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct XdpFeatures(pub u64);

impl XdpFeatures {
    /// Runs programs in the driver.
    pub fn native(self) -> bool {
        self.0 & 1 != 0
    }

    /// Redirects, which AF_XDP needs.
    pub fn redirect(self) -> bool {
        self.0 & 2 != 0
    }

    /// Receives into, and sends from, the memory of an AF_XDP socket.
    pub fn zero_copy(self) -> bool {
        self.0 & 8 != 0
    }
}

/// Queues of an interface, as `ethtool -l` shows them. 0 where a kind does not exist.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Channels {
    /// Receive only, in use.
    pub receive: u32,
    /// Receive only, at most.
    pub receive_most: u32,
    /// Transmit only, in use.
    pub transmit: u32,
    /// Transmit only, at most.
    pub transmit_most: u32,
    /// Both, in use.
    pub combined: u32,
    /// Both, at most.
    pub combined_most: u32,
}

/// A feature of an interface, as `ethtool -k` shows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Feature {
    /// In force.
    pub active: bool,
    /// Cannot be changed.
    pub fixed: bool,
}

/// A host. Paths are absolute, in `/proc` and `/sys`.
pub trait Host {
    /// A file's text; `None` when it cannot be read.
    fn text(&self, path: &str) -> Option<String>;

    /// What a directory holds, in any order; empty when it cannot be read.
    fn names(&self, directory: &str) -> Vec<String>;

    /// The last name of what a symbolic link points to.
    fn target(&self, link: &str) -> Option<String>;

    /// The interfaces of this network namespace.
    fn links(&self) -> Result<Vec<Link>, Unseen>;

    /// What an interface's driver can do with XDP. Unsupported before Linux 6.3.
    fn xdp_features(&self, interface: &Link) -> Result<XdpFeatures, Unseen>;

    /// An interface's queues.
    fn channels(&self, interface: &str) -> Result<Channels, Unseen>;

    /// An interface's features by the kernel's names.
    fn features(&self, interface: &str) -> Result<BTreeMap<String, Feature>, Unseen>;

    /// The queue of each entry of the table by which an interface spreads packets.
    fn indirection(&self, interface: &str) -> Result<Vec<u32>, Unseen>;

    /// What a program writes to its standard output. Unsupported when it is not installed.
    fn run(&self, program: &str, arguments: &[&str]) -> Result<String, Unseen>;

    /// Whether an AF_XDP socket can be made.
    fn af_xdp(&self) -> Result<(), Unseen>;

    /// The paths of SRTP that this processor takes, the fastest first.
    fn srtp_paths(&self) -> Vec<&'static str>;
}
