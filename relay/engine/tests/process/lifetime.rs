// SPDX-License-Identifier: MIT OR Apache-2.0
//! A key's end (RFC 3711 section 9.2) is announced before it comes, and then nothing passes.

use culvert_engine::{
    Command, DropReason, FlowSlot, Nanos, Receive, Send, SourceRule, Verdict, WorkerConfig,
};
use culvert_secret::Secret;
use culvert_srtp::{KeySet, MasterKey, Mki, ReceiveContext, SendContext};

use crate::world::{Input, SUITE, Sealer, World, dropped, endpoint, flow, receive, rtp, send};

fn lasting(number: u8, packets: u64) -> Secret<KeySet> {
    let key = MasterKey::new(SUITE, &[number; 16], &[number ^ 0x55; 14]).unwrap();
    KeySet::new(SUITE, &[key.with_lifetime(packets).unwrap()]).unwrap()
}

fn report() -> Vec<u8> {
    let mut packet = vec![0x80, 201, 0, 1];
    packet.extend(7_u32.to_be_bytes());
    packet
}

/// Sends packets through flow 0 and says how many passed, and what was told of keys.
fn pass(world: &mut World, packets: Vec<Vec<u8>>, in_burst: usize) -> (usize, Vec<String>) {
    let inputs: Vec<_> = packets
        .into_iter()
        .map(|bytes| Input { from: endpoint(30, 9), to: endpoint(1, 5000), bytes })
        .collect();
    let mut passed = 0;
    let mut refused = false;
    for burst in inputs.chunks(in_burst) {
        for outcome in world.process(burst, Nanos(1)) {
            refused |= outcome.verdict != Verdict::Send;
            let expected = if refused { dropped(DropReason::KeyExpired) } else { Verdict::Send };
            assert_eq!(outcome.verdict, expected);
            passed += usize::from(!refused);
        }
    }
    let told = world.drain_events().into_iter().filter(|event| event.starts_with("KeyExp"));
    (passed, told.map(|event| event.replace("slot: FlowSlot(0), direction: ", "")).collect())
}

fn plain(sequences: std::ops::RangeInclusive<u16>) -> Vec<Vec<u8>> {
    sequences.map(|sequence| rtp(7, sequence)).collect()
}

fn sealed(sealer: &mut Sealer, sequences: std::ops::RangeInclusive<u16>) -> Vec<Vec<u8>> {
    sequences.map(|sequence| sealer.seal(&rtp(7, sequence))).collect()
}

#[test]
fn a_receive_key_is_announced_and_then_refused() {
    for in_burst in [1, 7, 64] {
        let mut world = World::new(&WorkerConfig::default());
        let from = Receive::srtp(ReceiveContext::new(lasting(1, 32), 4));
        world.install(0, flow(0, 5000, SourceRule::LearnAny, from, send(2)));
        let mut sealer = Sealer::new(1);
        // A sixteenth of 32 is 2.
        assert_eq!(pass(&mut world, sealed(&mut sealer, 1..=29), in_burst), (29, vec![]));
        let warning = "KeyExpiring { Receive, packets_left: 2 }".to_owned();
        assert_eq!(pass(&mut world, sealed(&mut sealer, 30..=31), in_burst), (2, vec![warning]));
        let expired = "KeyExpired { Receive }".to_owned();
        assert_eq!(pass(&mut world, sealed(&mut sealer, 32..=40), in_burst), (1, vec![expired]));
        // A re-key begins anew.
        let slot = FlowSlot(0);
        world.apply(Command::Rekey { slot, receive: Some(lasting(3, 4)), send: None });
        let mut sealer = Sealer::new(3);
        assert_eq!(pass(&mut world, sealed(&mut sealer, 41..=42), in_burst), (2, vec![]));
        let told = ["KeyExpiring { Receive, packets_left: 1 }", "KeyExpired { Receive }"].map(str::to_owned);
        assert_eq!(pass(&mut world, sealed(&mut sealer, 43..=50), in_burst), (2, told.to_vec()));
    }
}

