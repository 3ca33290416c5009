// SPDX-License-Identifier: MIT OR Apache-2.0
//! Where the interrupts of an interface's queues are handled.

use super::{Context, Interface, count};
use crate::check::Check;
use crate::cpus;

/// An interrupt of a receive queue.
#[derive(Debug, PartialEq, Eq)]
struct Interrupt {
    number: u32,
    queue: u32,
}

pub(super) fn check(context: &Context<'_>, interface: &Interface<'_>) -> Check {
    let subject = interface
        .subject("interrupts", "A queue's interrupt on another worker's CPU takes that worker's time.");
    let Some(device) = &interface.link.device else {
        return subject.not_applicable("no device lies behind it");
    };
    if context.placement.is_empty() {
        return subject.not_applicable("the workers are not pinned, or not decided; give --config");
    }
    let table = context.host.text("/proc/interrupts").unwrap_or_default();
    let names = [interface.link.name.as_str(), device.rsplit('/').next().unwrap_or_default()];
    let interrupts = of(&names, &table);
    if interrupts.is_empty() {
        return subject.unknown("none in /proc/interrupts bears its name");
    }
    let mut astray = Vec::new();
    for interrupt in &interrupts {
        let own = context.placement.get(interrupt.queue as usize);
        let path = format!("/proc/irq/{}", interrupt.number);
        // What is in force; the other is what was asked for.
        let list = ["effective_affinity_list", "smp_affinity_list"].iter().find_map(|file| {
            context.host.text(&format!("{path}/{file}")).filter(|text| !text.trim().is_empty())
        });
        let Some(list) = list else { return subject.unknown(format!("{path} cannot be read")) };
        let handled = cpus::parse(&list);
        let elsewhere = handled.iter().any(|cpu| context.placement.contains(cpu) && Some(cpu) != own);
        if elsewhere {
            astray.push((interrupt, own, handled));
        }
    }
    if astray.is_empty() {
        return subject
            .ok(format!("{} apart from the other queues' workers", count(interrupts.len(), "interrupt")));
    }
    let found: Vec<String> = astray
        .iter()
        .map(|(interrupt, _, handled)| format!("queue {} on CPU {}", interrupt.queue, cpus::write(handled)))
        .collect();
    let check = subject.warning(found.join(", ")).advise("stop irqbalance, which would move them again");
    // A queue without a worker goes where no worker runs.
    let free = context.cpus.iter().find(|cpu| !context.placement.contains(cpu));
    astray.iter().fold(check, |check, (interrupt, own, _)| match own.or(free) {
        Some(cpu) => check.mend(format!("echo {cpu} > /proc/irq/{}/smp_affinity_list", interrupt.number)),
        None => check,
    })
}

/// Those of receive queues in the text of /proc/interrupts. Drivers name them in ways of their own: `eth0-TxRx-3`,
/// `eth0-rx-3`, `virtio0-input.3`, `mlx5_comp3@pci:0000:17:00.0`, `i40e-eth0-TxRx-3`, `gve-ntfy-blk3@pci:0000:00:04.0`.
fn of(names: &[&str], table: &str) -> Vec<Interrupt> {
    let mut found = Vec::new();
    for line in table.lines() {
        let Some((number, rest)) = line.trim_start().split_once(':') else { continue };
        let (Ok(number), Some(action)) = (number.parse(), rest.split_whitespace().last()) else { continue };
        let mine = names.iter().any(|name| mentions(action, name));
        let other = ["output", "config", "async", "mgmnt", "-tx-", "-Tx-", "control"];
        if !mine || other.iter().any(|word| action.contains(word)) && !action.contains("Tx-Rx") {
            continue;
        }
        let action = action.split_once('@').map_or(action, |(before, _)| before);
        let digits = action.trim_end_matches(|letter: char| letter.is_ascii_digit());
        let queue = action.get(digits.len()..).unwrap_or_default();
        if !names.contains(&action)
            && let Ok(queue) = queue.parse()
        {
            found.push(Interrupt { number, queue });
        }
    }
    found
}

/// Whether a name stands in a text, not as part of a longer one: `eth1` is not in `eth10-TxRx-0`.
fn mentions(text: &str, name: &str) -> bool {
    let part = |letter: char| letter.is_ascii_alphanumeric();
    text.match_indices(name).any(|(at, _)| {
        let before = text.get(..at).and_then(|before| before.chars().next_back());
        let after = text.get(at + name.len()..).and_then(|after| after.chars().next());
        !name.is_empty() && !before.is_some_and(part) && !after.is_some_and(part)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_names_that_drivers_give() {
        let table = "           CPU0       CPU1
 24:          1          0  IO-APIC   5-edge      ACPI:Ged
 35:          9          0 PCI-MSIX-0000:17:00.0   0-edge      eth1
 36:          9          0 PCI-MSIX-0000:17:00.0   1-edge      eth1-TxRx-0
 37:          9          0 PCI-MSIX-0000:17:00.0   2-edge      i40e-eth1-TxRx-1
 38:          9          0 PCI-MSIX-0000:17:00.0   3-edge      eth1-rx-2
 39:          9          0 PCI-MSIX-0000:17:00.0   3-edge      eth1-tx-2
 40:          9          0 PCI-MSIX-0000:18:00.0   3-edge      eth10-TxRx-0
 41:          9          0 PCI-MSIX-0000:17:00.0   3-edge      mlx5_comp3@pci:0000:17:00.0
 42:          9          0 PCI-MSIX-0000:17:00.0   3-edge      mlx5_async0@pci:0000:17:00.0
 43:          9          0 PCI-MSIX-0000:17:00.0   3-edge      virtio2-input.0
 44:          9          0 PCI-MSIX-0000:17:00.0   3-edge      virtio2-output.0
 45:          9          0 PCI-MSIX-0000:17:00.0   3-edge      eth1-Tx-Rx-4
NMI:          0          0   Non-maskable interrupts
";
        let queues = |names: &[&str]| {
            of(names, table).iter().map(|found| (found.number, found.queue)).collect::<Vec<_>>()
        };
        assert_eq!(queues(&["eth1", "0000:17:00.0"]), [(36, 0), (37, 1), (38, 2), (41, 3), (45, 4)]);
        assert_eq!(queues(&["eth0", "virtio2"]), [(43, 0)]);
        assert_eq!(queues(&["eth2", ""]), []);
    }
}
