// SPDX-License-Identifier: MIT OR Apache-2.0
//! The host that this process runs on.

mod ethtool;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use rustix::io::Errno;
use rustix::net::{AddressFamily, SocketFlags, SocketType, socket_with};

use crate::host::{Channels, Feature, Host, Link, Unseen, XdpFeatures};
use crate::netlink::{Attributes, Family, link, u64_of, write};

/// NETDEV_CMD_DEV_GET, NETDEV_A_DEV_IFINDEX, NETDEV_A_DEV_XDP_FEATURES
const DEV_GET: u8 = 1;
const IFINDEX: u16 = 1;
const XDP_FEATURES: u16 = 3;
/// Programs of administration are there for root, whose shells need not have them in PATH.
const PLACES: [&str; 4] = ["/usr/sbin", "/sbin", "/usr/bin", "/bin"];

/// The host that this process runs on, seen with this process's rights.
#[derive(Debug, Clone, Copy, Default)]
pub struct Linux;

impl Host for Linux {
    fn text(&self, path: &str) -> Option<String> {
        fs::read_to_string(path).ok()
    }

    fn names(&self, directory: &str) -> Vec<String> {
        let entries = fs::read_dir(directory).into_iter().flatten().flatten();
        entries.filter_map(|entry| entry.file_name().into_string().ok()).collect()
    }

    fn target(&self, link: &str) -> Option<String> {
        Some(fs::read_link(link).ok()?.file_name()?.to_str()?.to_owned())
    }

    fn links(&self) -> Result<Vec<Link>, Unseen> {
        link::all().map_err(unseen)
    }

    fn xdp_features(&self, interface: &Link) -> Result<XdpFeatures, Unseen> {
        let mut attributes = Vec::new();
        write(&mut attributes, IFINDEX, &interface.index.to_ne_bytes());
        let answer = Family::find("netdev").and_then(|family| family.ask(DEV_GET, &attributes));
        let answer = answer.map_err(unseen)?;
        Attributes(&answer).get(XDP_FEATURES).and_then(u64_of).map(XdpFeatures).ok_or(Unseen::Unsupported)
    }

    fn channels(&self, interface: &str) -> Result<Channels, Unseen> {
        ethtool::channels(interface).map_err(unseen)
    }

    fn features(&self, interface: &str) -> Result<BTreeMap<String, Feature>, Unseen> {
        ethtool::features(interface).map_err(unseen)
    }

    fn indirection(&self, interface: &str) -> Result<Vec<u32>, Unseen> {
        let table = ethtool::indirection(interface).map_err(unseen)?;
        if table.is_empty() { Err(Unseen::Unsupported) } else { Ok(table) }
    }

    fn run(&self, program: &str, arguments: &[&str]) -> Result<String, Unseen> {
        let place = PLACES.iter().map(|place| Path::new(place).join(program)).find(|path| path.exists());
        let mut command = Command::new(place.ok_or(Unseen::Unsupported)?);
        let output = command.args(arguments).stdin(Stdio::null()).env("LC_ALL", "C").output();
        let output = output.map_err(|error| Unseen::Failed(format!("{program}: {error}")))?;
        if output.status.success() {
            return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
        }
        let said = String::from_utf8_lossy(&output.stderr);
        Err(match said.lines().find(|line| !line.trim().is_empty()) {
            Some(line) if line.ends_with("Operation not supported") => Unseen::Unsupported,
            Some(line) => Unseen::Failed(line.trim().to_owned()),
            None => Unseen::Failed(format!("{program}: {}", output.status)),
        })
    }

    fn af_xdp(&self) -> Result<(), Unseen> {
        socket_with(AddressFamily::XDP, SocketType::RAW, SocketFlags::CLOEXEC, None).map(drop).map_err(unseen)
    }

    fn srtp_paths(&self) -> Vec<&'static str> {
        culvert_srtp::Path::available().map(culvert_srtp::Path::name).collect()
    }
}

fn unseen(error: Errno) -> Unseen {
    match error {
        // The last two: no such family, and no such command of it.
        Errno::OPNOTSUPP | Errno::AFNOSUPPORT | Errno::NOENT | Errno::INVAL => Unseen::Unsupported,
        error => Unseen::Failed(error.to_string()),
    }
}
