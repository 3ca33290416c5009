// SPDX-License-Identifier: MIT OR Apache-2.0
//! What does not pass, and what it does not change.

use std::iter;

use culvert_engine::{Command, Component, DropReason, Egress, Link, Receive, Send, Via, WorkerConfig};
use culvert_wire::Endpoint;

use crate::call::{Call, PLAIN, SRTP};
use crate::client::{Guard, rtcp, rtp, rtp_of};
use crate::harness::{Datagram, Harness, await_some};

pub fn forgeries_change_nothing<H: Harness>() {
    let mut harness = H::start(WorkerConfig::default());
    let mut call = Call::place(&mut harness, SRTP);
    // Roll over, so that there is a roll-over counter to upset.
    for sequence in [65_534, 65_535, 0, 1] {
        call.passes(&mut harness, 0, &rtp(7, sequence));
    }
    harness.settle_with_events();
    let sealed = call.legs[0].sealer.seal(&rtp(7, 2));
    // Every twelfth of the sequence space, then another SSRC, a wrong tag and RTCP.
    for step in 0u16..12 {
        let mut forged = sealed.clone();
        forged[2..4].copy_from_slice(&(2 + 5461 * step).to_be_bytes());
        forged[20] ^= 0x10;
        // The nearer half of the space lies ahead of the highest index, the other before the window.
        let reason = if step < 7 { DropReason::AuthenticationFailed } else { DropReason::TooOld };
        call.refuses(&mut harness, 0, &forged, reason);
    }
    let mut other_ssrc = sealed.clone();
    other_ssrc[8] ^= 1;
    call.refuses(&mut harness, 0, &other_ssrc, DropReason::AuthenticationFailed);
    let mut tag = sealed.clone();
    *tag.last_mut().unwrap() ^= 1;
    call.refuses(&mut harness, 0, &tag, DropReason::AuthenticationFailed);
    let mut report = call.legs[0].sealer.seal(&rtcp(7));
    *report.last_mut().unwrap() ^= 1;
    call.refuses(&mut harness, 0, &report, DropReason::AuthenticationFailed);
    // The stream goes on without loss.
    call.send(&mut harness, 0, &sealed);
    call.arrives(&mut harness, 0, &rtp(7, 2));
    for sequence in 3..10 {
        call.passes(&mut harness, 0, &rtp(7, sequence));
    }
}

pub fn a_replay_is_refused<H: Harness>() {
    let mut harness = H::start(WorkerConfig::default());
    let mut call = Call::place(&mut harness, SRTP);
    let first = call.legs[0].sealer.seal(&rtp(7, 1));
    call.send(&mut harness, 0, &first);
    call.arrives(&mut harness, 0, &rtp(7, 1));
    harness.settle_with_events();
    call.refuses(&mut harness, 0, &first, DropReason::Replayed);
    let report = call.legs[0].sealer.seal(&rtcp(7));
    call.send(&mut harness, 0, &report);
    call.arrives(&mut harness, 0, &rtcp(7));
    call.refuses(&mut harness, 0, &report, DropReason::Replayed);
}

pub fn a_duplicate_from_a_plain_leg_does_not_reuse_an_index<H: Harness>() {
    let mut harness = H::start(WorkerConfig::default());
    let mut setup = SRTP;
    setup.legs[0].guards = [Guard::Plain; 2];
    let mut call = Call::place(&mut harness, setup);
    call.passes(&mut harness, 0, &rtp(7, 10));
    harness.settle_with_events();
    // Same index, other content: exactly what must not be encrypted.
    let mut changed = rtp(7, 10);
    changed[20] ^= 0xff;
    call.accepts_but_drops(&mut harness, 0, &rtp(7, 10), DropReason::IndexReused);
    call.accepts_but_drops(&mut harness, 0, &changed, DropReason::IndexReused);
    // Late, but never sent: passes.
    call.passes(&mut harness, 0, &rtp(7, 9));
    call.passes(&mut harness, 0, &rtp(7, 11));
}

