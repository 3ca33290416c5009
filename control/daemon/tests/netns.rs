// SPDX-License-Identifier: MIT OR Apache-2.0
//! Calls over AF_XDP between network namespaces: caller, relay, callee.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod common;

use std::{net::SocketAddr, time::Duration};

use common::{
    bed::{Bed, CALLEE, NAT, OUTSIDE, reaches, ways_are_known},
    eventually,
    phone::{self, Phone, converse},
    request::{Pair, leg, plain, session},
};
use culvert_api::{Client, v1};
use culvert_srtp::{Kind, Suite};
use culvert_udp::{ReceiveBurst, SocketOptions};

fn keys(number: u8) -> [Pair; 2] {
    [
        Pair::new(Suite::AesCm128HmacSha1_80, number),
        Pair::new(Suite::AeadAes256Gcm, number.wrapping_add(0x80)),
    ]
}

/// Makes a session of two telephones. The caller reaches the relay without the NAT that the relay advertises.
async fn call(
    client: &mut Client,
    id: &str,
    phones: [&mut Phone; 2],
    keys: [Option<&Pair>; 2],
    rtcp_mux: bool,
) -> v1::Session {
    let [caller, callee] = phones;
    let made = phone::call(client, id, [&mut *caller, callee], keys, rtcp_mux).await;
    if caller.relay()[0].is_ipv4() {
        assert!(caller.relay().iter().all(|relay| relay.ip().to_string() == NAT), "{:?}", caller.relay());
        caller.reach(OUTSIDE[0].parse().unwrap());
    }
    made
}

fn modes(node: &v1::GetNodeResponse) -> Vec<(&str, &str, usize)> {
    let of = |interface: &'_ v1::InterfaceStatus| interface.queues.len();
    node.interfaces.iter().map(|found| (found.name.as_str(), found.mode.as_str(), of(found))).collect()
}

/// Both families on either leg, RTCP on one port and on two, then a bridge to plain RTP.
async fn all_calls(bed: &Bed, client: &mut Client) {
    let mut number = 1;
    for (caller_family, callee_family) in [(0, 0), (1, 1), (0, 1), (1, 0)] {
        for rtcp_mux in [true, false] {
            let keys = keys(number);
            let both = keys.each_ref().map(Some);
            let mut caller = bed.caller(caller_family, both[0]);
            let mut callee = bed.callee(callee_family, both[1]);
            let id = format!("call-{number}");
            call(client, &id, [&mut caller, &mut callee], both, rtcp_mux).await;
            ways_are_known(&mut caller, &mut callee).await;
            converse(&mut caller, &mut callee, 20);
            let (said, answered) = (caller.tell(), callee.tell());
            assert_eq!((callee.read(), caller.read()), (said, answered));
            number += 2;
        }
    }
    let [pair, _] = keys(number);
    let (mut caller, mut callee) = (bed.caller(0, Some(&pair)), bed.callee(0, None));
    call(client, "bridge", [&mut caller, &mut callee], [Some(&pair), None], true).await;
    ways_are_known(&mut caller, &mut callee).await;
    converse(&mut caller, &mut callee, 20);
}

#[test]
#[ignore = "needs root"]
fn netns_calls_over_native_xdp_and_a_clean_end() {
    let bed = Bed::new(1);
    let mut relay = bed.start("auto", 1);
    bed.control(async || {
        let mut client = relay.front_end().await;
        all_calls(&bed, &mut client).await;
        let node = relay.operator().await.get_node().await.unwrap();
        assert_eq!(node.backend, "xdp");
        assert_eq!(modes(&node), [("outside", "native", 1), ("inside", "native", 1)]);
        assert!(
            node.interfaces.iter().all(|interface| interface.counters["redirected"] >= 9 * 20),
            "{node:?}"
        );
        assert_eq!(node.realms[0].advertised, [NAT, OUTSIDE[1]]);
    });
    assert!(bed.has_xdp());
    relay.signal("TERM");
    assert_eq!(relay.ended().code(), Some(0));
    assert!(!bed.has_xdp());
}

