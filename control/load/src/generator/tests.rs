// SPDX-License-Identifier: MIT OR Apache-2.0
//! The generator against relays in this process that do what a test wants, packet by packet.

use std::collections::VecDeque;
use std::net::SocketAddr;

use super::*;
use crate::calls::{Call, CallLeg};
use crate::keys::LegKeys;
use crate::plan::tests::plan;
use crate::transport::{Incoming, Local, Side};
use crate::{HostileKind, HostilePlan, Share};

/// What becomes of a plain packet, by its number among all that were sent.
type Fate = fn(u64, &mut Vec<u8>) -> Deal;

enum Deal {
    Deliver,
    Drop,
    Twice,
    /// Held back until so many more have been delivered.
    Behind(usize),
    /// To the leg that it came from.
    Back,
}

/// A plain relay of one session for each port of `relay`.
struct Fake {
    fate: Fate,
    number: u64,
    waiting: VecDeque<(Local, SocketAddr, Vec<u8>)>,
    held: Vec<(usize, Local, SocketAddr, Vec<u8>)>,
    /// Takes so many packets a call; 0 every other time.
    greed: usize,
    calls: u64,
    others: Vec<(Local, SocketAddr, Vec<u8>)>,
}

const RELAY: [u8; 4] = [192, 0, 2, 1];

fn relay_port(leg: usize, session: usize) -> SocketAddr {
    SocketAddr::from((RELAY, (20_000 + 10_000 * leg + session) as u16))
}

impl Fake {
    fn new(fate: Fate) -> Fake {
        let (waiting, held, others) = Default::default();
        Fake { fate, number: 0, waiting, held, greed: usize::MAX, calls: 0, others }
    }

    fn push(&mut self, at: Local, from: SocketAddr, payload: Vec<u8>) {
        self.waiting.push_back((at, from, payload));
        self.held.iter_mut().for_each(|held| held.0 -= 1);
        let due: Vec<_> = self.held.extract_if(.., |held| held.0 == 0).collect();
        self.waiting.extend(due.into_iter().map(|(_, at, from, payload)| (at, from, payload)));
    }
}

