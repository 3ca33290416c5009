// SPDX-License-Identifier: MIT OR Apache-2.0
//! Hosts of each kind, and all that is said of them: `hosts/*.txt`.

mod support;

use culvert_doctor::{
    Backend, Channels, HugePages, Intent, Linux, PortRange, Unseen, Verdict, XdpFeatures, diagnose,
};
use support::{Fixture, card, report};

const PORTS: &str = "UDP over IPV4 flows use these fields for computing Hash flow key:\nIP SA\nIP DA\n\
                     L4 bytes 0 & 1 [TCP/UDP src port]\nL4 bytes 2 & 3 [TCP/UDP dst port]\n";
const ADDRESSES: &str = "UDP over IPV6 flows use these fields for computing Hash flow key:\nIP SA\nIP DA\n";
const DEVICE: &str = "/sys/bus/pci/devices/0000:17:00.0";
const ALL_RIGHTS: &str = "Name:\tculvertd\nCapEff:\t000000c000803000";
const LIMITS: &str = "Limit                     Soft Limit           Hard Limit           Units\n\
                      Max open files            1024                 262144               files\n\
                      Max locked memory         unlimited            unlimited            bytes";

/// Two sockets with four cores each, a card on the second, culvertd running on the cores there.
fn bare_metal() -> Fixture {
    let interrupts = "           CPU0\n 90:  1  PCI-MSIX-0000:17:00.0  0-edge  ice-ens1f0-TxRx-0\n \
                      91:  1  PCI-MSIX-0000:17:00.0  1-edge  ice-ens1f0-TxRx-1\n";
    let mut host = Fixture::new()
        .files(&[
            ("/proc/sys/kernel/osrelease", "6.18.2-1-amd64"),
            ("/sys/kernel/btf/vmlinux", ""),
            ("/proc/sys/net/core/bpf_jit_enable", "1"),
            ("/proc/812/comm", "culvertd"),
            ("/proc/812/status", ALL_RIGHTS),
            ("/proc/812/limits", LIMITS),
            (
                "/proc/meminfo",
                "HugePages_Total:      40\nHugePages_Free:       40\nHugepagesize:       2048 kB",
            ),
            ("/sys/devices/system/cpu/online", "0-7"),
            ("/sys/devices/system/cpu/cpu6/topology/thread_siblings_list", "2,6"),
            ("/sys/devices/system/cpu/cpu7/topology/thread_siblings_list", "3,7"),
            ("/sys/devices/system/cpu/cpu6/cpufreq/scaling_governor", "performance"),
            ("/sys/devices/system/cpu/cpu7/cpufreq/scaling_governor", "performance"),
            ("/sys/devices/system/clocksource/clocksource0/current_clocksource", "tsc"),
            ("/proc/sys/net/ipv4/ip_local_port_range", "32768\t60999"),
            ("/proc/sys/net/ipv4/ip_local_reserved_ports", ""),
            ("/proc/interrupts", interrupts),
            ("/proc/irq/90/effective_affinity_list", "6"),
            ("/proc/irq/91/effective_affinity_list", "7"),
            ("/sys/bus/pci/devices/0000:17:00.0/numa_node", "1"),
            ("/sys/devices/system/node/node1/cpulist", "4-7"),
        ])
        .link(card("ens1f0", DEVICE))
        .offloads(&[("rx-gro", false)]);
    host.drivers.insert("/sys/bus/pci/devices/0000:17:00.0/driver", "ice");
    host.xdp_features = Ok(XdpFeatures(0x0b));
    host.channels = Ok(Channels { combined: 2, combined_most: 64, ..Channels::default() });
    host.indirection = Ok(vec![0, 1, 0, 1]);
    host.programs.insert("ethtool -n ens1f0 rx-flow-hash udp4", Ok(PORTS.to_owned()));
    host.programs.insert("ethtool -n ens1f0 rx-flow-hash udp6", Ok(PORTS.to_owned()));
    host.programs.insert("nft list ruleset", Ok(String::new()));
    host
}

/// Two workers on the last CPUs, packets by AF_XDP where possible.
fn two_workers(interface: &str) -> Intent {
    let ports = PortRange { realm: "outside".to_owned(), first: 20_000, last: 29_999 };
    Intent {
        interfaces: vec![interface.to_owned()],
        workers: Some(2),
        ports: vec![ports],
        ..Intent::default()
    }
}

#[test]
fn bare_metal_that_is_set_up() {
    assert_eq!(
        report(&diagnose(&bare_metal(), &two_workers("ens1f0"))),
        include_str!("hosts/bare-metal.txt")
    );
}

