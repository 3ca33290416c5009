// SPDX-License-Identifier: MIT OR Apache-2.0
//! Generator and sink at the two ends of a veth pair: what is sent arrives, and is counted for what it is.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

use std::net::SocketAddrV4;
use std::time::{Duration, Instant};

use culvert_testbed::{EndSpec, Namespace, connect};
use culvert_traffic::{Arrival, Delivered, Meter, Run, SAMPLE_STRIDE, Traffic, TrafficConfig};

const FRAMES: u32 = 10_000;
const FLOWS: u32 = 3;
const NUMBER: usize = 46;

/// Ethernet, IPv4 and UDP headers as far as the sink reads them, then the number.
fn frame(number: u32, length: usize) -> Vec<u8> {
    let mut frame = vec![number as u8; length];
    frame[..12].copy_from_slice(&[0xff; 12]);
    frame[12..15].copy_from_slice(&[0x08, 0x00, 0x45]);
    frame[23] = 17;
    frame[30..34].copy_from_slice(&destination(number).ip().octets());
    frame[36..38].copy_from_slice(&destination(number).port().to_be_bytes());
    frame[38..40].copy_from_slice(&((length - 34) as u16).to_be_bytes());
    frame[NUMBER..NUMBER + 4].copy_from_slice(&number.to_be_bytes());
    frame
}

fn destination(number: u32) -> SocketAddrV4 {
    SocketAddrV4::new([192, 0, 2, 2].into(), 40_000 + 2 * (number % FLOWS) as u16)
}

fn destinations() -> Vec<SocketAddrV4> {
    (0..FLOWS).map(destination).collect()
}

struct Bed {
    near: Namespace,
    _far: Namespace,
    traffic: Traffic,
    interface: u32,
}

impl Bed {
    fn new(length: usize) -> Bed {
        let (near, far) = (Namespace::new("near").unwrap(), Namespace::new("far").unwrap());
        connect(&near, &EndSpec::new("near0"), &far, &EndSpec::new("far0").napi()).unwrap();
        let config = TrafficConfig { frames: FRAMES, longest: length, flows: FLOWS };
        let mut traffic = Traffic::load(config).unwrap();
        for number in 0..FRAMES {
            traffic.pool.set(number, &frame(number, length)).unwrap();
        }
        far.run(|| traffic.generator.attach_sink("far0")).unwrap().unwrap();
        let interface = near.interface("near0").unwrap().index;
        Bed { near, _far: far, traffic, interface }
    }

    fn run(&self, length: usize) -> Run {
        let arrival = Arrival { length: length - 42, number: NUMBER };
        let interface = self.interface;
        Run { packets: FRAMES.into(), length, interface, interval: 2000, arrival, ..Run::default() }
    }

    fn send(&self, batch: u32, arrivals: u64) -> Delivered {
        let Traffic { generator, meter, .. } = &self.traffic;
        self.near.run(|| generator.send(meter, batch)).unwrap().unwrap();
        arrived(meter, arrivals)
    }
}

/// Softirqs may be a moment behind.
fn arrived(meter: &Meter, arrivals: u64) -> Delivered {
    let start = Instant::now();
    loop {
        let delivered = meter.delivered();
        let all = delivered.packets + delivered.duplicates + delivered.wrong;
        if all >= arrivals || start.elapsed() > Duration::from_secs(10) {
            return delivered;
        }
        std::thread::yield_now();
    }
}

