// SPDX-License-Identifier: MIT OR Apache-2.0
//! A report for people.

use std::collections::BTreeMap;
use std::fmt;

use super::{Direction, Report};

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b] = &self.sessions.protection;
        let early = if self.interrupted { ", ended early" } else { "" };
        writeln!(
            f,
            "run {}: {} sessions ({a} to {b}, made in {:.2} s), {} bytes of payload, {:.2} s over {}{early}",
            self.run,
            self.sessions.made,
            self.sessions.seconds,
            self.payload,
            self.elapsed_seconds,
            self.transport
        )?;
        self.directions.iter().try_for_each(|direction| write_direction(f, direction))?;
        if self.given_up > 0 {
            writeln!(f, "not sent, for want of time: {} packets that were due", self.given_up)?;
        }
        if self.key_expired > 0 {
            writeln!(f, "not sent, because a key had served its lifetime: {}", self.key_expired)?;
        }
        if self.foreign > 0 {
            writeln!(f, "arrivals that are no packet of the run: {}", self.foreign)?;
        }
        for hostile in &self.hostile {
            let dropped = match hostile.dropped {
                Some(count) => format!("the relay's sessions dropped {count} for its reasons"),
                None => "no session of the relay counts it".to_owned(),
            };
            writeln!(f, "hostile {}: sent {}, {dropped}", hostile.kind, hostile.sent)?;
        }
        let relay = &self.relay;
        let [from_a, from_b] = relay.relayed;
        writeln!(f, "relay: from A {from_a} packets relayed, from B {from_b}")?;
        write_counts(f, "dropped of these sessions", &relay.drops)?;
        write_counts(f, "dropped by the node's workers", &relay.worker_drops)?;
        write_counts(f, "counted by the XDP program", &relay.interfaces)?;
        write_counts(f, "dropped by AF_XDP sockets", &relay.socket_drops)?;
        if relay.sessions_left > 0 {
            let reason = relay.reason.as_deref().unwrap_or("no answer");
            writeln!(f, "sessions not deleted: {} ({reason})", relay.sessions_left)?;
        }
        Ok(())
    }
}

fn write_direction(f: &mut fmt::Formatter<'_>, direction: &Direction) -> fmt::Result {
    let Direction { name, sent, delivered, lost, .. } = direction;
    writeln!(
        f,
        "{name}: sent {sent} ({:.1}/s), delivered {delivered} ({:.1}/s), lost {lost} ({:.4} %)",
        direction.offered_rate,
        direction.delivered_rate,
        direction.loss * 100.0
    )?;
    writeln!(
        f,
        "  duplicates {}, reordered {} (extent up to {}), too late {}, misdirected {}",
        direction.duplicates,
        direction.reordered,
        direction.reordering_extent,
        direction.late,
        direction.misdirected
    )?;
    let samples = direction.samples;
    writeln!(
        f,
        "  opened {}: {} not authentic, {} not what was sent",
        samples.checked, samples.unauthentic, samples.different
    )?;
    let latency = &direction.latency;
    writeln!(
        f,
        "  latency in us: p50 {:.1}, p99 {:.1}, p99.9 {:.1}, greatest {:.1}, mean {:.1}",
        latency.p50_us, latency.p99_us, latency.p999_us, latency.max_us, latency.mean_us
    )
}

fn write_counts(f: &mut fmt::Formatter<'_>, what: &str, counts: &BTreeMap<String, u64>) -> fmt::Result {
    if counts.is_empty() {
        return Ok(());
    }
    let list: Vec<_> = counts.iter().map(|(name, count)| format!("{name} {count}")).collect();
    writeln!(f, "  {what}: {}", list.join(", "))
}
