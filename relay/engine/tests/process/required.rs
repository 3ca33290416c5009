// SPDX-License-Identifier: MIT OR Apache-2.0
//! A leg that requires encryption sends no plain byte and takes no plain packet, in whatever order commands come.
//!
//! Leg A is plain, leg B is the one in question: flow 0 leaves by it, flow 1 arrives at it. A model says what each side has
//! become. After every command a burst of packets goes both ways, and all that leaves is compared with the model. The same
//! on a leg that does not require encryption shows that there is something to see.

use std::sync::Arc;

use culvert_engine::side::Context;
use culvert_engine::{
    Cause, Command, Component, DropReason, Egress, Event, Flow, FlowCounters, FlowSlot, Ingress, Nanos,
    Receive, Retired, Send, Side, SourceRule, Verdict, Via, WorkerConfig,
};
use culvert_secret::Secret;
use culvert_srtp::{
    Contexts, KeySet, Kind, MasterKey, Packet, ReceiveContext, SendContext, Suite, protect_burst,
    unprotect_burst,
};
use proptest::prelude::*;

use crate::world::{Input, Outcome, SUITE, World, endpoint, rtp};

const NULL: Suite = Suite::NullHmacSha1_80;
const SSRC: u32 = 7;

/// What a side is told to be, or is.
#[derive(Copy, Clone, Debug, Eq, PartialEq)]
enum Content {
    NotReady,
    Plain,
    /// By the key of that number.
    Srtp(Suite, u8),
}

/// What a step does; keys are numbered by the step.
#[derive(Copy, Clone, Debug)]
enum Step {
    /// Sets the send side of flow 0: the content, and whether encryption is required from then on.
    SetSend(Kinds, bool),
    /// Sets the receive side of flow 1.
    SetReceive(Kinds, bool),
    RekeySend(Suite),
    RekeyReceive(Suite),
    RekeyBoth(Suite),
    RetirePrevious,
    Hold(u32, bool),
    Move,
    Reinstall(u32),
}

#[derive(Copy, Clone, Debug)]
enum Kinds {
    NotReady,
    Plain,
    Srtp(Suite),
}

impl Kinds {
    fn with_key(self, number: u8) -> Content {
        match self {
            Kinds::NotReady => Content::NotReady,
            Kinds::Plain => Content::Plain,
            Kinds::Srtp(suite) => Content::Srtp(suite, number),
        }
    }
}

/// All that can be done to the leg by which packets leave.
const SENDING: [Step; 14] = [
    Step::SetSend(Kinds::NotReady, true),
    Step::SetSend(Kinds::Srtp(SUITE), true),
    Step::SetSend(Kinds::NotReady, false),
    Step::SetSend(Kinds::Plain, false),
    Step::SetSend(Kinds::Srtp(NULL), false),
    Step::SetSend(Kinds::Srtp(Suite::AeadAes128Gcm), false),
    Step::RekeySend(SUITE),
    Step::RekeySend(NULL),
    Step::RekeyBoth(Suite::AeadAes256Gcm),
    Step::RekeyBoth(NULL),
    Step::Hold(0, true),
    Step::Hold(0, false),
    Step::Move,
    Step::Reinstall(0),
];

/// All that can be done to the leg at which packets arrive.
const RECEIVING: [Step; 12] = [
    Step::SetReceive(Kinds::NotReady, true),
    Step::SetReceive(Kinds::Srtp(SUITE), true),
    Step::SetReceive(Kinds::NotReady, false),
    Step::SetReceive(Kinds::Plain, false),
    Step::SetReceive(Kinds::Srtp(NULL), false),
    Step::RekeyReceive(Suite::AeadAes128Gcm),
    Step::RekeyReceive(NULL),
    Step::RekeyBoth(SUITE),
    Step::RetirePrevious,
    Step::Hold(1, true),
    Step::Hold(1, false),
    Step::Reinstall(1),
];

fn keys(suite: Suite, number: u8) -> Secret<KeySet> {
    let key =
        MasterKey::new(suite, &[number; 32][..suite.key_length()], &[!number; 14][..suite.salt_length()]);
    KeySet::new(suite, &[key.unwrap()]).unwrap()
}

