// SPDX-License-Identifier: MIT OR Apache-2.0
//! Where packets may come from.

use culvert_engine::{Command, Component, DropReason, Event, SourceRule, WorkerConfig};
use culvert_wire::Endpoint;

use crate::call::{Call, PLAIN, SRTP};
use crate::client::rtp;
use crate::harness::{Family, Harness};

fn learnt(events: &[Event]) -> Vec<(u32, Component, Endpoint)> {
    let learnt = |event: &Event| match event {
        Event::AddressLearnt { slot, component, source } => Some((slot.0, *component, *source)),
        _ => None,
    };
    events.iter().filter_map(learnt).collect()
}

pub fn a_fixed_source_refuses_strangers<H: Harness>() {
    let mut harness = H::start(WorkerConfig::default());
    for setup in [PLAIN, SRTP] {
        let mut call = Call::place(&mut harness, setup);
        let other_port = harness.peer(Family::V4, 2);
        let other_host = harness.peer(Family::V4, 4);
        let sealed = call.legs[0].sealer.seal(&rtp(7, 1));
        for stranger in [other_port, other_host] {
            call.refuses_from(&mut harness, 0, stranger, &sealed, DropReason::WrongSource);
        }
        // The replay list has not seen it.
        call.send(&mut harness, 0, &sealed);
        call.arrives(&mut harness, 0, &rtp(7, 1));
        assert!(learnt(&harness.settle_with_events()).is_empty());
    }
}

pub fn learns_the_first_source_that_authenticates<H: Harness>() {
    let mut harness = H::start(WorkerConfig::default());
    let mut setup = SRTP;
    setup.legs[0].source = Some(SourceRule::Learn);
    let mut call = Call::place(&mut harness, setup);
    let stranger = harness.peer(Family::V4, 4);
    let sealed = call.legs[0].sealer.seal(&rtp(7, 1));
    let mut forged = sealed.clone();
    *forged.last_mut().unwrap() ^= 1;
    call.refuses_from(&mut harness, 0, stranger, &forged, DropReason::AuthenticationFailed);
    call.send(&mut harness, 0, &sealed);
    call.arrives(&mut harness, 0, &rtp(7, 1));
    let source = call.legs[0].peer[0];
    assert_eq!(
        learnt(&harness.settle_with_events()),
        [(call.slots[0].0, Component::Rtp, source)],
        "RTCP has a port of its own to learn for"
    );
    let next = call.legs[0].sealer.seal(&rtp(7, 2));
    call.refuses_from(&mut harness, 0, stranger, &next, DropReason::WrongSource);
    call.send(&mut harness, 0, &next);
    call.arrives(&mut harness, 0, &rtp(7, 2));
    assert!(learnt(&harness.settle_with_events()).is_empty());
}

pub fn learns_from_the_signalled_address_on_a_plain_leg<H: Harness>() {
    let mut harness = H::start(WorkerConfig::default());
    let mut setup = PLAIN;
    setup.legs[0].multiplexed = true;
    let mut call = Call::place(&mut harness, setup);
    let source = call.legs[0].peer[0];
    let rule = SourceRule::LearnFrom(source.address);
    harness.command(Command::SetSource { slot: call.slots[0], component: Component::Rtp, rule });
    harness.settle();
    let other_host = harness.peer(Family::V4, 4);
    call.refuses_from(&mut harness, 0, other_host, &rtp(7, 1), DropReason::WrongSource);
    call.passes(&mut harness, 0, &rtp(7, 1));
    assert_eq!(learnt(&harness.settle_with_events()), [(call.slots[0].0, Component::Rtp, source)]);
    let other_port = harness.peer(Family::V4, 2);
    call.refuses_from(&mut harness, 0, other_port, &rtp(7, 2), DropReason::WrongSource);
    call.passes(&mut harness, 0, &rtp(7, 2));
}

pub fn learns_anyone_on_a_plain_leg_when_told_to<H: Harness>() {
    let mut harness = H::start(WorkerConfig::default());
    let mut setup = PLAIN;
    setup.legs[0].source = Some(SourceRule::LearnAny);
    let mut call = Call::place(&mut harness, setup);
    let anyone = harness.peer(Family::V4, 4);
    // What has not the form of media decides nothing.
    call.refuses_from(&mut harness, 0, call.legs[0].peer[0], &rtp(7, 1)[..11], DropReason::MalformedRtp);
    call.send_from(&mut harness, 0, anyone, &rtp(7, 1));
    call.arrives(&mut harness, 0, &rtp(7, 1));
    assert_eq!(learnt(&harness.settle_with_events()), [(call.slots[0].0, Component::Rtp, anyone)]);
    call.refuses(&mut harness, 0, &rtp(7, 2), DropReason::WrongSource);
}

pub fn learns_nobody_on_a_plain_leg_without_an_address<H: Harness>() {
    let mut harness = H::start(WorkerConfig::default());
    let mut setup = PLAIN;
    setup.legs[0].source = Some(SourceRule::Learn);
    let call = Call::place(&mut harness, setup);
    call.refuses(&mut harness, 0, &rtp(7, 1), DropReason::WrongSource);
}

pub fn a_new_rule_forgets_what_was_learnt<H: Harness>() {
    let mut harness = H::start(WorkerConfig::default());
    let mut setup = SRTP;
    setup.legs[0].source = Some(SourceRule::Learn);
    let mut call = Call::place(&mut harness, setup);
    call.passes(&mut harness, 0, &rtp(7, 1));
    let rule = SourceRule::Learn;
    harness.command(Command::SetSource { slot: call.slots[0], component: Component::Rtp, rule });
    harness.settle_with_events();
    let moved = harness.peer(Family::V4, 4);
    let sealed = call.legs[0].sealer.seal(&rtp(7, 2));
    call.send_from(&mut harness, 0, moved, &sealed);
    call.arrives(&mut harness, 0, &rtp(7, 2));
    assert_eq!(learnt(&harness.settle_with_events()), [(call.slots[0].0, Component::Rtp, moved)]);
}

pub fn media_flow_to_a_source_that_was_learnt<H: Harness>() {
    let mut harness = H::start(WorkerConfig::default());
    // Separate ports learn one by one.
    let mut setup = SRTP;
    setup.legs[0].source = Some(SourceRule::Learn);
    setup.legs[0].signalled = false;
    let mut call = Call::place(&mut harness, setup);
    let early = call.legs[1].sealer.seal(&rtp(9, 1));
    call.accepts_but_drops(&mut harness, 1, &early, DropReason::NoRemote);
    call.passes(&mut harness, 0, &rtp(7, 1));
    call.passes(&mut harness, 1, &rtp(9, 2));
    // Multiplexed ports learn together.
    setup.legs[0].multiplexed = true;
    let mut call = Call::place_after_events(&mut harness, setup);
    call.passes(&mut harness, 0, &rtp(7, 1));
    call.passes(&mut harness, 1, &crate::client::rtcp(9));
    // A source other than the one signalled takes its place.
    setup.legs[0].signalled = true;
    let mut call = Call::place_after_events(&mut harness, setup);
    let elsewhere = harness.peer(Family::V4, 5);
    let sealed = call.legs[0].sealer.seal(&rtp(7, 1));
    call.send_from(&mut harness, 0, elsewhere, &sealed);
    call.arrives(&mut harness, 0, &rtp(7, 1));
    call.legs[0].peer = [elsewhere; 2];
    call.passes(&mut harness, 1, &rtp(9, 1));
}
