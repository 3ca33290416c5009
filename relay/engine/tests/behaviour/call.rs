// SPDX-License-Identifier: MIT OR Apache-2.0
//! Two legs joined by a worker, and the endpoints on both sides.

use std::sync::Arc;

use culvert_engine::{
    Command, Component, DropReason, Dscp, Egress, Flow, FlowCounters, FlowSlot, Ingress, Nanos, Receive,
    Send, SourceRule, StreamSnapshot, Via,
};
use culvert_srtp::Suite;
use culvert_wire::{Endpoint, is_rtcp};

use crate::client::{Guard, Opener, Sealer};
use crate::harness::{Datagram, Family, Harness, await_some};

pub const CM: Suite = Suite::AesCm128HmacSha1_80;
pub const GCM: Suite = Suite::AeadAes256Gcm;

#[derive(Copy, Clone, Debug)]
pub struct LegSetup {
    pub family: Family,
    pub host: u8,
    /// What its endpoint sends, and what it is sent.
    pub guards: [Guard; 2],
    /// `None`: the endpoint, fixed.
    pub source: Option<SourceRule>,
    pub multiplexed: bool,
    /// Whether the relay is told whom to send to.
    pub signalled: bool,
}

#[derive(Copy, Clone, Debug)]
pub struct Setup {
    pub legs: [LegSetup; 2],
    pub dscp: Dscp,
    pub max_ssrcs: usize,
}

/// Both legs plain, over IPv4.
pub const PLAIN: Setup = Setup {
    legs: [leg(2, Guard::Plain, Guard::Plain), leg(3, Guard::Plain, Guard::Plain)],
    dscp: Dscp::Keep,
    max_ssrcs: 4,
};

/// Different suites and keys on both legs.
pub const SRTP: Setup = Setup {
    legs: [leg(2, Guard::Srtp(CM, 1), Guard::Srtp(CM, 2)), leg(3, Guard::Srtp(GCM, 3), Guard::Srtp(GCM, 4))],
    ..PLAIN
};

const fn leg(host: u8, sends: Guard, is_sent: Guard) -> LegSetup {
    LegSetup {
        family: Family::V4,
        host,
        guards: [sends, is_sent],
        source: None,
        multiplexed: false,
        signalled: true,
    }
}

pub struct Leg {
    /// RTP and RTCP.
    pub relay: [Endpoint; 2],
    pub peer: [Endpoint; 2],
    pub sealer: Sealer,
    pub opener: Opener,
}

/// Flow `i` takes what arrives at leg `i` to the other.
pub struct Call {
    pub legs: [Leg; 2],
    pub slots: [FlowSlot; 2],
    pub counters: [Arc<FlowCounters>; 2],
}

/// All that a flow shows of itself.
#[derive(Debug, PartialEq)]
pub struct Shown {
    pub packets: u64,
    pub bytes: u64,
    pub rtcp_packets: u64,
    pub last_seen: Option<Nanos>,
    pub streams: Vec<StreamSnapshot>,
    pub drops: Vec<(DropReason, u64)>,
}

impl Call {
    pub fn place(harness: &mut impl Harness, setup: Setup) -> Call {
        let legs = setup.legs.map(|leg| {
            let pair = |open: &mut dyn FnMut() -> Endpoint| {
                let rtp = open();
                if leg.multiplexed { [rtp, rtp] } else { [rtp, open()] }
            };
            let relay = pair(&mut || harness.relay(leg.family));
            let peer = pair(&mut || harness.peer(leg.family, leg.host));
            let [sends, is_sent] = leg.guards;
            Leg { relay, peer, sealer: Sealer::new(sends), opener: Opener::new(is_sent) }
        });
        let slots = [(); 2].map(|()| harness.handle().slots.allocate().unwrap());
        let counters = [(); 2].map(|()| Arc::new(FlowCounters::new(setup.max_ssrcs)));
        for from in 0..2 {
            let to = 1 - from;
            let vias = legs[to].peer.map(|peer| harness.via(peer));
            let ingress = [0, 1].map(|component| {
                let rule = setup.legs[from].source;
                let source = rule.unwrap_or(SourceRule::Fixed(legs[from].peer[component]));
                Ingress::new(legs[from].relay[component], source)
            });
            let egress = [0, 1].map(|component| Egress {
                local: legs[to].relay[component],
                remote: setup.legs[to].signalled.then_some(legs[to].peer[component]),
                via: if setup.legs[to].signalled { vias[component] } else { Via::Unresolved },
            });
            let receive = setup.legs[from].guards[0].receive(setup.max_ssrcs);
            let send = setup.legs[to].guards[1].send(setup.max_ssrcs);
            let mut flow = Flow::new(ingress, receive, egress, send, Arc::clone(&counters[from]));
            flow.dscp = setup.dscp;
            flow.peer = Some(slots[to]);
            harness.command(Command::Install { slot: slots[from], flow: Box::new(flow) });
        }
        harness.settle();
        Call { legs, slots, counters }
    }

    /// Places a call on a worker that may have something to tell about earlier ones.
    pub fn place_after_events(harness: &mut impl Harness, setup: Setup) -> Call {
        harness.settle_with_events();
        Call::place(harness, setup)
    }

