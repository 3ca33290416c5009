// SPDX-License-Identifier: MIT OR Apache-2.0
//! The kernel and its features.

use super::Context;
use crate::check::{Check, Subject};
use crate::host::Unseen;

/// XDP links, which go away with their process, came with 5.10.
const FLOOR: (u32, u32) = (5, 10);
/// What later kernels brought.
const FEATURES: [((u32, u32), &str); 4] = [
    ((6, 3), "XDP features over netlink"),
    ((6, 6), "multi-buffer frames"),
    ((6, 8), "transmit metadata"),
    ((6, 17), "XDP_MAX_TX_SKB_BUDGET"),
];
/// Without it a system call sends 32 frames in copy mode.
const BUDGET: (u32, u32) = (6, 17);

pub(super) fn checks(context: &Context<'_>) -> Vec<Check> {
    vec![version(context), af_xdp(context), btf(context), jit(context)]
}

fn version(context: &Context<'_>) -> Check {
    let subject = Subject::host(
        "kernel",
        "AF_XDP needs 5.10 for XDP links; from 6.17 on copy mode sends more than 32 frames in a system call.",
    );
    let Some(release) = context.host.text("/proc/sys/kernel/osrelease") else {
        return subject.unknown("/proc/sys/kernel/osrelease cannot be read");
    };
    let release = release.trim();
    let Some(version) = parse(release) else { return subject.unknown(format!("{release:?} is no version")) };
    if !context.xdp() {
        return subject.ok(release);
    }
    let missing: Vec<String> = FEATURES
        .iter()
        .filter(|(since, _)| version < *since)
        .map(|((major, minor), what)| format!("{what} ({major}.{minor})"))
        .collect();
    let found = match missing.len() {
        0 => release.to_owned(),
        _ => format!("{release}, without {}", missing.join(", ")),
    };
    let newer = "boot a kernel of 6.17 or later";
    match version {
        version if version < FLOOR => {
            let found = format!("{release} is older than {}.{}", FLOOR.0, FLOOR.1);
            subject.problem(found).advise(format!("{newer}, or set engine.backend = \"socket\""))
        }
        version if version < BUDGET => subject.warning(found).advise(newer),
        _ => subject.ok(found),
    }
}

fn parse(release: &str) -> Option<(u32, u32)> {
    let mut numbers = release.split(|letter: char| !letter.is_ascii_digit());
    Some((numbers.next()?.parse().ok()?, numbers.next()?.parse().ok()?))
}

fn af_xdp(context: &Context<'_>) -> Check {
    let subject = Subject::host("AF_XDP sockets", "Packets go past the kernel's network stack by them.");
    if !context.xdp() {
        return subject.not_applicable("the socket back end does without");
    }
    match context.host.af_xdp() {
        Ok(()) => subject.ok("one could be opened"),
        Err(Unseen::Unsupported) => subject
            .problem("this kernel has none")
            .advise("boot a kernel with CONFIG_XDP_SOCKETS=y, or set engine.backend = \"socket\""),
        Err(Unseen::Failed(reason)) => {
            subject.unknown(format!("none could be opened: {reason}")).advise("run culvert doctor as root")
        }
    }
}

fn btf(context: &Context<'_>) -> Check {
    let subject = Subject::host("BTF", "With the kernel's types, bpftool shows what the XDP program does.");
    if !context.xdp() {
        return subject.not_applicable("the socket back end does without");
    }
    if context.host.names("/sys/kernel/btf").iter().any(|name| name == "vmlinux") {
        return subject.ok("/sys/kernel/btf/vmlinux is there");
    }
    if context.host.names("/sys/kernel").is_empty() {
        return subject.unknown("/sys/kernel cannot be read");
    }
    subject.warning("/sys/kernel/btf/vmlinux is missing").advise("boot a kernel with CONFIG_DEBUG_INFO_BTF=y")
}

fn jit(context: &Context<'_>) -> Check {
    let subject = Subject::host("BPF JIT", "Interpreted, the XDP program takes several times as long.");
    if !context.xdp() {
        return subject.not_applicable("the socket back end does without");
    }
    let setting = "net.core.bpf_jit_enable";
    let Some(value) = context.host.text("/proc/sys/net/core/bpf_jit_enable") else {
        let check = subject.unknown(format!("{setting} cannot be read"));
        return check.advise("run culvert doctor as root, in the network namespace that the host began with");
    };
    match value.trim() {
        "0" => subject.problem(format!("{setting} = 0")).mend(format!("sysctl -w {setting}=1")),
        value => subject.ok(format!("{setting} = {value}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn releases() {
        assert_eq!(parse("6.18.44-fc-v657"), Some((6, 18)));
        assert_eq!(parse("6.1.0-18-amd64"), Some((6, 1)));
        assert_eq!(parse("5.10"), Some((5, 10)));
        assert_eq!(parse("next"), None);
    }
}
