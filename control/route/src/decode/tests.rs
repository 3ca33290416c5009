// SPDX-License-Identifier: MIT OR Apache-2.0
use rtnetlink::packet_route::link::InfoVlan;

use super::*;

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

fn inet(text: &str) -> RouteAddress {
    RouteAddress::from(ip(text))
}

fn route_message(kind: RouteType, length: u8, attributes: Vec<RouteAttribute>) -> RouteMessage {
    let mut message = RouteMessage::default();
    message.header.address_family = AddressFamily::Inet;
    message.header.table = 254;
    message.header.kind = kind;
    message.header.destination_prefix_length = length;
    message.attributes = attributes;
    message
}

fn decoded_route(message: RouteMessage) -> Option<Route> {
    match decode(RouteNetlinkMessage::NewRoute(message), 0) {
        None => None,
        Some(Update::Route(route, Insert::First | Insert::Last)) => Some(route),
        Some(other) => panic!("{other:?}"),
    }
}

#[test]
fn a_route_by_a_gateway() {
    let attributes = vec![
        RouteAttribute::Destination(inet("198.51.100.0")),
        RouteAttribute::Oif(2),
        RouteAttribute::Gateway(inet("192.0.2.254")),
        RouteAttribute::Priority(100),
        RouteAttribute::Metrics(vec![RouteMetric::Mtu(1400)]),
    ];
    let expected = Route {
        table: Table::Main,
        destination: ip("198.51.100.0"),
        prefix_length: 24,
        metric: 100,
        kind: RouteKind::Unicast,
        mtu: Some(1400),
        hops: vec![NextHop {
            link: 2,
            gateway: Some(ip("192.0.2.254")),
            weight: 1,
            dead: false,
            encapsulation: Encapsulation::None,
        }],
    };
    let message = route_message(RouteType::Unicast, 24, attributes);
    assert_eq!(decoded_route(message.clone()), Some(expected.clone()));
    assert_eq!(decode(RouteNetlinkMessage::DelRoute(message), 0), Some(Update::RouteGone(expected)));
}

#[test]
fn a_default_route_has_no_destination_attribute() {
    let mut message = route_message(RouteType::Unicast, 0, vec![RouteAttribute::Oif(2)]);
    assert_eq!(decoded_route(message.clone()).unwrap().destination, ip("0.0.0.0"));
    message.header.address_family = AddressFamily::Inet6;
    assert_eq!(decoded_route(message).unwrap().destination, ip("::"));
}

#[test]
fn a_multipath_route() {
    let mut first = RouteNextHop::default();
    first.interface_index = 2;
    first.hops = 2;
    first.attributes = vec![RouteAttribute::Gateway(inet("192.0.2.254"))];
    let mut second = RouteNextHop::default();
    second.interface_index = 3;
    second.flags = RouteNextHopFlags::Dead;
    second.attributes = vec![RouteAttribute::Via(RouteVia::Inet6("fe80::1".parse().unwrap()))];
    let message = route_message(RouteType::Unicast, 0, vec![RouteAttribute::MultiPath(vec![first, second])]);
    let hop = |link, gateway, weight, dead| NextHop {
        link,
        gateway: Some(ip(gateway)),
        weight,
        dead,
        encapsulation: Encapsulation::None,
    };
    let expected = [hop(2, "192.0.2.254", 3, false), hop(3, "fe80::1", 1, true)];
    assert_eq!(decoded_route(message).unwrap().hops, expected);
}

#[test]
fn the_kinds_of_routes() {
    for (kind, expected) in [
        (RouteType::Unicast, Some(RouteKind::Unicast)),
        (RouteType::Local, Some(RouteKind::Local)),
        (RouteType::Anycast, Some(RouteKind::Local)),
        (RouteType::Broadcast, Some(RouteKind::Broadcast)),
        (RouteType::Multicast, Some(RouteKind::Multicast)),
        (RouteType::BlackHole, Some(RouteKind::Blackhole)),
        (RouteType::Unreachable, Some(RouteKind::Unreachable)),
        (RouteType::Prohibit, Some(RouteKind::Prohibit)),
        (RouteType::Throw, Some(RouteKind::Throw)),
        (RouteType::Nat, None),
    ] {
        assert_eq!(
            decoded_route(route_message(kind, 0, vec![])).map(|route| route.kind),
            expected,
            "{kind:?}"
        );
    }
}

#[test]
fn what_does_not_concern_next_hops_is_left_out() {
    let plain = || route_message(RouteType::Unicast, 0, vec![RouteAttribute::Oif(2)]);
    assert!(decoded_route(plain()).is_some());
    let spoilt: [fn(&mut RouteMessage); 6] = [
        |message| message.header.table = 100,
        |message| message.attributes.push(RouteAttribute::Table(1000)),
        |message| message.header.tos = 0x10,
        |message| message.header.source_prefix_length = 64,
        |message| message.header.flags = RouteFlags::Cloned,
        |message| message.header.address_family = AddressFamily::Mpls,
    ];
    for (index, spoil) in spoilt.iter().enumerate() {
        let mut message = plain();
        spoil(&mut message);
        assert_eq!(decoded_route(message), None, "{index}");
    }
}

