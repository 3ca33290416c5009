// SPDX-License-Identifier: MIT OR Apache-2.0
use super::*;
use crate::{Change, Insert, Update};

const ETH0: u32 = 2;
const ETH1: u32 = 3;
const VLAN: u32 = 4;
const TUNNEL: u32 = 5;
const OWN: [u8; 6] = [2, 0, 0, 0, 0, 1];
const ROUTER: [u8; 6] = [2, 0, 0, 0, 0, 2];
const PEER: [u8; 6] = [2, 0, 0, 0, 0, 3];

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

fn link(index: u32, name: &str) -> Link {
    Link {
        index,
        name: name.into(),
        mac: Some(OWN),
        mtu: 1500,
        mtu_ipv6: None,
        up: true,
        carrier: true,
        kind: LinkKind::Ethernet,
    }
}

fn hop(link: u32, gateway: Option<&str>) -> NextHop {
    NextHop { link, gateway: gateway.map(ip), weight: 1, dead: false, encapsulation: Encapsulation::None }
}

fn route(prefix: &str, metric: u32, hops: &[NextHop]) -> Route {
    let (destination, length) = prefix.split_once('/').unwrap();
    Route {
        table: Table::Main,
        destination: ip(destination),
        prefix_length: length.parse().unwrap(),
        metric,
        kind: RouteKind::Unicast,
        mtu: None,
        hops: hops.to_vec(),
    }
}

fn neighbour(link: u32, address: &str, mac: Option<[u8; 6]>) -> Update {
    Update::Neighbour(NeighbourKey { link, address: ip(address) }, mac)
}

/// eth0 with 192.0.2.0/24 and a default route by 192.0.2.254, both neighbours known; eth1 with nothing.
fn table() -> RouteTable {
    let mut table = RouteTable::new();
    for update in [
        Update::Link(link(ETH0, "eth0")),
        Update::Link(link(ETH1, "eth1")),
        Update::Address { link: ETH0, address: ip("192.0.2.1") },
        Update::Route(route("192.0.2.0/24", 0, &[hop(ETH0, None)]), Insert::Last),
        Update::Route(route("0.0.0.0/0", 0, &[hop(ETH0, Some("192.0.2.254"))]), Insert::Last),
        neighbour(ETH0, "192.0.2.254", Some(ROUTER)),
        neighbour(ETH0, "192.0.2.7", Some(PEER)),
    ] {
        assert_eq!(table.apply(update), Change::Changed);
    }
    table
}

fn add(table: &mut RouteTable, route: Route) {
    assert_eq!(table.apply(Update::Route(route, Insert::Last)), Change::Changed);
}

fn resolved(resolution: Resolution) -> Hop {
    match resolution {
        Resolution::Resolved(hop) => hop,
        other => panic!("not resolved: {other:?}"),
    }
}

fn unreachable(reason: Unreachable) -> Resolution {
    Resolution::Unreachable(reason)
}

#[test]
fn an_on_link_destination_is_its_own_next_hop() {
    let neighbour = NeighbourKey { link: ETH0, address: ip("192.0.2.7") };
    let expected = Hop {
        interface_index: ETH0,
        interface_name: "eth0".into(),
        logical_name: "eth0".into(),
        source_mac: OWN,
        destination_mac: PEER,
        vlan: None,
        mtu: 1500,
        neighbour,
    };
    assert_eq!(table().resolve(ip("192.0.2.7")), Resolution::Resolved(expected.clone()));
    assert_eq!(table().resolve(ip("::ffff:192.0.2.7")), Resolution::Resolved(expected));
}

#[test]
fn a_distant_destination_goes_by_the_gateway() {
    let hop = resolved(table().resolve(ip("203.0.113.9")));
    assert_eq!(hop.destination_mac, ROUTER);
    assert_eq!(hop.neighbour, NeighbourKey { link: ETH0, address: ip("192.0.2.254") });
}

