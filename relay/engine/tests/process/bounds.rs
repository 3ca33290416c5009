// SPDX-License-Identifier: MIT OR Apache-2.0
//! What bounds a flow (where it may learn a source, how much it may relay), and what it counts.

use culvert_engine::{
    Cause, Command, Direction, DropReason, Event, FlowSlot, Nanos, Prefix, Rate, Receive, Retired, Send,
    SourceRule, Verdict, WorkerConfig,
};
use culvert_srtp::{KeySet, MasterKey, SendContext, Suite};
use culvert_wire::Address;

use crate::world::{Input, Sealer, World, dropped, endpoint, flow, keys, receive, rtp, send};

const MILLISECOND: u64 = 1_000_000;

fn input(host: u8, bytes: &[u8]) -> Input {
    Input { from: endpoint(host, 9), to: endpoint(1, 5000), bytes: bytes.to_vec() }
}

fn verdicts(world: &mut World, inputs: &[Input], at: u64) -> Vec<Verdict> {
    world.process(inputs, Nanos(at)).into_iter().map(|outcome| outcome.verdict).collect()
}

fn count(verdicts: &[Verdict], verdict: Verdict) -> usize {
    verdicts.iter().filter(|other| **other == verdict).count()
}

#[test]
fn a_source_is_learnt_only_within_its_prefix() {
    // 192.0.2.32 to 192.0.2.47.
    let rule = SourceRule::LearnWithin(Prefix::new(Address::from_ipv4([192, 0, 2, 40]), 28));
    for (srtp, from) in [(true, receive(1)), (false, Receive::plain())] {
        let mut world = World::new(&WorkerConfig::default());
        world.install(0, flow(0, 5000, rule, from, send(2)));
        let mut sealer = Sealer::new(1);
        let mut packet = |sequence| {
            let plain = rtp(7, sequence);
            if srtp { sealer.seal(&plain) } else { plain }
        };
        let (one, two, three) = (packet(1), packet(2), packet(3));
        let mut forged = one.clone();
        // In the version: no RTP on a plain leg, no tag of it on an SRTP leg.
        forged[0] ^= 0x80;
        let wrong = dropped(DropReason::WrongSource);
        // Just outside of it on either side, with packets that authenticate: nothing is learnt, and no index used.
        assert_eq!(verdicts(&mut world, &[input(31, &one), input(48, &one)], 1), [wrong; 2]);
        assert_ne!(verdicts(&mut world, &[input(32, &forged)], 1), [Verdict::Send]);
        assert_eq!(world.flow(0).ingress[0].learnt(), None);
        assert_eq!(verdicts(&mut world, &[input(47, &one), input(32, &two)], 1), [Verdict::Send, wrong]);
        assert_eq!(world.flow(0).ingress[0].learnt(), Some(endpoint(47, 9)));
        assert_eq!(verdicts(&mut world, &[input(47, &two), input(47, &three)], 1), [Verdict::Send; 2]);
        assert_eq!(world.flow(0).counters.dropped(DropReason::WrongSource), 3);
    }
}

#[test]
fn a_second_has_as_many_packets_as_the_bandwidth_allows() {
    let mut world = World::new(&WorkerConfig::default());
    let mut limited = flow(0, 5000, SourceRule::LearnAny, receive(1), send(2));
    // 70 bytes of IPv4: 20 + 8 of headers, 32 of RTP, 10 of tag. 100 packets a second.
    limited.rate = Some(Box::new(Rate::new(100 * 70 * 8)));
    world.install(0, limited);
    let mut sealer = Sealer::new(1);
    let mut sequence = 0;
    let mut burst = |packets: usize| -> Vec<Input> {
        let mut next = || {
            sequence += 1;
            input(30, &sealer.seal(&rtp(7, sequence)))
        };
        (0..packets).map(|_| next()).collect()
    };
    // What does not authenticate is not charged.
    let mut forged = burst(20);
    forged.iter_mut().for_each(|input| input.bytes[20] ^= 1);
    assert_eq!(verdicts(&mut world, &forged, 1), [dropped(DropReason::AuthenticationFailed); 20]);
    // The bucket holds 4,096 bytes: 58 packets and 36 bytes.
    let first = verdicts(&mut world, &burst(64), 1);
    assert_eq!(first[..58], [Verdict::Send; 58]);
    assert_eq!(first[58..], [dropped(DropReason::OverBandwidth); 6]);
    // 7 bytes a millisecond for a second, and the 36: 100 packets, and 36 bytes again.
    let mut passed = 0;
    for time in 1..=1000 {
        passed += count(&verdicts(&mut world, &burst(2), 1 + time * MILLISECOND), Verdict::Send);
    }
    assert_eq!(passed, 100);
    let counters = &world.flow(0).counters;
    assert_eq!((counters.packets(), counters.dropped(DropReason::OverBandwidth)), (158, 6 + 1900));
    // Dropped ones were received, and used up nothing on the way out.
    assert_eq!(counters.key_packets(Direction::Receive), 64 + 2000);
    assert_eq!(counters.key_packets(Direction::Send), 158);

    // Another bound, then none; what was there comes back.
    let slot = FlowSlot(0);
    world.drain_events();
    world.apply(Command::SetRate { slot, rate: Some(Box::new(Rate::new(8))) });
    let Ok(Event::Retired(Retired::Rate { cause: Cause::Replaced, rate, .. })) = world.events.pop() else {
        unreachable!("the first bound")
    };
    assert_eq!(rate.bits_per_second(), 56_000);
    assert_eq!(count(&verdicts(&mut world, &burst(64), 2_000 * MILLISECOND), Verdict::Send), 58);
    assert_eq!(count(&verdicts(&mut world, &burst(64), 3_000 * MILLISECOND), Verdict::Send), 0);
    world.apply(Command::SetRate { slot, rate: None });
    assert!(world.events.pop().is_ok());
    world.apply(Command::SetRate { slot, rate: None });
    assert!(world.events.pop().is_err(), "nothing was there");
    assert_eq!(verdicts(&mut world, &burst(64), 3_000 * MILLISECOND), [Verdict::Send; 64]);
    // To a flow that is not there.
    world.apply(Command::SetRate { slot: FlowSlot(3), rate: Some(rate) });
    let Ok(Event::Retired(Retired::Rate { cause: Cause::Refused, .. })) = world.events.pop() else {
        unreachable!("refused")
    };
}

