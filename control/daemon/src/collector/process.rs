// SPDX-License-Identifier: MIT OR Apache-2.0
//! What the process takes of the host, under the names that Prometheus's own client libraries give it.

use std::fs;
use std::time::SystemTime;

use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::TimeVal;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::DescriptorEncoder;

use super::encode::{Encoded, counter, gauge, one};

/// Reads `/proc/self` at each scrape. For a registry without prefix.
#[derive(Debug)]
pub struct ProcessCollector {
    started: SystemTime,
}

impl ProcessCollector {
    /// Of the process that began then.
    pub fn new(started: SystemTime) -> ProcessCollector {
        ProcessCollector { started }
    }
}

impl Collector for ProcessCollector {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Encoded {
        let encoder = &mut encoder;
        let started = self.started.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        gauge(
            encoder,
            "process_start_time_seconds",
            "When the process began, since 1970",
            one(started.as_secs_f64()),
        )?;
        if let Ok(usage) = getrusage(UsageWho::RUSAGE_SELF) {
            let spent = seconds(usage.user_time()) + seconds(usage.system_time());
            counter(encoder, "process_cpu_seconds", "Processor time, of all threads", one(spent))?;
        }
        let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
        for (name, help, field) in [
            ("process_resident_memory_bytes", "Memory in use", "VmRSS"),
            ("process_virtual_memory_bytes", "Memory mapped", "VmSize"),
            ("process_locked_memory_bytes", "Memory that is never swapped out", "VmLck"),
        ] {
            gauge(
                encoder,
                name,
                help,
                kibibytes(&status, field).map(|kib| one(kib * 1024)).into_iter().flatten(),
            )?;
        }
        // With core dumps turned off, a process without privilege may not list its own.
        if let Ok(descriptors) = fs::read_dir("/proc/self/fd") {
            // One is the listing's.
            let open = (descriptors.count() as u64).saturating_sub(1);
            gauge(encoder, "process_open_fds", "File descriptors in use", one(open))?;
        }
        Ok(())
    }
}

fn seconds(time: TimeVal) -> f64 {
    time.tv_sec() as f64 + time.tv_usec() as f64 * 1e-6
}

/// A line of `/proc/self/status`: `VmRSS:     1234 kB`.
fn kibibytes(status: &str, field: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix(field)?.strip_prefix(':'))?;
    line.trim().strip_suffix("kB")?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_of_the_status_are_found() {
        let status = "Name:\tculvertd\nVmRSS:\t    1234 kB\nThreads:\t4\n";
        assert_eq!(
            [kibibytes(status, "VmRSS"), kibibytes(status, "VmSize"), kibibytes(status, "Threads")],
            [Some(1234), None, None]
        );
    }
}
