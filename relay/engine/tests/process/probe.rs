// SPDX-License-Identifier: MIT OR Apache-2.0
//! What a probe sees, and that nobody else notices it.

use culvert_engine::{
    Cause, Command, Direction, DropReason, Event, FlowSlot, Nanos, Note, Probe, ProbeId, ProtectionStanding,
    Receive, Retired, Send, Shape, SideStanding, SourceRule, Tried, WorkerConfig,
};
use culvert_srtp::{Authentic, MkiFit};

use crate::world::{Input, SUITE, Sealer, World, endpoint, flow, receive, rtp, send};

const FIT: Authentic = Authentic {
    previous: false,
    suite: SUITE,
    mki: MkiFit::Agreed,
    roll_over_counter: 0,
    unencrypted: false,
};

/// Two streams. Of the first the endpoint at leg 0 sends under key 1 and hears under 4, the one at leg 1 sends under 3 and
/// hears under 2.
fn world() -> World {
    let mut world = World::new(&WorkerConfig::default());
    world.install(0, flow(0, 5000, SourceRule::LearnAny, receive(1), send(2)));
    world.install(1, flow(1, 5000, SourceRule::Learn, receive(3), send(4)));
    world.install(2, flow(2, 6000, SourceRule::Learn, receive(5), send(6)));
    world.install(3, flow(3, 6000, SourceRule::LearnAny, Receive::plain(), Send::not_ready()));
    world
}

fn probe(number: u64) -> Box<Probe> {
    Box::new(Probe::new(ProbeId(number), (0..4).map(|slot| (FlowSlot(slot), slot as u8 / 2))))
}

fn to(host: u8, port: u16, from: u8, bytes: Vec<u8>) -> Input {
    Input { from: endpoint(from, 9), to: endpoint(host, port), bytes }
}

fn back(world: &mut World) -> (Cause, Box<Probe>) {
    loop {
        if let Event::Retired(Retired::Probe { cause, probe }) = world.events.pop().unwrap() {
            return (cause, probe);
        }
    }
}

fn end(world: &mut World, number: u64) -> Box<Probe> {
    world.apply(Command::EndProbe { id: ProbeId(number) });
    let (cause, probe) = back(world);
    assert_eq!((cause, probe.id), (Cause::Removed, ProbeId(number)));
    probe
}

/// What is found out about one packet to flow 0 that was sealed under a key.
fn tried(number: u8) -> Note {
    let mut world = world();
    world.apply(Command::Probe { probe: probe(7) });
    let bytes = Sealer::new(number).seal(&rtp(9, 100));
    world.process(&[to(1, 5000, 30, bytes)], Nanos(1));
    let probe = end(&mut world, 7);
    assert_eq!(probe.flows[0].notes.len(), 1, "{probe:?}");
    probe.flows[0].notes[0]
}

#[test]
fn the_key_that_fits_is_found_wherever_the_session_has_it() {
    let shape = Shape::Rtp {
        payload_type: 0,
        sequence: 100,
        timestamp: 16_000,
        ssrc: 9,
        payload: 30,
        repeats: false,
    };
    let expected = |tried| Note {
        dropped: Some(DropReason::AuthenticationFailed),
        source: endpoint(30, 9),
        length: 42,
        shape,
        tried,
    };
    let under = |flow, direction| expected(Tried::Under { flow, direction, authentic: FIT, expected: 0 });
    assert_eq!(tried(1), Note { dropped: None, ..expected(Tried::No) });
    assert_eq!(tried(2), under(0, Direction::Send));
    assert_eq!(tried(3), under(1, Direction::Receive));
    assert_eq!(tried(4), under(1, Direction::Send));
    assert_eq!(tried(5), under(2, Direction::Receive));
    assert_eq!(tried(6), under(2, Direction::Send));
    assert_eq!(tried(7), expected(Tried::Nowhere { all: true }));
}

#[test]
fn a_stranger_who_has_the_key_is_told_from_one_who_has_not() {
    let mut world = world();
    let mut sealer = Sealer::new(1);
    let mut seal = |sequence| sealer.seal(&rtp(9, sequence));
    world.process(&[to(1, 5000, 30, seal(1))], Nanos(1));
    world.apply(Command::Probe { probe: probe(7) });
    world.process(&[to(1, 5000, 31, seal(2))], Nanos(2));
    world.process(&[to(1, 5000, 32, Sealer::new(8).seal(&rtp(9, 3)))], Nanos(3));
    let probe = end(&mut world, 7);
    let told: Vec<_> =
        probe.flows[0].notes.iter().map(|note| (note.source, note.dropped, note.tried)).collect();
    let (flow, direction) = (0, Direction::Receive);
    let stranger = Some(DropReason::WrongSource);
    assert_eq!(
        told,
        [
            (endpoint(31, 9), stranger, Tried::Under { flow, direction, authentic: FIT, expected: 0 }),
            (endpoint(32, 9), stranger, Tried::Nowhere { all: true }),
        ]
    );
}