    /// Sends bytes as they are, from a leg's endpoint to its relay port, by what they are.
    pub fn send(&self, harness: &mut impl Harness, from: usize, bytes: &[u8]) {
        let component = component(bytes) as usize;
        self.send_from(harness, from, self.legs[from].peer[component], bytes);
    }

    /// The same from another source.
    pub fn send_from(&self, harness: &mut impl Harness, leg: usize, source: Endpoint, bytes: &[u8]) {
        let to = self.legs[leg].relay[component(bytes) as usize];
        harness.send(&Datagram { from: source, to, traffic_class: 0, payload: bytes.to_vec() });
    }

    /// Awaits what comes out at the other leg, opened.
    pub fn arrives(&mut self, harness: &mut impl Harness, from: usize, plain: &[u8]) {
        let to = &mut self.legs[1 - from];
        let component = component(plain) as usize;
        let datagram = harness.receive();
        assert_eq!((datagram.from, datagram.to), (to.relay[component], to.peer[component]));
        assert_eq!(to.opener.open(&datagram.payload).expect("opens at the other end"), plain);
    }

    /// Sends a packet and checks that it arrives.
    pub fn passes(&mut self, harness: &mut impl Harness, from: usize, plain: &[u8]) {
        let sealed = self.legs[from].sealer.seal(plain);
        self.send(harness, from, &sealed);
        self.arrives(harness, from, plain);
    }

    /// Sends bytes that are to be dropped for a reason, and checks that the drop counter is all that changed.
    pub fn refuses(&self, harness: &mut impl Harness, from: usize, bytes: &[u8], reason: DropReason) {
        let source = self.legs[from].peer[component(bytes) as usize];
        self.refuses_from(harness, from, source, bytes, reason);
    }

    pub fn refuses_from(
        &self,
        harness: &mut impl Harness,
        from: usize,
        source: Endpoint,
        bytes: &[u8],
        reason: DropReason,
    ) {
        let mut expected = [self.shown(0), self.shown(1)];
        let filtered = harness.filtered();
        self.send_from(harness, from, source, bytes);
        await_some(reason.name(), || {
            (harness.filtered() > filtered || self.drops(from) > sum(&expected[from].drops)).then_some(())
        });
        if harness.filtered() == filtered {
            count(&mut expected[from].drops, reason);
        } else {
            assert!(is_form(reason), "the XDP program dropped it instead: {reason}");
        }
        harness.settle();
        assert_eq!(harness.try_receive(), None);
        assert_eq!([self.shown(0), self.shown(1)], expected);
    }

    /// Sends bytes that authenticate and are dropped all the same: reception statistics may change.
    pub fn accepts_but_drops(
        &self,
        harness: &mut impl Harness,
        from: usize,
        bytes: &[u8],
        reason: DropReason,
    ) {
        let mut expected = self.shown(from);
        count(&mut expected.drops, reason);
        self.send(harness, from, bytes);
        await_some(reason.name(), || (self.drops(from) >= sum(&expected.drops)).then_some(()));
        harness.settle();
        assert_eq!(harness.try_receive(), None);
        let shown = self.shown(from);
        assert_eq!((shown.packets, shown.drops), (expected.packets, expected.drops));
        assert!(shown.last_seen > expected.last_seen);
    }

    fn drops(&self, flow: usize) -> u64 {
        self.counters[flow].drops().map(|(_, count)| count).sum()
    }

    pub fn shown(&self, flow: usize) -> Shown {
        let counters = &self.counters[flow];
        Shown {
            packets: counters.packets(),
            bytes: counters.bytes(),
            rtcp_packets: counters.rtcp_packets(),
            last_seen: counters.last_seen(),
            streams: counters.streams().collect(),
            drops: counters.drops().collect(),
        }
    }

    /// Replaces what a flow opens and closes with.
    pub fn set_sides(&self, harness: &mut impl Harness, flow: usize, receive: Receive, send: Send) {
        let slot = self.slots[flow];
        harness.command(Command::SetReceive { slot, receive: Box::new(receive) });
        harness.command(Command::SetSend { slot, send: Box::new(send) });
        harness.settle_with_events();
    }
}

/// Reasons that the XDP program may see before the worker does.
fn is_form(reason: DropReason) -> bool {
    matches!(
        reason,
        DropReason::MalformedRtp
            | DropReason::MalformedRtcp
            | DropReason::Zrtp
            | DropReason::TurnChannel
            | DropReason::UnknownProtocol
    )
}

fn sum(drops: &[(DropReason, u64)]) -> u64 {
    drops.iter().map(|(_, count)| count).sum()
}

fn count(drops: &mut Vec<(DropReason, u64)>, reason: DropReason) {
    match drops.iter_mut().find(|(other, _)| *other == reason) {
        Some((_, count)) => *count += 1,
        None => drops.push((reason, 1)),
    }
    drops.sort();
}

fn component(packet: &[u8]) -> Component {
    match packet {
        [128..=191, second, ..] if is_rtcp(*second) => Component::Rtcp,
        _ => Component::Rtp,
    }
}
