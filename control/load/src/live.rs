// SPDX-License-Identifier: MIT OR Apache-2.0
//! The XDP way: frames of valid SRTP in a pool that the kernel sends from, refilled behind it, and a sink in the kernel.
//!
//! ```text
//!   this thread:  protect ──► pool ──┐ refills places once their packets are back or given up
//!   sender:       live frames ◄──────┘ ──► relay ──► sink (counts, times, keeps samples)
//! ```

mod samples;

use std::net::{SocketAddr, SocketAddrV4};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use culvert_route::Hop;
use culvert_traffic::{Arrival, Generator, Meter, Pool, Run, Traffic, TrafficConfig};
use culvert_wire::emit::{self, HeaderSpec};
use culvert_wire::{ETHERNET_LENGTH, IPV4_LENGTH, MacAddress, UDP_LENGTH};

use crate::flow::Flows;
use crate::generator::{Ran, Second};
use crate::media::{Form, HEADER, Timestamp};
use crate::plan::{MOST_AT_ONCE, Plan};
use crate::sink::{Heard, Sink};
use crate::source::Source;
use crate::{Histogram, LoadError, Stop};

const HEADERS: usize = ETHERNET_LENGTH + IPV4_LENGTH + UDP_LENGTH;
/// Where the RTP timestamp lies, which holds the packet's number.
const NUMBER: usize = HEADERS + 4;
/// Places that are refilled at once: whole words of the sink's list of what has come.
const CHUNK: u32 = 4096;
/// Packet numbers end with 32 bits.
const MOST_PACKETS: u64 = u32::MAX as u64;
/// After so long a packet that has not come back is given up, and its place used again.
const GIVEN_UP: f64 = 0.2;
/// Runs of the program in one call of the system: about a second of them. A call begins with some milliseconds of silence.
const RUNS: u64 = 20_000_000;
/// Nanoseconds of a run that finds nothing due.
const IDLE: u64 = 50;
/// Frames after which the network softirq may run.
const BATCH: u32 = 64;
const NAP: Duration = Duration::from_micros(200);

/// Where the frames of this run go.
pub(crate) struct Path {
    /// To the relay on leg A.
    pub(crate) hop: Hop,
    /// The interface by which leg B comes in.
    pub(crate) sink: String,
    /// The generator's addresses.
    pub(crate) locals: [Vec<SocketAddr>; 2],
}

