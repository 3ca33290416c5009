// SPDX-License-Identifier: MIT OR Apache-2.0
//! A worker's state with a call in it, and a back end that is not there.

use std::sync::Arc;
use std::time::Duration;

use culvert_engine::io::Transmitted;
use culvert_engine::{
    Burst, Command, DropReason, Egress, Event, Flow, FlowCounters, FlowSlot, Ingress, Nanos, Packet,
    PacketInfo, PacketIo, Receive, Send, SourceRule, Verdict, Via, WorkerConfig, WorkerCounters, WorkerState,
    process,
};
use culvert_secret::Secret;
use culvert_srtp::{Contexts, KeySet, Kind, MasterKey, ReceiveContext, SendContext, Suite, protect_burst};
use culvert_wire::{Address, Endpoint};
use rtrb::{Consumer, RingBuffer};

pub const SUITE: Suite = Suite::AesCm128HmacSha1_80;

/// No packets and no sockets.
pub struct Nowhere;

impl PacketIo for Nowhere {
    type Frame = Box<[u8]>;

    fn receive(&mut self, _: &mut Burst<Box<[u8]>>) -> usize {
        0
    }

    fn transmit(&mut self, _: &mut Burst<Box<[u8]>>) -> Transmitted {
        Transmitted::default()
    }

    fn wait(&mut self, _: Duration) {}
}

pub struct World {
    pub state: WorkerState,
    pub events: Consumer<Event>,
    pub counters: Arc<WorkerCounters>,
}

/// What is left of a packet.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Outcome {
    pub verdict: Verdict,
    pub source: Endpoint,
    pub destination: Endpoint,
    pub bytes: Vec<u8>,
}

/// A datagram to process.
#[derive(Clone, Debug)]
pub struct Input {
    pub from: Endpoint,
    pub to: Endpoint,
    pub bytes: Vec<u8>,
}

impl World {
    pub fn new(config: &WorkerConfig) -> World {
        let (told, events) = RingBuffer::new(config.events);
        let counters = Arc::new(WorkerCounters::default());
        World { state: WorkerState::new(config, told, Arc::clone(&counters)), events, counters }
    }

    pub fn apply(&mut self, command: Command) {
        self.state.apply(command, &mut Nowhere);
    }

    pub fn install(&mut self, slot: u32, flow: Flow) {
        self.apply(Command::Install { slot: FlowSlot(slot), flow: Box::new(flow) });
        assert!(self.state.flow(FlowSlot(slot)).is_some(), "installed");
    }

    /// Processes all inputs as one burst.
    pub fn process(&mut self, inputs: &[Input], now: Nanos) -> Vec<Outcome> {
        let mut burst = Burst::new();
        for input in inputs {
            let mut frame = vec![0; 2048].into_boxed_slice();
            let (start, end) = (64, 64 + input.bytes.len());
            frame[start..end].copy_from_slice(&input.bytes);
            assert!(burst.push(frame, PacketInfo::datagram(input.from, input.to, 0, start, end)).is_ok());
        }
        process(&mut burst, &mut self.state, now);
        let outcome = |packet: Packet<Box<[u8]>>| Outcome {
            verdict: packet.info.verdict,
            source: packet.info.source,
            destination: packet.info.destination,
            bytes: match packet.info.verdict {
                Verdict::Send => packet.bytes().to_vec(),
                _ => Vec::new(),
            },
        };
        burst.drain().map(outcome).collect()
    }

    pub fn drain_events(&mut self) -> Vec<String> {
        std::iter::from_fn(|| self.events.pop().ok()).map(|event| format!("{event:?}")).collect()
    }

    pub fn flow(&self, slot: u32) -> &Flow {
        self.state.flow(FlowSlot(slot)).unwrap()
    }
}

pub fn endpoint(host: u8, port: u16) -> Endpoint {
    Endpoint { address: Address::from_ipv4([192, 0, 2, host]), port }
}

pub fn keys(number: u8) -> Secret<KeySet> {
    let key = MasterKey::new(SUITE, &[number; 16], &[number ^ 0x55; 14]).unwrap();
    KeySet::new(SUITE, &[key]).unwrap()
}

pub fn receive(number: u8) -> Receive {
    Receive::srtp(ReceiveContext::new(keys(number), 4))
}

pub fn send(number: u8) -> Send {
    Send::srtp(SendContext::new(keys(number), 4))
}

/// A multiplexed flow from `(1, port)` to `(2, port)`, whose peer is the other of its pair.
pub fn flow(slot: u32, port: u16, source: SourceRule, receive: Receive, send: Send) -> Flow {
    let (here, there) = if slot.is_multiple_of(2) { (1, 2) } else { (2, 1) };
    let remote = if there == 2 { Some(endpoint(20, port)) } else { None };
    let ingress = [Ingress::new(endpoint(here, port), source); 2];
    let egress = [Egress { local: endpoint(there, port), remote, via: Via::Unresolved }; 2];
    let mut flow = Flow::new(ingress, receive, egress, send, Arc::new(FlowCounters::new(4)));
    flow.peer = Some(FlowSlot(slot ^ 1));
    flow
}

pub fn rtp(ssrc: u32, sequence: u16) -> Vec<u8> {
    let mut packet = vec![0x80, 0];
    packet.extend(sequence.to_be_bytes());
    packet.extend((u32::from(sequence) * 160).to_be_bytes());
    packet.extend(ssrc.to_be_bytes());
    packet.extend([sequence as u8; 20]);
    packet
}

/// Protects packets as an endpoint does.
pub struct Sealer(pub SendContext);

impl Contexts for Sealer {
    fn receive(&self, _: u32) -> Option<&ReceiveContext> {
        None
    }

    fn receive_mut(&mut self, _: u32) -> Option<&mut ReceiveContext> {
        None
    }

    fn send(&self, _: u32) -> Option<&SendContext> {
        Some(&self.0)
    }

    fn send_mut(&mut self, _: u32) -> Option<&mut SendContext> {
        Some(&mut self.0)
    }
}

impl Sealer {
    pub fn new(number: u8) -> Sealer {
        Sealer(SendContext::new(keys(number), 16))
    }

    pub fn seal(&mut self, plain: &[u8]) -> Vec<u8> {
        let mut buffer = plain.to_vec();
        buffer.resize(plain.len() + 32, 0);
        let mut packets = [culvert_srtp::Packet::new(&mut buffer, plain.len(), Kind::Rtp, 0)];
        protect_burst(&mut packets, self);
        packets[0].outcome.expect("seals");
        let length = packets[0].length;
        buffer.truncate(length);
        buffer
    }
}

pub const fn dropped(reason: DropReason) -> Verdict {
    Verdict::Drop(reason)
}
