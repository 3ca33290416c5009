// SPDX-License-Identifier: MIT OR Apache-2.0
//! The watcher against a real kernel, in network namespaces of its own.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::{net::IpAddr, time::Duration};

use culvert_route::{Hop, NeighbourKey, Resolution, RouteWatcher, Unreachable};
use culvert_testbed::{EndSpec, Namespace, connect};

/// A host and a peer, joined by a veth pair: cv0 at the host, cv1 at the peer.
struct Pair {
    host: Namespace,
    peer: Namespace,
}

impl Pair {
    fn new() -> Pair {
        let pair =
            Pair { host: Namespace::new("route-host").unwrap(), peer: Namespace::new("route-peer").unwrap() };
        let end = |name: &str| EndSpec::new(name).mtu(1400);
        connect(
            &pair.host,
            &end("cv0").address("192.0.2.1/24").address("2001:db8::1/64"),
            &pair.peer,
            &end("cv1").address("192.0.2.2/24").address("192.0.2.3/24").address("2001:db8::2/64"),
        )
        .unwrap();
        for setting in ["retrans_time_ms", "locktime"] {
            let value = if setting == "locktime" { "0" } else { "100" };
            pair.host.sysctl(&format!("net.ipv4.neigh.cv0.{setting}"), value).unwrap();
        }
        pair
    }

    fn host(&self, arguments: &str) {
        self.host.ip(arguments.split(' ')).unwrap();
    }

    fn peer(&self, arguments: &str) {
        self.peer.ip(arguments.split(' ')).unwrap();
    }

    fn set_peer_mac(&self, mac: &str) {
        self.peer(&format!("link set cv1 address {mac}"));
    }

    /// Runs a test where netlink sockets see the host: they belong to the namespace of the opening thread.
    fn run<F: Future<Output = ()>>(&self, test: impl FnOnce(RouteWatcher) -> F + Send) {
        let on_host = || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async { test(RouteWatcher::start().await.unwrap()).await });
        };
        self.host.run(on_host).unwrap();
    }
}

fn address(text: &str) -> IpAddr {
    text.parse().unwrap()
}

/// Resolves again at each change until the answer is as wanted, asking for neighbours as the daemon does.
async fn until(
    watcher: &RouteWatcher,
    destination: &str,
    wanted: impl Fn(&Resolution) -> bool,
) -> Resolution {
    let mut changes = watcher.changes();
    let mut last = None;
    let search = async {
        loop {
            changes.borrow_and_update();
            let resolution = watcher.resolve(address(destination));
            if wanted(&resolution) {
                return resolution;
            }
            match &resolution {
                Resolution::Pending { neighbour, .. } => watcher.request_neighbour(*neighbour),
                Resolution::Resolved(hop) => watcher.request_neighbour(hop.neighbour),
                Resolution::Unreachable(_) => {}
            }
            last = Some(resolution);
            changes.changed().await.unwrap();
        }
    };
    match tokio::time::timeout(Duration::from_secs(20), search).await {
        Ok(resolution) => resolution,
        Err(_) => panic!("{destination} stays {last:?}"),
    }
}

async fn until_hop(watcher: &RouteWatcher, destination: &str, wanted: impl Fn(&Hop) -> bool) -> Hop {
    let wanted = |resolution: &Resolution| matches!(resolution, Resolution::Resolved(hop) if wanted(hop));
    match until(watcher, destination, wanted).await {
        Resolution::Resolved(hop) => hop,
        other => panic!("{other:?}"),
    }
}

async fn until_unreachable(watcher: &RouteWatcher, destination: &str, reason: Unreachable) {
    until(watcher, destination, |resolution| *resolution == Resolution::Unreachable(reason.clone())).await;
}