/// Sends what the plan says by live frames.
pub(crate) fn run(
    plan: &Plan,
    mut flows: Flows,
    path: &Path,
    pool: u32,
    stop: &Stop,
    observe: &mut dyn FnMut(Second),
) -> Result<Ran, LoadError> {
    if path.hop.vlan.is_some() {
        let reason = format!("{} is a VLAN, which the XDP way does not tag", path.hop.logical_name);
        return Err(LoadError::NextHop { destination: path.hop.neighbour.address, reason });
    }
    let total = total(plan);
    let tag = |leg: usize| plan.legs[leg].suite.map_or(0, |suite| suite.rtp_tag_length());
    let packet = HEADER + usize::from(plan.payload);
    let length = HEADERS + packet + tag(0);
    let places = places(total, pool);
    let count = flows.len() as u32;
    let mut traffic = Traffic::load(TrafficConfig { frames: places, longest: length, flows: count })?;
    traffic.generator.attach_sink(&path.sink)?;
    let form = Form {
        payload: plan.payload.into(),
        payload_type: plan.payload_type,
        timestamp: Timestamp::Number {
            flows: flows.len() as u64,
            first_index: plan.sequence.into(),
            first_ssrc: flows.get(0).map_or(0, |flow| flow.ssrc),
        },
    };
    let destinations = destinations(&flows, path);
    let mut filler = Filler {
        source: Source::new(plan, form),
        path,
        length,
        places,
        first_index: plan.sequence.into(),
        filled: 0,
        total,
    };
    while filler.filled < total.min(places.into()) {
        filler.fill(&mut traffic.pool, &mut flows)?;
    }

    let Traffic { generator, mut pool, meter } = traffic;
    let run = Run {
        packets: filler.filled,
        frames: places,
        length,
        interface: path.hop.interface_index,
        interval: interval(plan, 0.0),
        catch_up: u64::from(plan.burst) * interval(plan, f64::MAX),
        arrival: Arrival { length: packet + tag(1), number: NUMBER },
        stamped: true,
    };
    meter.begin(&run, &destinations)?;
    let mut watch = Watch::new(plan, &meter, places);
    let (goal, ended) = (AtomicU64::new(total), AtomicBool::new(false));
    let sent = std::thread::scope(|scope| {
        let sender = scope.spawn(|| {
            let sent = send(&generator, &meter, length, &goal);
            ended.store(true, Ordering::Release);
            sent
        });
        let fed = watch.feed(&mut filler, &mut pool, &mut flows, stop, observe, &goal, &ended);
        if fed.is_err() {
            goal.store(0, Ordering::Relaxed);
        }
        let sent = sender.join().map_err(|_| LoadError::Thread)?;
        fed.and(sent)
    });
    sent?;
    let elapsed = Duration::from_nanos(meter.sent().span);
    watch.settle(observe);
    let refused = filler.source.refused;
    let heard = watch.heard(plan, form, &mut flows)?;
    meter.end();
    let sent = watch.sent;
    let due = (plan.media_rate() * (elapsed.as_secs_f64() - plan.ramp.as_secs_f64() / 2.0).max(0.0)) as u64;
    let mut sink = Sink::new(form, plan.sample);
    sink.heard[0] = heard;
    Ok(Ran {
        sent: [sent, 0],
        given_up: due.min(total).saturating_sub(sent),
        refused,
        hostile: Vec::new(),
        sink,
        seconds: watch.seconds,
        elapsed,
        interrupted: watch.interrupted,
    })
}

/// Packets of the whole run.
fn total(plan: &Plan) -> u64 {
    let (rate, ramp) = (plan.media_rate(), plan.ramp.as_secs_f64());
    let due = rate * (plan.duration.as_secs_f64() - ramp / 2.0);
    (due.ceil() as u64).min(plan.packets.unwrap_or(u64::MAX)).clamp(1, MOST_PACKETS)
}

fn places(total: u64, pool: u32) -> u32 {
    let chunks = total.div_ceil(CHUNK.into()).min(u64::from(pool / CHUNK));
    chunks as u32 * CHUNK
}

/// Nanoseconds between packets, so many seconds after the begin.
fn interval(plan: &Plan, seconds: f64) -> u64 {
    let ramp = plan.ramp.as_secs_f64();
    // The begin of a ramp would be without an end.
    let part = if seconds < ramp { (seconds / ramp).max(0.01) } else { 1.0 };
    ((1e9 / (plan.media_rate() * part)) as u64).max(1)
}

fn destinations(flows: &Flows, path: &Path) -> Vec<SocketAddrV4> {
    let of = |id: usize| match path.locals[1].get(flows.get(id)?.at.place)? {
        SocketAddr::V4(address) => Some(*address),
        SocketAddr::V6(_) => None,
    };
    (0..flows.len()).filter_map(of).collect()
}

/// Keeps the kernel at work until the goal is reached.
fn send(generator: &Generator, meter: &Meter, length: usize, goal: &AtomicU64) -> Result<(), LoadError> {
    loop {
        let left = goal.load(Ordering::Relaxed).saturating_sub(meter.sent().packets);
        if left == 0 {
            return Ok(());
        }
        // Where the pool is behind, runs find nothing.
        let runs = left.saturating_mul(1 + meter_interval(meter) / IDLE).clamp(BATCH.into(), RUNS);
        generator.run(length, runs as u32, BATCH)?;
    }
}

fn meter_interval(meter: &Meter) -> u64 {
    let sent = meter.sent();
    sent.span.checked_div(sent.packets).unwrap_or(1000)
}

