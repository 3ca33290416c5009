// SPDX-License-Identifier: MIT OR Apache-2.0
//! Where the demo happens: three network namespaces in a row, or loopback.

use std::net::{Ipv4Addr, SocketAddrV4, TcpListener};
use std::process::Command;

use culvert_testbed::{EndSpec, Namespace, connect};

use crate::failure::{Context, Failure};

/// Who runs a program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Host {
    Caller,
    Relay,
    Callee,
}

/// The addresses at the four ends of the two links.
#[derive(Clone, Copy, Debug)]
pub(super) struct Addresses {
    pub(super) caller: Ipv4Addr,
    pub(super) outside: Ipv4Addr,
    pub(super) inside: Ipv4Addr,
    pub(super) callee: Ipv4Addr,
}

pub(super) struct Network {
    pub(super) addresses: Addresses,
    /// Caller, relay, callee; without: all on loopback.
    namespaces: Option<[Namespace; 3]>,
}

impl Network {
    /// `caller -- outside [relay] inside -- callee`, with no other way between caller and callee.
    pub(super) fn namespaces() -> Result<Self, Failure> {
        let new = |role| Namespace::new(role).context(format_args!("network namespace {role}"));
        let (caller, relay, callee) = (new("caller")?, new("relay")?, new("callee")?);
        let addresses = Addresses {
            caller: Ipv4Addr::new(192, 0, 2, 10),
            outside: Ipv4Addr::new(192, 0, 2, 1),
            inside: Ipv4Addr::new(198, 51, 100, 1),
            callee: Ipv4Addr::new(198, 51, 100, 10),
        };
        let end = |name: &str, address: Ipv4Addr| EndSpec::new(name).address(format!("{address}/24"));
        connect(&caller, &end("wan0", addresses.caller), &relay, &end("outside", addresses.outside))
            .context("the link of the caller")?;
        connect(&callee, &end("lan0", addresses.callee), &relay, &end("inside", addresses.inside))
            .context("the link of the callee")?;
        Ok(Self { addresses, namespaces: Some([caller, relay, callee]) })
    }

    /// All hosts are this one, told apart by their addresses.
    pub(super) fn loopback() -> Self {
        let address = |last| Ipv4Addr::new(127, 0, 0, last);
        let addresses =
            Addresses { caller: address(10), outside: address(2), inside: address(3), callee: address(20) };
        Self { addresses, namespaces: None }
    }

    pub(super) fn is_loopback(&self) -> bool {
        self.namespaces.is_none()
    }

    /// Where the media client of that host is in the given call (0 or 1).
    pub(super) fn client(&self, host: Host, call: u16) -> SocketAddrV4 {
        match host {
            Host::Callee => SocketAddrV4::new(self.addresses.callee, 42000 + 2 * call),
            Host::Caller | Host::Relay => SocketAddrV4::new(self.addresses.caller, 40000 + 2 * call),
        }
    }

    /// The relay's interfaces: to the caller, to the callee.
    pub(super) fn interfaces(&self) -> [&'static str; 2] {
        if self.is_loopback() { ["lo", "lo"] } else { ["outside", "inside"] }
    }

    /// A command that will run on that host.
    pub(super) fn command(&self, host: Host, program: &str) -> Command {
        match &self.namespaces {
            None => Command::new(program),
            Some([caller, relay, callee]) => match host {
                Host::Caller => caller.command(program),
                Host::Relay => relay.command(program),
                Host::Callee => callee.command(program),
            },
        }
    }

    /// A TCP port on the relay's 127.0.0.1 that nobody listens on.
    pub(super) fn free_port(&self) -> Result<u16, Failure> {
        let find = || TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).and_then(|socket| socket.local_addr());
        let address = match &self.namespaces {
            None => find(),
            Some([_, relay, _]) => relay.run(find).context("the relay's namespace")?,
        };
        Ok(address.context("no free TCP port")?.port())
    }

    /// Whether an XDP program is attached to one of the relay's interfaces.
    pub(super) fn has_xdp_program(&self) -> Result<bool, Failure> {
        let Some([_, relay, _]) = &self.namespaces else { return Ok(false) };
        let links = relay.ip(["-details", "-json", "link", "show"]).context("the relay's interfaces")?;
        Ok(links.contains("\"xdp\""))
    }
}
