// SPDX-License-Identifier: MIT OR Apache-2.0
//! What a packet costs this processor, measured on [`process()`] itself.
//!
//! Bursts of plain packets go through flows that protect them; what comes out goes through flows that open it again. So
//! each suite is measured in both directions, on packets that authenticate, and what plain packets cost on the same
//! way is taken off. The flows are few and stay in the cache, as those of a big relay do not: control corrects the
//! figures by what it sees while the relay runs.

use std::sync::Arc;
use std::time::{Duration, Instant};

use culvert_srtp::{KeyError, KeySet, MasterKey, ReceiveContext, SendContext, Suite};
use culvert_wire::emit::{self, HeaderSpec};
use culvert_wire::{Address, Endpoint, MacAddress};
use rtrb::{Consumer, RingBuffer};

use crate::burst::{BURST, Burst, InterfaceId, PacketInfo, Verdict};
use crate::clock::Nanos;
use crate::command::Command;
use crate::counters::{FlowCounters, WorkerCounters};
use crate::event::Event;
use crate::flow::{Egress, Flow, FlowSlot, Ingress, NextHop, NextHopId, SourceRule, Via};
use crate::io::{PacketIo, Transmitted};
use crate::process::process;
use crate::side::{Receive, Send};
use crate::state::{WorkerConfig, WorkerState};

/// RTP payloads that are measured, in bytes: those of G.729 and the like, of G.711, and of video.
const PAYLOADS: [usize; 3] = [60, 160, 1200];
/// Flows of each direction. A burst has some packets of each.
const FLOWS: u32 = 16;
/// Bursts that are measured at least.
const LEAST_ROUNDS: usize = 4;
const MOST_ROUNDS: usize = 64;
/// Ethernet, IPv4 and UDP.
const HEADERS: usize = 42;
const RTP_HEADER: usize = 12;
const HEAD_ROOM: usize = 128;
const FRAME: usize = 2048;

/// A cost that grows with the payload.
#[derive(Copy, Clone, Debug, Default, PartialEq)]
pub struct Line {
    /// Nanoseconds for a packet without payload.
    pub packet: f64,
    /// Nanoseconds for each byte of payload.
    pub byte: f64,
}

/// What a suite adds to a plain packet.
#[derive(Copy, Clone, Debug, PartialEq)]
pub struct SuiteCost {
    /// Which.
    pub suite: Suite,
    /// To authenticate and decrypt.
    pub open: Line,
    /// To encrypt and authenticate.
    pub close: Line,
}

/// What [`process()`] costs, without input and output.
#[derive(Clone, Debug, PartialEq)]
pub struct Costs {
    /// A packet from plain leg to plain leg.
    pub plain: Line,
    /// Every suite that this build and mode of SRTP has.
    pub suites: Vec<SuiteCost>,
}

/// Measures for about so long: at least four bursts of every suite and size, however slow. Takes a thread of its own time
/// and memory for the keys of 32 contexts.
pub fn measure(duration: Duration) -> Costs {
    let each = duration / (PAYLOADS.len() * (Suite::ALL.len() + 1)) as u32;
    let plain = Bench::new(None).map(|mut bench| bench.costs(each)).unwrap_or_default();
    let suites = Suite::ALL.into_iter().filter_map(|suite| {
        let costs = Bench::new(Some(suite)).ok()?.costs(each);
        let above = |way: usize| fit(std::array::from_fn(|size| costs[size][way] - plain[size][way]));
        Some(SuiteCost { suite, close: above(0), open: above(1) })
    });
    let suites = suites.collect();
    Costs { plain: fit(plain.map(|[one, other]| f64::midpoint(one, other))), suites }
}

/// The least-squares line through the costs at [`PAYLOADS`]. Neither of its parts is negative.
fn fit(costs: [f64; PAYLOADS.len()]) -> Line {
    let points = PAYLOADS.map(|payload| payload as f64).into_iter().zip(costs);
    let count = PAYLOADS.len() as f64;
    let mean = |sum: f64| sum / count;
    let x = mean(points.clone().map(|(x, _)| x).sum());
    let y = mean(points.clone().map(|(_, y)| y).sum());
    let slope = points.clone().map(|(px, py)| (px - x) * (py - y)).sum::<f64>()
        / points.map(|(px, _)| (px - x) * (px - x)).sum::<f64>();
    let byte = slope.max(0.0);
    Line { packet: byte.mul_add(-x, y).max(0.0), byte }
}