/// Puts protected packets with their headers into the pool.
struct Filler<'p> {
    source: Source,
    path: &'p Path,
    length: usize,
    places: u32,
    first_index: u64,
    filled: u64,
    total: u64,
}

impl Filler<'_> {
    /// Fills the next chunk, or what is left of the run. The index of each flow goes on, so that no packet is sent twice.
    fn fill(&mut self, pool: &mut Pool, flows: &mut Flows) -> Result<(), LoadError> {
        let end = (self.filled + u64::from(CHUNK)).min(self.total);
        while self.filled < end {
            let count = (end - self.filled).min(MOST_AT_ONCE as u64) as usize;
            self.source.make(count, flows);
            for (written, payload) in self.source.burst() {
                let round = written.index - self.first_index;
                let number = round * flows.len() as u64 + written.flow as u64;
                let place = (number % u64::from(self.places)) as u32;
                self.write(pool, flows, place, written.flow, payload)?;
            }
            if self.source.refused > 0 {
                // The place keeps its old frame, which must not go out twice.
                return Err(LoadError::plan("packets", "a key has served its lifetime: take fewer"));
            }
            self.filled += count as u64;
        }
        Ok(())
    }

    fn write(
        &self,
        pool: &mut Pool,
        flows: &Flows,
        place: u32,
        flow: usize,
        payload: &[u8],
    ) -> Result<(), LoadError> {
        let absent = || LoadError::plan("ports", "there are none");
        let flow = flows.get(flow).ok_or_else(absent)?;
        let source = *self.path.locals[0].get(flow.from.place).ok_or_else(absent)?;
        let hop = &self.path.hop;
        let spec = HeaderSpec {
            source_mac: MacAddress(hop.source_mac),
            destination_mac: MacAddress(hop.destination_mac),
            vlan: None,
            source: source.into(),
            destination: flow.to.into(),
            traffic_class: 0,
            hop_limit: 64,
        };
        let frame = pool.place_mut(place, self.length).and_then(|frame| frame.get_mut(..self.length));
        let Some((headers, room)) = frame.and_then(|frame| frame.split_at_mut_checked(HEADERS)) else {
            return Err(LoadError::plan("payload", "the frame is longer than its place in the pool"));
        };
        let room = room.get_mut(..payload.len()).ok_or_else(absent)?;
        room.copy_from_slice(payload);
        emit::write(headers, &spec, payload).map_err(|error| {
            LoadError::plan("address", format!("no headers can be written for it: {error:?}"))
        })
    }
}

/// Looks at the run from user space: refills, counts, and tells of it.
struct Watch<'p> {
    plan: &'p Plan,
    meter: &'p Meter,
    begin: Instant,
    latency: Histogram,
    places: u32,
    sent: u64,
    seconds: Vec<Second>,
    before: Second,
    interrupted: bool,
}

