// SPDX-License-Identifier: MIT OR Apache-2.0
//! Several sources for one port in one burst.

use culvert_engine::{DropReason, FlowSlot, Nanos, Receive, Send, SourceRule, Verdict, WorkerConfig};

use crate::world::{Input, Sealer, World, dropped, endpoint, flow, receive, rtp, send};

fn world(rule: SourceRule) -> World {
    let mut world = World::new(&WorkerConfig::default());
    world.install(0, flow(0, 5000, rule, receive(1), send(2)));
    world.install(1, flow(1, 5000, SourceRule::LearnAny, receive(3), send(4)));
    world
}

fn input(host: u8, bytes: &[u8]) -> Input {
    Input { from: endpoint(host, 9), to: endpoint(1, 5000), bytes: bytes.to_vec() }
}

fn verdicts(world: &mut World, inputs: &[Input]) -> Vec<Verdict> {
    world.process(inputs, Nanos(1)).into_iter().map(|outcome| outcome.verdict).collect()
}

#[test]
fn the_first_source_that_authenticates_wins_and_the_second_leaves_no_trace() {
    let mut world = world(SourceRule::Learn);
    let mut sealer = Sealer::new(1);
    let packets: Vec<_> = (1..=4).map(|sequence| sealer.seal(&rtp(7, sequence))).collect();
    let mut forged = packets[0].clone();
    forged[13] ^= 1;
    let burst = [
        input(30, &forged),
        input(31, &packets[0]),
        input(32, &packets[1]),
        input(31, &packets[2]),
        input(30, &packets[3]),
    ];
    let wrong = dropped(DropReason::WrongSource);
    assert_eq!(
        verdicts(&mut world, &burst),
        [dropped(DropReason::AuthenticationFailed), Verdict::Send, wrong, Verdict::Send, wrong]
    );
    let learnt = world.flow(0).ingress[0].learnt();
    assert_eq!(learnt, Some(endpoint(31, 9)));
    assert_eq!(world.flow(1).egress[0].remote, learnt);
    // The strangers' packets were authentic. Had they touched the replay list, these would be replays.
    assert_eq!(
        verdicts(&mut world, &[input(31, &packets[1]), input(31, &packets[3])]),
        [Verdict::Send, Verdict::Send]
    );
}

#[test]
fn a_burst_of_forgeries_from_many_sources_decides_nothing() {
    let mut world = world(SourceRule::Learn);
    let sealed = Sealer::new(1).seal(&rtp(7, 1));
    let mut forged = sealed.clone();
    forged[13] ^= 1;
    let mut burst: Vec<_> = (0..63).map(|host| input(100 + host, &forged)).collect();
    burst.push(input(31, &sealed));
    let verdicts = verdicts(&mut world, &burst);
    assert!(verdicts[..63].iter().all(|verdict| *verdict == dropped(DropReason::AuthenticationFailed)));
    assert_eq!(verdicts[63], Verdict::Send);
    assert_eq!(world.flow(0).ingress[0].learnt(), Some(endpoint(31, 9)));
}

#[test]
fn what_is_learnt_serves_the_reverse_direction_later_in_the_same_burst() {
    let mut world = world(SourceRule::Learn);
    let (mut forward, mut backward) = (Sealer::new(1), Sealer::new(3));
    let back = |bytes: Vec<u8>| Input { from: endpoint(20, 5000), to: endpoint(2, 5000), bytes };
    let burst = [
        back(backward.seal(&rtp(9, 1))),
        input(31, &forward.seal(&rtp(7, 1))),
        back(backward.seal(&rtp(9, 2))),
    ];
    let outcomes = world.process(&burst, Nanos(1));
    assert_eq!(outcomes[0].verdict, dropped(DropReason::NoRemote));
    assert_eq!(outcomes[2].verdict, Verdict::Send);
    assert_eq!(outcomes[2].destination, endpoint(31, 9));
}

#[test]
fn a_reused_slot_is_not_taken_for_the_peer() {
    let mut world = world(SourceRule::Learn);
    let mut other = flow(1, 6000, SourceRule::LearnAny, receive(3), send(4));
    other.peer = Some(FlowSlot(9));
    world.apply(culvert_engine::Command::Remove { slot: FlowSlot(1) });
    world.install(1, other);
    let sealed = Sealer::new(1).seal(&rtp(7, 1));
    assert_eq!(verdicts(&mut world, &[input(31, &sealed)]), [Verdict::Send]);
    assert_eq!(world.flow(1).egress[0].remote, None);
}

#[test]
fn plain_and_srtp_legs_learn_from_each_other_in_the_order_of_the_burst() {
    let mut world = World::new(&WorkerConfig::default());
    world.install(0, flow(0, 5000, SourceRule::LearnAny, Receive::plain(), send(2)));
    world.install(1, flow(1, 5000, SourceRule::Learn, receive(3), Send::plain()));
    let mut backward = Sealer::new(3);
    let mut back = |sequence| Input {
        from: endpoint(33, 9),
        to: endpoint(2, 5000),
        bytes: backward.seal(&rtp(9, sequence)),
    };
    let burst = [back(1), input(31, &rtp(7, 1)), back(2), input(31, &rtp(7, 2))];
    let outcomes = world.process(&burst, Nanos(1));
    // Nobody had come to the plain leg yet, but where its packets go was learnt from this one.
    assert_eq!(outcomes[0].verdict, dropped(DropReason::NoRemote));
    let sent = |place: usize| (outcomes[place].verdict, outcomes[place].destination);
    assert_eq!(sent(1), (Verdict::Send, endpoint(33, 9)));
    assert_eq!(sent(2), (Verdict::Send, endpoint(31, 9)));
    assert_eq!(sent(3), (Verdict::Send, endpoint(33, 9)));
    assert_eq!(outcomes[2].bytes, rtp(9, 2));
    assert_ne!(outcomes[1].bytes, rtp(7, 1));
}
