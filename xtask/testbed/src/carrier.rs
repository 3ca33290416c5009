// SPDX-License-Identifier: MIT OR Apache-2.0
use crate::{Namespace, TestbedError};
use nix::{
    errno::Errno,
    ifaddrs::getifaddrs,
    net::if_::InterfaceFlags,
    sys::{
        socket::{
            AddressFamily, MsgFlags, NetlinkAddr, SockFlag, SockProtocol, SockType, bind, recv, setsockopt,
            socket, sockopt,
        },
        time::{TimeVal, TimeValLike},
    },
};
use std::{
    os::fd::{AsRawFd, OwnedFd},
    time::{Duration, Instant},
};

/// RTMGRP_LINK: changes of interfaces.
const LINK_CHANGES: u32 = 1;
const PATIENCE: Duration = Duration::from_secs(10);

/// Waits until an interface is operational. The carrier alone is not enough: packets are dropped until the kernel has also
/// activated the queueing discipline, which it does before it reports the interface operational.
pub(crate) fn wait(namespace: &Namespace, interface: &str) -> Result<(), TestbedError> {
    let failed = |source: Errno| TestbedError::system(format!("watch {interface}"), source);
    let came_up = namespace.run(|| wait_inside(interface))?.map_err(failed)?;
    if came_up {
        return Ok(());
    }
    Err(TestbedError::NoCarrier {
        namespace: namespace.name().to_owned(),
        interface: interface.to_owned(),
        seconds: PATIENCE.as_secs(),
    })
}

fn wait_inside(interface: &str) -> nix::Result<bool> {
    // Subscribed before the first look, so that no change falls between.
    let changes = subscribe()?;
    let deadline = Instant::now() + PATIENCE;
    let mut message = [0; 8192];
    while !is_operational(interface)? {
        let left = deadline.saturating_duration_since(Instant::now()).as_millis() as i64;
        if left == 0 {
            return Ok(false);
        }
        setsockopt(&changes, sockopt::ReceiveTimeout, &TimeVal::milliseconds(left))?;
        match recv(changes.as_raw_fd(), &mut message, MsgFlags::empty()) {
            // Lost messages are no loss: each only says to look again.
            Ok(_) | Err(Errno::EAGAIN | Errno::EINTR | Errno::ENOBUFS) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(true)
}

fn subscribe() -> nix::Result<OwnedFd> {
    let netlink =
        socket(AddressFamily::Netlink, SockType::Raw, SockFlag::SOCK_CLOEXEC, SockProtocol::NetlinkRoute)?;
    bind(netlink.as_raw_fd(), &NetlinkAddr::new(0, LINK_CHANGES))?;
    Ok(netlink)
}

fn is_operational(interface: &str) -> nix::Result<bool> {
    let wanted = InterfaceFlags::IFF_UP | InterfaceFlags::IFF_RUNNING;
    Ok(getifaddrs()?.any(|entry| entry.interface_name == interface && entry.flags.contains(wanted)))
}
