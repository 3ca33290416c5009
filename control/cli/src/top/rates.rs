// SPDX-License-Identifier: MIT OR Apache-2.0
//! What happened between two answers of the relay, which tell only what happened since the start.

use std::collections::{BTreeMap, HashMap};

use culvert_api::v1;

/// Of the XDP program's counters, those of packets that were not dropped.
const NOT_DROPS: [&str; 2] = ["redirected", "no_socket"];

/// A node as the screen shows it. A rate is `None` while there is nothing to compare with.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Node {
    pub(super) cores: Vec<Core>,
    pub(super) queues: Vec<Queue>,
    /// The most frequent first.
    pub(super) drops: Vec<Drops>,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) struct Core {
    pub(super) worker: u32,
    pub(super) cpu: Option<u32>,
    pub(super) utilisation: Option<f64>,
    /// Shares of the core's time.
    pub(super) promised: Option<f64>,
    pub(super) limit: Option<f64>,
    /// Packets a second.
    pub(super) received: Option<f64>,
    pub(super) drops: Option<f64>,
    pub(super) handed_over: Option<f64>,
    /// Of each packet received.
    pub(super) nanoseconds: Option<f64>,
    pub(super) cycles: Option<f64>,
    pub(super) flows: u64,
}

#[derive(Debug, PartialEq)]
pub(super) struct Queue {
    pub(super) interface: String,
    pub(super) mode: String,
    pub(super) queue: u32,
    pub(super) worker: u32,
    pub(super) zero_copy: bool,
    /// Share of each ring that is used.
    pub(super) rings: BTreeMap<String, f64>,
    /// Of the socket, packets a second.
    pub(super) drops: Option<f64>,
}

/// Packets that one place dropped for one reason.
#[derive(Debug, PartialEq)]
pub(super) struct Drops {
    pub(super) reason: String,
    pub(super) place: String,
    pub(super) rate: Option<f64>,
    pub(super) total: u64,
}

/// An earlier answer, and how long ago it was.
pub(super) struct Earlier<'a, T> {
    pub(super) answer: &'a T,
    pub(super) seconds: f64,
}

impl<T> Clone for Earlier<'_, T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Earlier<'_, T> {}

/// `None` where a counter went back: the relay, or what counts, was started anew.
fn rate(now: u64, before: Option<(u64, f64)>) -> Option<f64> {
    let (before, seconds) = before?;
    (seconds > 0.0).then_some(now.checked_sub(before)? as f64 / seconds)
}

fn sum<'a>(map: impl IntoIterator<Item = (&'a String, &'a u64)>) -> u64 {
    map.into_iter().map(|(_, count)| *count).fold(0, u64::saturating_add)
}

/// What `now` says, compared with an earlier answer of the same process.
pub(super) fn node(now: &v1::GetNodeResponse, earlier: Option<Earlier<'_, v1::GetNodeResponse>>) -> Node {
    let earlier = earlier.filter(|earlier| earlier.answer.started == now.started);
    let mut node = Node::default();
    for worker in &now.workers {
        let before = earlier.and_then(|earlier| {
            let same = earlier.answer.workers.iter().find(|before| before.worker == worker.worker)?;
            Some((same, earlier.seconds))
        });
        node.cores.push(core(worker, before));
        let place = format!("core {}", worker.worker);
        let before = before.map(|(before, seconds)| (&before.drops, seconds));
        node.drops.extend(drops(&worker.drops, &place, before));
    }
    for interface in &now.interfaces {
        let before = earlier.and_then(|earlier| {
            let same = earlier.answer.interfaces.iter().find(|before| before.name == interface.name)?;
            Some((same, earlier.seconds))
        });
        let counters = before.map(|(before, seconds)| (&before.counters, seconds));
        let place = format!("{} XDP", interface.name);
        let dropped = drops(&interface.counters, &place, counters);
        node.drops.extend(dropped.filter(|drops| !NOT_DROPS.contains(&drops.reason.as_str())));
        for queue in &interface.queues {
            let before = before.and_then(|(before, seconds)| {
                let same = before.queues.iter().find(|before| before.queue == queue.queue)?;
                Some((&same.socket_drops, seconds))
            });
            let place = format!("{} queue {}", interface.name, queue.queue);
            node.drops.extend(drops(&queue.socket_drops, &place, before));
            let before = before.map(|(drops, seconds)| (sum(drops), seconds));
            node.queues.push(Queue {
                interface: interface.name.clone(),
                mode: interface.mode.clone(),
                queue: queue.queue,
                worker: queue.worker,
                zero_copy: queue.zero_copy,
                rings: queue.rings.iter().map(|(name, ring)| (name.clone(), share(ring))).collect(),
                drops: rate(sum(&queue.socket_drops), before),
            });
        }
    }
    node.drops.sort_by(|a, b| {
        let rates = |drops: &Drops| drops.rate.unwrap_or(0.0);
        rates(b)
            .total_cmp(&rates(a))
            .then(b.total.cmp(&a.total))
            .then_with(|| (&a.reason, &a.place).cmp(&(&b.reason, &b.place)))
    });
    node
}