impl<'p> Watch<'p> {
    fn new(plan: &'p Plan, meter: &'p Meter, places: u32) -> Watch<'p> {
        Watch {
            plan,
            meter,
            begin: Instant::now(),
            latency: Histogram::default(),
            places,
            sent: 0,
            seconds: Vec::new(),
            before: Second::default(),
            interrupted: false,
        }
    }

    /// Refills the pool behind the sender until the run is over.
    #[expect(clippy::too_many_arguments, reason = "the parts of one run, which two threads share")]
    fn feed(
        &mut self,
        filler: &mut Filler<'_>,
        pool: &mut Pool,
        flows: &mut Flows,
        stop: &Stop,
        observe: &mut dyn FnMut(Second),
        goal: &AtomicU64,
        ended: &AtomicBool,
    ) -> Result<(), LoadError> {
        let margin = ((self.plan.media_rate() * GIVEN_UP) as u64).min(u64::from(self.places) / 2);
        while !ended.load(Ordering::Acquire) {
            let sent = self.meter.sent().packets;
            self.tick(observe);
            let elapsed = self.begin.elapsed();
            if !self.plan.ramp.is_zero() {
                self.meter.pace(interval(self.plan, elapsed.as_secs_f64()));
            }
            if stop.is_set() || elapsed > self.plan.duration + Duration::from_secs(2) {
                self.interrupted |= stop.is_set();
                self.meter.offer(sent);
                goal.store(0, Ordering::Relaxed);
            } else if filler.filled < filler.total
                && sent + u64::from(self.places) >= filler.filled + u64::from(CHUNK) + margin
            {
                let first = (filler.filled % u64::from(self.places)) as u32;
                self.judge(first);
                filler.fill(pool, flows)?;
                self.meter.offer(filler.filled);
                continue;
            }
            std::thread::sleep(NAP);
        }
        Ok(())
    }

    /// Takes down the times of a chunk whose places are about to be used again.
    fn judge(&mut self, first: u32) {
        for place in first..first + CHUNK {
            if let Some(time) = self.meter.latency(place) {
                self.latency.record(time);
            }
        }
        self.meter.forget(first..first + CHUNK);
    }

    fn settle(&mut self, observe: &mut dyn FnMut(Second)) {
        let (mut quiet, mut before) = (Instant::now(), self.meter.delivered());
        while quiet.elapsed() < self.plan.settle {
            std::thread::sleep(NAP);
            let now = self.meter.delivered();
            if now != before {
                (quiet, before) = (Instant::now(), now);
            }
            self.tick(observe);
        }
        self.sent = self.meter.sent().packets;
        self.close_second(observe);
    }

    /// What has arrived, after the end.
    fn heard(&mut self, plan: &Plan, form: Form, flows: &mut Flows) -> Result<Heard, LoadError> {
        for place in 0..self.places {
            if let Some(time) = self.meter.latency(place) {
                self.latency.record(time);
            }
        }
        let delivered = self.meter.delivered();
        let samples = match plan.sample {
            0 => crate::sink::Samples::default(),
            _ => samples::check(&self.meter.samples(), form, plan, flows)?,
        };
        Ok(Heard {
            delivered: delivered.packets,
            duplicates: delivered.duplicates,
            reordered: delivered.reordered,
            misdirected: delivered.wrong,
            samples,
            latency: std::mem::take(&mut self.latency),
            ..Heard::default()
        })
    }

    fn tick(&mut self, observe: &mut dyn FnMut(Second)) {
        if self.begin.elapsed().as_secs() > self.before.second {
            self.close_second(observe);
        }
    }

    fn close_second(&mut self, observe: &mut dyn FnMut(Second)) {
        let (sent, delivered) = (self.meter.sent().packets, self.meter.delivered().packets);
        let second = Second {
            second: self.before.second + 1,
            sent: sent - self.before.sent,
            delivered: delivered - self.before.delivered,
            hostile: 0,
        };
        self.before = Second { second: second.second, sent, delivered, hostile: 0 };
        self.seconds.push(second);
        observe(second);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::tests::plan;

    #[test]
    fn the_pool_is_whole_chunks_and_no_more_than_it_needs() {
        let of = |total| places(total, 10_000);
        assert_eq!((of(1), of(4096), of(4097), of(u64::MAX)), (CHUNK, CHUNK, 2 * CHUNK, 2 * CHUNK));
    }

    #[test]
    fn a_run_has_as_many_packets_as_its_time_or_its_bound() {
        let mut plan = plan();
        plan.rate = crate::Rate::Total(1000.0);
        plan.duration = Duration::from_secs(10);
        assert_eq!(total(&plan), 10_000);
        plan.ramp = Duration::from_secs(4);
        assert_eq!(total(&plan), 8000);
        assert_eq!(
            (interval(&plan, 2.0), interval(&plan, 5.0), interval(&plan, 0.0)),
            (2_000_000, 1_000_000, 100_000_000)
        );
        plan.packets = Some(77);
        assert_eq!(total(&plan), 77);
    }
}
