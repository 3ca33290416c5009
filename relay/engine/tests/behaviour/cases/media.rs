// SPDX-License-Identifier: MIT OR Apache-2.0
//! What passes, and as what.

use culvert_engine::{Command, Dscp, Event, StreamSnapshot, WorkerConfig};
use culvert_srtp::Suite;

use crate::call::{CM, Call, GCM, PLAIN, SRTP, Setup};
use crate::client::{Guard, rtcp, rtp, rtp_of};
use crate::harness::{Datagram, Family, Harness};

fn both_ways<H: Harness>(setup: Setup) {
    let mut harness = H::start(WorkerConfig::default());
    let mut call = Call::place(&mut harness, setup);
    for sequence in 0..20 {
        call.passes(&mut harness, 0, &rtp(7, sequence));
        call.passes(&mut harness, 1, &rtp(9, sequence + 1000));
    }
    let events = harness.settle_with_events();
    let first =
        |event: &Event, flow: usize| matches!(event, Event::FirstMedia { slot } if *slot == call.slots[flow]);
    assert!(first(&events[0], 0) && first(&events[1], 1) && events.len() == 2, "{events:?}");
    let counters = harness.handle().counters.clone();
    assert_eq!((counters.received(), counters.transmitted(), counters.flows()), (40, 40, 2));
    for flow in 0..2 {
        let shown = call.shown(flow);
        assert_eq!((shown.packets, shown.rtcp_packets, shown.drops), (20, 0, vec![]));
        assert_eq!(shown.streams.len(), 1);
        assert_eq!((shown.streams[0].packets, shown.streams[0].lost), (20, 0));
        assert!(shown.last_seen.is_some());
    }
}

pub fn plain_to_plain_both_ways<H: Harness>() {
    both_ways::<H>(PLAIN);
}

pub fn srtp_to_plain<H: Harness>() {
    let mut setup = SRTP;
    setup.legs[1].guards = [Guard::Plain; 2];
    both_ways::<H>(setup);
}

pub fn plain_to_srtp<H: Harness>() {
    let mut setup = SRTP;
    setup.legs[0].guards = [Guard::Plain; 2];
    both_ways::<H>(setup);
}

pub fn srtp_to_srtp_of_another_suite<H: Harness>() {
    both_ways::<H>(SRTP);
}

pub fn every_pair_of_suites<H: Harness>() {
    let mut harness = H::start(WorkerConfig::default());
    for (number, suite) in Suite::ALL.into_iter().enumerate() {
        // Each suite beside the next three makes every suite meet others on either side.
        for step in 0..3 {
            let other = Suite::ALL[(number + step) % Suite::ALL.len()];
            let mut setup = PLAIN;
            setup.legs[0].guards = [Guard::Srtp(suite, 1), Guard::Srtp(suite, 2)];
            setup.legs[1].guards = [Guard::Srtp(other, 3), Guard::Srtp(other, 4)];
            // RTP and RTCP on one port keep the number of sockets low.
            setup.legs[0].multiplexed = true;
            setup.legs[1].multiplexed = true;
            let mut call = Call::place(&mut harness, setup);
            for from in 0..2 {
                call.passes(&mut harness, from, &rtp(1, 65_535));
                call.passes(&mut harness, from, &rtp(1, 0));
                call.passes(&mut harness, from, &rtcp(1));
            }
            for slot in call.slots {
                harness.command(Command::Remove { slot });
            }
            for leg in &call.legs {
                harness.command(Command::CloseEndpoint { endpoint: leg.relay[0] });
            }
            harness.settle_with_events();
        }
    }
}

pub fn rtcp_on_its_own_port<H: Harness>() {
    let mut harness = H::start(WorkerConfig::default());
    let mut call = Call::place(&mut harness, SRTP);
    call.passes(&mut harness, 0, &rtcp(7));
    call.passes(&mut harness, 0, &rtp(7, 1));
    call.passes(&mut harness, 1, &rtcp(8));
    let shown = call.shown(0);
    assert_eq!((shown.packets, shown.rtcp_packets, shown.streams.len()), (2, 1, 1));
    assert_eq!((call.shown(1).rtcp_packets, call.shown(1).streams.len()), (1, 0));
}

pub fn rtcp_multiplexed<H: Harness>() {
    let mut harness = H::start(WorkerConfig::default());
    let mut setup = SRTP;
    // One leg multiplexes, the other does not.
    setup.legs[0].multiplexed = true;
    let mut call = Call::place(&mut harness, setup);
    for from in 0..2 {
        call.passes(&mut harness, from, &rtcp(7));
        call.passes(&mut harness, from, &rtp(7, 1));
        assert_eq!((call.shown(from).packets, call.shown(from).rtcp_packets), (2, 1));
    }
}

pub fn between_ipv4_and_ipv6<H: Harness>() {
    let mut setup = SRTP;
    setup.legs[1].family = Family::V6;
    both_ways::<H>(setup);
}

pub fn dscp_is_kept_or_set_and_ecn_passes<H: Harness>() {
    let mut harness = H::start(WorkerConfig::default());
    let mut call = Call::place(&mut harness, PLAIN);
    // Expedited forwarding with ECT(0).
    let came = 46 << 2 | 0b10;
    let mut sequence = 0;
    for (dscp, expected) in [(Dscp::Keep, came), (Dscp::Set(34), 34 << 2 | 0b10), (Dscp::Set(0), 0b10)] {
        harness.command(Command::SetDscp { slot: call.slots[0], dscp });
        harness.settle_with_events();
        sequence += 1;
        let leg = &call.legs[0];
        let payload = rtp(7, sequence);
        harness.send(&Datagram { from: leg.peer[0], to: leg.relay[0], traffic_class: came, payload });
        assert_eq!(harness.receive().traffic_class, expected);
    }
    // The other direction is its own.
    call.passes(&mut harness, 1, &rtp(7, 1));
}

pub fn statistics_count_loss_per_ssrc<H: Harness>() {
    let mut harness = H::start(WorkerConfig::default());
    let mut setup = SRTP;
    setup.legs[0].guards = [Guard::Srtp(GCM, 5), Guard::Srtp(CM, 6)];
    let mut call = Call::place(&mut harness, setup);
    for sequence in [65_533, 65_534, 0, 1, 65_535] {
        call.passes(&mut harness, 0, &rtp_of(1, sequence, 20));
    }
    for sequence in [10, 14] {
        call.passes(&mut harness, 0, &rtp_of(2, sequence, 20));
    }
    let streams: Vec<_> =
        call.counters[0].streams().map(|stream| StreamSnapshot { jitter: 0, ..stream }).collect();
    assert_eq!(
        streams,
        [
            StreamSnapshot { ssrc: 1, packets: 5, highest_sequence: 65_537, expected: 5, lost: 0, jitter: 0 },
            StreamSnapshot { ssrc: 2, packets: 2, highest_sequence: 14, expected: 5, lost: 3, jitter: 0 },
        ]
    );
    // 12 bytes of header, 20 of payload, 16 of tag.
    assert_eq!((call.shown(0).packets, call.shown(0).bytes), (7, 7 * 48));
}
