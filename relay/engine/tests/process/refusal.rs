// SPDX-License-Identifier: MIT OR Apache-2.0
//! What the cryptography of either side refuses.

use culvert_engine::{DropReason, Nanos, Receive, Send, SourceRule, Verdict, WorkerConfig};
use culvert_secret::Secret;
use culvert_srtp::{KeySet, MasterKey, ReceiveContext, SendContext};

use crate::world::{Input, SUITE, Sealer, World, dropped, endpoint, flow, receive, rtp, send};

fn short_lived(number: u8, packets: u64) -> Secret<KeySet> {
    let key = MasterKey::new(SUITE, &[number; 16], &[number ^ 0x55; 14]).unwrap();
    KeySet::new(SUITE, &[key.with_lifetime(packets).unwrap()]).unwrap()
}

/// Four packets in one burst through a flow, and what came of them.
fn verdicts(receive: Receive, send: Send, held: bool, seal: bool) -> (World, Vec<Verdict>) {
    let mut world = World::new(&WorkerConfig::default());
    let mut flow = flow(0, 5000, SourceRule::LearnAny, receive, send);
    flow.held = held;
    world.install(0, flow);
    let mut sealer = Sealer::new(1);
    let inputs: Vec<_> = (1..=4)
        .map(|sequence| {
            let plain = rtp(7, sequence);
            let bytes = if seal { sealer.seal(&plain) } else { plain };
            Input { from: endpoint(30, 9), to: endpoint(1, 5000), bytes }
        })
        .collect();
    let verdicts = world.process(&inputs, Nanos(1)).into_iter().map(|outcome| outcome.verdict).collect();
    (world, verdicts)
}

fn reports(world: &mut World) -> Vec<String> {
    world.drain_events().into_iter().filter(|event| event.starts_with("KeyExpired")).collect()
}

const EXPIRED: [Verdict; 4] =
    [Verdict::Send, Verdict::Send, dropped(DropReason::KeyExpired), dropped(DropReason::KeyExpired)];

#[test]
fn a_used_up_receive_key_is_reported_of_the_receive_side() {
    let receive = Receive::srtp(ReceiveContext::new(short_lived(1, 2), 4));
    let (mut world, verdicts) = verdicts(receive, send(2), false, true);
    assert_eq!(verdicts, EXPIRED);
    assert_eq!(reports(&mut world), ["KeyExpired { slot: FlowSlot(0), direction: Receive }"]);
    // What does not authenticate is not accounted.
    assert_eq!(world.flow(0).counters.streams().next().unwrap().packets, 2);
}

#[test]
fn a_used_up_send_key_is_reported_of_the_send_side() {
    for (from, seal) in [(receive(1), true), (Receive::plain(), false)] {
        let to = Send::srtp(SendContext::new(short_lived(2, 2), 4));
        let (mut world, verdicts) = verdicts(from, to, false, seal);
        assert_eq!(verdicts, EXPIRED);
        assert_eq!(reports(&mut world), ["KeyExpired { slot: FlowSlot(0), direction: Send }"]);
        // They were accepted before they were refused.
        let counters = &world.flow(0).counters;
        assert_eq!((counters.streams().next().unwrap().packets, counters.packets()), (4, 2));
    }
}

#[test]
fn what_is_not_to_be_sent_uses_up_no_send_key() {
    let to = Send::srtp(SendContext::new(short_lived(2, 1), 4));
    let (mut world, verdicts) = verdicts(receive(1), to, true, true);
    assert_eq!(verdicts, [dropped(DropReason::Held); 4]);
    assert_eq!(reports(&mut world), [""; 0]);
    assert_eq!(world.flow(0).counters.streams().next().unwrap().packets, 4);
}
