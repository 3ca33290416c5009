// SPDX-License-Identifier: MIT OR Apache-2.0
//! A burst has the outcome of its packets processed one by one.

use culvert_engine::{Nanos, Receive, Send, SourceRule, WorkerConfig};
use proptest::prelude::*;

use crate::world::{Input, Sealer, World, endpoint, flow, receive, rtp, send};

/// Two calls: one between SRTP legs, one between a plain and an SRTP leg. All learn.
fn world() -> World {
    let mut world = World::new(&WorkerConfig::default());
    world.install(0, flow(0, 5000, SourceRule::Learn, receive(1), send(2)));
    world.install(1, flow(1, 5000, SourceRule::Learn, receive(3), send(4)));
    world.install(2, flow(2, 6000, SourceRule::LearnAny, Receive::plain(), send(6)));
    world.install(3, flow(3, 6000, SourceRule::Learn, receive(7), Send::plain()));
    world
}

#[derive(Copy, Clone, Debug)]
struct Choice {
    flow: usize,
    host: u8,
    ssrc: u32,
    sequence: u16,
    forged: bool,
    rtcp: bool,
}

fn choice() -> impl Strategy<Value = Choice> {
    (0usize..4, 30u8..33, 1u32..7, 0u16..12, prop::bool::weighted(0.2), prop::bool::weighted(0.1)).prop_map(
        |(flow, host, ssrc, sequence, forged, rtcp)| Choice { flow, host, ssrc, sequence, forged, rtcp },
    )
}

/// What all flows show, and all events, of a world.
fn shown(world: &mut World) -> Vec<String> {
    let mut shown = Vec::new();
    for slot in 0..4 {
        let flow = world.flow(slot);
        let counters = &flow.counters;
        shown.push(format!("{:?} {:?} {counters:?}", flow.ingress, flow.egress));
    }
    shown
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn bursts_equal_single_packets(choices in prop::collection::vec(choice(), 1..64)) {
        let mut sealers = [Some(Sealer::new(1)), Some(Sealer::new(3)), None, Some(Sealer::new(7))];
        let ends = [(1, 5000), (2, 5000), (1, 6000), (2, 6000)];
        // Sequence numbers repeat, so seal each packet once and send it as often as it was drawn.
        let mut sealed = std::collections::HashMap::new();
        let inputs: Vec<Input> = choices
            .iter()
            .map(|choice| {
                let mut plain = rtp(choice.ssrc, choice.sequence);
                if choice.rtcp {
                    // The length field of RTCP is where RTP has its sequence number.
                    plain = vec![0x80, 201, 0, 1, 0, 0, 0, choice.ssrc as u8];
                }
                let key = (choice.flow, choice.ssrc, choice.sequence, choice.rtcp);
                let mut bytes = match &mut sealers[choice.flow] {
                    Some(sealer) if !choice.rtcp => {
                        sealed.entry(key).or_insert_with(|| sealer.seal(&plain)).clone()
                    }
                    _ => plain,
                };
                if choice.forged {
                    *bytes.last_mut().unwrap() ^= 1;
                }
                let (host, port) = ends[choice.flow];
                Input { from: endpoint(choice.host, 9), to: endpoint(host, port), bytes }
            })
            .collect();
        let (mut at_once, mut singly) = (world(), world());
        let together = at_once.process(&inputs, Nanos(5));
        let apart: Vec<_> =
            inputs.iter().flat_map(|input| singly.process(std::slice::from_ref(input), Nanos(5))).collect();
        prop_assert_eq!(together, apart);
        prop_assert_eq!(shown(&mut at_once), shown(&mut singly));
        let (mut burst_events, mut single_events) = (at_once.drain_events(), singly.drain_events());
        // Stages tell of different flows in another order.
        burst_events.sort();
        single_events.sort();
        prop_assert_eq!(burst_events, single_events);
    }
}
