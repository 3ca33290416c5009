// SPDX-License-Identifier: MIT OR Apache-2.0
//! The network stack's settings.

use super::{Context, count};
use crate::check::{Check, Subject};
use crate::host::Unseen;
use crate::intent::Backend;
use crate::ports::Ports;

const NET: &str = "/proc/sys/net/ipv4";

pub(super) fn checks(context: &Context<'_>) -> Vec<Check> {
    vec![ephemeral(context), firewall(context)]
}

/// Ports of realms that the kernel might give to others.
fn ephemeral(context: &Context<'_>) -> Check {
    let subject = Subject::host(
        "ephemeral ports",
        "A port that the kernel has given to another socket is refused to a session, or taken from that socket.",
    );
    if context.intent.ports.is_empty() {
        return subject.not_applicable("no realm's ports are known; give --config");
    }
    let text = context.host.text(&format!("{NET}/ip_local_port_range")).unwrap_or_default();
    let mut numbers = text.split_whitespace().map(str::parse::<u16>);
    let (Some(Ok(first)), Some(Ok(last))) = (numbers.next(), numbers.next()) else {
        return subject.unknown(format!("{NET}/ip_local_port_range cannot be read"));
    };
    let reserved = context.host.text(&format!("{NET}/ip_local_reserved_ports")).unwrap_or_default();
    let reserved = Ports::parse(&reserved);
    let mut wanted = reserved.clone();
    let mut given = Vec::new();
    for realm in &context.intent.ports {
        let (from, to) = (first.max(realm.first), last.min(realm.last));
        if from <= to && !reserved.cover(from, to) {
            wanted.add(realm.first, realm.last);
            given.push(format!("{from}-{to} of realm {:?}", realm.realm));
        }
    }
    if given.is_empty() {
        return subject.ok(format!("the kernel gives out {first}-{last}, and none of the realms'"));
    }
    subject
        .warning(format!("the kernel gives out {}", given.join(" and ")))
        .mend(format!("sysctl -w net.ipv4.ip_local_reserved_ports={wanted}"))
}

/// Only a hint: which rules concern media, nobody but their author can tell.
fn firewall(context: &Context<'_>) -> Check {
    let subject = Subject::host(
        "firewall",
        "What arrives by sockets passes the firewall; what the XDP program takes never meets it.",
    );
    let rules = match context.host.run("nft", &["list", "ruleset"]) {
        Ok(rules) => rules,
        Err(Unseen::Unsupported) => return subject.not_applicable("nft is not installed"),
        Err(Unseen::Failed(reason)) => return subject.unknown(reason),
    };
    let chains = rules.lines().filter(|line| line.contains("hook input") || line.contains("hook prerouting"));
    match (chains.count(), context.intent.backend) {
        (0, _) => subject.ok("nftables filters nothing that arrives"),
        (chains, Backend::Xdp) => {
            subject.ok(format!("nftables has {}, which relayed media pass by", count(chains, "chain")))
        }
        (chains, Backend::Auto | Backend::Socket) => subject
            .ok(format!("nftables has {} for what arrives", count(chains, "chain")))
            .advise("over sockets, the UDP ports of the realms must be accepted there"),
    }
}