#[test]
fn shapes_say_what_bytes_look_like() {
    let mut world = world();
    world.apply(Command::Probe { probe: probe(7) });
    let report = [&[0x80, 201, 0, 1, 0, 0, 0, 9][..], &[0x81, 202, 0, 2, 0, 0, 0, 9, 1, 0, 0, 0]].concat();
    let mut constant: Vec<Vec<u8>> = (1..=3).map(|sequence| rtp(9, sequence)).collect();
    constant.iter_mut().for_each(|packet| packet[12..].fill(0xff));
    constant.push(constant[2].clone());
    let sealed = Sealer::new(1).seal(&rtp(9, 4));
    let inputs = [vec![0x16; 20], report.clone(), [report.as_slice(), &[0x80, 0, 0, 1]].concat()];
    let inputs: Vec<_> =
        inputs.into_iter().chain(constant).chain([sealed]).map(|bytes| to(1, 5000, 30, bytes)).collect();
    for input in inputs {
        world.process(&[input], Nanos(1));
    }
    let probe = end(&mut world, 7);
    let shapes: Vec<_> = probe.flows[0].notes.iter().map(|note| note.shape).collect();
    let rtcp = |whole| Shape::Rtcp { packet_type: 201, ssrc: 9, whole };
    assert_eq!(shapes[..3], [Shape::Other, rtcp(true), rtcp(false)]);
    let repeats: Vec<_> = shapes[3..]
        .iter()
        .map(|shape| match shape {
            Shape::Rtp { sequence, repeats, .. } => (*sequence, *repeats),
            other => panic!("{other:?}"),
        })
        .collect();
    // The same packet once more says nothing.
    assert_eq!(repeats, [(1, false), (2, true), (3, true), (3, false), (4, false)]);
}

#[test]
fn standing_is_that_of_the_end() {
    let mut world = world();
    world.apply(Command::Probe { probe: probe(7) });
    world.apply(Command::SetHeld { slot: FlowSlot(3), held: true });
    world.apply(Command::Remove { slot: FlowSlot(2) });
    // Another session's, in the slot of one that has ended.
    assert!(matches!(world.events.pop().unwrap(), Event::Retired(Retired::Flow { .. })));
    world.install(2, flow(2, 7000, SourceRule::Learn, receive(5), send(6)));
    world.process(&[to(1, 7000, 30, vec![0x80; 50])], Nanos(1));
    let probe = end(&mut world, 7);
    let side = |protection| SideStanding { required: false, protection };
    let first = probe.flows[0].standing.unwrap();
    assert_eq!(first.receive, side(ProtectionStanding::Srtp(SUITE)));
    assert_eq!((first.held, first.egress[0].remote), (false, Some(endpoint(20, 5000))));
    let last = probe.flows[3].standing.unwrap();
    assert_eq!(
        (last.receive, last.send),
        (side(ProtectionStanding::Plain), side(ProtectionStanding::NotReady))
    );
    assert_eq!((last.held, last.egress[0].remote, last.resolved), (true, None, [false; 2]));
    assert_eq!((probe.flows[2].standing, probe.flows[2].notes.len()), (None, 0));
}

#[test]
fn a_flow_has_one_probe_at_a_time() {
    let mut world = world();
    world.apply(Command::Probe { probe: probe(1) });
    world.apply(Command::Probe { probe: probe(2) });
    let (cause, refused) = back(&mut world);
    assert_eq!((cause, refused.id), (Cause::Refused, ProbeId(2)));
    world.apply(Command::Probe { probe: Box::new(Probe::new(ProbeId(3), [(FlowSlot(99), 0)])) });
    let (cause, refused) = back(&mut world);
    assert_eq!((cause, refused.id), (Cause::Refused, ProbeId(3)));
    end(&mut world, 1);
    world.apply(Command::EndProbe { id: ProbeId(1) });
    assert_eq!(world.drain_events(), [""; 0]);
    world.apply(Command::Probe { probe: probe(4) });
    assert_eq!(end(&mut world, 4).flows[0].notes.len(), 0);
}

#[test]
fn what_is_noted_and_tried_is_bounded() {
    let mut world = world();
    world.apply(Command::Probe { probe: probe(7) });
    let mut stranger = Sealer::new(8);
    let mut forged = (1..=1000u16).map(|sequence| to(1, 5000, 30, stranger.seal(&rtp(9, sequence))));
    // One of a burst is tried.
    world.process(&forged.by_ref().take(3).collect::<Vec<_>>(), Nanos(1));
    for burst in 0..40 {
        world.process(&forged.by_ref().take(20).collect::<Vec<_>>(), Nanos(2 + burst));
    }
    let probe = end(&mut world, 7);
    let tried = probe.flows[0].notes.iter().filter(|note| note.tried != Tried::No).count();
    assert_eq!((tried, probe.flows[0].notes.len()), (8, 12));
    assert_eq!(
        probe.flows[0].notes.iter().map(|note| note.tried != Tried::No).collect::<Vec<_>>()[..3],
        [true, false, false]
    );
}

#[test]
fn a_probed_call_goes_on_as_one_that_is_not() {
    let mut worlds = [world(), world()];
    worlds[1].apply(Command::Probe { probe: probe(7) });
    for round in 0..30u16 {
        let inputs: Vec<Input> = (0..4)
            .flat_map(|step| {
                let sequence = round * 40 + step * 9;
                [1, 2, 4, 8].map(|key| to(1, 5000, 30 + key % 2, Sealer::new(key).seal(&rtp(9, sequence))))
            })
            .collect();
        let [one, other] = worlds.each_mut().map(|world| world.process(&inputs, Nanos(u64::from(round))));
        assert_eq!(one, other);
    }
    end(&mut worlds[1], 7);
    let [one, other] = worlds.each_ref().map(|world| format!("{:?}", world.flow(0)));
    assert_eq!(one, other);
}