#[test]
#[ignore = "needs root"]
fn netns_calls_over_generic_xdp_and_a_killed_daemon() {
    let bed = Bed::new(1);
    let mut relay = bed.start("generic", 1);
    bed.control(async || {
        let mut client = relay.front_end().await;
        all_calls(&bed, &mut client).await;
        let node = relay.operator().await.get_node().await.unwrap();
        assert_eq!(modes(&node), [("outside", "generic", 1), ("inside", "generic", 1)]);
    });
    assert!(bed.has_xdp());
    relay.signal("KILL");
    assert_eq!(relay.ended().code(), None);
    bed.control(async || eventually("detached", async || (!bed.has_xdp()).then_some(())).await);
}

#[test]
#[ignore = "needs root"]
fn netns_packets_on_the_queue_of_another_worker_are_handed_over() {
    const CALLS: u8 = 8;
    let bed = Bed::new(2);
    let relay = bed.start("auto", 2);
    bed.control(async || {
        let mut client = relay.front_end().await;
        let mut operator = relay.operator().await;
        let mut elsewhere = 0;
        for number in 0..CALLS {
            let keys = keys(number * 2 + 1);
            let both = keys.each_ref().map(Some);
            let (mut caller, mut callee) = (bed.caller(0, both[0]), bed.callee(0, both[1]));
            let id = format!("call-{number}");
            let made = call(&mut client, &id, [&mut caller, &mut callee], both, true).await;
            ways_are_known(&mut caller, &mut callee).await;
            let other = 1 - made.worker as usize;
            let before = operator.get_node().await.unwrap().workers[other].received;
            converse(&mut caller, &mut callee, 20);
            elsewhere += operator.get_node().await.unwrap().workers[other].received - before;
        }
        // The sender's kernel spreads sixteen streams over two queues: that all meet their worker's is out of the question.
        assert!(elsewhere >= 20, "{elsewhere}");
        let node = operator.get_node().await.unwrap();
        assert_eq!(modes(&node), [("outside", "native", 2), ("inside", "native", 2)]);
        let flows: Vec<u64> = node.workers.iter().map(|worker| worker.flows).collect();
        assert_eq!(flows, [u64::from(CALLS); 2]);
    });
}

#[test]
#[ignore = "needs root"]
fn netns_the_next_hop_follows_the_neighbour() {
    let bed = Bed::new(1);
    // A host that changes its card tells the network.
    bed.callee.sysctl("net.ipv4.conf.lan0.arp_notify", "1").unwrap();
    let relay = bed.start("auto", 1);
    bed.control(async || {
        let mut client = relay.front_end().await;
        let keys = keys(1);
        let both = keys.each_ref().map(Some);
        let (mut caller, mut callee) = (bed.caller(0, both[0]), bed.callee(0, both[1]));
        call(&mut client, "s", [&mut caller, &mut callee], both, true).await;
        ways_are_known(&mut caller, &mut callee).await;
        converse(&mut caller, &mut callee, 5);
        let before = bed.callee.interface("lan0").unwrap().mac_address;
        bed.callee.ip(["link", "set", "lan0", "address", "02:00:00:00:00:99"]).unwrap();
        assert_ne!(bed.callee.interface("lan0").unwrap().mac_address, before);
        // The callee does not speak: the relay hears of it from the kernel alone.
        reaches(&mut caller, &mut callee).await;
        converse(&mut caller, &mut callee, 5);
    });
}

#[test]
#[ignore = "needs root"]
fn netns_the_callee_sees_the_code_point_of_its_leg() {
    let bed = Bed::new(1);
    let relay = bed.start("auto", 1);
    bed.control(async || {
        let mut client = relay.front_end().await;
        for (family, dscp) in [(0, Some(46)), (1, Some(34)), (0, None)] {
            let pair = Pair::new(Suite::AesCm128HmacSha1_80, 1 + 2 * dscp.unwrap_or(0) as u8);
            let mut caller = bed.caller(family, Some(&pair));
            let local = SocketAddr::new(CALLEE[family].parse().unwrap(), 0);
            let bind = || culvert_udp::UdpSocket::bind(local, &SocketOptions::default()).unwrap();
            let callee = bed.callee.run(bind).unwrap();
            let remote =
                v1::Remote { rtp: Some(common::request::endpoint(callee.local_address())), rtcp: None };
            let mut legs =
                [leg("outside", Some(caller.remote(true)), pair.raw()), leg("inside", Some(remote), plain())];
            legs[1].dscp = dscp;
            let id = format!("dscp-{family}-{dscp:?}").replace(['(', ')'], "_");
            let made = client.create_session(session(&id, legs)).await.unwrap();
            caller.answer(&made, 0);
            caller.reach(OUTSIDE[family].parse().unwrap());
            let seen = eventually("a packet", async || {
                caller.talk();
                let (mut burst, mut buffer) = (ReceiveBurst::new(1), [0; 2048]);
                tokio::time::sleep(Duration::from_millis(1)).await;
                callee.receive(&mut burst, [&mut buffer[..]]).ok()?;
                burst.datagrams().first().map(|datagram| datagram.traffic_class)
            })
            .await;
            assert_eq!(seen, (dscp.unwrap_or(0) as u8) << 2);
        }
    });
}

