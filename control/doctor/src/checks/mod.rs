// SPDX-License-Identifier: MIT OR Apache-2.0
//! The checks, one file for each part of a host.

mod interface;
mod interrupts;
mod kernel;
mod network;
mod process;
mod processor;
mod queues;

use crate::check::{Check, Subject};
use crate::cpus;
use crate::host::{Host, Link};
use crate::intent::{Backend, Intent};

/// ARPHRD_ETHER
const ETHERNET: u16 = 1;

/// What all checks look at.
pub(crate) struct Context<'a> {
    host: &'a dyn Host,
    intent: &'a Intent,
    /// CPUs that are online.
    cpus: Vec<u32>,
    /// CPU of each worker; empty where workers are not pinned or not decided.
    placement: Vec<u32>,
}

impl Context<'_> {
    /// Whether AF_XDP is of concern.
    fn xdp(&self) -> bool {
        self.intent.backend != Backend::Socket
    }
}

/// An interface that packets are to come and go by.
struct Interface<'a> {
    link: &'a Link,
    /// Whether VLANs are reached by it.
    vlan: bool,
    /// Its driver's name, or the kind of a virtual one.
    driver: Option<String>,
}

impl<'a> Interface<'a> {
    fn subject(&self, name: &'static str, why: &'static str) -> Subject<'a> {
        Subject::of(&self.link.name, name, why)
    }

    fn driver(&self) -> &str {
        self.driver.as_deref().unwrap_or("the driver")
    }
}

/// Looks at a host for what is to run on it. The gravest comes first; within a verdict the host comes before its interfaces.
pub fn diagnose(host: &dyn Host, intent: &Intent) -> Vec<Check> {
    let cpus = cpus::parse(&host.text("/sys/devices/system/cpu/online").unwrap_or_default());
    let placement = intent.placement(&cpus);
    let context = Context { host, intent, cpus, placement };
    let mut checks = kernel::checks(&context);
    checks.extend(process::checks(&context));
    checks.extend(processor::checks(&context));
    checks.extend(network::checks(&context));
    interfaces(&context, &mut checks);
    checks.sort_by_key(|check| check.verdict);
    checks
}

fn interfaces(context: &Context<'_>, checks: &mut Vec<Check>) {
    const WHY: &str = "The relay's realms live on interfaces of this host.";
    let links = match context.host.links() {
        Ok(links) => links,
        Err(unseen) => return checks.push(Subject::host("interfaces", WHY).unknown(unseen.to_string())),
    };
    let names: Vec<&str> = if context.intent.interfaces.is_empty() {
        // A device's own: no bridge, bond, tunnel or veth.
        let physical = links.iter().filter(|link| link.hardware_type == ETHERNET && link.kind.is_none());
        physical.map(|link| link.name.as_str()).collect()
    } else {
        context.intent.interfaces.iter().map(String::as_str).collect()
    };
    if names.is_empty() {
        let check = Subject::host("interfaces", WHY).unknown("no physical Ethernet interface");
        return checks.push(check.advise("name one with --interface"));
    }
    let mut seen: Vec<u32> = Vec::new();
    for name in names {
        let Some(named) = links.iter().find(|link| link.name == name) else {
            let check = Subject::of(name, "interface", WHY).problem("there is no such interface");
            checks.push(check.advise(format!("this host has {}", all(&links))));
            continue;
        };
        // XDP sits below VLANs, at the device.
        let below = (named.kind.as_deref() == Some("vlan")).then_some(named.parent).flatten();
        let link = links.iter().find(|link| Some(link.index) == below).unwrap_or(named);
        if seen.contains(&link.index) {
            continue;
        }
        seen.push(link.index);
        let vlan = links
            .iter()
            .any(|other| other.kind.as_deref() == Some("vlan") && other.parent == Some(link.index));
        let device = link.device.as_ref();
        let driver = device.and_then(|device| context.host.target(&format!("{device}/driver")));
        let interface = Interface { link, vlan, driver: driver.or_else(|| link.kind.clone()) };
        checks.extend(interface::checks(context, &interface));
        checks.extend(queues::checks(context, &interface));
        checks.push(interrupts::check(context, &interface));
    }
}

fn all(links: &[Link]) -> String {
    let names = links.iter().filter(|link| link.hardware_type == ETHERNET).map(|link| link.name.as_str());
    let names: Vec<&str> = names.collect();
    if names.is_empty() { "none of Ethernet".to_owned() } else { names.join(", ") }
}

/// "1 queue", "2 queues".
fn count(number: usize, what: &str) -> String {
    if number == 1 { format!("1 {what}") } else { format!("{number} {what}s") }
}