/// A context of one end, for one packet at a time.
struct End(Option<SendContext>, Option<ReceiveContext>);

impl Contexts for End {
    fn receive(&self, _: u32) -> Option<&ReceiveContext> {
        self.1.as_ref()
    }
    fn receive_mut(&mut self, _: u32) -> Option<&mut ReceiveContext> {
        self.1.as_mut()
    }
    fn send(&self, _: u32) -> Option<&SendContext> {
        self.0.as_ref()
    }
    fn send_mut(&mut self, _: u32) -> Option<&mut SendContext> {
        self.0.as_mut()
    }
}

fn kind(packet: &[u8]) -> Kind {
    if culvert_wire::is_rtcp(packet[1]) { Kind::Rtcp } else { Kind::Rtp }
}

fn seal((suite, number): (Suite, u8), plain: &[u8]) -> Vec<u8> {
    let mut buffer = plain.to_vec();
    buffer.resize(plain.len() + 32, 0);
    let mut packets = [Packet::new(&mut buffer, plain.len(), kind(plain), 0)];
    protect_burst(&mut packets, &mut End(Some(SendContext::new(keys(suite, number), 1)), None));
    assert_eq!(packets[0].outcome, Ok(()));
    let length = packets[0].length;
    buffer.truncate(length);
    buffer
}

/// A side as it must be.
#[derive(Copy, Clone, Debug)]
struct Model {
    content: Content,
    required: bool,
    /// Of the receive side, after a re-key.
    previous: Option<(Suite, u8)>,
    held: bool,
}

impl Model {
    fn set(&mut self, content: Content, required: bool) -> Cause {
        if self.required && !required {
            return Cause::Refused;
        }
        *self = Model { content, required, previous: None, ..*self };
        Cause::Replaced
    }

    fn rekey(&mut self, suite: Suite, number: u8) -> Option<(Suite, u8)> {
        let Content::Srtp(old_suite, old) = self.content else { return None };
        if self.required && !suite.encrypts() {
            return None;
        }
        self.content = Content::Srtp(suite, number);
        self.previous.replace((old_suite, old)).or(Some((old_suite, old)))
    }
}

fn side<C: Context>(
    content: Content,
    required: bool,
    context: fn(Secret<KeySet>, usize) -> C,
) -> Box<Side<C>> {
    Box::new(match (content, required) {
        (Content::NotReady, true) => Side::required_not_ready(),
        (Content::Srtp(suite, number), true) => Side::required(context(keys(suite, number), 4)).unwrap(),
        (Content::NotReady, false) => Side::not_ready(),
        (Content::Srtp(suite, number), false) => Side::srtp(context(keys(suite, number), 4)),
        (Content::Plain, _) => Side::plain(),
    })
}

/// The flow that a packet is for, its plain form, and under which key it is sealed.
type Sent = (u32, Vec<u8>, Option<(Suite, u8)>);

/// A call under test.
struct Bench {
    world: World,
    /// Leg B as a packet leaves by it, and as one arrives at it.
    send: Model,
    receive: Model,
    required: bool,
    remote: culvert_wire::Endpoint,
    counters: Arc<FlowCounters>,
    /// Of `counters`.
    plain: (u64, u64),
    sequence: u16,
    steps: u8,
    /// Packets that left by leg B in the clear, over all.
    clear: u64,
    /// And those that left encrypted.
    hidden: u64,
}

impl Bench {
    fn new(required: bool, with_keys: bool) -> Bench {
        let config = WorkerConfig { max_flows: 2, max_next_hops: 1, events: 64, ..WorkerConfig::default() };
        let content = |number| if with_keys { Content::Srtp(SUITE, number) } else { Content::NotReady };
        let model = |number| Model { content: content(number), required, previous: None, held: false };
        let mut bench = Bench {
            world: World::new(&config),
            send: model(201),
            receive: model(202),
            required,
            remote: endpoint(20, 5000),
            counters: Arc::new(FlowCounters::new(4)),
            plain: (0, 0),
            sequence: 0,
            steps: 0,
            clear: 0,
            hidden: 0,
        };
        bench.install(0);
        bench.install(1);
        bench.exchange();
        bench
    }

