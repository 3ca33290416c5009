// SPDX-License-Identifier: MIT OR Apache-2.0
//! Faults that only AF_XDP has, made in network namespaces.

use culvert_api::v1::{self, FindingKind};

use super::{
    SUITE,
    common::{
        bed::{Bed, OUTSIDE, ways_are_known},
        eventually,
        phone::{call, converse},
        request::Pair,
    },
    explain, says, verdicts,
};

#[test]
#[ignore = "needs root: makes network namespaces"]
fn netns_a_next_hop_that_nobody_answers_for() {
    let bed = Bed::new(1);
    let relay = bed.start("auto", 1);
    bed.control(async || {
        let mut client = relay.front_end().await;
        let keys = [Pair::new(SUITE, 1), Pair::new(SUITE, 0x41)];
        let both = keys.each_ref().map(Some);
        let (mut caller, mut callee) = (bed.caller(0, both[0]), bed.callee(0, both[1]));
        let made = call(&mut client, "s", [&mut caller, &mut callee], both, true).await;
        caller.reach(OUTSIDE[0].parse().unwrap());
        // On the link, and nobody's.
        let nobody = v1::Endpoint { address: "198.51.100.77".into(), port: 4000 };
        let change = v1::LegUpdate {
            leg: 1,
            remote: Some(v1::Remote { rtp: Some(nobody), rtcp: None }),
            ..Default::default()
        };
        client.update_session(super::update("s", change)).await.unwrap();
        let findings = explain(&mut client, "s", || {
            caller.talk();
        })
        .await;
        assert_eq!(
            verdicts(&findings),
            [(FindingKind::NextHopUnresolved, 0), (FindingKind::NoPackets, 1)],
            "{made:?}"
        );
        says(&findings[0], "ip route get 198.51.100.77");
        says(&findings[0], "next_hop_unresolved");
    });
}

#[test]
#[ignore = "needs root: makes network namespaces"]
fn netns_a_queue_that_no_worker_serves() {
    let bed = Bed::new(2);
    let relay = bed.start("auto", 1);
    bed.control(async || {
        let mut client = relay.front_end().await;
        let mut operator = relay.operator().await;
        let mut no_socket = async || operator.get_node().await.unwrap().interfaces[0].counters["no_socket"];
        let mut found = false;
        // The sender's kernel spreads streams over the queues: one of so many meets the second.
        for number in 0..32u8 {
            let keys = [Pair::new(SUITE, 4 * number + 1), Pair::new(SUITE, 4 * number + 3)];
            let both = keys.each_ref().map(Some);
            let (mut caller, mut callee) = (bed.caller(0, both[0]), bed.callee(0, both[1]));
            let id = format!("s-{number}");
            call(&mut client, &id, [&mut caller, &mut callee], both, true).await;
            caller.reach(OUTSIDE[0].parse().unwrap());
            let before = no_socket().await;
            caller.talk();
            let lost = eventually("counted", async || {
                let session = client.get_session(id.as_str()).await.unwrap();
                let counters = session.media[0].legs[0].received.as_ref().unwrap();
                if no_socket().await > before {
                    return Some(true);
                }
                (counters.packets + counters.drops.values().sum::<u64>() > 0).then_some(false)
            })
            .await;
            if !lost {
                continue;
            }
            let findings = explain(&mut client, &id, || {
                caller.talk();
            })
            .await;
            assert_eq!((findings[0].kind(), findings[0].leg), (FindingKind::WrongQueue, 0), "{findings:#?}");
            says(&findings[0], "lost as no_socket");
            says(&findings[0], "ethtool -L");
            found = true;
            break;
        }
        assert!(found, "all streams met the queue of the worker");
    });
}

#[test]
#[ignore = "needs root: makes network namespaces"]
fn netns_a_sound_call_over_xdp() {
    let bed = Bed::new(1);
    let relay = bed.start("auto", 1);
    bed.control(async || {
        let mut client = relay.front_end().await;
        let keys = [Pair::new(SUITE, 1), Pair::new(SUITE, 0x41)];
        let both = keys.each_ref().map(Some);
        let (mut caller, mut callee) = (bed.caller(0, both[0]), bed.callee(0, both[1]));
        call(&mut client, "s", [&mut caller, &mut callee], both, true).await;
        caller.reach(OUTSIDE[0].parse().unwrap());
        ways_are_known(&mut caller, &mut callee).await;
        let findings = explain(&mut client, "s", || converse(&mut caller, &mut callee, 1)).await;
        assert_eq!(findings, []);
        converse(&mut caller, &mut callee, 5);
    });
}