#[test]
fn an_unknown_neighbour_is_pending() {
    let mut table = table();
    let key = NeighbourKey { link: ETH0, address: ip("192.0.2.8") };
    let pending = |failed| Resolution::Pending { neighbour: key, interface: "eth0".into(), failed };
    assert_eq!(table.resolve(key.address), pending(false));
    assert_eq!(table.apply(Update::Neighbour(key, None)), Change::Changed);
    assert_eq!(table.resolve(key.address), pending(false));
    assert_eq!(table.apply(Update::NeighbourFailed(key)), Change::Changed);
    assert_eq!(table.resolve(key.address), pending(true));
    assert_eq!(table.apply(Update::NeighbourStale(key, PEER)), Change::Changed);
    assert_eq!(resolved(table.resolve(key.address)).destination_mac, PEER);
    assert_eq!(table.apply(Update::Neighbour(key, Some(PEER))), Change::None);
    assert_eq!(table.apply(Update::Neighbour(key, Some(ROUTER))), Change::Changed);
    assert_eq!(resolved(table.resolve(key.address)).destination_mac, ROUTER);
    assert_eq!(table.apply(Update::NeighbourGone(key)), Change::Changed);
    assert_eq!(table.resolve(key.address), pending(false));
}

#[test]
fn the_smaller_metric_wins_and_its_removal_uncovers_the_other() {
    let mut table = table();
    let better = route("198.51.100.0/24", 10, &[hop(ETH0, Some("192.0.2.7"))]);
    add(&mut table, route("198.51.100.0/24", 20, &[hop(ETH0, Some("192.0.2.254"))]));
    assert_eq!(resolved(table.resolve(ip("198.51.100.1"))).destination_mac, ROUTER);
    add(&mut table, better.clone());
    assert_eq!(resolved(table.resolve(ip("198.51.100.1"))).destination_mac, PEER);
    assert_eq!(table.apply(Update::RouteGone(better)), Change::Changed);
    assert_eq!(resolved(table.resolve(ip("198.51.100.1"))).destination_mac, ROUTER);
}

#[test]
fn a_vlan_sub_interface_leaves_by_its_parent_with_a_tag() {
    let mut table = table();
    let mut vlan = link(VLAN, "eth1.100");
    vlan.kind = LinkKind::Vlan { parent: ETH1, id: 100 };
    vlan.mac = Some(ROUTER);
    vlan.mtu = 1496;
    table.apply(Update::Link(vlan));
    add(&mut table, route("10.0.0.0/24", 0, &[hop(VLAN, None)]));
    table.apply(neighbour(VLAN, "10.0.0.2", Some(PEER)));
    let expected = Hop {
        interface_index: ETH1,
        interface_name: "eth1".into(),
        logical_name: "eth1.100".into(),
        source_mac: ROUTER,
        destination_mac: PEER,
        vlan: Some(100),
        mtu: 1496,
        neighbour: NeighbourKey { link: VLAN, address: ip("10.0.0.2") },
    };
    for resolution in [
        table.resolve(ip("10.0.0.2")),
        table.resolve_by(ip("10.0.0.2"), VLAN),
        table.resolve_by(ip("10.0.0.2"), ETH1),
    ] {
        assert_eq!(resolution, Resolution::Resolved(expected.clone()));
    }
    let by_eth0 = resolved(table.resolve_by(ip("10.0.0.2"), ETH0));
    assert_eq!((by_eth0.interface_index, by_eth0.vlan), (ETH0, None));

    let mut parent = link(ETH1, "eth1");
    parent.carrier = false;
    assert_eq!(table.apply(Update::Link(parent)), Change::Resync);
    assert_eq!(
        table.resolve(ip("10.0.0.2")),
        unreachable(Unreachable::LinkDown { interface: "eth1".into() })
    );
}