pub fn held_flows_relay_nothing_and_keep_up<H: Harness>() {
    let mut harness = H::start(WorkerConfig::default());
    let mut call = Call::place(&mut harness, SRTP);
    call.passes(&mut harness, 0, &rtp(7, 65_534));
    harness.command(Command::SetHeld { slot: call.slots[0], held: true });
    harness.settle_with_events();
    for sequence in [65_535, 0, 1] {
        let sealed = call.legs[0].sealer.seal(&rtp(7, sequence));
        call.accepts_but_drops(&mut harness, 0, &sealed, DropReason::Held);
    }
    // The other direction is its own.
    call.passes(&mut harness, 1, &rtp(9, 1));
    harness.command(Command::SetHeld { slot: call.slots[0], held: false });
    harness.settle_with_events();
    call.passes(&mut harness, 0, &rtp(7, 2));
    assert_eq!(call.shown(0).streams[0].highest_sequence, 65_538);
}

pub fn nothing_passes_before_keys_are_known<H: Harness>() {
    let mut harness = H::start(WorkerConfig::default());
    let mut call = Call::place(&mut harness, SRTP);
    let sealed = call.legs[0].sealer.seal(&rtp(7, 1));
    call.set_sides(&mut harness, 0, Receive::not_ready(), Guard::Srtp(crate::call::GCM, 4).send(4));
    call.refuses(&mut harness, 0, &sealed, DropReason::NotReady);
    call.set_sides(&mut harness, 0, Guard::Srtp(crate::call::CM, 1).receive(4), Send::not_ready());
    call.accepts_but_drops(&mut harness, 0, &sealed, DropReason::NotReady);
    // Not even from a plain leg.
    call.set_sides(&mut harness, 0, Receive::plain(), Send::not_ready());
    call.accepts_but_drops(&mut harness, 0, &rtp(7, 2), DropReason::NotReady);
    call.set_sides(
        &mut harness,
        0,
        Guard::Srtp(crate::call::CM, 1).receive(4),
        Guard::Srtp(crate::call::GCM, 4).send(4),
    );
    call.passes(&mut harness, 0, &rtp(7, 3));
}

pub fn only_media_pass<H: Harness>() {
    let mut harness = H::start(WorkerConfig::default());
    for setup in [PLAIN, SRTP] {
        let call = Call::place_after_events(&mut harness, setup);
        let starting_with = |first: u8| iter::once(first).chain(iter::repeat_n(0, 39)).collect::<Vec<u8>>();
        for (first, reason) in [
            (0, DropReason::Stun),
            (16, DropReason::Zrtp),
            (22, DropReason::Dtls),
            (64, DropReason::TurnChannel),
            (100, DropReason::UnknownProtocol),
            (255, DropReason::UnknownProtocol),
        ] {
            call.refuses(&mut harness, 0, &starting_with(first), reason);
        }
        call.refuses(&mut harness, 0, &rtp(7, 1)[..11], DropReason::MalformedRtp);
        call.refuses(&mut harness, 0, &rtcp(7)[..7], DropReason::MalformedRtcp);
        call.refuses(&mut harness, 0, &[], DropReason::UnknownProtocol);
    }
    // Where nothing authenticates, the form must be right beyond the minimum.
    let call = Call::place(&mut harness, PLAIN);
    let mut csrcs = rtp_of(7, 1, 8);
    csrcs[0] |= 15;
    call.refuses(&mut harness, 0, &csrcs, DropReason::MalformedRtp);
    let mut padding = rtp_of(7, 1, 8);
    padding[0] |= 0x20;
    padding[19] = 9;
    call.refuses(&mut harness, 0, &padding, DropReason::MalformedRtp);
    let mut report = rtcp(7);
    report[3] = 100;
    call.refuses(&mut harness, 0, &report, DropReason::MalformedRtcp);
}

pub fn rtp_and_rtcp_keep_to_their_ports<H: Harness>() {
    let mut harness = H::start(WorkerConfig::default());
    for setup in [PLAIN, SRTP] {
        let mut call = Call::place_after_events(&mut harness, setup);
        let sealed = [call.legs[0].sealer.seal(&rtp(7, 1)), call.legs[0].sealer.seal(&rtcp(7))];
        call.legs[0].relay.swap(0, 1);
        call.legs[0].peer.swap(0, 1);
        call.refuses(&mut harness, 0, &sealed[0], DropReason::RtpOnRtcpPort);
        call.refuses(&mut harness, 0, &sealed[1], DropReason::RtcpOnRtpPort);
    }
}