fn core(now: &v1::WorkerStatus, before: Option<(&v1::WorkerStatus, f64)>) -> Core {
    let of = |count: fn(&v1::WorkerStatus) -> u64| {
        rate(count(now), before.map(|(before, seconds)| (count(before), seconds)))
    };
    let received = of(|worker| worker.received);
    let spent = |time: fn(&v1::WorkerTiming) -> u64| {
        let of = |worker: &v1::WorkerStatus| worker.timing.as_ref().map(time);
        let (before, seconds) = before?;
        let spent = rate(of(now)?, Some((of(before)?, seconds)))?;
        (spent > 0.0 && received? > 0.0).then_some(spent / received?)
    };
    Core {
        worker: now.worker,
        cpu: now.cpu,
        utilisation: now.timing.as_ref().map(|timing| timing.utilisation),
        promised: now.capacity.as_ref().map(|capacity| capacity.promised),
        limit: now.capacity.as_ref().map(|capacity| capacity.limit),
        received,
        drops: of(|worker| sum(&worker.drops)),
        handed_over: of(|worker| worker.handed_over),
        nanoseconds: spent(|timing| timing.busy_nanoseconds),
        cycles: spent(|timing| timing.busy_cycles),
        flows: now.flows,
    }
}

fn drops<'a>(
    now: &'a HashMap<String, u64>,
    place: &'a str,
    before: Option<(&'a HashMap<String, u64>, f64)>,
) -> impl Iterator<Item = Drops> + 'a {
    now.iter().filter(|(_, total)| **total > 0).map(move |(reason, total)| {
        // A reason that the earlier answer left out had none.
        let before = before.map(|(before, seconds)| (before.get(reason).copied().unwrap_or(0), seconds));
        Drops { reason: reason.clone(), place: place.to_owned(), rate: rate(*total, before), total: *total }
    })
}

fn share(ring: &v1::RingOccupancy) -> f64 {
    if ring.size == 0 { 0.0 } else { f64::from(ring.used) / f64::from(ring.size) }
}

/// What came in on a leg and went out by the other, a second.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Flow {
    pub(super) packets: Option<f64>,
    pub(super) bits: Option<f64>,
    /// By reason, with the total.
    pub(super) drops: Vec<Drops>,
}