#[test]
fn what_is_held_or_has_nowhere_to_go_is_not_charged() {
    let mut world = World::new(&WorkerConfig::default());
    let mut limited = flow(0, 5000, SourceRule::LearnAny, Receive::plain(), Send::plain());
    limited.rate = Some(Box::new(Rate::new(1)));
    limited.held = true;
    world.install(0, limited);
    let inputs: Vec<_> = (1..=64).map(|sequence| input(30, &rtp(7, sequence))).collect();
    for _ in 0..10 {
        assert_eq!(verdicts(&mut world, &inputs, 1), [dropped(DropReason::Held); 64]);
    }
    world.apply(Command::SetHeld { slot: FlowSlot(0), held: false });
    // 60 bytes each.
    let over =
        [vec![Verdict::Send; 64], vec![Verdict::Send; 4], vec![dropped(DropReason::OverBandwidth); 60]];
    let both = [verdicts(&mut world, &inputs, 1), verdicts(&mut world, &inputs, 1)].concat();
    assert_eq!(both, over.concat());
}

#[test]
fn bytes_that_leave_unencrypted_are_counted() {
    let null = || {
        let key = MasterKey::new(Suite::NullHmacSha1_80, &[9; 16], &[9; 14]).unwrap();
        let keys = KeySet::new(Suite::NullHmacSha1_80, &[key]).unwrap();
        Send::srtp(SendContext::new(keys, 4))
    };
    let required = Send::required(SendContext::new(keys(2), 4)).unwrap();
    // 32 bytes of RTP; the NULL suite adds a tag of 10.
    for (send, expected) in
        [(Send::plain(), (3, 96)), (null(), (3, 126)), (send(2), (0, 0)), (required, (0, 0))]
    {
        let mut world = World::new(&WorkerConfig::default());
        world.install(0, flow(0, 5000, SourceRule::LearnAny, Receive::plain(), send));
        let inputs: Vec<_> = (1..=3).map(|sequence| input(30, &rtp(7, sequence))).collect();
        assert_eq!(verdicts(&mut world, &inputs, 1), [Verdict::Send; 3]);
        let counters = &world.flow(0).counters;
        assert_eq!(
            (counters.plain_packets(), counters.plain_bytes(), counters.packets()),
            (expected.0, expected.1, 3)
        );
    }
}

#[test]
fn packets_are_counted_by_the_keys_that_they_are_under() {
    let mut world = World::new(&WorkerConfig::default());
    world.install(0, flow(0, 5000, SourceRule::LearnAny, receive(1), send(2)));
    let slot = FlowSlot(0);
    let (mut old, mut new) = (Sealer::new(1), Sealer::new(3));
    let pass = |world: &mut World, sealer: &mut Sealer, sequences: std::ops::RangeInclusive<u16>| {
        let inputs: Vec<_> = sequences.map(|sequence| input(30, &sealer.seal(&rtp(7, sequence)))).collect();
        assert!(verdicts(world, &inputs, 1).iter().all(|verdict| *verdict == Verdict::Send));
        let counters = &world.flow(0).counters;
        (counters.key_packets(Direction::Receive), counters.key_packets(Direction::Send))
    };
    assert_eq!(pass(&mut world, &mut old, 1..=5), (5, 5));
    world.apply(Command::Rekey { slot, receive: Some(keys(3)), send: None });
    assert_eq!(world.flow(0).counters.key_packets(Direction::Receive), 0);
    // In flight under the old receive keys: not under the newest.
    assert_eq!(pass(&mut world, &mut old, 6..=8), (0, 8));
    assert_eq!(pass(&mut world, &mut new, 9..=12), (4, 12));
    world.apply(Command::Rekey { slot, receive: None, send: Some(keys(4)) });
    assert_eq!(pass(&mut world, &mut new, 13..=13), (5, 1));
    // Refused keys change nothing.
    world.apply(Command::SetSend { slot, send: Box::new(Send::plain()) });
    world.apply(Command::Rekey { slot, receive: None, send: Some(keys(5)) });
    assert_eq!(pass(&mut world, &mut new, 14..=14), (6, 0));
    world.apply(Command::SetReceive { slot, receive: Box::new(receive(6)) });
    assert_eq!(world.flow(0).counters.key_packets(Direction::Receive), 0);
    assert_eq!(world.flow(0).counters.packets(), 14);
}
