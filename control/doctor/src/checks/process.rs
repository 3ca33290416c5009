// SPDX-License-Identifier: MIT OR Apache-2.0
//! What the relay's process may do: that of a running culvertd, else this one.

use super::Context;
use crate::check::{Check, Subject};
use crate::intent::{Backend, HugePages};

/// include/uapi/linux/capability.h
const NEEDED: [(u32, &str); 5] =
    [(39, "CAP_BPF"), (12, "CAP_NET_ADMIN"), (13, "CAP_NET_RAW"), (38, "CAP_PERFMON"), (23, "CAP_SYS_NICE")];
const SYS_ADMIN: u32 = 21;
const IPC_LOCK: u32 = 14;
/// The memory for keys begins with so much.
const KEYS: u64 = 2 << 20;
/// Sockets of a session: RTP and RTCP of two legs.
const SOCKETS: u64 = 4;
/// Control connections, logs and what the process has open anyway.
const OTHERS: u64 = 2048;
const HUGE_PAGE: u64 = 2 << 20;

/// The process that is looked at.
struct Process {
    /// As it is said: "culvertd (process 7)", "this process".
    name: String,
    status: String,
    limits: String,
}

pub(super) fn checks(context: &Context<'_>) -> Vec<Check> {
    let process = find(context);
    vec![
        capabilities(context, &process),
        memory_lock(context, &process),
        open_files(context, &process),
        huge_pages(context),
    ]
}

fn find(context: &Context<'_>) -> Process {
    let host = context.host;
    let daemon = host.names("/proc").into_iter().filter_map(|name| name.parse::<u32>().ok()).find(|pid| {
        host.text(&format!("/proc/{pid}/comm")).is_some_and(|comm| comm.trim_end() == "culvertd")
    });
    let (name, directory) = match daemon {
        Some(pid) => (format!("culvertd (process {pid})"), format!("/proc/{pid}")),
        None => ("this process".to_owned(), "/proc/self".to_owned()),
    };
    Process {
        name,
        status: host.text(&format!("{directory}/status")).unwrap_or_default(),
        limits: host.text(&format!("{directory}/limits")).unwrap_or_default(),
    }
}

impl Process {
    fn capabilities(&self) -> Option<u64> {
        let line = self.status.lines().find_map(|line| line.strip_prefix("CapEff:"))?;
        u64::from_str_radix(line.trim(), 16).ok()
    }

    fn has(&self, capability: u32) -> bool {
        self.capabilities().is_some_and(|all| all & (1 << capability) != 0)
    }

    /// Soft and hard limit; `u64::MAX`: none.
    fn limit(&self, name: &str) -> Option<(u64, u64)> {
        let line = self.limits.lines().find_map(|line| line.strip_prefix(name))?;
        let mut values = line.split_whitespace().map(|value| match value {
            "unlimited" => Some(u64::MAX),
            value => value.parse().ok(),
        });
        Some((values.next()??, values.next()??))
    }
}

fn capabilities(context: &Context<'_>, process: &Process) -> Check {
    let subject = Subject::host(
        "capabilities",
        "Loading and attaching the XDP program, AF_XDP sockets and pinned workers take rights.",
    );
    if !context.xdp() {
        return subject.not_applicable("the socket back end does without");
    }
    if process.capabilities().is_none() {
        return subject.unknown(format!("those of {} cannot be read", process.name));
    }
    // CAP_SYS_ADMIN stands for the two that were taken out of it.
    let has = |capability| process.has(capability) || (capability >= 38 && process.has(SYS_ADMIN));
    let lacking: Vec<&str> =
        NEEDED.iter().filter(|(capability, _)| !has(*capability)).map(|(_, name)| *name).collect();
    if lacking.is_empty() {
        return subject.ok(format!("{} has all that are needed", process.name));
    }
    let names = NEEDED.map(|(_, name)| name.to_ascii_lowercase()).join(",");
    subject
        .warning(format!("{} lacks {}", process.name, lacking.join(", ")))
        .mend(format!("setcap {names}+ep \"$(command -v culvertd)\""))
        .advise("culvertd.service gives them; a culvertd that is started by hand takes them from its file or from root")
}