    fn install(&mut self, slot: u32) {
        let leg = |here: u8, there: u8, from, to| {
            let ingress = Ingress::new(endpoint(here, 5000), SourceRule::Fixed(from));
            let egress = Egress { local: endpoint(there, 5000), remote: Some(to), via: Via::Unresolved };
            ([ingress; 2], [egress; 2])
        };
        let (a, b) = (endpoint(30, 9), endpoint(20, 5000));
        let flow = match slot {
            0 => {
                let (ingress, egress) = leg(1, 2, a, b);
                let send = *side(self.send.content, self.send.required, SendContext::new);
                self.counters = Arc::new(FlowCounters::new(4));
                self.plain = (0, 0);
                self.remote = b;
                Flow::new(ingress, Receive::plain(), egress, send, self.counters.clone())
            }
            _ => {
                let (ingress, egress) = leg(2, 1, b, a);
                let receive = *side(self.receive.content, self.receive.required, ReceiveContext::new);
                Flow::new(ingress, receive, egress, Send::plain(), Arc::new(FlowCounters::new(4)))
            }
        };
        self.world.install(slot, flow);
    }

    /// Carries a step out, and checks what comes back.
    fn step(&mut self, step: Step) {
        self.steps += 1;
        let number = self.steps;
        let mut expected = Vec::new();
        let of = FlowSlot;
        match step {
            Step::SetSend(kinds, required) => {
                let content = kinds.with_key(number);
                expected.push((Some("send"), self.send.set(content, required)));
                let send = side(content, required, SendContext::new);
                self.world.apply(Command::SetSend { slot: of(0), send });
            }
            Step::SetReceive(kinds, required) => {
                let content = kinds.with_key(number);
                expected.push((Some("receive"), self.receive.set(content, required)));
                let receive = side(content, required, ReceiveContext::new);
                self.world.apply(Command::SetReceive { slot: of(1), receive });
            }
            Step::RekeySend(suite) => self.rekey_send(suite, number, &mut expected),
            Step::RekeyReceive(suite) => self.rekey_receive(suite, number, &mut expected),
            Step::RekeyBoth(suite) => {
                self.rekey_send(suite, number, &mut expected);
                self.rekey_receive(suite, number.wrapping_add(100), &mut expected);
            }
            Step::RetirePrevious => {
                if self.receive.previous.take().is_some() {
                    expected.push((None, Cause::Removed));
                }
                self.world.apply(Command::RetirePrevious { slot: of(1) });
            }
            Step::Hold(slot, held) => {
                if slot == 0 {
                    self.send.held = held
                } else {
                    self.receive.held = held
                }
                self.world.apply(Command::SetHeld { slot: of(slot), held });
            }
            Step::Move => {
                self.remote = endpoint(20, 6000 + u16::from(number));
                for component in Component::ALL {
                    let egress =
                        Egress { local: endpoint(2, 5000), remote: Some(self.remote), via: Via::Unresolved };
                    self.world.apply(Command::SetEgress { slot: of(0), component, egress });
                }
            }
            Step::Reinstall(slot) => {
                let fresh = Model {
                    content: Content::NotReady,
                    required: self.required,
                    previous: None,
                    held: false,
                };
                if slot == 0 {
                    self.send = fresh
                } else {
                    self.receive = fresh
                }
                self.world.apply(Command::Remove { slot: of(slot) });
                self.install(slot);
                expected.push((Some("flow"), Cause::Removed));
            }
        }
        let returned: Vec<_> = std::iter::from_fn(|| self.world.events.pop().ok())
            .filter_map(|event| match event {
                Event::Retired(Retired::Send { cause, .. }) => Some((Some("send"), cause)),
                Event::Retired(Retired::Receive { cause, .. }) => Some((Some("receive"), cause)),
                Event::Retired(Retired::Flow { cause, .. }) => Some((Some("flow"), cause)),
                Event::Retired(Retired::Keys { cause, .. }) => Some((None, cause)),
                _ => None,
            })
            .collect();
        assert_eq!(returned, expected, "{step:?}");
        self.exchange();
    }