/// Flows that close packets, numbered from 0, and behind them those that open what the first send.
struct Bench {
    state: WorkerState,
    _events: Consumer<Event>,
    burst: Burst<Box<[u8]>>,
    frames: Vec<Box<[u8]>>,
    sequence: u16,
    now: Nanos,
}

impl Bench {
    fn new(suite: Option<Suite>) -> Result<Bench, KeyError> {
        let config = WorkerConfig { max_flows: 2 * FLOWS, max_next_hops: 1, ..WorkerConfig::default() };
        let (told, events) = RingBuffer::new(WorkerConfig::MIN_EVENTS);
        let mut state = WorkerState::new(&config, told, Arc::new(WorkerCounters::default()));
        let hop = NextHop {
            interface: InterfaceId(0),
            source_mac: MAC,
            destination_mac: MAC,
            vlan: None,
            mtu: 1500,
        };
        state.apply(Command::SetNextHop { id: NextHopId(0), hop: Some(hop) }, &mut NoIo);
        for number in 0..FLOWS {
            let [sending, receiving] = match suite {
                None => [(Receive::plain(), Send::plain()), (Receive::plain(), Send::plain())],
                Some(suite) => {
                    let send = Send::srtp(SendContext::new(keys(suite, number)?, 1));
                    let receive = Receive::srtp(ReceiveContext::new(keys(suite, number)?, 1));
                    [(Receive::plain(), send), (receive, Send::plain())]
                }
            };
            for (way, (receive, send)) in [sending, receiving].into_iter().enumerate() {
                let [from, local, out, to] =
                    std::array::from_fn(|place| endpoint((2 * way + place) as u8, number));
                let ingress = Ingress::new(local, SourceRule::Fixed(from));
                let egress = Egress { local: out, remote: Some(to), via: Via::Table(NextHopId(0)) };
                let counters = Arc::new(FlowCounters::new(1));
                let flow = Box::new(Flow::new([ingress; 2], receive, [egress; 2], send, counters));
                state
                    .apply(Command::Install { slot: FlowSlot(way as u32 * FLOWS + number), flow }, &mut NoIo);
            }
        }
        let frames = std::iter::repeat_with(|| vec![0; FRAME].into_boxed_slice()).take(BURST).collect();
        Ok(Bench { state, _events: events, burst: Burst::new(), frames, sequence: 0, now: Nanos(1) })
    }

    /// Nanoseconds of a packet that is closed, and of one that is opened, at each of [`PAYLOADS`].
    fn costs(&mut self, duration: Duration) -> [[f64; 2]; PAYLOADS.len()] {
        PAYLOADS.map(|payload| {
            let packets: Vec<_> = (0..FLOWS).map(|number| packet(number, payload)).collect();
            // The first has to find its streams and to fill the caches.
            self.round(&packets);
            let start = Instant::now();
            let mut rounds = Vec::with_capacity(MOST_ROUNDS);
            while rounds.len() < LEAST_ROUNDS || start.elapsed() < duration && rounds.len() < MOST_ROUNDS {
                rounds.push(self.round(&packets));
            }
            [0, 1].map(|way| {
                let mut times: Vec<_> = rounds.iter().map(|round| round[way]).collect();
                times.sort_unstable();
                // What takes longer than most was interrupted, which is not the packets' doing.
                let quartile = times.get(times.len() / 4).copied().unwrap_or_default();
                quartile.as_nanos() as f64 / BURST as f64
            })
        })
    }

    /// Times one burst on its way through the closing and through the opening flows.
    fn round(&mut self, packets: &[Vec<u8>]) -> [Duration; 2] {
        for (packet, mut frame) in packets.iter().cycle().zip(self.frames.drain(..)) {
            let end = HEAD_ROOM + packet.len();
            let number = self.burst.len() / packets.len();
            let sequence = self.sequence.wrapping_add(number as u16).to_be_bytes();
            if let Some(place) = frame.get_mut(HEAD_ROOM..end) {
                place.copy_from_slice(packet);
                if let Some(field) = place.get_mut(HEADERS + 2..HEADERS + 4) {
                    field.copy_from_slice(&sequence);
                }
            }
            let _ = self.burst.push(frame, PacketInfo::ethernet(InterfaceId(0), HEAD_ROOM, end));
        }
        self.sequence = self.sequence.wrapping_add((BURST / packets.len()) as u16);
        let close = self.time();
        let mut sent: Vec<_> = self.burst.drain().collect();
        for packet in sent.drain(..) {
            let info = PacketInfo::ethernet(InterfaceId(0), packet.info.start, packet.info.end);
            let _ = self.burst.push(packet.frame, info);
        }
        let open = self.time();
        debug_assert!(self.burst.infos().iter().all(|info| info.verdict == Verdict::Send));
        self.frames.extend(self.burst.drain().map(|packet| packet.frame));
        [close, open]
    }