/// Bytes of packet memory of all workers.
fn packet_memory(context: &Context<'_>) -> u64 {
    let workers = u64::from(context.intent.workers.unwrap_or(1));
    workers * u64::from(context.intent.frames) * u64::from(context.intent.frame_size)
}

fn memory_lock(context: &Context<'_>, process: &Process) -> Check {
    let subject =
        Subject::host("locked memory", "Keys stay out of swap, and packet memory where the card finds it.");
    let needed = KEYS + if context.xdp() { packet_memory(context) } else { 0 };
    if process.has(IPC_LOCK) {
        return subject.ok(format!("{} may lock any amount (CAP_IPC_LOCK)", process.name));
    }
    match process.limit("Max locked memory") {
        None => subject.unknown(format!("the limit of {} cannot be read", process.name)),
        Some((u64::MAX, _)) => subject.ok(format!("{} may lock any amount", process.name)),
        Some((limit, _)) if limit >= needed => {
            subject.ok(format!("{} may lock {} MiB of {} MiB needed", process.name, mib(limit), mib(needed)))
        }
        Some((limit, _)) => subject
            .warning(format!("{} may lock {} MiB, and needs {} MiB", process.name, mib(limit), mib(needed)))
            .mend("ulimit -l unlimited")
            .advise("culvertd.service sets LimitMEMLOCK=infinity; the command is for the shell that starts culvertd"),
    }
}

fn mib(bytes: u64) -> u64 {
    bytes.div_ceil(1 << 20)
}

fn open_files(context: &Context<'_>, process: &Process) -> Check {
    let subject = Subject::host("open files", "The socket back end takes up to four sockets for a session.");
    if context.intent.backend == Backend::Xdp {
        return subject.not_applicable("AF_XDP takes no socket for a session");
    }
    let needed = u64::from(context.intent.max_sessions) * SOCKETS + OTHERS;
    let sessions = context.intent.max_sessions;
    match process.limit("Max open files") {
        None => subject.unknown(format!("the limit of {} cannot be read", process.name)),
        // culvertd raises the soft limit itself.
        Some((_, hard)) if hard >= needed => {
            subject.ok(format!("{} may open {needed}, which {sessions} sessions take", process.name))
        }
        Some((_, hard)) => subject
            .warning(format!("{} may open {hard}; {sessions} sessions take {needed}", process.name))
            .mend(format!("ulimit -n {needed}"))
            .advise(format!(
                "set LimitNOFILE={needed} in culvertd.service; the command is for the shell that starts culvertd"
            )),
    }
}

fn huge_pages(context: &Context<'_>) -> Check {
    let subject = Subject::host(
        "huge pages",
        "With packet memory on huge pages the processor misses fewer translations.",
    );
    if !context.xdp() {
        return subject.not_applicable("the socket back end has no packet memory");
    }
    if context.intent.huge_pages == HugePages::Never {
        return subject.not_applicable("not wanted");
    }
    let Some(memory) = context.host.text("/proc/meminfo") else {
        return subject.unknown("/proc/meminfo cannot be read");
    };
    let value = |name: &str| {
        let line = memory.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))?;
        line.split_whitespace().next()?.parse::<u64>().ok()
    };
    let (Some(total), Some(free), Some(size)) =
        (value("HugePages_Total"), value("HugePages_Free"), value("Hugepagesize"))
    else {
        return subject.not_applicable("this kernel has none");
    };
    if size * 1024 != HUGE_PAGE {
        return subject.not_applicable(format!("they are of {size} KiB here, not of 2 MiB"));
    }
    let workers = u64::from(context.intent.workers.unwrap_or(1));
    let needed = packet_memory(context).checked_div(workers).unwrap_or(0).div_ceil(HUGE_PAGE) * workers;
    if free >= needed {
        return subject.ok(format!("{free} of 2 MiB are free; {needed} are needed"));
    }
    // A running relay holds the ones it was given.
    if total >= needed && total > free {
        return subject
            .ok(format!("{total} of 2 MiB, of which {} are in use; {needed} are needed", total - free));
    }
    subject
        .warning(format!("{free} of 2 MiB are free; {needed} are needed"))
        .mend(format!("sysctl -w vm.nr_hugepages={}", total - free.min(total) + needed))
}