#[test]
fn vlans_that_one_tag_does_not_describe_are_refused() {
    for kind in [LinkKind::ForeignVlan, LinkKind::Vlan { parent: 40, id: 7 }] {
        let mut table = table();
        let mut lower = link(40, "eth1.1");
        lower.kind = LinkKind::Vlan { parent: ETH1, id: 1 };
        table.apply(Update::Link(lower));
        let mut vlan = link(VLAN, "inner");
        vlan.kind = kind;
        table.apply(Update::Link(vlan));
        add(&mut table, route("10.0.0.0/24", 0, &[hop(VLAN, None)]));
        let expected = unreachable(Unreachable::UnsupportedVlan { interface: "inner".into() });
        assert_eq!(table.resolve(ip("10.0.0.2")), expected);
    }
}

#[test]
fn the_smallest_mtu_counts() {
    let mut table = table();
    add(
        &mut table,
        Route { mtu: Some(1400), ..route("198.51.100.0/24", 0, &[hop(ETH0, Some("192.0.2.7"))]) },
    );
    add(&mut table, Route { mtu: Some(9000), ..route("203.0.113.0/24", 0, &[hop(ETH0, Some("192.0.2.7"))]) });
    assert_eq!(resolved(table.resolve(ip("198.51.100.1"))).mtu, 1400);
    assert_eq!(resolved(table.resolve(ip("203.0.113.1"))).mtu, 1500);

    let advertised = Link { mtu_ipv6: Some(1380), mtu: 70_000, ..link(ETH0, "eth0") };
    assert_eq!(table.apply(Update::Link(advertised)), Change::Changed);
    add(&mut table, route("2001:db8::/64", 256, &[hop(ETH0, None)]));
    table.apply(neighbour(ETH0, "2001:db8::2", Some(PEER)));
    assert_eq!(resolved(table.resolve(ip("2001:db8::2"))).mtu, 1380);
    assert_eq!(resolved(table.resolve(ip("192.0.2.7"))).mtu, u16::MAX);
}

#[test]
fn an_ipv6_default_route_by_a_link_local_gateway() {
    let mut table = table();
    add(&mut table, route("::/0", 1024, &[hop(ETH0, Some("fe80::1"))]));
    table.apply(neighbour(ETH1, "fe80::1", Some(PEER)));
    let key = NeighbourKey { link: ETH0, address: ip("fe80::1") };
    let pending = Resolution::Pending { neighbour: key, interface: "eth0".into(), failed: false };
    assert_eq!(table.resolve(ip("2001:db8::9")), pending);
    table.apply(neighbour(ETH0, "fe80::1", Some(ROUTER)));
    assert_eq!(resolved(table.resolve(ip("2001:db8::9"))).destination_mac, ROUTER);
}

#[test]
fn an_ipv4_route_by_an_ipv6_gateway() {
    let mut table = table();
    add(&mut table, route("198.51.100.0/24", 0, &[hop(ETH0, Some("fe80::1"))]));
    table.apply(neighbour(ETH0, "fe80::1", Some(ROUTER)));
    assert_eq!(resolved(table.resolve(ip("198.51.100.1"))).destination_mac, ROUTER);
}

#[test]
fn a_link_local_destination_needs_an_interface() {
    let mut table = table();
    for (link, mac) in [(ETH0, ROUTER), (ETH1, PEER)] {
        add(&mut table, route("fe80::/64", 256, &[hop(link, None)]));
        table.apply(neighbour(link, "fe80::9", Some(mac)));
    }
    assert_eq!(table.resolve(ip("fe80::9")), unreachable(Unreachable::LinkLocalWithoutInterface));
    assert_eq!(resolved(table.resolve_by(ip("fe80::9"), ETH0)).destination_mac, ROUTER);
    assert_eq!(resolved(table.resolve_by(ip("fe80::9"), ETH1)).destination_mac, PEER);
}