#[test]
fn the_table_attribute_overrules_the_header() {
    let mut message = route_message(RouteType::Local, 32, vec![RouteAttribute::Table(255)]);
    message.header.table = 0;
    assert_eq!(decoded_route(message).unwrap().table, Table::Local);
}

#[test]
fn encapsulation_and_next_hop_objects_are_told() {
    let wrapped = vec![RouteAttribute::Oif(2), RouteAttribute::EncapType(RouteLwEnCapType::Mpls)];
    let hops = decoded_route(route_message(RouteType::Unicast, 0, wrapped)).unwrap().hops;
    assert_eq!(hops[0].encapsulation, Encapsulation::Tunnel);
    let object = vec![RouteAttribute::NhId(7)];
    let hops = decoded_route(route_message(RouteType::Unicast, 0, object)).unwrap().hops;
    assert_eq!(hops[0].encapsulation, Encapsulation::NextHopObject);
    let spelt_out = vec![RouteAttribute::NhId(7), RouteAttribute::Oif(2)];
    let hops = decoded_route(route_message(RouteType::Unicast, 0, spelt_out)).unwrap().hops;
    assert_eq!((hops.len(), hops[0].link, hops[0].encapsulation), (1, 2, Encapsulation::None));
}

#[test]
fn where_a_route_goes_among_its_equals() {
    let inet = AddressFamily::Inet;
    assert_eq!(insert(0, inet), Insert::First);
    assert_eq!(insert(NLM_F_APPEND, inet), Insert::Last);
    assert_eq!(insert(NLM_F_REPLACE, inet), Insert::Replace);
    assert_eq!(insert(NLM_F_MULTIPART, inet), Insert::Last);
    assert_eq!(insert(0, AddressFamily::Inet6), Insert::Last);
}

fn neighbour_message(state: NeighbourState, mac: Option<&[u8]>) -> NeighbourMessage {
    let mut message = NeighbourMessage::default();
    message.header.family = AddressFamily::Inet;
    message.header.ifindex = 2;
    message.header.state = state;
    message.attributes = vec![NeighbourAttribute::Destination(NeighbourAddress::from(ip("192.0.2.7")))];
    message.attributes.extend(mac.map(|mac| NeighbourAttribute::LinkLayerAddress(mac.to_vec())));
    message
}

#[test]
fn the_states_of_a_neighbour() {
    let key = NeighbourKey { link: 2, address: ip("192.0.2.7") };
    let mac = [2, 0, 0, 0, 0, 7];
    for (state, expected) in [
        (NeighbourState::Reachable, Update::Neighbour(key, Some(mac))),
        (NeighbourState::Stale, Update::NeighbourStale(key, mac)),
        (NeighbourState::Delay, Update::Neighbour(key, Some(mac))),
        (NeighbourState::Probe, Update::Neighbour(key, Some(mac))),
        (NeighbourState::Permanent, Update::Neighbour(key, Some(mac))),
        (NeighbourState::Noarp, Update::Neighbour(key, Some(mac))),
        (NeighbourState::Incomplete, Update::Neighbour(key, None)),
        (NeighbourState::None, Update::Neighbour(key, None)),
        (NeighbourState::Failed, Update::NeighbourFailed(key)),
    ] {
        let message = neighbour_message(state, Some(&mac));
        assert_eq!(decode(RouteNetlinkMessage::NewNeighbour(message), 0), Some(expected), "{state:?}");
    }
    let gone = RouteNetlinkMessage::DelNeighbour(neighbour_message(NeighbourState::Stale, Some(&mac)));
    assert_eq!(decode(gone, 0), Some(Update::NeighbourGone(key)));
}

#[test]
fn a_neighbour_without_an_ethernet_address_cannot_be_sent_to() {
    let key = NeighbourKey { link: 2, address: ip("192.0.2.7") };
    for mac in [None, Some(&[1, 2, 3, 4][..])] {
        for state in [NeighbourState::Reachable, NeighbourState::Stale] {
            let message = RouteNetlinkMessage::NewNeighbour(neighbour_message(state, mac));
            assert_eq!(decode(message, 0), Some(Update::Neighbour(key, None)));
        }
    }
}

#[test]
fn proxied_and_bridge_neighbours_are_left_out() {
    let mut proxied = neighbour_message(NeighbourState::Permanent, Some(&[2; 6]));
    proxied.header.flags = NeighbourFlags::Proxy;
    assert_eq!(decode(RouteNetlinkMessage::NewNeighbour(proxied), 0), None);
    let mut bridge = neighbour_message(NeighbourState::Permanent, Some(&[2; 6]));
    bridge.header.family = AddressFamily::Bridge;
    bridge.attributes.remove(0);
    assert_eq!(decode(RouteNetlinkMessage::NewNeighbour(bridge), 0), None);
}

