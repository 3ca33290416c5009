// SPDX-License-Identifier: MIT OR Apache-2.0
//! An interface: state, driver, MTU, offloads, NUMA node.

use super::{Context, Interface};
use crate::check::{Check, Verdict};
use crate::cpus;
use crate::host::{Unseen, XdpFeatures};

/// Bytes that XDP keeps free before a packet.
const HEADROOM: u32 = 256;
/// An Ethernet header with a VLAN tag.
const ETHERNET: u32 = 18;
const LARGER_FRAME: u32 = 4096;
/// Drivers that run XDP programs, for kernels that cannot be asked; in the second list those with zero-copy.
const NATIVE: [&str; 15] = [
    "bnxt_en",
    "ena",
    "gve",
    "hv_netvsc",
    "igb",
    "mlx4_en",
    "mvneta",
    "netvsc",
    "qede",
    "sfc",
    "tun",
    "veth",
    "virtio_net",
    "vmxnet3",
    "xen-netfront",
];
const ZERO_COPY: [&str; 8] = ["i40e", "ice", "idpf", "igc", "ixgbe", "mlx5_core", "nfp", "stmmac"];
/// An offload: the kernel's name, ethtool's.
type Offload = (&'static str, &'static str);
/// They join segments of TCP before XDP, for which drivers refuse XDP.
const REFUSED: [Offload; 2] = [("rx-lro", "lro"), ("rx-gro-hw", "rx-gro-hw")];
/// They join datagrams of UDP, which generic mode then sees as one.
const JOINING: [Offload; 2] =
    [("rx-udp-gro-forwarding", "rx-udp-gro-forwarding"), ("rx-gro-list", "rx-gro-list")];
/// It takes the tag out of the packet, where XDP looks for it.
const VLAN: Offload = ("rx-vlan-hw-parse", "rxvlan");

pub(super) fn checks(context: &Context<'_>, interface: &Interface<'_>) -> Vec<Check> {
    vec![
        state(interface),
        native(context, interface),
        zero_copy(context, interface),
        mtu(context, interface),
        offloads(context, interface),
        numa(context, interface),
    ]
}

fn state(interface: &Interface<'_>) -> Check {
    let subject = interface.subject("link", "Nothing comes or goes by an interface that is down.");
    let name = &interface.link.name;
    match (interface.link.up, interface.link.carrier) {
        (false, _) => subject.problem("down").mend(format!("ip link set dev {name} up")),
        (true, false) => {
            subject.warning("up, without a carrier").advise("look at the cable and the other end")
        }
        (true, true) => subject.ok("up"),
    }
}

/// What the driver can do: as it says, else as it is known.
fn features(context: &Context<'_>, interface: &Interface<'_>) -> Result<XdpFeatures, String> {
    const NATIVE_AND_REDIRECT: u64 = 3;
    const WITH_ZERO_COPY: u64 = 11;
    match (context.host.xdp_features(interface.link), interface.driver.as_deref()) {
        (Ok(features), _) => Ok(features),
        (Err(Unseen::Failed(reason)), _) => Err(reason),
        (Err(Unseen::Unsupported), None) => Err("its driver cannot be found out".to_owned()),
        (Err(Unseen::Unsupported), Some(driver)) => Ok(XdpFeatures(match driver {
            driver if ZERO_COPY.contains(&driver) => WITH_ZERO_COPY,
            driver if NATIVE.contains(&driver) => NATIVE_AND_REDIRECT,
            _ => 0,
        })),
    }
}

fn native(context: &Context<'_>, interface: &Interface<'_>) -> Check {
    let subject = interface
        .subject("XDP in the driver", "In generic mode each packet is first made into a socket buffer.");
    if !context.xdp() {
        return subject.not_applicable("the socket back end does without");
    }
    match features(context, interface) {
        Err(reason) => subject.unknown(reason),
        Ok(features) if features.native() && features.redirect() => {
            subject.ok(format!("{} has it", interface.driver()))
        }
        Ok(_) => subject.warning(format!("{} does not have it", interface.driver())).advise(match interface
            .driver()
        {
            "veth" => "give the other end no more transmit queues than this end has receive queues",
            _ => "media go in generic mode, at some cost; a newer kernel or another card may have it",
        }),
    }
}

fn zero_copy(context: &Context<'_>, interface: &Interface<'_>) -> Check {
    let subject = interface.subject(
        "zero-copy",
        "Without it the kernel copies each packet, and sends it by way of a socket buffer.",
    );
    if !context.xdp() || !context.intent.zero_copy {
        return subject.not_applicable("not wanted");
    }
    match features(context, interface) {
        Err(reason) => subject.unknown(reason),
        Ok(features) if features.zero_copy() => subject.ok(format!("{} has it", interface.driver())),
        Ok(_) => subject
            .warning(format!("{} does not have it on this kernel", interface.driver()))
            .advise(format!("cards with {} have it", ZERO_COPY.join(", "))),
    }
}