    fn time(&mut self) -> Duration {
        let start = Instant::now();
        process(&mut self.burst, &mut self.state, self.now);
        let elapsed = start.elapsed();
        self.now = Nanos(self.now.0 + 1_000_000);
        elapsed
    }
}

const MAC: MacAddress = MacAddress([2, 0, 0, 0, 0, 1]);

/// Nothing is sent: the addresses are those of RFC 5737.
fn endpoint(host: u8, number: u32) -> Endpoint {
    Endpoint { address: Address::from_ipv4([192, 0, 2, host]), port: 1024 + number as u16 }
}

/// Protects nothing but what is made here.
fn keys(suite: Suite, number: u32) -> Result<culvert_secret::Secret<KeySet>, KeyError> {
    let bytes = [number as u8; 32];
    let (key, salt) = (bytes.get(..suite.key_length()), bytes.get(..suite.salt_length()));
    let key = MasterKey::new(suite, key.unwrap_or_default(), salt.unwrap_or_default())?;
    KeySet::new(suite, &[key])
}

/// A plain RTP packet with its headers, to a closing flow.
fn packet(number: u32, payload: usize) -> Vec<u8> {
    let spec = HeaderSpec {
        source_mac: MAC,
        destination_mac: MAC,
        vlan: None,
        source: endpoint(0, number),
        destination: endpoint(1, number),
        traffic_class: 0,
        hop_limit: 64,
    };
    let mut packet = vec![0; HEADERS + RTP_HEADER + payload];
    let (headers, rtp) = packet.split_at_mut(HEADERS);
    if let Some(first) = rtp.first_mut() {
        *first = 0x80;
    }
    // The buffer is as long as this family's headers.
    let _ = emit::write(headers, &spec, rtp);
    packet
}

/// No packets and no sockets.
struct NoIo;

impl PacketIo for NoIo {
    type Frame = Box<[u8]>;

    fn receive(&mut self, _: &mut Burst<Box<[u8]>>) -> usize {
        0
    }

    fn transmit(&mut self, _: &mut Burst<Box<[u8]>>) -> Transmitted {
        Transmitted::default()
    }

    fn wait(&mut self, _: Duration) {}
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_goes_through_its_points_and_is_never_negative() {
        let near = |line: Line, packet: f64, byte: f64| {
            assert!((line.packet - packet).abs() < 1e-9 && (line.byte - byte).abs() < 1e-9, "{line:?}");
        };
        near(fit([70.0, 120.0, 640.0]), 40.0, 0.5);
        near(fit([9.0, 9.0, 9.0]), 9.0, 0.0);
        near(fit([300.0, 300.0, 0.0]), 200.0, 0.0);
        assert_eq!(fit([0.0, 0.0, 1140.0]).packet, 0.0);
        assert_eq!(fit([-9.0; 3]), Line::default());
    }

    #[test]
    fn every_packet_of_a_round_is_closed_and_opened() {
        for suite in Suite::ALL.map(Some).into_iter().chain([None]) {
            let mut bench = Bench::new(suite).unwrap();
            for payload in PAYLOADS {
                let packets: Vec<_> = (0..FLOWS).map(|number| packet(number, payload)).collect();
                bench.round(&packets);
                bench.round(&packets);
            }
            for slot in 0..2 * FLOWS {
                let counters = &bench.state.flow(FlowSlot(slot)).unwrap().counters;
                let each = (2 * PAYLOADS.len() * BURST) as u64 / u64::from(FLOWS);
                assert_eq!((counters.packets(), counters.drops().count()), (each, 0), "{suite:?} {slot}");
            }
            assert_eq!(bench.frames.len(), BURST);
        }
    }

    #[test]
    fn all_suites_are_measured() {
        let Costs { plain, suites } = measure(Duration::ZERO);
        assert!(plain.packet > 0.0);
        assert_eq!(suites.iter().map(|cost| cost.suite).collect::<Vec<_>>(), Suite::ALL);
        for SuiteCost { suite, open, close } in suites {
            let large = |line: Line| line.byte.mul_add(1200.0, line.packet);
            assert!(large(open) > 0.0 && large(close) > 0.0, "{suite}");
        }
    }
}