#[test]
#[ignore = "needs root"]
fn netns_forged_packets_change_nothing_but_a_drop_counter() {
    let bed = Bed::new(1);
    let relay = bed.start("auto", 1);
    bed.control(async || {
        let mut client = relay.front_end().await;
        let keys = keys(1);
        let both = keys.each_ref().map(Some);
        let (mut caller, mut callee) = (bed.caller(0, both[0]), bed.callee(0, both[1]));
        call(&mut client, "s", [&mut caller, &mut callee], both, true).await;
        caller.sequence = 65_500;
        ways_are_known(&mut caller, &mut callee).await;
        // Past the roll-over.
        converse(&mut caller, &mut callee, 100);
        let sent = [caller.sequence.wrapping_sub(65_500), callee.sequence - 100];
        let mut before = eventually("counters", async || {
            let session = client.get_session("s").await.unwrap();
            let judged = session.media[0].legs.iter().map(|leg| {
                let counters = leg.received.as_ref().unwrap();
                counters.packets + counters.drops.values().sum::<u64>()
            });
            let learnt = session.media[0].legs.iter().all(|leg| leg.learnt.is_some());
            (learnt && judged.eq(sent.map(u64::from))).then_some(session)
        })
        .await;
        let template = caller.packet();
        let wire = caller.protect(Kind::Rtp, &template);
        for step in 1..=12u16 {
            let mut forged = wire.clone();
            forged[2..4].copy_from_slice(&caller.sequence.wrapping_add(step * 2000).to_be_bytes());
            caller.rtp.send_to(&forged, caller.relay()[0]).unwrap();
        }
        let after = eventually("drops", async || {
            let session = client.get_session("s").await.unwrap();
            let drops = &session.media[0].legs[0].received.as_ref().unwrap().drops;
            (drops.get("authentication_failed") == Some(&12)).then_some(session)
        })
        .await;
        let counters = before.media[0].legs[0].received.as_mut().unwrap();
        counters.drops.insert("authentication_failed".into(), 12);
        assert_eq!(after, before);
        caller.rtp.send_to(&wire, caller.relay()[0]).unwrap();
        assert_eq!(callee.hear(), template);
        converse(&mut caller, &mut callee, 20);
    });
}

#[test]
#[ignore = "needs root"]
fn netns_what_protection_makes_too_long_for_the_path_is_dropped() {
    let bed = Bed::new(1);
    for (namespace, interface) in [(&bed.relay, "inside"), (&bed.callee, "lan0")] {
        namespace.ip(["link", "set", interface, "mtu", "1280"]).unwrap();
    }
    let relay = bed.start("auto", 1);
    bed.control(async || {
        let mut client = relay.front_end().await;
        for (family, headers) in [(0, 28), (1, 48)] {
            let pairs = keys(1 + 2 * family as u8);
            let both = pairs.each_ref().map(Some);
            let (mut caller, mut callee) = (bed.caller(family, both[0]), bed.callee(family, both[1]));
            let id = format!("s-{family}");
            call(&mut client, &id, [&mut caller, &mut callee], both, true).await;
            ways_are_known(&mut caller, &mut callee).await;
            // To the byte: the tag of AEAD_AES_256_GCM has 16.
            for (length, passes) in [(1280 - headers - 16 + 1, false), (1280 - headers - 16, true)] {
                let mut packet = caller.packet();
                packet.resize(length, 0x55);
                let wire = caller.protect(Kind::Rtp, &packet);
                caller.rtp.send_to(&wire, caller.relay()[0]).unwrap();
                if passes {
                    assert_eq!(callee.hear(), packet);
                }
            }
            let session = client.get_session(&id).await.unwrap();
            let drops = &session.media[0].legs[0].received.as_ref().unwrap().drops;
            assert_eq!(drops.get("exceeds_mtu"), Some(&1), "{drops:?}");
        }
    });
}