#[test]
fn by_an_interface_other_routes_do_not_count() {
    let mut table = table();
    let none = |interface: &str| unreachable(Unreachable::NoRouteByInterface { interface: interface.into() });
    assert_eq!(table.resolve_by(ip("203.0.113.9"), ETH1), none("eth1"));
    assert_eq!(table.resolve_by(ip("203.0.113.9"), 99), none("99"));
    add(&mut table, route("0.0.0.0/0", 900, &[hop(ETH1, Some("10.0.0.1"))]));
    table.apply(neighbour(ETH1, "10.0.0.1", Some(PEER)));
    assert_eq!(resolved(table.resolve_by(ip("203.0.113.9"), ETH1)).destination_mac, PEER);
    assert_eq!(resolved(table.resolve(ip("203.0.113.9"))).destination_mac, ROUTER);
}

#[test]
fn routes_that_lead_nowhere() {
    for (kind, reason) in [
        (RouteKind::Blackhole, Unreachable::Blackhole),
        (RouteKind::Unreachable, Unreachable::UnreachableRoute),
        (RouteKind::Prohibit, Unreachable::Prohibited),
        (RouteKind::Throw, Unreachable::NoRoute),
    ] {
        let mut table = table();
        add(&mut table, Route { kind, ..route("203.0.113.0/24", 0, &[]) });
        assert_eq!(table.resolve(ip("203.0.113.9")), unreachable(reason));
    }
}

#[test]
fn the_local_table_comes_first() {
    let mut table = table();
    for (prefix, kind) in [
        ("192.0.2.1/32", RouteKind::Local),
        ("127.0.0.0/8", RouteKind::Local),
        ("192.0.2.255/32", RouteKind::Broadcast),
        ("ff00::/8", RouteKind::Multicast),
    ] {
        let local = Route { table: Table::Local, kind, ..route(prefix, 0, &[hop(ETH0, None)]) };
        add(&mut table, local);
    }
    add(&mut table, route("127.0.0.1/32", 0, &[hop(ETH0, None)]));
    for (address, reason) in [
        ("192.0.2.1", Unreachable::Local),
        ("127.0.0.1", Unreachable::Local),
        ("192.0.2.255", Unreachable::Broadcast),
        ("255.255.255.255", Unreachable::Broadcast),
        ("224.0.0.1", Unreachable::Multicast),
        ("ff02::1", Unreachable::Multicast),
        ("0.0.0.0", Unreachable::Unspecified),
        ("::", Unreachable::Unspecified),
        ("2001:db8::1", Unreachable::NoRoute),
    ] {
        assert_eq!(table.resolve(ip(address)), unreachable(reason.clone()), "{address}");
        if reason == Unreachable::Local {
            assert_eq!(table.resolve_by(ip(address), ETH1), unreachable(reason), "{address}");
        }
    }
}

#[test]
fn a_link_that_is_down_or_unplugged() {
    let down = unreachable(Unreachable::LinkDown { interface: "eth0".into() });
    for (up, carrier) in [(false, false), (true, false)] {
        let mut table = table();
        assert_eq!(table.apply(Update::Link(Link { up, carrier, ..link(ETH0, "eth0") })), Change::Resync);
        assert_eq!(table.resolve(ip("192.0.2.7")), down);
    }
    // The kernel uses the next best route only when the link is down, not when it is merely unplugged.
    for (up, backup) in [(false, true), (true, false)] {
        let mut table = table();
        add(&mut table, route("0.0.0.0/0", 900, &[hop(ETH1, Some("10.0.0.1"))]));
        table.apply(neighbour(ETH1, "10.0.0.1", Some(PEER)));
        table.apply(Update::Link(Link { up, carrier: false, ..link(ETH0, "eth0") }));
        match table.resolve(ip("203.0.113.9")) {
            Resolution::Resolved(hop) => assert!(backup && hop.destination_mac == PEER),
            other => assert!(!backup && other == down, "{other:?}"),
        }
    }
}

