// SPDX-License-Identifier: MIT OR Apache-2.0
//! Packets that a relay must not relay.

use std::net::SocketAddr;

use arrayvec::ArrayVec;

use crate::flow::Flows;
use crate::pace::Pacer;
use crate::plan::{HostileKind, HostilePlan, MOST_AT_ONCE, Plan, Share};
use crate::source::Source;
use crate::transport::{Local, Outgoing, Side};

/// STUN's magic cookie (RFC 8489 section 5).
const COOKIE: [u8; 4] = [0x21, 0x12, 0xa4, 0x42];
/// Of the ports where no session is.
const SYSTEM_PORTS: u64 = 1023;

/// What the number of packets follows.
#[derive(Debug)]
enum Measure {
    Time(Pacer),
    Media { share: f64, burst: u64 },
}

/// One kind of hostile traffic.
#[derive(Debug)]
pub(crate) struct Hostile {
    pub(crate) kind: HostileKind,
    measure: Measure,
    /// Packets that have left.
    pub(crate) sent: u64,
    strangers: usize,
    made: u64,
    buffers: Vec<Vec<u8>>,
    burst: ArrayVec<(Local, SocketAddr, usize), MOST_AT_ONCE>,
}

impl Hostile {
    pub(crate) fn new(plan: &Plan, hostile: &HostilePlan, strangers: usize) -> Hostile {
        let measure = match hostile.share {
            Share::OfMedia(share) => Measure::Media { share, burst: plan.burst.into() },
            Share::PerSecond(rate) => {
                Measure::Time(Pacer::new(rate, plan.ramp, plan.duration, u64::MAX, plan.burst))
            }
        };
        Hostile {
            kind: hostile.kind,
            measure,
            sent: 0,
            strangers,
            made: 0,
            buffers: vec![vec![0; plan.room()]; MOST_AT_ONCE],
            burst: ArrayVec::new(),
        }
    }

    /// How many are to be sent now, when so many media packets have been.
    pub(crate) fn due(&mut self, now: u64, media: u64) -> usize {
        match &mut self.measure {
            Measure::Time(pacer) => pacer.due(now) as usize,
            Measure::Media { share, burst } => {
                // Rounding must not make one less of a whole number.
                let due = (media as f64 * *share + 1e-6).floor() as u64;
                due.saturating_sub(self.made).min(*burst) as usize
            }
        }
    }

    /// When the next is due whatever becomes of media; `None` if that is all it follows.
    pub(crate) fn next(&self) -> Option<u64> {
        match &self.measure {
            Measure::Time(pacer) => pacer.next(),
            Measure::Media { .. } => None,
        }
    }

    /// Whether the next follows media and not the time.
    pub(crate) fn follows_media(&self) -> bool {
        matches!(self.measure, Measure::Media { .. })
    }

    /// Makes `count` packets of the kind after the victims, at most [`MOST_AT_ONCE`]; none without victims.
    pub(crate) fn make(&mut self, count: usize, victims: &Victims, flows: &Flows) {
        self.burst.clear();
        for place in 0..count.min(MOST_AT_ONCE) {
            let Some((flow, packet)) = victims.get(self.made) else { return };
            let (Some(flow), Some(buffer)) = (flows.get(flow), self.buffers.get_mut(place)) else { return };
            let mut from = flow.from;
            let mut to = flow.to;
            let copied = packet.len().min(buffer.len());
            buffer[..copied].copy_from_slice(&packet[..copied]);
            let mut length = copied;
            match self.kind {
                HostileKind::Forged => forge(&mut buffer[..length]),
                HostileKind::Replayed => {}
                HostileKind::Malformed => length = deform(buffer, length, self.made),
                HostileKind::Sprayed => {
                    let place = (self.made % self.strangers.max(1) as u64) as usize;
                    from = Local { side: Side::Stranger, place };
                }
                HostileKind::Stun => length = bind_request(buffer, self.made),
                HostileKind::UnknownPort => to.set_port((1 + self.made % SYSTEM_PORTS) as u16),
            }
            self.made += 1;
            self.burst.push((from, to, length));
        }
    }

    /// What was made last.
    pub(crate) fn outgoing(&self) -> impl Iterator<Item = Outgoing<'_>> {
        self.burst.iter().zip(&self.buffers).map(|((from, to, length), buffer)| Outgoing {
            from: *from,
            to: *to,
            payload: buffer.get(..*length).unwrap_or_default(),
        })
    }
}

/// Media from A that hostile packets are made of: those that were sent last.
#[derive(Debug, Default)]
pub(crate) struct Victims {
    packets: Vec<(usize, Vec<u8>)>,
}

impl Victims {
    /// Takes the packets from A of a burst, if it has any.
    pub(crate) fn take(&mut self, source: &Source, flows: &Flows) {
        let from_a = |flow: usize| flows.get(flow).is_some_and(|flow| flow.direction == 0);
        let mut taken = 0;
        for (written, bytes) in source.burst().filter(|(written, _)| from_a(written.flow)) {
            match self.packets.get_mut(taken) {
                Some((flow, packet)) => {
                    *flow = written.flow;
                    packet.clear();
                    packet.extend_from_slice(bytes);
                }
                None => self.packets.push((written.flow, bytes.to_vec())),
            }
            taken += 1;
        }
        if taken > 0 {
            self.packets.truncate(taken);
        }
    }

    fn get(&self, number: u64) -> Option<(usize, &[u8])> {
        let place = number.checked_rem(self.packets.len() as u64)? as usize;
        self.packets.get(place).map(|(flow, packet)| (*flow, packet.as_slice()))
    }
}

/// Makes it the flow's next packet, so that it is no replay, and its tag a wrong one.
fn forge(packet: &mut [u8]) {
    if let Some(sequence) = packet.get_mut(2..4) {
        let next = u16::from_be_bytes([sequence[0], sequence[1]]).wrapping_add(1);
        sequence.copy_from_slice(&next.to_be_bytes());
    }
    if let Some(last) = packet.last_mut() {
        *last ^= 0x80;
    }
}

/// In turn: an RTP header that ends too early, one with more CSRCs than there are bytes, and no protocol at all.
fn deform(buffer: &mut [u8], length: usize, number: u64) -> usize {
    match (number % 3, buffer.first_mut()) {
        (0, _) => length.min(7),
        (1, Some(first)) => {
            *first = 0x8f;
            length.min(30)
        }
        (_, Some(first)) => {
            *first = 0xff;
            length
        }
        (_, None) => length,
    }
}

fn bind_request(buffer: &mut [u8], number: u64) -> usize {
    let mut request = [0; 20];
    request[1] = 1;
    request[4..8].copy_from_slice(&COOKIE);
    request[12..].copy_from_slice(&number.to_be_bytes());
    let length = request.len().min(buffer.len());
    buffer[..length].copy_from_slice(&request[..length]);
    length
}