#[test]
#[ignore = "needs root: makes a network namespace and loads BPF programs"]
fn netns_every_frame_arrives_as_it_was_made() {
    for length in [60, 224, 256, 257, 1514] {
        let bed = Bed::new(length);
        let meter = &bed.traffic.meter;
        meter.begin(&bed.run(length), &destinations()).unwrap();
        let delivered = bed.send(64, FRAMES.into());
        assert_eq!(meter.sent().packets, u64::from(FRAMES));
        let expected = Delivered { packets: FRAMES.into(), span: delivered.span, ..Delivered::default() };
        assert_eq!(delivered, expected);
        let samples = meter.samples();
        let places: Vec<u32> = samples.iter().map(|sample| sample.place).collect();
        assert_eq!(places, (0..FRAMES).step_by(SAMPLE_STRIDE as usize).collect::<Vec<_>>());
        for sample in samples {
            assert_eq!(sample.frame, frame(sample.place, length), "{length} bytes");
        }
    }
}

#[test]
#[ignore = "needs root: makes a network namespace and loads BPF programs"]
fn netns_what_should_not_come_is_told_apart() {
    let mut bed = Bed::new(214);
    let (run, pool) = (bed.run(214), &mut bed.traffic.pool);
    // To flow 1 instead of flow 0; a number that was not sent; a number again; two in the wrong order.
    pool.place_mut(3, 214).unwrap()[37] += 2;
    pool.set(6, &frame(FRAMES, 214)).unwrap();
    pool.set(9, &frame(0, 214)).unwrap();
    pool.set(12, &frame(15, 214)).unwrap();
    pool.set(15, &frame(12, 214)).unwrap();
    bed.traffic.meter.begin(&run, &destinations()).unwrap();
    let delivered = bed.send(64, FRAMES.into());
    let expected = Delivered {
        packets: u64::from(FRAMES) - 3,
        duplicates: 1,
        wrong: 2,
        reordered: 1,
        span: delivered.span,
    };
    assert_eq!(delivered, expected);
    let missing: Vec<u32> = (0..FRAMES).filter(|place| !bed.traffic.meter.has_arrived(*place)).collect();
    assert_eq!(missing, [3, 6, 9]);

    let other = Run { arrival: Arrival { length: 173, ..run.arrival }, ..run };
    bed.traffic.meter.begin(&other, &destinations()).unwrap();
    let delivered = bed.send(64, FRAMES.into());
    assert_eq!(delivered, Delivered { wrong: FRAMES.into(), ..Delivered::default() });
}

#[test]
#[ignore = "needs root: makes a network namespace and loads BPF programs"]
fn netns_a_stamped_run_tells_each_packets_time() {
    let bed = Bed::new(214);
    let meter = &bed.traffic.meter;
    meter.begin(&Run { stamped: true, interval: 20_000, ..bed.run(214) }, &destinations()).unwrap();
    bed.send(8, FRAMES.into());
    let latencies = meter.latencies();
    assert_eq!(latencies.len(), FRAMES as usize);
    // From program to program, through a softirq: not nothing, and not the time since the machine started.
    assert!(
        latencies.iter().all(|latency| (1..1_000_000_000).contains(latency)),
        "{:?}",
        latencies.iter().max()
    );
    // 20 microseconds between packets, but for what was caught up.
    let span = meter.sent().span;
    assert!((195_000_000..400_000_000).contains(&span), "{span}");
}

#[test]
#[ignore = "needs root: makes a network namespace and loads BPF programs"]
fn netns_a_pool_can_be_gone_round_and_refilled() {
    const PLACES: u32 = 640;
    let mut bed = Bed::new(214);
    let run = Run { packets: PLACES.into(), frames: PLACES, ..bed.run(214) };
    bed.traffic.meter.begin(&run, &destinations()).unwrap();
    let mut arrivals = 0;
    for round in 0..5 {
        arrivals += u64::from(PLACES);
        assert_eq!(bed.send(64, arrivals).packets, arrivals);
        let first = (round + 1) * PLACES;
        for place in 0..PLACES {
            bed.traffic.pool.set(place, &frame(first + place, 214)).unwrap();
        }
        bed.traffic.meter.forget(0..PLACES);
        bed.traffic.meter.offer(u64::from(first + PLACES));
    }
    assert_eq!(bed.traffic.meter.delivered().duplicates, 0);
}