#[test]
fn bare_metal_as_it_comes() {
    let interrupts = "\n 90: 1  ice-ens1f0-TxRx-0\n 91: 1  ice-ens1f0-TxRx-1\n 92: 1  ice-ens1f0-TxRx-2\n \
                      93: 1  ice-ens1f0-TxRx-3\n";
    let mut host = bare_metal()
        .files(&[
            ("/proc/sys/kernel/osrelease", "6.1.0-18-amd64"),
            ("/proc/sys/net/core/bpf_jit_enable", "0"),
            ("/proc/812/comm", "other"),
            ("/proc/self/status", "CapEff:\t0000000000000000"),
            (
                "/proc/self/limits",
                "Max open files            1024                 4096                 files\n\
                 Max locked memory         8388608              8388608              bytes",
            ),
            (
                "/proc/meminfo",
                "HugePages_Total:      10\nHugePages_Free:        4\nHugepagesize:       2048 kB",
            ),
            ("/sys/devices/system/cpu/cpu2/topology/thread_siblings_list", "2,6"),
            ("/sys/devices/system/cpu/cpu2/cpufreq/scaling_governor", "powersave"),
            ("/sys/devices/system/cpu/cpu6/cpufreq/scaling_governor", "powersave"),
            ("/sys/devices/system/clocksource/clocksource0/current_clocksource", "hpet"),
            ("/sys/devices/system/clocksource/clocksource0/available_clocksource", "tsc hpet acpi_pm"),
            ("/proc/sys/net/ipv4/ip_local_port_range", "1024\t60999"),
            ("/proc/sys/net/ipv4/ip_local_reserved_ports", "8080,29000-30000"),
            ("/proc/interrupts", interrupts),
            ("/proc/irq/90/effective_affinity_list", "2"),
            ("/proc/irq/91/effective_affinity_list", "2"),
            ("/proc/irq/92/effective_affinity_list", ""),
            ("/proc/irq/92/smp_affinity_list", "0-7"),
            ("/proc/irq/93/effective_affinity_list", "5"),
        ])
        .offloads(&[("rx-lro", false), ("rx-vlan-hw-parse", false), ("rx-gro-list", false)]);
    host.files.remove("/sys/kernel/btf/vmlinux");
    host.files.insert("/sys/kernel/notes".to_owned(), String::new());
    host.links[0].mtu = 3000;
    let mut vlan = card("ens1f0.7", DEVICE);
    (vlan.index, vlan.kind, vlan.parent, vlan.device) = (9, Some("vlan".to_owned()), Some(2), None);
    host.links.push(vlan);
    host.xdp_features = Err(Unseen::Unsupported);
    host.channels = Ok(Channels { combined: 4, combined_most: 64, ..Channels::default() });
    host.indirection = Ok(vec![0, 1, 2, 3]);
    host.programs.insert("ethtool -n ens1f0 rx-flow-hash udp6", Ok(ADDRESSES.to_owned()));
    host.programs.insert(
        "nft list ruleset",
        Ok("table inet filter {\n chain input {\n type filter hook input priority 0;\n }\n}\n".to_owned()),
    );
    host.srtp = vec!["portable"];
    // By the name of its VLAN, the same interface.
    let mut intent = Intent { cores: vec![2, 6], ..two_workers("ens1f0.7") };
    intent.interfaces.push("ens1f0".to_owned());
    assert_eq!(report(&diagnose(&host, &intent)), include_str!("hosts/bare-metal-as-it-comes.txt"));
}

#[test]
fn a_virtual_machine() {
    let mut host = Fixture::new()
        .files(&[
            ("/proc/sys/kernel/osrelease", "6.8.0-45-generic"),
            ("/sys/kernel/btf/vmlinux", ""),
            ("/proc/sys/net/core/bpf_jit_enable", "1"),
            ("/proc/self/status", "CapEff:\t000001ffffffffff"),
            ("/proc/self/limits", LIMITS),
            (
                "/proc/meminfo",
                "HugePages_Total:       0\nHugePages_Free:        0\nHugepagesize:       2048 kB",
            ),
            ("/sys/devices/system/cpu/online", "0-1"),
            ("/sys/devices/system/clocksource/clocksource0/current_clocksource", "acpi_pm"),
            ("/sys/devices/system/clocksource/clocksource0/available_clocksource", "acpi_pm"),
            ("/proc/sys/net/ipv4/ip_local_port_range", "32768\t60999"),
            ("/sys/bus/virtio/devices/virtio0/../numa_node", "-1"),
        ])
        .link(card("eth0", "/sys/bus/virtio/devices/virtio0"))
        .offloads(&[("rx-gro-hw", true)]);
    host.drivers.insert("/sys/bus/virtio/devices/virtio0/driver", "virtio_net");
    host.xdp_features = Ok(XdpFeatures(0x03));
    host.channels = Ok(Channels { combined: 1, combined_most: 1, ..Channels::default() });
    assert_eq!(report(&diagnose(&host, &two_workers("eth0"))), include_str!("hosts/virtual-machine.txt"));
}

