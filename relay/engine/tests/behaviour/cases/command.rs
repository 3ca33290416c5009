// SPDX-License-Identifier: MIT OR Apache-2.0
//! What control changes, and what it gets back.

use culvert_engine::{
    Cause, Command, Direction, DropReason, Event, FlowSlot, Receive, Retired, Send, WorkerConfig,
};
use culvert_srtp::{KeySet, ReceiveContext};

use crate::call::{CM, Call, GCM, SRTP};
use crate::client::{Guard, keys, master_key, rtp};
use crate::harness::{Harness, await_some};

pub fn a_rekey_loses_nothing_in_flight<H: Harness>() {
    let mut harness = H::start(WorkerConfig::default());
    let mut call = Call::place(&mut harness, SRTP);
    let slot = call.slots[0];
    call.passes(&mut harness, 0, &rtp(7, 1));
    let in_flight = call.legs[0].sealer.seal(&rtp(7, 2));
    let late = call.legs[0].sealer.seal(&rtp(7, 3));
    harness.settle_with_events();

    let (receive, send) = (Some(keys(CM, 11)), Some(keys(GCM, 14)));
    harness.command(Command::Rekey { slot, receive, send });
    let events = harness.settle_with_events();
    assert!(
        matches!(
            events[..],
            [
                Event::Retired(Retired::Keys { direction: Direction::Send, cause: Cause::Replaced, .. }),
                Event::RekeyDone { direction: Direction::Send, .. },
            ]
        ),
        "{events:?}"
    );
    call.legs[1].opener.rekey(GCM, 14);
    // Sent under the old key before the sender knew of the new one.
    call.send(&mut harness, 0, &in_flight);
    call.arrives(&mut harness, 0, &rtp(7, 2));
    harness.settle();
    call.legs[0].sealer.rekey(CM, 11);
    call.passes(&mut harness, 0, &rtp(7, 4));
    let events = harness.settle_with_events();
    assert!(matches!(events[..], [Event::RekeyDone { direction: Direction::Receive, .. }]), "{events:?}");

    harness.command(Command::RetirePrevious { slot });
    let events = harness.settle_with_events();
    assert!(
        matches!(
            events[..],
            [Event::Retired(Retired::Keys { direction: Direction::Receive, cause: Cause::Removed, .. })]
        ),
        "{events:?}"
    );
    call.refuses(&mut harness, 0, &late, DropReason::AuthenticationFailed);
    harness.command(Command::RetirePrevious { slot });
    harness.settle();
    call.passes(&mut harness, 0, &rtp(7, 5));
    assert_eq!(call.shown(0).packets, 4);
}

pub fn a_key_that_has_served_its_lifetime_is_reported_once<H: Harness>() {
    let mut harness = H::start(WorkerConfig::default());
    let mut call = Call::place(&mut harness, SRTP);
    let slot = call.slots[0];
    let short = master_key(CM, 1).with_lifetime(2).unwrap();
    let receive = ReceiveContext::new(KeySet::new(CM, &[short]).unwrap(), 4);
    call.set_sides(&mut harness, 0, Receive::srtp(receive), Guard::Srtp(GCM, 4).send(4));
    for sequence in 1..=2 {
        call.passes(&mut harness, 0, &rtp(7, sequence));
    }
    harness.settle_with_events();
    let mut expired = |harness: &mut H, sequence| {
        let sealed = call.legs[0].sealer.seal(&rtp(7, sequence));
        call.send(harness, 0, &sealed);
        let before = u64::from(sequence) - 3;
        await_some("a drop", || (call.counters[0].dropped(DropReason::KeyExpired) > before).then_some(()));
        harness.settle_with_events()
    };
    let events = expired(&mut harness, 3);
    assert!(
        matches!(events[..], [Event::KeyExpired { slot: of, direction: Direction::Receive }] if of == slot),
        "{events:?}"
    );
    assert!(expired(&mut harness, 4).is_empty());
    assert_eq!(harness.try_receive(), None);
    harness.command(Command::Rekey { slot, receive: Some(keys(CM, 21)), send: None });
    harness.settle_with_events();
    call.legs[0].sealer.rekey(CM, 21);
    call.passes(&mut harness, 0, &rtp(7, 5));
}

pub fn what_is_removed_comes_back<H: Harness>() {
    let mut harness = H::start(WorkerConfig::default());
    let mut call = Call::place(&mut harness, SRTP);
    call.passes(&mut harness, 0, &rtp(7, 1));
    harness.settle_with_events();
    for slot in call.slots {
        harness.command(Command::Remove { slot });
        let Event::Retired(Retired::Flow { slot: retired, cause: Cause::Removed, flow }) = harness.event()
        else {
            panic!("a flow");
        };
        assert_eq!(retired, slot);
        assert!(flow.receive().context().is_some() && flow.send().context().is_some());
        harness.handle().slots.release(slot);
    }
    // Once more is once too often, and harmless.
    harness.command(Command::Remove { slot: call.slots[0] });
    harness.settle();
    let counters = harness.handle().counters.clone();
    assert_eq!((counters.flows(), harness.handle().slots.used()), (0, 0));
    let sealed = call.legs[0].sealer.seal(&rtp(7, 2));
    call.send(&mut harness, 0, &sealed);
    await_some("a drop", || (counters.dropped(DropReason::UnknownDestination) == 1).then_some(()));
    // Slots and endpoints serve again.
    Call::place(&mut harness, SRTP).passes(&mut harness, 0, &rtp(7, 1));
}