    fn rekey_send(&mut self, suite: Suite, number: u8, expected: &mut Vec<(Option<&'static str>, Cause)>) {
        let done = self.send.rekey(suite, number).is_some();
        expected.push((None, if done { Cause::Replaced } else { Cause::Refused }));
        let send = Some(keys(suite, number));
        self.world.apply(Command::Rekey { slot: FlowSlot(0), receive: None, send });
    }

    fn rekey_receive(&mut self, suite: Suite, number: u8, expected: &mut Vec<(Option<&'static str>, Cause)>) {
        let third = self.receive.previous.is_some();
        match self.receive.rekey(suite, number) {
            Some(_) if third => expected.push((None, Cause::Replaced)),
            Some(_) => {}
            None => expected.push((None, Cause::Refused)),
        }
        let receive = Some(keys(suite, number));
        self.world.apply(Command::Rekey { slot: FlowSlot(1), receive, send: None });
    }

    fn next(&mut self) -> Vec<u8> {
        self.sequence += 1;
        let mut packet = rtp(SSRC, self.sequence);
        packet.truncate(12);
        packet.extend(secret(self.sequence));
        packet
    }

    fn report(&mut self) -> Vec<u8> {
        self.sequence += 1;
        let mut packet = vec![0x80, 201, 0, 7];
        packet.extend(SSRC.to_be_bytes());
        packet.extend(secret(self.sequence));
        packet
    }

    /// Packets of both directions in one burst, those of an overlapping re-key too.
    fn exchange(&mut self) {
        let newest = match self.receive.content {
            Content::Srtp(suite, number) => Some((suite, number)),
            _ => None,
        };
        let mut packets: Vec<Sent> = Vec::new();
        packets.push((0, self.next(), None));
        packets.push((1, self.next(), None));
        packets.push((1, self.next(), Some((NULL, 250))));
        if let Some(previous) = self.receive.previous {
            packets.push((1, self.next(), Some(previous)));
        }
        packets.push((0, self.report(), None));
        packets.push((1, self.report(), None));
        if let Some(newest) = newest {
            packets.push((1, self.next(), Some(newest)));
        }
        packets.push((0, self.next(), None));

        let (a, b) = (endpoint(30, 9), endpoint(20, 5000));
        let inputs: Vec<_> = packets
            .iter()
            .map(|(direction, plain, key)| {
                let bytes = key.map_or_else(|| plain.clone(), |key| seal(key, plain));
                match direction {
                    0 => Input { from: a, to: endpoint(1, 5000), bytes },
                    _ => Input { from: b, to: endpoint(2, 5000), bytes },
                }
            })
            .collect();
        let outcomes = self.world.process(&inputs, Nanos(1 + u64::from(self.sequence)));
        let mut opener = match self.send.content {
            Content::Srtp(suite, number) => {
                Some(End(None, Some(ReceiveContext::new(keys(suite, number), 1))))
            }
            _ => None,
        };
        for ((direction, plain, key), outcome) in packets.iter().zip(&outcomes) {
            match direction {
                0 => self.check_sent(plain, outcome, opener.as_mut()),
                _ => self.check_received(plain, *key, outcome),
            }
        }
        assert_eq!((self.counters.plain_packets(), self.counters.plain_bytes()), self.plain);
    }

    fn check_sent(&mut self, plain: &[u8], outcome: &Outcome, opener: Option<&mut End>) {
        let expected = match self.send {
            Model { held: true, .. } => Verdict::Drop(DropReason::Held),
            Model { content: Content::NotReady, .. } => Verdict::Drop(DropReason::NotReady),
            _ => Verdict::Send,
        };
        assert_eq!(outcome.verdict, expected, "{:?}", self.send);
        if expected != Verdict::Send {
            return;
        }
        assert_eq!(outcome.destination, self.remote);
        let header = if kind(plain) == Kind::Rtp { 12 } else { 8 };
        let leaks =
            plain[header..].windows(8).any(|content| outcome.bytes.windows(8).any(|sent| sent == content));
        let encrypts = matches!(self.send.content, Content::Srtp(suite, _) if suite.encrypts());
        assert_eq!(leaks, !encrypts, "{:?}", self.send);
        assert!(encrypts || !self.send.required, "the model itself must not allow it");
        match opener {
            Some(end) => {
                let mut buffer = outcome.bytes.clone();
                let mut packet = [Packet::new(&mut buffer, outcome.bytes.len(), kind(plain), 0)];
                unprotect_burst(&mut packet, end);
                assert_eq!(packet[0].outcome, Ok(()), "authenticates under the key that was set");
                let length = packet[0].length;
                assert_eq!(buffer[..length], *plain);
            }
            None => assert_eq!(outcome.bytes, plain),
        }
        if encrypts {
            self.hidden += 1;
        } else {
            self.clear += 1;
            self.plain = (self.plain.0 + 1, self.plain.1 + outcome.bytes.len() as u64);
        }
    }

    fn check_received(&self, plain: &[u8], key: Option<(Suite, u8)>, outcome: &Outcome) {
        let Model { content, required, previous, held } = self.receive;
        let opens = match (content, key) {
            // What is sealed has the form of plain RTP too.
            (Content::Plain, _) => true,
            (Content::Srtp(suite, number), Some(key)) => key == (suite, number) || previous == Some(key),
            _ => false,
        };
        assert_eq!(
            outcome.verdict == Verdict::Send,
            opens && !held,
            "{:?} {key:?} {outcome:?}",
            self.receive
        );
        if outcome.verdict == Verdict::Send && content != Content::Plain {
            assert_eq!(outcome.bytes, plain);
            assert!(!required || key.is_some_and(|(suite, _)| suite.encrypts()));
        }
    }
}

/// Content that no header and no other packet has.
fn secret(sequence: u16) -> [u8; 24] {
    let [high, low] = sequence.to_be_bytes();
    std::array::from_fn(|place| (place as u8).wrapping_mul(37) ^ low.wrapping_mul(91) ^ high ^ 0x5a)
}

/// Every sequence of that many steps, from either start. Packets that left by leg B: in the clear, and encrypted.
fn every_order(steps: &[Step], length: u32, required: bool) -> (u64, u64) {
    let (mut clear, mut hidden) = (0, 0);
    for with_keys in [false, true] {
        for order in 0..steps.len().pow(length) {
            let mut bench = Bench::new(required, with_keys);
            let mut rest = order;
            for _ in 0..length {
                bench.step(steps[rest % steps.len()]);
                rest /= steps.len();
            }
            clear += bench.clear;
            hidden += bench.hidden;
        }
    }
    (clear, hidden)
}

#[test]
fn no_order_of_commands_makes_a_required_leg_send_a_plain_byte() {
    let (clear, hidden) = every_order(&SENDING, 3, true);
    assert!(clear == 0 && hidden > 10_000, "{clear} {hidden}");
}

/// One step longer, of those that decide what is sent.
#[test]
fn nor_does_an_order_of_four() {
    let (clear, hidden) = every_order(&SENDING[..10], 4, true);
    assert!(clear == 0 && hidden > 10_000, "{clear} {hidden}");
}

#[test]
fn no_order_of_commands_makes_a_required_leg_take_a_plain_packet() {
    every_order(&RECEIVING, 3, true);
}

#[test]
fn the_same_orders_make_a_leg_that_is_not_required_send_plain_bytes() {
    let (clear, hidden) = every_order(&SENDING, 3, false);
    assert!(clear > 10_000 && hidden > 10_000, "{clear} {hidden}");
    every_order(&RECEIVING, 3, false);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn nor_does_any_longer_order(
        steps in prop::collection::vec(prop::sample::select([&SENDING[..], &RECEIVING[..]].concat()), 4..60),
        with_keys in any::<bool>(),
    ) {
        let mut bench = Bench::new(true, with_keys);
        for step in steps {
            bench.step(step);
        }
        prop_assert_eq!(bench.clear, 0);
    }
}