pub fn longer_than_the_path_takes<H: Harness>() {
    let mut harness = H::start(WorkerConfig::default());
    let mut setup = SRTP;
    setup.legs[0].guards = [Guard::Plain; 2];
    let mut call = Call::place(&mut harness, setup);
    // 1500 bytes of IPv4: 20 + 8 of headers, 12 of RTP, 16 of tag.
    call.passes(&mut harness, 0, &rtp_of(7, 1, 1444));
    harness.settle_with_events();
    call.accepts_but_drops(&mut harness, 0, &rtp_of(7, 2, 1445), DropReason::ExceedsMtu);
    call.passes(&mut harness, 0, &rtp_of(7, 3, 1444));
}

pub fn without_a_remote_or_a_next_hop<H: Harness>() {
    let mut harness = H::start(WorkerConfig::default());
    let mut call = Call::place(&mut harness, SRTP);
    let slot = call.slots[0];
    let component = Component::Rtp;
    let [local, remote] = [call.legs[1].relay[0], call.legs[1].peer[0]];
    let set = |harness: &mut H, remote: Option<Endpoint>, via: Via| {
        let egress = Egress { local, remote, via };
        harness.command(Command::SetEgress { slot, component, egress });
        harness.settle_with_events();
    };
    let via = harness.via(remote);
    set(&mut harness, None, via);
    let sealed = call.legs[0].sealer.seal(&rtp(7, 1));
    call.accepts_but_drops(&mut harness, 0, &sealed, DropReason::NoRemote);
    if H::LINK == Link::Ethernet {
        set(&mut harness, Some(remote), Via::Unresolved);
        let sealed = call.legs[0].sealer.seal(&rtp(7, 2));
        call.accepts_but_drops(&mut harness, 0, &sealed, DropReason::NextHopUnresolved);
        // For another remote than the flow's: too late, and ignored.
        harness.command(Command::SetVia { slot, component, remote: local, via });
        harness.settle();
        let sealed = call.legs[0].sealer.seal(&rtp(7, 3));
        call.accepts_but_drops(&mut harness, 0, &sealed, DropReason::NextHopUnresolved);
        harness.command(Command::SetVia { slot, component, remote, via });
        harness.settle();
        call.passes(&mut harness, 0, &rtp(7, 4));
        let Via::Table(id) = via else { panic!("from the table") };
        harness.command(Command::SetNextHop { id, hop: None });
        harness.settle_with_events();
        let sealed = call.legs[0].sealer.seal(&rtp(7, 5));
        call.accepts_but_drops(&mut harness, 0, &sealed, DropReason::NextHopUnresolved);
        harness.via(remote);
    }
    set(&mut harness, Some(remote), via);
    call.passes(&mut harness, 0, &rtp(7, 6));
}

pub fn to_a_port_without_a_flow<H: Harness>() {
    let mut harness = H::start(WorkerConfig::default());
    let call = Call::place(&mut harness, PLAIN);
    let to = harness.relay(crate::harness::Family::V4);
    harness.settle();
    let from = call.legs[0].peer[0];
    harness.send(&Datagram { from, to, traffic_class: 0, payload: rtp(7, 1) });
    let counters = harness.handle().counters.clone();
    await_some("a drop", || (counters.dropped(DropReason::UnknownDestination) > 0).then_some(()));
    harness.settle();
    assert_eq!(counters.drops().collect::<Vec<_>>(), [(DropReason::UnknownDestination, 1)]);
    assert_eq!(harness.try_receive(), None);
}

pub fn no_more_ssrcs_than_there_is_room_for<H: Harness>() {
    let mut harness = H::start(WorkerConfig::default());
    for setup in [PLAIN, SRTP] {
        let mut call = Call::place_after_events(&mut harness, setup);
        for ssrc in 1..=4 {
            call.passes(&mut harness, 0, &rtp(ssrc, 1));
        }
        harness.settle_with_events();
        let fifth = call.legs[0].sealer.seal(&rtp(5, 1));
        call.refuses(&mut harness, 0, &fifth, DropReason::TooManySsrcs);
        for ssrc in 1..=4 {
            call.passes(&mut harness, 0, &rtp(ssrc, 2));
        }
    }
}