pub fn what_cannot_be_carried_out_comes_back<H: Harness>() {
    let mut harness = H::start(WorkerConfig { max_flows: 3, ..WorkerConfig::default() });
    let mut call = Call::place(&mut harness, SRTP);
    let vacant = harness.handle().slots.allocate().unwrap();

    // Keys, sides and changes for a slot without a flow.
    harness.command(Command::Rekey { slot: vacant, receive: Some(keys(CM, 1)), send: Some(keys(CM, 2)) });
    harness.command(Command::SetReceive { slot: vacant, receive: Box::new(Receive::plain()) });
    harness.command(Command::SetSend { slot: vacant, send: Box::new(Send::plain()) });
    harness.command(Command::RetirePrevious { slot: vacant });
    harness.command(Command::SetHeld { slot: vacant, held: true });
    let causes: Vec<_> = harness
        .settle_with_events()
        .into_iter()
        .map(|event| match event {
            Event::Retired(Retired::Keys { slot, direction, cause, .. }) => (slot, Some(direction), cause),
            Event::Retired(Retired::Receive { slot, cause, .. } | Retired::Send { slot, cause, .. }) => {
                (slot, None, cause)
            }
            other => panic!("{other:?}"),
        })
        .collect();
    let refused = |direction| (vacant, direction, Cause::Refused);
    assert_eq!(
        causes,
        [refused(Some(Direction::Receive)), refused(Some(Direction::Send)), refused(None), refused(None)]
    );

    // A flow for a slot in use, for one that is not there, and with endpoints of another.
    harness.command(Command::Remove { slot: call.slots[1] });
    let mut events = harness.settle_with_events();
    let Some(Event::Retired(Retired::Flow { mut flow, .. })) = events.pop() else { panic!("a flow") };
    for slot in [call.slots[0], FlowSlot(3), FlowSlot(u32::MAX)] {
        flow = refused_install(&mut harness, slot, flow);
    }
    let rtp_port = flow.ingress[0].local;
    flow.ingress[1].local = call.legs[0].relay[0];
    flow = refused_install(&mut harness, vacant, flow);
    // Neither of its endpoints was taken by the refused one.
    flow.ingress[1].local = call.legs[1].relay[1];
    assert_eq!(flow.ingress[0].local, rtp_port);
    harness.command(Command::Install { slot: call.slots[1], flow });
    harness.settle();
    call.passes(&mut harness, 0, &rtp(7, 1));
    call.passes(&mut harness, 1, &rtp(9, 1));
}

fn refused_install<H: Harness>(
    harness: &mut H,
    slot: FlowSlot,
    flow: Box<culvert_engine::Flow>,
) -> Box<culvert_engine::Flow> {
    harness.command(Command::Install { slot, flow });
    match harness.settle_with_events().pop() {
        Some(Event::Retired(Retired::Flow { slot: of, cause: Cause::Refused, flow })) if of == slot => flow,
        other => panic!("{other:?}"),
    }
}

pub fn sides_are_replaced_and_come_back<H: Harness>() {
    let mut harness = H::start(WorkerConfig::default());
    let mut call = Call::place(&mut harness, SRTP);
    let slot = call.slots[0];
    call.passes(&mut harness, 0, &rtp(7, 1));
    harness.settle_with_events();
    harness.command(Command::SetReceive { slot, receive: Box::new(Receive::plain()) });
    harness.command(Command::SetSend { slot, send: Box::new(Send::plain()) });
    let events = harness.settle_with_events();
    let [
        Event::Retired(Retired::Receive { cause: Cause::Replaced, receive, .. }),
        Event::Retired(Retired::Send { cause: Cause::Replaced, send, .. }),
    ] = &events[..]
    else {
        panic!("{events:?}");
    };
    assert!(receive.context().is_some() && send.context().is_some());
    // SRTP keys refused by sides that are plain now.
    harness.command(Command::Rekey { slot, receive: Some(keys(CM, 1)), send: None });
    let events = harness.settle_with_events();
    assert!(
        matches!(events[..], [Event::Retired(Retired::Keys { cause: Cause::Refused, .. })]),
        "{events:?}"
    );
    call.send(&mut harness, 0, &rtp(7, 2));
    assert_eq!(harness.receive().payload, rtp(7, 2));
}