#[test]
#[ignore = "needs root"]
fn real_neighbours_of_both_families_resolve() {
    let pair = Pair::new();
    pair.host("route add 198.51.100.0/24 via 192.0.2.3 mtu 1300");
    let (host, peer) = (pair.host.interface("cv0").unwrap(), pair.peer.interface("cv1").unwrap());
    pair.run(async |watcher| {
        let hop = |neighbour: &str, mtu| Hop {
            interface_index: host.index,
            interface_name: "cv0".into(),
            logical_name: "cv0".into(),
            source_mac: host.mac_address,
            destination_mac: peer.mac_address,
            vlan: None,
            mtu,
            neighbour: NeighbourKey { link: host.index, address: address(neighbour) },
        };
        let pending = watcher.resolve(address("192.0.2.2"));
        assert!(matches!(pending, Resolution::Pending { failed: false, .. }), "{pending:?}");
        assert_eq!(until_hop(&watcher, "192.0.2.2", |_| true).await, hop("192.0.2.2", 1400));
        assert_eq!(until_hop(&watcher, "2001:db8::2", |_| true).await, hop("2001:db8::2", 1400));
        assert_eq!(until_hop(&watcher, "198.51.100.9", |_| true).await, hop("192.0.2.3", 1300));
        until_unreachable(&watcher, "192.0.2.1", Unreachable::Local).await;
        until_unreachable(&watcher, "127.0.0.1", Unreachable::Local).await;
        until_unreachable(&watcher, "::1", Unreachable::Local).await;
        until_unreachable(&watcher, "192.0.2.255", Unreachable::Broadcast).await;
        until_unreachable(&watcher, "203.0.113.1", Unreachable::NoRoute).await;
        let addresses = watcher.with_table(|table| table.addresses(host.index));
        assert!(addresses.contains(&address("192.0.2.1")) && addresses.contains(&address("2001:db8::1")));
    });
}

#[test]
#[ignore = "needs root"]
fn a_neighbour_that_does_not_answer_has_failed_until_it_does() {
    let pair = Pair::new();
    pair.run(async |watcher| {
        let failed = |resolution: &Resolution| matches!(resolution, Resolution::Pending { failed: true, .. });
        until(&watcher, "192.0.2.4", failed).await;
        pair.peer("address add 192.0.2.4/24 dev cv1");
        until_hop(&watcher, "192.0.2.4", |_| true).await;
    });
}

#[test]
#[ignore = "needs root"]
fn an_announced_mac_change_is_followed() {
    let pair = Pair::new();
    pair.peer.sysctl("net.ipv4.conf.cv1.arp_notify", "1").unwrap();
    pair.run(async |watcher| {
        until_hop(&watcher, "192.0.2.2", |_| true).await;
        pair.set_peer_mac("02:00:00:00:00:77");
        until_hop(&watcher, "192.0.2.2", |hop| hop.destination_mac == [2, 0, 0, 0, 0, 0x77]).await;
    });
}

#[test]
#[ignore = "needs root"]
fn a_mac_change_that_nobody_announces_is_found_out() {
    let pair = Pair::new();
    for (setting, value) in
        [("base_reachable_time_ms", "500"), ("delay_first_probe_time", "1"), ("ucast_solicit", "1")]
    {
        pair.host.sysctl(&format!("net.ipv4.neigh.cv0.{setting}"), value).unwrap();
    }
    pair.peer.sysctl("net.ipv4.conf.cv1.arp_notify", "0").unwrap();
    pair.run(async |watcher| {
        until_hop(&watcher, "192.0.2.2", |_| true).await;
        pair.set_peer_mac("02:00:00:00:00:78");
        until_hop(&watcher, "192.0.2.2", |hop| hop.destination_mac == [2, 0, 0, 0, 0, 0x78]).await;
    });
}

#[test]
#[ignore = "needs root"]
fn route_changes_are_followed() {
    let pair = Pair::new();
    pair.run(async |watcher| {
        let by = |gateway: &str| {
            let gateway = address(gateway);
            move |hop: &Hop| hop.neighbour.address == gateway
        };
        until_unreachable(&watcher, "203.0.113.9", Unreachable::NoRoute).await;
        pair.host("route add default via 192.0.2.2");
        until_hop(&watcher, "203.0.113.9", by("192.0.2.2")).await;
        pair.host("route replace default via 192.0.2.3");
        until_hop(&watcher, "203.0.113.9", by("192.0.2.3")).await;
        pair.host("route add 203.0.113.0/24 via 192.0.2.2 metric 20");
        until_hop(&watcher, "203.0.113.9", by("192.0.2.2")).await;
        pair.host("route add prohibit 203.0.113.0/24 metric 10");
        until_unreachable(&watcher, "203.0.113.9", Unreachable::Prohibited).await;
        pair.host("route del prohibit 203.0.113.0/24 metric 10");
        until_hop(&watcher, "203.0.113.9", by("192.0.2.2")).await;
        pair.host("route del 203.0.113.0/24 metric 20");
        until_hop(&watcher, "203.0.113.9", by("192.0.2.3")).await;
        pair.host("route del default");
        until_unreachable(&watcher, "203.0.113.9", Unreachable::NoRoute).await;

        pair.host("-6 route add 2001:db8:1::/48 nexthop via 2001:db8::2 nexthop via 2001:db8::3");
        until(&watcher, "2001:db8:1::1", |resolution| !matches!(resolution, Resolution::Unreachable(_)))
            .await;
        pair.host("-6 route del 2001:db8:1::/48 via 2001:db8::3");
        until_hop(&watcher, "2001:db8:1::1", by("2001:db8::2")).await;
        pair.host("-6 route del 2001:db8:1::/48");
        until_unreachable(&watcher, "2001:db8:1::1", Unreachable::NoRoute).await;
    });
}