/// Of the leg that has this place in the session.
pub(super) fn flow(
    now: &v1::FlowCounters,
    place: (usize, usize),
    earlier: Option<Earlier<'_, v1::Session>>,
) -> Flow {
    let before = earlier.and_then(|earlier| {
        let leg = earlier.answer.media.get(place.0)?.legs.get(place.1)?;
        Some((leg.received.as_ref()?, earlier.seconds))
    });
    let of = |count: fn(&v1::FlowCounters) -> u64| {
        rate(count(now), before.map(|(before, seconds)| (count(before), seconds)))
    };
    let mut dropped: Vec<Drops> =
        drops(&now.drops, "", before.map(|(before, seconds)| (&before.drops, seconds))).collect();
    dropped.sort_by(|a, b| b.total.cmp(&a.total).then_with(|| a.reason.cmp(&b.reason)));
    Flow {
        packets: of(|flow| flow.packets),
        bits: of(|flow| flow.bytes).map(|bytes| bytes * 8.0),
        drops: dropped,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::output::fixture;

    fn later() -> v1::GetNodeResponse {
        let mut node = fixture::node();
        let worker = &mut node.workers[0];
        worker.received += 1000;
        worker.handed_over += 20;
        worker.drops.insert("unknown_destination".to_owned(), 30);
        worker.drops.insert("too_short".to_owned(), 5);
        let timing = worker.timing.as_mut().unwrap();
        timing.busy_nanoseconds += 500_000;
        timing.busy_cycles += 1_500_000;
        node.interfaces[0].counters = HashMap::from([("redirected".to_owned(), 50), ("zrtp".to_owned(), 8)]);
        node.interfaces[0].queues[1].socket_drops.insert("rx_dropped".to_owned(), 6);
        node.interfaces[0].queues[1].rings =
            HashMap::from([("rx".to_owned(), v1::RingOccupancy { used: 512, size: 2048 })]);
        node
    }

    #[test]
    fn rates_are_differences_over_the_time_between() {
        let (before, now) = (fixture::node(), later());
        let node = node(&now, Some(Earlier { answer: &before, seconds: 2.0 }));
        let expected = Core {
            worker: 0,
            cpu: Some(2),
            utilisation: Some(0.125),
            promised: Some(0.125),
            limit: Some(0.8),
            received: Some(500.0),
            drops: Some(12.5),
            handed_over: Some(10.0),
            nanoseconds: Some(500.0),
            cycles: Some(1500.0),
            flows: 4,
        };
        assert_eq!(node.cores, [expected]);
        assert_eq!(node.queues[0].drops, Some(0.0));
        assert_eq!(node.queues[1].drops, Some(3.0));
        assert_eq!(node.queues[1].rings, BTreeMap::from([("rx".to_owned(), 0.25)]));
        let drops: Vec<_> =
            node.drops.iter().map(|d| (d.reason.as_str(), d.place.as_str(), d.rate, d.total)).collect();
        assert_eq!(
            drops,
            [
                ("unknown_destination", "core 0", Some(10.0), 30),
                ("zrtp", "eth0 XDP", Some(4.0), 8),
                ("rx_dropped", "eth0 queue 1", Some(3.0), 6),
                ("too_short", "core 0", Some(2.5), 5),
                ("rx_fill_ring_empty_descs", "eth0 queue 1", Some(0.0), 4),
            ]
        );
    }

    #[test]
    fn nothing_is_compared_with_nothing_or_with_another_process() {
        let (mut before, now) = (fixture::node(), later());
        before.started = None;
        for earlier in [None, Some(Earlier { answer: &before, seconds: 1.0 })] {
            let node = node(&now, earlier);
            let core = &node.cores[0];
            assert_eq!([core.received, core.drops, core.nanoseconds, core.cycles], [None; 4]);
            assert_eq!(core.utilisation, Some(0.125));
            assert!(node.drops.iter().all(|drops| drops.rate.is_none()));
            assert_eq!(node.drops[0].total, 30);
        }
    }

    #[test]
    fn a_counter_that_went_back_has_no_rate_and_an_idle_core_no_cost() {
        let (before, now) = (later(), fixture::node());
        let cores = |now, before| node(now, Some(Earlier { answer: before, seconds: 1.0 })).cores;
        assert_eq!(cores(&now, &before)[0].received, None);
        let idle = &cores(&now, &now)[0];
        assert_eq!((idle.received, idle.nanoseconds), (Some(0.0), None));
    }

    #[test]
    fn a_leg_is_compared_with_itself() {
        let before = fixture::session();
        let mut now = before.media[0].legs[0].received.clone().unwrap();
        now.packets += 100;
        now.bytes += 16_000;
        now.drops.insert("authentication_failed".to_owned(), 22);
        let earlier = Some(Earlier { answer: &before, seconds: 2.0 });
        let flow = flow(&now, (0, 0), earlier);
        assert_eq!((flow.packets, flow.bits), (Some(50.0), Some(64_000.0)));
        let drops: Vec<_> = flow.drops.iter().map(|d| (d.reason.as_str(), d.rate, d.total)).collect();
        assert_eq!(drops, [("authentication_failed", Some(10.0), 22), ("replayed", Some(0.0), 1)]);
        assert_eq!(super::flow(&now, (1, 0), earlier).packets, None);
    }
}