impl Way for Fake {
    fn send(&mut self, packets: &[Outgoing<'_>]) -> Result<usize, LoadError> {
        self.calls += 1;
        if self.greed < usize::MAX && self.calls.is_multiple_of(2) {
            return Ok(0);
        }
        let taken = packets.len().min(self.greed);
        for packet in &packets[..taken] {
            let leg = usize::from(packet.to.port() >= 30_000);
            let session =
                usize::from(packet.to.port()) - (20_000 + 10_000 * leg).min(packet.to.port().into());
            if session > 100 || packet.from.side == Side::Stranger {
                self.others.push((packet.from, packet.to, packet.payload.to_vec()));
                continue;
            }
            let other = 1 - leg;
            let at = |leg: usize| Local { side: [Side::A, Side::B][leg], place: 0 };
            let mut payload = packet.payload.to_vec();
            let deal = (self.fate)(self.number, &mut payload);
            self.number += 1;
            match deal {
                Deal::Drop => {}
                Deal::Deliver => self.push(at(other), relay_port(other, session), payload),
                Deal::Back => self.push(at(leg), relay_port(leg, session), payload),
                Deal::Twice => {
                    self.push(at(other), relay_port(other, session), payload.clone());
                    self.push(at(other), relay_port(other, session), payload);
                }
                Deal::Behind(count) => {
                    self.held.push((count, at(other), relay_port(other, session), payload));
                }
            }
        }
        Ok(taken)
    }

    fn receive(&mut self, deliver: &mut dyn FnMut(Incoming<'_>)) -> Result<usize, LoadError> {
        let count = self.waiting.len();
        for (at, from, mut payload) in self.waiting.drain(..) {
            deliver(Incoming { at, from, payload: &mut payload, received: None });
        }
        Ok(count)
    }

    fn wait(&mut self, time: Duration) -> Result<(), LoadError> {
        std::thread::sleep(time.min(Duration::from_millis(1)));
        Ok(())
    }
}

/// So many packets of plain media, as fast as may be.
fn quick(sessions: u32, packets: u64) -> Plan {
    let mut plan = plan();
    plan.sessions = sessions;
    plan.legs.iter_mut().for_each(|leg| leg.suite = None);
    plan.rate = crate::Rate::Total(50_000.0);
    plan.duration = Duration::from_secs(20);
    plan.packets = Some(packets);
    plan.settle = Duration::from_millis(20);
    plan
}

fn calls(plan: &Plan) -> Vec<Call> {
    let leg = |leg: usize, session: u32| CallLeg {
        local: 0,
        relay: relay_port(leg, session as usize),
        keys: plan.legs[leg].suite.map(|suite| LegKeys::random(suite).unwrap()),
    };
    (0..plan.sessions).map(|session| Call { legs: [leg(0, session), leg(1, session)] }).collect()
}

fn run(plan: &Plan, fake: &mut Fake) -> Ran {
    let flows = Flows::new(plan, calls(plan), 7).unwrap();
    let mut seconds = Vec::new();
    let ran = Generator::new(plan, flows, 4)
        .run(fake, &Stop::default(), &mut |second| seconds.push(second))
        .unwrap();
    assert_eq!(seconds, ran.seconds);
    assert_eq!(seconds.iter().map(|second| second.sent).sum::<u64>(), ran.sent.iter().sum::<u64>());
    assert_eq!(seconds.iter().map(|second| second.delivered).sum::<u64>(), ran.sink.delivered());
    ran
}

#[test]
fn what_is_relayed_is_delivered_whole_and_in_order() {
    let mut plan = quick(3, 900);
    plan.both = true;
    let ran = run(&plan, &mut Fake::new(|_, _| Deal::Deliver));
    assert_eq!(ran.sent, [450, 450]);
    for heard in &ran.sink.heard {
        assert_eq!((heard.delivered, heard.duplicates, heard.reordered, heard.misdirected), (450, 0, 0, 0));
        assert_eq!((heard.samples.checked, heard.samples.different), (450, 0));
        assert_eq!(heard.latency.count(), 450);
    }
    assert_eq!((ran.sink.foreign, ran.refused, ran.interrupted), (0, 0, false));
}

#[test]
fn loss_duplicates_and_reordering_are_counted_exactly() {
    let plan = quick(1, 1000);
    let ran = run(
        &plan,
        &mut Fake::new(|number, _| match number % 100 {
            10 => Deal::Drop,
            20 | 21 => Deal::Twice,
            30 => Deal::Behind(3),
            _ => Deal::Deliver,
        }),
    );
    let heard = &ran.sink.heard[0];
    assert_eq!((ran.sent[0], heard.delivered, heard.duplicates), (1000, 990, 20));
    assert_eq!((heard.reordered, heard.extent, heard.late), (10, 3, 0));
}

#[test]
fn what_is_changed_on_the_way_is_found() {
    let mut plan = quick(1, 1000);
    plan.sample = 10;
    let ran = run(
        &plan,
        &mut Fake::new(|number, payload| {
            // The header as it was: a changed payload is for the samples to find.
            if number % 100 == 50 {
                payload[100] ^= 1;
            }
            Deal::Deliver
        }),
    );
    let samples = ran.sink.heard[0].samples;
    assert_eq!((samples.checked, samples.unauthentic, samples.different), (100, 0, 10));
    assert_eq!(ran.sink.heard[0].delivered, 1000);
}

#[test]
fn what_comes_to_the_wrong_place_is_not_delivered() {
    let ran = run(
        &quick(2, 200),
        &mut Fake::new(|number, payload| match number {
            7 => Deal::Back,
            8 => {
                payload[8..12].copy_from_slice(&[0xff; 4]);
                Deal::Deliver
            }
            // From beyond what was sent.
            9 => {
                payload[2..4].copy_from_slice(&[0x40, 0]);
                Deal::Deliver
            }
            _ => Deal::Deliver,
        }),
    );
    let heard = &ran.sink.heard[0];
    assert_eq!((heard.delivered, heard.misdirected, ran.sink.foreign), (197, 1, 2));
}

#[test]
fn a_system_that_takes_little_gets_everything_in_the_end() {
    let mut fake = Fake { greed: 3, ..Fake::new(|_, _| Deal::Deliver) };
    let ran = run(&quick(5, 500), &mut fake);
    assert_eq!((ran.sent[0], ran.sink.heard[0].delivered, ran.sink.heard[0].reordered), (500, 500, 0));
}

#[test]
fn srtp_rolls_over_and_only_the_right_key_opens_it() {
    let mut plan = quick(2, 400);
    plan.legs.iter_mut().for_each(|leg| leg.suite = Some(culvert_srtp::Suite::AeadAes128Gcm));
    plan.sequence = 65_500;
    // This relay does not re-key: what comes is under leg A's key.
    let ran = run(&plan, &mut Fake::new(|_, _| Deal::Deliver));
    let heard = &ran.sink.heard[0];
    assert_eq!((heard.delivered, heard.reordered), (400, 0));
    assert_eq!((heard.samples.checked, heard.samples.unauthentic), (400, 400));
}

#[test]
fn hostile_packets_are_what_they_are_called() {
    let mut plan = quick(2, 4000);
    plan.legs[0].suite = Some(culvert_srtp::Suite::AesCm128HmacSha1_80);
    plan.hostile = HostileKind::ALL.map(|kind| HostilePlan { kind, share: Share::OfMedia(0.1) }).to_vec();
    let ran = run(&plan, &mut Fake::new(|_, _| Deal::Deliver));
    assert_eq!(ran.hostile.len(), 6);
    for (kind, sent) in &ran.hostile {
        assert_eq!(*sent, 400, "{kind:?}");
    }
    // Both forged and replayed ones go through this relay: one is beyond what was sent or a duplicate, the other is one.
    assert!(ran.sink.heard[0].duplicates >= 400);
}

#[test]
fn a_stop_ends_the_run_in_order() {
    let mut plan = quick(1, 1000);
    plan.rate = crate::Rate::Total(1.0);
    let flows = Flows::new(&plan, calls(&plan), 7).unwrap();
    let stop = Stop::default();
    stop.set();
    let ran = Generator::new(&plan, flows, 0)
        .run(&mut Fake::new(|_, _| Deal::Deliver), &stop, &mut |_| ())
        .unwrap();
    assert_eq!((ran.interrupted, ran.sent, ran.sink.heard[0].delivered), (true, [1, 0], 1));
}
