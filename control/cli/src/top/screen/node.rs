// SPDX-License-Identifier: MIT OR Apache-2.0
//! Cores, queues and drops.

use super::text::{count, left, percent, right, scaled};
use crate::top::rates::{Core, Drops, Node, Queue};

/// A table: its heading, and its rows.
pub(super) struct Table {
    pub(super) heading: String,
    pub(super) rows: Vec<String>,
}

/// The busiest first.
pub(super) fn cores(node: &Node) -> Table {
    let cells = |cells: [&str; 11]| {
        const WIDTHS: [usize; 11] = [4, 4, 7, 9, 7, 8, 7, 8, 8, 7, 8];
        cells.iter().zip(WIDTHS).map(|(cell, width)| right(cell, width)).collect::<String>()
    };
    let mut cores: Vec<&Core> = node.cores.iter().collect();
    cores.sort_by(|a, b| {
        b.utilisation.unwrap_or(0.0).total_cmp(&a.utilisation.unwrap_or(0.0)).then(a.worker.cmp(&b.worker))
    });
    let row = |core: &&Core| {
        cells([
            &core.worker.to_string(),
            &core.cpu.map_or_else(|| "-".to_owned(), |cpu| cpu.to_string()),
            &percent(core.utilisation),
            &percent(core.promised),
            &percent(core.limit),
            &scaled(core.received),
            &scaled(core.nanoseconds),
            &scaled(core.cycles),
            &scaled(core.handed_over),
            &count(core.flows),
            &scaled(core.drops),
        ])
    };
    Table {
        heading: cells([
            "CORE", "CPU", "UTIL", "PROMISED", "LIMIT", "PKT/s", "ns/PKT", "CYC/PKT", "MOVED/s", "FLOWS",
            "DROP/s",
        ]),
        rows: cores.iter().map(row).collect(),
    }
}

pub(super) fn queues(node: &Node) -> Table {
    let cells = |name: &str, cells: [&str; 4], rings: &str| {
        let fixed = cells.iter().zip([6, 5, 8, 8]).map(|(cell, width)| right(cell, width));
        format!("{}{}  {rings}", left(name, 15), fixed.collect::<String>())
    };
    let row = |queue: &Queue| {
        let rings = queue.rings.iter().map(|(name, used)| format!("{name} {:.0}%", used * 100.0));
        let mode = match (queue.zero_copy, queue.mode.as_str()) {
            (true, _) => "zero",
            (false, "") => "-",
            (false, mode) => mode,
        };
        let numbers = [&queue.queue.to_string(), &queue.worker.to_string(), mode, &scaled(queue.drops)];
        cells(&queue.interface, numbers, &rings.collect::<Vec<_>>().join(" "))
    };
    Table {
        heading: cells("INTERFACE", ["QUEUE", "CORE", "COPY", "DROP/s"], "RINGS IN USE"),
        rows: node.queues.iter().map(row).collect(),
    }
}

pub(super) fn drops(node: &Node) -> Table {
    let cells = |reason: &str, place: &str, rate: &str, total: &str| {
        format!("{} {}{}{}", left(reason, 32), left(place, 24), right(rate, 9), right(total, 12))
    };
    let row =
        |drops: &Drops| cells(&drops.reason, &drops.place, &scaled(drops.rate), &drops.total.to_string());
    Table {
        heading: cells("DROPPED OUTSIDE OF SESSIONS", "WHERE", "DROP/s", "TOTAL"),
        rows: node.drops.iter().map(row).collect(),
    }
}
