// SPDX-License-Identifier: MIT OR Apache-2.0
//! Receive queues against workers, and how packets are spread over them.

use super::{Context, Interface, count};
use crate::check::{Check, Subject};
use crate::host::{Channels, Unseen};

/// As `ethtool -n` says that it looks at the ports.
const PORTS: [&str; 2] = ["L4 bytes 0 & 1", "L4 bytes 2 & 3"];

/// Receive queues in use.
struct Queues {
    active: u32,
    /// `None`: they cannot be set.
    channels: Option<Channels>,
}

pub(super) fn checks(context: &Context<'_>, interface: &Interface<'_>) -> Vec<Check> {
    let queues = match context.host.channels(&interface.link.name) {
        Ok(channels) => {
            Some(Queues { active: channels.receive + channels.combined, channels: Some(channels) })
        }
        Err(Unseen::Unsupported) => Some(Queues { active: interface.link.receive_queues, channels: None }),
        Err(Unseen::Failed(_)) => None,
    };
    vec![
        against_workers(context, interface, queues.as_ref()),
        table(context, interface, queues.as_ref()),
        hash(context, interface, queues.as_ref()),
    ]
}

fn against_workers(context: &Context<'_>, interface: &Interface<'_>, queues: Option<&Queues>) -> Check {
    let subject = interface.subject(
        "queues",
        "Worker i serves queue i; media that arrive on a queue without a worker are lost.",
    );
    if !context.xdp() {
        return subject.not_applicable("the kernel serves them for the socket back end");
    }
    let Some(Queues { active, channels }) = queues else {
        return subject.unknown("their number cannot be found out");
    };
    let found = count(*active as usize, "receive queue");
    let Some(workers) = context.intent.workers else {
        let check = subject.ok(found);
        return match active {
            0 | 1 => check,
            _ => check.advise(format!("set engine.workers = {active}, or set fewer queues")),
        };
    };
    let found = format!("{found}, {}", count(workers as usize, "worker"));
    if *active == workers {
        return subject.ok(found);
    }
    let most = channels.map_or(*active, |channels| channels.receive_most.max(channels.combined_most));
    if *active < workers && most < workers {
        let check =
            subject.problem(found).advise(format!("set engine.workers = {most}, which is all that it has"));
        return match channels.filter(|_| most > *active) {
            Some(channels) => check.mend(set(interface, channels, most)),
            None => check,
        };
    }
    if *active > workers && steered(context, interface).is_some_and(|highest| highest < workers) {
        return subject.ok(format!("{found}; RSS uses those that are served"));
    }
    match channels {
        Some(channels) => subject.problem(found).mend(set(interface, *channels, workers)),
        None => subject.problem(found).advise(format!("set engine.workers = {active}")),
    }
}

/// The highest queue of the indirection table.
fn steered(context: &Context<'_>, interface: &Interface<'_>) -> Option<u32> {
    context.host.indirection(&interface.link.name).ok()?.into_iter().max()
}

fn set(interface: &Interface<'_>, channels: Channels, queues: u32) -> String {
    let name = &interface.link.name;
    if channels.combined_most > 0 {
        return format!("ethtool -L {name} combined {queues}");
    }
    // AF_XDP sends by the queue that it receives by.
    let transmit = queues.min(channels.transmit_most);
    format!("ethtool -L {name} rx {queues} tx {transmit}")
}

/// Why RSS is of no concern, if it is not.
fn without_rss(context: &Context<'_>, subject: Subject<'_>, queues: Option<&Queues>) -> Option<Check> {
    if !context.xdp() {
        return Some(subject.not_applicable("the kernel serves the queues for the socket back end"));
    }
    queues.filter(|queues| queues.active < 2).map(|_| subject.not_applicable("there is one queue"))
}

fn table(context: &Context<'_>, interface: &Interface<'_>, queues: Option<&Queues>) -> Check {
    let subject = interface.subject("RSS table", "It says which queues packets are spread over.");
    if let Some(check) = without_rss(context, subject, queues) {
        return check;
    }
    let mut used = match context.host.indirection(&interface.link.name) {
        Ok(table) => table,
        Err(unseen) => return subject.unseen(&unseen, "the driver has none"),
    };
    used.sort_unstable();
    used.dedup();
    let found = format!("packets go to {}", count(used.len(), "queue"));
    let Some(workers) = context.intent.workers else { return subject.ok(found) };
    let served = used.iter().filter(|queue| **queue < workers).count();
    let mend = format!("ethtool -X {} equal {workers}", interface.link.name);
    if served < used.len() {
        let found = format!(
            "{found}, of which {} served",
            if served == 1 { "1 is".to_owned() } else { format!("{served} are") }
        );
        return subject.problem(found).mend(mend);
    }
    if used.len() < workers as usize {
        return subject.warning(format!("{found}, {workers} workers wait for them")).mend(mend);
    }
    subject.ok(found)
}

fn hash(context: &Context<'_>, interface: &Interface<'_>, queues: Option<&Queues>) -> Check {
    let subject = interface.subject(
        "RSS hash",
        "By addresses alone all calls of one peer arrive on one queue; ports spread them.",
    );
    if let Some(check) = without_rss(context, subject, queues) {
        return check;
    }
    let name = &interface.link.name;
    let mut without = Vec::new();
    for flow in ["udp4", "udp6"] {
        match context.host.run("ethtool", &["-n", name, "rx-flow-hash", flow]) {
            Ok(fields) if PORTS.iter().all(|port| fields.contains(port)) => {}
            Ok(_) => without.push(flow),
            Err(Unseen::Failed(reason)) => {
                return subject.unknown(reason);
            }
            Err(Unseen::Unsupported) => {
                return subject.not_applicable("the driver does not say, or ethtool is not installed");
            }
        }
    }
    if without.is_empty() {
        return subject.ok("addresses and ports");
    }
    let check = subject.warning(format!("{} without ports", without.join(" and ")));
    without
        .iter()
        .fold(check, |check, flow| check.mend(format!("ethtool -N {name} rx-flow-hash {flow} sdfn")))
}