/// A veth in a network namespace: as culvertd sees it in a container.
fn container() -> Fixture {
    let mut end = card("eth0", DEVICE);
    (end.index, end.kind, end.parent, end.device) = (5, Some("veth".to_owned()), Some(6), None);
    end.receive_queues = 2;
    let mut host = Fixture::new()
        .files(&[
            ("/proc/sys/kernel/osrelease", "6.18.2-1-amd64"),
            ("/sys/kernel/btf/vmlinux", ""),
            ("/proc/1/comm", "culvertd"),
            ("/proc/1/status", ALL_RIGHTS),
            ("/proc/1/limits", LIMITS),
            (
                "/proc/meminfo",
                "HugePages_Total:      40\nHugePages_Free:        8\nHugepagesize:       2048 kB",
            ),
            ("/sys/devices/system/cpu/online", "0-3"),
            ("/sys/devices/system/clocksource/clocksource0/current_clocksource", "kvm-clock"),
            ("/proc/sys/net/ipv4/ip_local_port_range", "32768\t60999"),
        ])
        .link(end)
        .offloads(&[("rx-vlan-hw-parse", false)]);
    host.xdp_features = Ok(XdpFeatures(0x27));
    host.channels =
        Ok(Channels { receive: 2, receive_most: 2, transmit: 2, transmit_most: 2, ..Channels::default() });
    host
}

#[test]
fn a_container() {
    assert_eq!(report(&diagnose(&container(), &two_workers("eth0"))), include_str!("hosts/container.txt"));
}

#[test]
fn a_container_over_sockets() {
    let intent = Intent { backend: Backend::Socket, ..two_workers("eth0") };
    assert_eq!(report(&diagnose(&container(), &intent)), include_str!("hosts/container-over-sockets.txt"));
}

#[test]
fn a_host_of_which_nothing_can_be_read() {
    let refused = || Unseen::Failed("Permission denied".to_owned());
    let mut host = Fixture::new().link(card("eth0", DEVICE));
    host.xdp_features = Err(refused());
    host.channels = Err(refused());
    host.features = Err(refused());
    host.indirection = Err(refused());
    host.af_xdp = Err(refused());
    host.programs.insert("ethtool -n eth0 rx-flow-hash udp4", Err(refused()));
    host.programs.insert("nft list ruleset", Err(refused()));
    assert_eq!(report(&diagnose(&host, &two_workers("eth0"))), include_str!("hosts/closed.txt"));
}

#[test]
fn huge_pages_that_are_not_wanted_are_of_no_concern() {
    let intent = Intent { huge_pages: HugePages::Never, ..two_workers("eth0") };
    let checks = diagnose(&container(), &intent);
    let check = checks.iter().find(|check| check.name == "huge pages").unwrap();
    assert_eq!((check.verdict, check.found.as_str()), (Verdict::NotApplicable, "not wanted"));
}

#[test]
fn an_interface_that_is_not_there_is_a_problem() {
    let checks = diagnose(&container(), &two_workers("eth7"));
    let expected = "problem interface of eth7: there is no such interface\n  -> this host has eth0\n";
    assert_eq!(report(checks.get(..1).unwrap()), expected);
}

#[test]
fn without_a_configuration_physical_interfaces_are_looked_at() {
    let mut host = bare_metal();
    host.links.extend(container().links);
    let checks = diagnose(&host, &Intent::default());
    let mut interfaces: Vec<_> = checks.iter().filter_map(|check| check.interface.as_deref()).collect();
    interfaces.dedup();
    assert_eq!(interfaces, ["ens1f0"]);
}

/// What this machine is, nobody knows beforehand; that all is looked at, and in order, holds everywhere.
#[test]
fn this_host_is_looked_at() {
    let checks = diagnose(&Linux, &Intent::default());
    assert!(checks.is_sorted_by_key(|check| check.verdict), "{checks:#?}");
    for name in ["kernel", "AF_XDP sockets", "BTF", "capabilities", "huge pages", "clock source", "CPUs"] {
        let found: Vec<_> = checks.iter().filter(|check| check.name == name).collect();
        assert!(matches!(found[..], [check] if check.interface.is_none()), "{name}: {found:#?}");
    }
}
