// SPDX-License-Identifier: MIT OR Apache-2.0
//! The one thread that sends and receives.

use std::time::{Duration, Instant, SystemTime};

use arrayvec::ArrayVec;
use serde::Serialize;

use crate::flow::Flows;
use crate::hostile::{Hostile, Victims};
use crate::pace::Pacer;
use crate::plan::{MOST_AT_ONCE, Plan};
use crate::sink::Sink;
use crate::source::{Source, form};
use crate::stamps::Stamps;
use crate::transport::{Outgoing, Way};
use crate::{LoadError, Stop};

/// Below this a wait costs more than it spares.
const SPIN: Duration = Duration::from_micros(60);
/// Longest wait: how soon a stop is noticed.
const NAP: Duration = Duration::from_millis(50);
/// How long a full system is borne.
const PATIENCE: Duration = Duration::from_secs(5);
/// How long a packet may be under way and its latency still be known.
const UNDER_WAY: f64 = 2.0;
/// Packets that may come between two looks at the clock.
const ROUNDS: usize = 4;

/// What happened in one second of the run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Second {
    /// Its number, from 1 on.
    pub second: u64,
    /// Media packets sent, of both directions.
    pub sent: u64,
    /// Distinct media packets that arrived.
    pub delivered: u64,
    /// Hostile packets sent.
    pub hostile: u64,
}

/// What is left when the run is over.
pub(crate) struct Ran {
    pub(crate) sent: [u64; 2],
    pub(crate) given_up: u64,
    pub(crate) refused: u64,
    pub(crate) hostile: Vec<(crate::HostileKind, u64)>,
    pub(crate) sink: Sink,
    pub(crate) seconds: Vec<Second>,
    /// From the first packet to the end of sending.
    pub(crate) elapsed: Duration,
    pub(crate) interrupted: bool,
}

pub(crate) struct Generator<'p> {
    plan: &'p Plan,
    flows: Flows,
    source: Source,
    sink: Sink,
    stamps: Stamps,
    pacer: Pacer,
    hostile: Vec<Hostile>,
    victims: Victims,
    sent: [u64; 2],
    begin: Instant,
    /// By the clock that the kernel stamps arrivals with, when the run began.
    epoch: Duration,
    seconds: Vec<Second>,
    before: Second,
}