#[test]
#[ignore = "needs root"]
fn routes_that_the_kernel_drops_without_a_word_are_dropped() {
    let pair = Pair::new();
    pair.host("route add default via 192.0.2.2");
    pair.run(async |watcher| {
        until_hop(&watcher, "203.0.113.9", |_| true).await;
        pair.host("link set cv0 down");
        until_unreachable(&watcher, "203.0.113.9", Unreachable::NoRoute).await;
        pair.host("link set cv0 up");
        until_hop(&watcher, "192.0.2.2", |_| true).await;
        until_unreachable(&watcher, "203.0.113.9", Unreachable::NoRoute).await;
        pair.peer("link set cv1 down");
        until_unreachable(&watcher, "192.0.2.2", Unreachable::LinkDown { interface: "cv0".into() }).await;
        pair.peer("link set cv1 up");
        until_hop(&watcher, "192.0.2.2", |_| true).await;
        pair.host("address del 192.0.2.1/24 dev cv0");
        until_unreachable(&watcher, "192.0.2.2", Unreachable::NoRoute).await;
        pair.host("link del cv0");
        until_unreachable(&watcher, "2001:db8::2", Unreachable::NoRoute).await;
        let mut changes = watcher.changes();
        while watcher.with_table(|table| table.link_by_name("cv0").is_some()) {
            changes.changed().await.unwrap();
        }
    });
}

#[test]
#[ignore = "needs root"]
fn a_vlan_neighbour_resolves_to_the_parent_and_a_tag() {
    let pair = Pair::new();
    let (host, peer) = (pair.host.interface("cv0").unwrap(), pair.peer.interface("cv1").unwrap());
    pair.run(async |watcher| {
        for (namespace, link, own) in [(&pair.host, "cv0", "10.0.0.1/24"), (&pair.peer, "cv1", "10.0.0.2/24")]
        {
            let vlan = format!("{link}.100");
            let added =
                namespace.ip(["link", "add", "link", link, "name", &vlan, "type", "vlan", "id", "100"]);
            if added.as_ref().is_err_and(|error| error.to_string().contains("Unknown device type")) {
                return eprintln!("not tested: this kernel has no VLAN interfaces");
            }
            added.unwrap();
            namespace.ip(["address", "add", own, "dev", &vlan]).unwrap();
            namespace.ip(["link", "set", &vlan, "up"]).unwrap();
        }
        let hop = until_hop(&watcher, "10.0.0.2", |_| true).await;
        assert_eq!((hop.interface_index, hop.vlan), (host.index, Some(100)));
        assert_eq!((hop.interface_name.as_str(), hop.logical_name.as_str()), ("cv0", "cv0.100"));
        assert_eq!(hop.destination_mac, peer.mac_address);
        assert_eq!(watcher.resolve_by(address("10.0.0.2"), host.index), Resolution::Resolved(hop));
    });
}

#[test]
#[ignore = "needs root"]
fn a_flood_of_announcements_loses_nothing() {
    let pair = Pair::new();
    let batch: String = (0..20_000)
        .map(|index| format!("route add 10.{}.{}.0/24 via 192.0.2.2\n", index / 256, index % 256))
        .chain(["route add 203.0.113.0/24 via 192.0.2.3\n".to_owned()])
        .collect();
    let file = std::env::temp_dir().join(format!("{}.routes", pair.host.name()));
    std::fs::write(&file, batch).unwrap();
    pair.run(async |watcher| {
        // The runtime has one thread: while `ip` runs nobody reads, and the socket's buffer overflows.
        pair.host.ip(["-batch", file.to_str().unwrap()]).unwrap();
        until_hop(&watcher, "203.0.113.9", |_| true).await;
        for destination in ["10.0.0.1", "10.40.7.1", "10.78.31.1"] {
            until_hop(&watcher, destination, |hop| hop.neighbour.address == address("192.0.2.2")).await;
        }
    });
    std::fs::remove_file(file).unwrap();
}
