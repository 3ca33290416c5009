// SPDX-License-Identifier: MIT OR Apache-2.0
//! Processors: where workers run, how fast, and by which clock.

use super::{Context, count};
use crate::check::{Check, Subject};
use crate::cpus;

const CPU: &str = "/sys/devices/system/cpu";
const CLOCK: &str = "/sys/devices/system/clocksource/clocksource0";
/// Those that user space reads without a system call.
const FAST_CLOCKS: [&str; 5] =
    ["tsc", "kvm-clock", "hyperv_clocksource_tsc_page", "arch_sys_counter", "riscv_clocksource"];

pub(super) fn checks(context: &Context<'_>) -> Vec<Check> {
    vec![workers(context), siblings(context), governor(context), clock(context), srtp(context)]
}

fn workers(context: &Context<'_>) -> Check {
    let subject = Subject::host("CPUs", "A worker that shares its CPU, or moves, loses packets in bursts.");
    let online = context.cpus.len();
    if online == 0 {
        return subject.unknown(format!("{CPU}/online cannot be read"));
    }
    let Some(wanted) = context.intent.workers else {
        return subject.ok(format!("{} ({})", count(online, "CPU"), cpus::write(&context.cpus)));
    };
    let absent: Vec<u32> =
        context.intent.cores.iter().filter(|core| !context.cpus.contains(core)).copied().collect();
    if !absent.is_empty() {
        return subject
            .problem(format!("engine.cores names {}, which is not online", cpus::write(&absent)))
            .advise(format!("online are {}", cpus::write(&context.cpus)));
    }
    let workers = count(wanted as usize, "worker");
    let cpus_text = count(online, "CPU");
    if wanted as usize > online {
        let check = subject.warning(format!("{workers} on {cpus_text}"));
        return check.advise(format!("set engine.workers = {}", online.saturating_sub(1).max(1)));
    }
    if context.placement.is_empty() {
        let check = subject.warning(format!("{workers} on {cpus_text} are not pinned"));
        return check.advise("leave a CPU to the rest of the system, or set engine.cores");
    }
    subject.ok(format!("{workers} on CPU {} of {cpus_text}", cpus::write(&context.placement)))
}

fn siblings(context: &Context<'_>) -> Check {
    let subject = Subject::host("SMT", "Two workers on the threads of one core share its execution units.");
    if context.placement.len() < 2 {
        return subject.not_applicable("fewer than two workers are pinned");
    }
    let mut pairs = Vec::new();
    let mut seen = false;
    for cpu in &context.placement {
        let path = format!("{CPU}/cpu{cpu}/topology/thread_siblings_list");
        let Some(text) = context.host.text(&path) else { continue };
        seen = true;
        let together: Vec<u32> =
            cpus::parse(&text).into_iter().filter(|other| context.placement.contains(other)).collect();
        if together.len() > 1 && !pairs.contains(&together) {
            pairs.push(together);
        }
    }
    match (seen, pairs.is_empty()) {
        (false, _) => subject.unknown("the CPUs' topology cannot be read"),
        (true, true) => subject.ok("each worker has a core of its own"),
        (true, false) => {
            let pairs: Vec<String> = pairs.iter().map(|pair| cpus::write(pair)).collect();
            subject
                .warning(format!("workers share the cores of CPU {}", pairs.join(" and ")))
                .advise("set engine.cores to one thread of each core")
        }
    }
}

fn governor(context: &Context<'_>) -> Check {
    let subject = Subject::host("CPU governor", "A CPU that has to speed up first is late for the burst.");
    let cpus = if context.placement.is_empty() { &context.cpus } else { &context.placement };
    let path = |cpu: &u32| format!("{CPU}/cpu{cpu}/cpufreq/scaling_governor");
    let governors: Vec<(u32, String)> = cpus
        .iter()
        .filter_map(|cpu| Some((*cpu, context.host.text(&path(cpu))?.trim().to_owned())))
        .collect();
    if governors.is_empty() {
        return subject.not_applicable("the system does not set the CPUs' speed");
    }
    let slow: Vec<&(u32, String)> = governors.iter().filter(|(_, name)| name != "performance").collect();
    let Some((_, name)) = slow.first() else { return subject.ok("performance") };
    let cpus: Vec<u32> = slow.iter().map(|(cpu, _)| *cpu).collect();
    let check = subject.warning(format!("{name} on CPU {}", cpus::write(&cpus)));
    cpus.iter().fold(check, |check, cpu| check.mend(format!("echo performance > {}", path(cpu))))
}

fn clock(context: &Context<'_>) -> Check {
    let subject = Subject::host("clock source", "Others than these are read by a system call.");
    let Some(current) = context.host.text(&format!("{CLOCK}/current_clocksource")) else {
        return subject.unknown(format!("{CLOCK}/current_clocksource cannot be read"));
    };
    let current = current.trim();
    if FAST_CLOCKS.contains(&current) {
        return subject.ok(current);
    }
    let available = context.host.text(&format!("{CLOCK}/available_clocksource")).unwrap_or_default();
    let check = subject.warning(current);
    match available.split_whitespace().find(|name| FAST_CLOCKS.contains(name)) {
        Some(faster) => check.mend(format!("echo {faster} > {CLOCK}/current_clocksource")),
        None => check.advise(format!(
            "there is none of {} here: `dmesg | grep -i clocksource` tells why",
            FAST_CLOCKS.join(", ")
        )),
    }
}

fn srtp(context: &Context<'_>) -> Check {
    let subject = Subject::host(
        "SRTP instructions",
        "In portable code a packet costs many times what it costs by them.",
    );
    let paths = context.host.srtp_paths();
    match paths.first() {
        None | Some(&("portable" | "aws-lc")) => subject
            .warning("this processor has none that SRTP is written for")
            .advise("in a virtual machine, show the host's processor to the guest (QEMU: -cpu host)"),
        Some(_) => subject.ok(paths.join(", ")),
    }
}