impl<'p> Generator<'p> {
    pub(crate) fn new(plan: &'p Plan, flows: Flows, strangers: usize) -> Generator<'p> {
        let limit = plan.packets.unwrap_or(u64::MAX);
        Generator {
            source: Source::new(plan, form(plan)),
            sink: Sink::new(form(plan), plan.sample),
            stamps: Stamps::new(flows.len(), plan.flow_rate() * UNDER_WAY),
            pacer: Pacer::new(plan.media_rate(), plan.ramp, plan.duration, limit, plan.burst),
            hostile: plan.hostile.iter().map(|hostile| Hostile::new(plan, hostile, strangers)).collect(),
            victims: Victims::default(),
            sent: [0; 2],
            begin: Instant::now(),
            epoch: since_1970(),
            seconds: Vec::new(),
            before: Second::default(),
            plan,
            flows,
        }
    }

    /// Sends what the plan says, and judges what arrives until all is there or nothing comes any more.
    pub(crate) fn run(
        mut self,
        way: &mut impl Way,
        stop: &Stop,
        observe: &mut dyn FnMut(Second),
    ) -> Result<Ran, LoadError> {
        self.begin = Instant::now();
        self.epoch = since_1970();
        let mut interrupted = false;
        loop {
            self.receive(way)?;
            let now = self.now();
            self.send_media(way, now)?;
            self.send_hostile(way, now)?;
            self.tick(now, observe);
            let Some(next) = self.pacer.next() else {
                // What follows media has its share of the last packets, too.
                while self.send_hostile_after_media(way)? > 0 {}
                break;
            };
            if stop.is_set() {
                interrupted = true;
                break;
            }
            let next = self.hostile.iter().filter_map(|hostile| hostile.next()).fold(next, u64::min);
            let gap = Duration::from_nanos(next.saturating_sub(self.now())).min(NAP);
            if gap > SPIN {
                way.wait(gap)?;
            }
        }
        let elapsed = self.begin.elapsed();
        self.settle(way, observe)?;
        self.close_second(observe);
        Ok(Ran {
            sent: self.sent,
            given_up: self.pacer.given_up(),
            refused: self.source.refused,
            hostile: self.hostile.iter().map(|hostile| (hostile.kind, hostile.sent)).collect(),
            sink: self.sink,
            seconds: self.seconds,
            elapsed,
            interrupted,
        })
    }

    fn now(&self) -> u64 {
        u64::try_from(self.begin.elapsed().as_nanos()).unwrap_or(u64::MAX)
    }

    fn send_media(&mut self, way: &mut impl Way, now: u64) -> Result<(), LoadError> {
        let due = self.pacer.due(now) as usize;
        if due == 0 {
            return Ok(());
        }
        self.source.make(due, &mut self.flows);
        let mut packets: ArrayVec<Outgoing<'_>, MOST_AT_ONCE> = ArrayVec::new();
        let mut written: ArrayVec<_, MOST_AT_ONCE> = ArrayVec::new();
        for (packet, outgoing) in self.source.outgoing(&self.flows) {
            written.push(packet);
            packets.push(outgoing);
        }
        let (stamps, epoch) = (&mut self.stamps, self.epoch);
        send_all(way, &packets, |from| {
            let time = since_1970().saturating_sub(epoch).as_nanos() as u64;
            for packet in written.iter().skip(from) {
                stamps.set(packet.flow, packet.index, time);
            }
        })?;
        for packet in &written {
            let direction = self.flows.get(packet.flow).map_or(0, |flow| flow.direction);
            self.sent[direction] += 1;
        }
        if !self.hostile.is_empty() {
            self.victims.take(&self.source, &self.flows);
        }
        Ok(())
    }

    fn send_hostile(&mut self, way: &mut impl Way, now: u64) -> Result<(), LoadError> {
        let media = self.sent.iter().sum();
        for hostile in &mut self.hostile {
            let due = hostile.due(now, media);
            send_of(way, hostile, due, &self.victims, &self.flows)?;
        }
        Ok(())
    }

    fn send_hostile_after_media(&mut self, way: &mut impl Way) -> Result<u64, LoadError> {
        let media = self.sent.iter().sum();
        let mut sent = 0;
        for hostile in self.hostile.iter_mut().filter(|hostile| hostile.follows_media()) {
            let due = hostile.due(0, media);
            sent += send_of(way, hostile, due, &self.victims, &self.flows)?;
        }
        Ok(sent)
    }

    fn receive(&mut self, way: &mut impl Way) -> Result<usize, LoadError> {
        let (sink, flows, stamps, epoch) = (&mut self.sink, &mut self.flows, &self.stamps, self.epoch);
        let mut count = 0;
        for _ in 0..ROUNDS {
            let read = since_1970();
            let received = way.receive(&mut |mut packet| {
                let time = packet.received.unwrap_or(read).saturating_sub(epoch);
                sink.take(&mut packet, time.as_nanos() as u64, flows, stamps);
            })?;
            count += received;
            if received == 0 {
                break;
            }
        }
        Ok(count)
    }

    /// Waits for stragglers, and lets the relay come to the end of what it has: until nothing has come for a while.
    fn settle(&mut self, way: &mut impl Way, observe: &mut dyn FnMut(Second)) -> Result<(), LoadError> {
        let mut quiet = Instant::now();
        while quiet.elapsed() < self.plan.settle {
            if self.receive(way)? > 0 {
                quiet = Instant::now();
            }
            self.tick(self.now(), observe);
            way.wait(self.plan.settle.saturating_sub(quiet.elapsed()).min(NAP))?;
        }
        Ok(())
    }

    fn totals(&self) -> Second {
        Second {
            second: self.before.second,
            sent: self.sent.iter().sum(),
            delivered: self.sink.delivered(),
            hostile: self.hostile.iter().map(|hostile| hostile.sent).sum(),
        }
    }

    fn tick(&mut self, now: u64, observe: &mut dyn FnMut(Second)) {
        if now / 1_000_000_000 > self.before.second {
            self.close_second(observe);
        }
    }

    fn close_second(&mut self, observe: &mut dyn FnMut(Second)) {
        let (before, now) = (self.before, self.totals());
        let second = Second {
            second: before.second + 1,
            sent: now.sent - before.sent,
            delivered: now.delivered - before.delivered,
            hostile: now.hostile - before.hostile,
        };
        self.before = Second { second: second.second, ..now };
        self.seconds.push(second);
        observe(second);
    }
}

/// Sends so many of a kind.
fn send_of(
    way: &mut impl Way,
    hostile: &mut Hostile,
    count: usize,
    victims: &Victims,
    flows: &Flows,
) -> Result<u64, LoadError> {
    if count == 0 {
        return Ok(0);
    }
    hostile.make(count, victims, flows);
    let sent = {
        let packets: ArrayVec<Outgoing<'_>, MOST_AT_ONCE> = hostile.outgoing().collect();
        send_all(way, &packets, |_| ())? as u64
    };
    hostile.sent += sent;
    Ok(sent)
}

/// Sends packets until all are gone. `stamp` is called with the first that is still here before each attempt.
fn send_all(
    way: &mut impl Way,
    packets: &[Outgoing<'_>],
    mut stamp: impl FnMut(usize),
) -> Result<usize, LoadError> {
    let (mut sent, mut since) = (0, None::<Instant>);
    while sent < packets.len() {
        stamp(sent);
        let taken = way.send(packets.get(sent..).unwrap_or_default())?;
        sent += taken;
        if taken > 0 {
            since = None;
            continue;
        }
        if since.get_or_insert_with(Instant::now).elapsed() > PATIENCE {
            return Err(LoadError::Stuck { seconds: PATIENCE.as_secs() });
        }
        std::thread::yield_now();
    }
    Ok(sent)
}

fn since_1970() -> Duration {
    SystemTime::UNIX_EPOCH.elapsed().unwrap_or_default()
}

#[cfg(test)]
mod tests;