fn mtu(context: &Context<'_>, interface: &Interface<'_>) -> Check {
    let subject =
        interface.subject("MTU", "A packet with its headers has to fit into one frame of packet memory.");
    let (mtu, frame) = (interface.link.mtu, context.intent.frame_size);
    if !context.xdp() {
        return subject.ok(mtu.to_string());
    }
    let room = |frame: u32| frame.saturating_sub(HEADROOM + ETHERNET);
    let most = room(frame);
    if mtu <= most {
        return subject.ok(format!("{mtu}; frames of {frame} bytes take {most}"));
    }
    let check = subject.problem(format!("{mtu}; frames of {frame} bytes take {most}"));
    let check = check.mend(format!("ip link set dev {} mtu 1500", interface.link.name));
    if mtu <= room(LARGER_FRAME) {
        return check.advise(format!("or set engine.frame_size = {LARGER_FRAME}"));
    }
    check
}

fn offloads(context: &Context<'_>, interface: &Interface<'_>) -> Check {
    let subject = interface.subject(
        "offloads",
        "XDP takes packets as the sender sent them: not joined, and with their VLAN tag in place.",
    );
    if !context.xdp() {
        return subject.not_applicable("the socket back end takes what the kernel makes of them");
    }
    let name = &interface.link.name;
    let features = match context.host.features(name) {
        Ok(features) => features,
        Err(unseen) => return subject.unseen(&unseen, "the driver has none"),
    };
    let on = |offloads: &[Offload]| {
        let on = |(kernel, tool): &Offload| {
            features.get(*kernel).filter(|feature| feature.active).map(|feature| (*tool, feature.fixed))
        };
        offloads.iter().filter_map(on).collect::<Vec<_>>()
    };
    let refused = on(&REFUSED);
    let mut lost = on(&JOINING);
    if interface.vlan {
        lost.extend(on(&[VLAN]));
    }
    let verdict = match (lost.is_empty(), refused.is_empty()) {
        (false, _) => Verdict::Problem,
        (true, false) => Verdict::Warning,
        (true, true) => return subject.ok("none that XDP would be led astray by"),
    };
    let wrong = [refused, lost].concat();
    let names: Vec<&str> = wrong.iter().map(|(name, _)| *name).collect();
    let check = subject.is(verdict, format!("{} on", are(&names)));
    let fixed: Vec<&str> = wrong.iter().filter(|(_, fixed)| *fixed).map(|(name, _)| *name).collect();
    let check = wrong
        .iter()
        .filter(|(_, fixed)| !fixed)
        .fold(check, |check, (tool, _)| check.mend(format!("ethtool -K {name} {tool} off")));
    if fixed.is_empty() {
        return check;
    }
    check.advise(format!("{} cannot be changed on {}", fixed.join(", "), interface.driver()))
}

fn are(names: &[&str]) -> String {
    format!("{} {}", names.join(", "), if names.len() == 1 { "is" } else { "are" })
}

fn numa(context: &Context<'_>, interface: &Interface<'_>) -> Check {
    let subject =
        interface.subject("NUMA", "A packet that crosses to another node costs more than its encryption.");
    let Some(device) = &interface.link.device else {
        return subject.not_applicable("no device lies behind it");
    };
    // A virtio device lies in the directory of its PCI device, which knows.
    let paths = [format!("{device}/numa_node"), format!("{device}/../numa_node")];
    let node = paths.iter().find_map(|path| context.host.text(path)?.trim().parse::<i32>().ok());
    let Some(node) = node.filter(|node| *node >= 0) else {
        return subject.not_applicable("it is on no node");
    };
    let list = context.host.text(&format!("/sys/devices/system/node/node{node}/cpulist"));
    let Some(list) = list else { return subject.unknown(format!("the CPUs of node {node} cannot be read")) };
    let near = cpus::parse(&list);
    let far: Vec<u32> = context.placement.iter().filter(|cpu| !near.contains(cpu)).copied().collect();
    if far.is_empty() {
        let found = format!("node {node}, with CPU {}", cpus::write(&near));
        return subject.ok(if context.placement.is_empty() {
            found
        } else {
            format!("{found}; so are the workers")
        });
    }
    subject
        .warning(format!("it is on node {node}, workers on CPU {} are not", cpus::write(&far)))
        .advise(format!("choose engine.cores from {}", cpus::write(&near)))
}