fn link_message(extra: Vec<LinkAttribute>) -> LinkMessage {
    let mut message = LinkMessage::default();
    message.header.index = 7;
    message.header.link_layer_type = LinkLayerType::Ether;
    message.header.flags = LinkFlags::Up | LinkFlags::LowerUp;
    message.attributes = vec![
        LinkAttribute::IfName("eth7".into()),
        LinkAttribute::Address(vec![2, 0, 0, 0, 0, 7]),
        LinkAttribute::Mtu(1500),
    ];
    message.attributes.extend(extra);
    message
}

fn decoded_kind(extra: Vec<LinkAttribute>) -> LinkKind {
    link(link_message(extra)).unwrap().kind
}

#[test]
fn a_link_and_its_state() {
    let expected = Link {
        index: 7,
        name: "eth7".into(),
        mac: Some([2, 0, 0, 0, 0, 7]),
        mtu: 1500,
        mtu_ipv6: None,
        up: true,
        carrier: true,
        kind: LinkKind::Ethernet,
    };
    let decoded = decode(RouteNetlinkMessage::NewLink(link_message(vec![])), 0);
    assert_eq!(decoded, Some(Update::Link(expected.clone())));

    let mut unplugged = link_message(vec![]);
    unplugged.header.flags = LinkFlags::Up;
    assert_eq!(link(unplugged), Some(Link { carrier: false, ..expected.clone() }));

    let advertised =
        vec![LinkAttribute::AfSpecUnspec(vec![AfSpecUnspec::Inet6(vec![AfSpecInet6::RaMtu(1400)])])];
    assert_eq!(link(link_message(advertised)), Some(Link { mtu_ipv6: Some(1400), ..expected }));

    let mut tunnel = link_message(vec![]);
    tunnel.header.link_layer_type = LinkLayerType::Tunnel;
    assert_eq!(link(tunnel).unwrap().kind, LinkKind::Other);
}

#[test]
fn vlan_sub_interfaces() {
    let vlan = |infos: Vec<InfoVlan>| {
        LinkAttribute::LinkInfo(vec![LinkInfo::Kind(InfoKind::Vlan), LinkInfo::Data(InfoData::Vlan(infos))])
    };
    let parent = LinkAttribute::Link(3);
    let dot1q = || vec![InfoVlan::Protocol(VlanProtocol::Ieee8021Q), InfoVlan::Id(100)];
    assert_eq!(decoded_kind(vec![parent.clone(), vlan(dot1q())]), LinkKind::Vlan { parent: 3, id: 100 });

    let dot1ad = vec![InfoVlan::Protocol(VlanProtocol::Ieee8021Ad), InfoVlan::Id(100)];
    assert_eq!(decoded_kind(vec![parent.clone(), vlan(dot1ad)]), LinkKind::ForeignVlan);
    assert_eq!(decoded_kind(vec![vlan(dot1q())]), LinkKind::ForeignVlan);
    let elsewhere = vec![parent.clone(), LinkAttribute::LinkNetNsId(1), vlan(dot1q())];
    assert_eq!(decoded_kind(elsewhere), LinkKind::ForeignVlan);
    // The other end of a veth pair is named like a parent.
    let veth = LinkAttribute::LinkInfo(vec![LinkInfo::Kind(InfoKind::Veth)]);
    assert_eq!(decoded_kind(vec![parent, LinkAttribute::LinkNetNsId(1), veth]), LinkKind::Ethernet);
}

#[test]
fn a_port_that_leaves_its_bridge_is_still_there() {
    let mut message = link_message(vec![]);
    assert_eq!(decode(RouteNetlinkMessage::DelLink(message.clone()), 0), Some(Update::LinkGone(7)));
    message.header.interface_family = AddressFamily::Bridge;
    assert_eq!(decode(RouteNetlinkMessage::DelLink(message.clone()), 0), None);
    assert_eq!(decode(RouteNetlinkMessage::NewLink(message), 0), None);
}

#[test]
fn the_own_address_on_a_point_to_point_link() {
    let mut message = AddressMessage::default();
    message.header.index = 7;
    message.attributes = vec![AddressAttribute::Address(ip("10.0.0.2"))];
    let own = |message: &AddressMessage, address: &str| {
        let expected = Update::Address { link: 7, address: ip(address) };
        assert_eq!(decode(RouteNetlinkMessage::NewAddress(message.clone()), 0), Some(expected));
    };
    own(&message, "10.0.0.2");
    message.attributes.push(AddressAttribute::Local(ip("10.0.0.1")));
    own(&message, "10.0.0.1");
    let gone = Update::AddressGone { link: 7, address: ip("10.0.0.1") };
    assert_eq!(decode(RouteNetlinkMessage::DelAddress(message), 0), Some(gone));
}