#[test]
fn links_that_carry_no_ethernet_and_routes_that_wrap_packets() {
    let mut table = table();
    table.apply(Update::Link(Link { kind: LinkKind::Other, mac: None, ..link(TUNNEL, "tun0") }));
    add(&mut table, route("10.8.0.0/24", 0, &[hop(TUNNEL, None)]));
    let not_ethernet = unreachable(Unreachable::NotEthernet { interface: "tun0".into() });
    assert_eq!(table.resolve(ip("10.8.0.2")), not_ethernet);

    let wrapped = NextHop { encapsulation: Encapsulation::Tunnel, ..hop(ETH0, None) };
    add(&mut table, route("10.9.0.0/24", 0, &[wrapped]));
    let encapsulated = unreachable(Unreachable::Encapsulated { interface: "eth0".into() });
    assert_eq!(table.resolve(ip("10.9.0.2")), encapsulated);

    let hidden = NextHop { encapsulation: Encapsulation::NextHopObject, ..hop(0, None) };
    add(&mut table, route("10.10.0.0/24", 0, &[hidden]));
    assert_eq!(table.resolve(ip("10.10.0.2")), unreachable(Unreachable::NextHopObject));

    add(&mut table, route("10.11.0.0/24", 0, &[hop(77, None)]));
    assert_eq!(table.resolve(ip("10.11.0.2")), unreachable(Unreachable::UnknownInterface { index: 77 }));
}

#[test]
fn a_removed_link_takes_its_neighbours_and_addresses_along() {
    let mut table = table();
    assert_eq!(table.addresses(ETH0), [ip("192.0.2.1")]);
    assert_eq!(table.apply(Update::LinkGone(ETH0)), Change::Resync);
    assert_eq!(table.apply(Update::LinkGone(ETH0)), Change::None);
    assert_eq!(table.addresses(ETH0), Vec::<IpAddr>::new());
    assert_eq!(table.resolve(ip("192.0.2.7")), unreachable(Unreachable::UnknownInterface { index: ETH0 }));
    table.apply(Update::Link(link(ETH0, "eth0")));
    assert!(matches!(table.resolve(ip("192.0.2.7")), Resolution::Pending { failed: false, .. }));
}

#[test]
fn an_address_that_goes_asks_for_a_new_dump() {
    let mut table = table();
    let gone = Update::AddressGone { link: ETH0, address: ip("192.0.2.1") };
    assert_eq!(table.apply(gone.clone()), Change::Resync);
    assert_eq!(table.apply(gone), Change::None);
}

/// How many of 4,000 destinations each link gets.
fn shares(table: &RouteTable) -> [usize; 2] {
    let mut shares = [0, 0];
    for host in 0..4000u32 {
        let destination = IpAddr::from((0xcb00_0000 + host).to_be_bytes());
        let hop = resolved(table.resolve(destination));
        assert_eq!(hop, resolved(table.resolve(destination)));
        shares[usize::from(hop.interface_index == ETH1)] += 1;
    }
    shares
}

#[test]
fn multipath_shares_destinations_by_weight_and_avoids_dead_hops() {
    let multipath = |weight, dead| {
        let mut table = table();
        table.apply(neighbour(ETH1, "10.0.0.1", Some(PEER)));
        let second = NextHop { weight, dead, ..hop(ETH1, Some("10.0.0.1")) };
        add(&mut table, route("203.0.0.0/16", 0, &[hop(ETH0, Some("192.0.2.254")), second]));
        table
    };
    let [first, second] = shares(&multipath(1, false));
    assert!(first.abs_diff(second) < 400, "{first} and {second}");
    let [first, second] = shares(&multipath(3, false));
    assert!(second.abs_diff(3 * first) < 800, "{first} and {second}");
    assert_eq!(shares(&multipath(1, true)), [4000, 0]);

    let mut unplugged = multipath(1, false);
    unplugged.apply(Update::Link(Link { carrier: false, ..link(ETH0, "eth0") }));
    assert_eq!(shares(&unplugged), [0, 4000]);
}

#[test]
fn links_are_found_by_name_and_index() {
    let table = table();
    assert_eq!(table.link_by_name("eth1").map(|link| link.index), Some(ETH1));
    assert_eq!(table.link(ETH0).map(|link| link.name.as_str()), Some("eth0"));
    assert_eq!(table.link_by_name("eth2"), None);
}