#[test]
fn a_send_key_is_announced_and_then_refused() {
    for from_srtp in [false, true] {
        let mut world = World::new(&WorkerConfig { key_warning: 2, ..WorkerConfig::default() });
        let from = if from_srtp { receive(1) } else { Receive::plain() };
        let to = Send::required(SendContext::new(lasting(2, 40), 4)).unwrap();
        world.install(0, flow(0, 5000, SourceRule::LearnAny, from, to));
        let mut sealer = Sealer::new(1);
        let mut packets =
            |sequences| if from_srtp { sealed(&mut sealer, sequences) } else { plain(sequences) };
        // A quarter of 40 is 10.
        assert_eq!(pass(&mut world, packets(1..=29), 64), (29, vec![]));
        let warning = "KeyExpiring { Send, packets_left: 10 }".to_owned();
        assert_eq!(pass(&mut world, packets(30..=30), 64), (1, vec![warning]));
        let expired = "KeyExpired { Send }".to_owned();
        assert_eq!(pass(&mut world, packets(31..=50), 64), (10, vec![expired]));
        let slot = FlowSlot(0);
        world.apply(Command::Rekey { slot, receive: None, send: Some(lasting(3, 8)) });
        // All in one burst: still the warning first.
        let told = ["KeyExpiring { Send, packets_left: 0 }", "KeyExpired { Send }"].map(str::to_owned);
        assert_eq!(pass(&mut world, packets(51..=70), 64), (8, told.to_vec()));
        world.apply(Command::SetSend {
            slot,
            send: Box::new(Send::required(SendContext::new(lasting(4, 8), 4)).unwrap()),
        });
        let warning = "KeyExpiring { Send, packets_left: 2 }".to_owned();
        assert_eq!(pass(&mut world, packets(71..=77), 1), (7, vec![warning]));
    }
}

#[test]
fn rtcp_has_a_count_of_its_own() {
    let mut world = World::new(&WorkerConfig::default());
    let to = Send::srtp(SendContext::new(lasting(2, 4), 4));
    world.install(0, flow(0, 5000, SourceRule::LearnAny, Receive::plain(), to));
    assert_eq!(pass(&mut world, plain(1..=2), 64), (2, vec![]));
    assert_eq!(pass(&mut world, vec![report(); 2], 64), (2, vec![]));
    // The third report: one is left, and as many of RTP as before.
    let warning = "KeyExpiring { Send, packets_left: 1 }".to_owned();
    assert_eq!(pass(&mut world, vec![report()], 64), (1, vec![warning]));
    // RTP comes to its own mark, but a key is announced once.
    assert_eq!(pass(&mut world, plain(3..=3), 64), (1, vec![]));
    let expired = "KeyExpired { Send }".to_owned();
    assert_eq!(pass(&mut world, vec![report(); 3], 64), (1, vec![expired]));
}

#[test]
fn of_several_receive_keys_each_is_announced() {
    let key = |number: u8, packets| {
        let key = MasterKey::new(SUITE, &[number; 16], &[number; 14]).unwrap();
        key.with_lifetime(packets).unwrap().with_mki(Mki::new(&[number]).unwrap())
    };
    let set = |keys: &[MasterKey]| KeySet::new(SUITE, keys).unwrap();
    let mut world = World::new(&WorkerConfig::default());
    let from = ReceiveContext::new(set(&[key(1, 3), key(2, 5)]), 4);
    world.install(0, flow(0, 5000, SourceRule::LearnAny, Receive::srtp(from), send(2)));
    let mut one = Sealer(SendContext::new(set(&[key(1, 9)]), 1));
    let mut two = Sealer(SendContext::new(set(&[key(2, 9)]), 1));
    let told = |left| vec![format!("KeyExpiring {{ Receive, packets_left: {left} }}")];
    assert_eq!(pass(&mut world, sealed(&mut one, 1..=1), 64), (1, vec![]));
    assert_eq!(pass(&mut world, sealed(&mut one, 2..=2), 64), (1, told(1)));
    assert_eq!(pass(&mut world, sealed(&mut two, 3..=6), 64), (4, told(1)));
    assert_eq!(world.flow(0).counters.key_packets(culvert_engine::Direction::Receive), 6, "of both keys");
}
