// SPDX-License-Identifier: MIT OR Apache-2.0
//! Packets that arrive on another worker than the one that owns their flow.
//!
//! A network card spreads packets over its queues by their addresses, so the two legs of a session need not arrive at
//! one worker. A worker that knows the owner copies the packet into a ring to it; the owner copies it into a frame of its
//! own and processes it as if it had received it itself. Sequence, keys and replay list of a flow are only ever touched
//! by its owner.
//!
//! Packets that arrive on one queue keep their order. When a flow moves to another queue, what still waits in the ring may
//! be overtaken by what comes directly, by no more packets than the ring and a burst hold; nothing is lost or doubled, and
//! the replay list tells late from repeated.

use std::sync::Arc;

use culvert_ring::{Doze, Receiver, Record, Sender, ring};
use culvert_udp::Waker;
use culvert_wire::{Address, Endpoint};

use crate::burst::{Burst, FrameBuffer, InterfaceId, Link, PacketInfo, Verdict};
use crate::counters::WorkerCounters;
use crate::io::PacketIo;
use crate::reason::DropReason;

/// Longest packet handed over, in bytes, headers included.
pub const LONGEST: usize = 1600;
/// Where a packet that was handed over is put in its new frame: behind room for the longest headers.
const HEAD_ROOM: usize = 64;

#[derive(Debug)]
struct Way {
    ring: Sender,
    /// Whether the owner sleeps.
    doze: Arc<Doze>,
    waker: Waker,
}

/// One worker's ends of the rings to and from all others.
#[derive(Debug, Default)]
pub struct Handover {
    /// By worker; none to itself.
    to: Vec<Option<Way>>,
    from: Vec<Receiver>,
    /// Which of `from` is served first, so that a busy one does not starve the others.
    first: usize,
    doze: Arc<Doze>,
}

impl Handover {
    /// Rings of `bytes` between all workers, each of which is woken by its waker. The first is for worker 0. A packet
    /// takes its length and some 16 bytes more.
    pub fn mesh(wakers: &[Waker], bytes: usize) -> Vec<Handover> {
        let mut all: Vec<Handover> = wakers.iter().map(|_| Handover::default()).collect();
        for from in 0..wakers.len() {
            for (to, waker) in wakers.iter().enumerate() {
                if from == to {
                    all[from].to.push(None);
                    continue;
                }
                let (sender, receiver) = ring(bytes);
                let doze = Arc::clone(&all[to].doze);
                all[from].to.push(Some(Way { ring: sender, doze, waker: waker.clone() }));
                all[to].from.push(receiver);
            }
        }
        all
    }

    /// Copies what belongs to other workers into their rings. The frames stay in the burst.
    pub(crate) fn send<F: FrameBuffer>(&mut self, burst: &Burst<F>, counters: &WorkerCounters) {
        let mut handed = 0;
        for (frame, info) in burst.frames.iter().zip(burst.infos.iter()) {
            let Verdict::HandOver(worker) = info.verdict else { continue };
            let packet = frame.as_ref().get(info.start..info.end);
            if packet.is_some_and(|packet| self.push(worker, packet, info)) {
                handed += 1;
            } else {
                counters.drop_packet(DropReason::HandoverFull);
            }
        }
        if handed == 0 {
            return;
        }
        counters.handed_over(handed);
        for way in self.to.iter_mut().flatten() {
            if way.ring.publish() && way.doze.must_wake() {
                way.waker.wake();
            }
        }
    }

    fn push(&mut self, worker: u32, packet: &[u8], info: &PacketInfo) -> bool {
        let Some(Some(way)) = self.to.get_mut(worker as usize) else { return false };
        let head = Head::of(info);
        packet.len() <= LONGEST && way.ring.push(head.words(), packet)
    }

    /// Appends what other workers have handed over, as far as there are frames for it.
    pub(crate) fn receive<I: PacketIo>(
        &mut self,
        io: &mut I,
        burst: &mut Burst<I::Frame>,
        counters: &WorkerCounters,
    ) -> usize {
        let mut taken = 0;
        let (later, first) = self.from.split_at_mut(self.first);
        for ring in first.iter_mut().chain(later) {
            while burst.room() > 0 {
                let Some(record) = ring.pop() else { break };
                if append(io, burst, &record).is_some() {
                    taken += 1;
                } else {
                    counters.drop_packet(DropReason::HandoverFull);
                }
            }
            ring.release();
        }
        if taken > 0 {
            self.first = (self.first + 1) % self.from.len().max(1);
            counters.taken_over(taken as u64);
        }
        taken
    }

    /// Announces sleep; false when there is something to take. Either way [`Handover::rise`] is to follow.
    pub(crate) fn settle(&self) -> bool {
        self.doze.settle();
        self.from.iter().all(Receiver::is_empty)
    }

    pub(crate) fn rise(&self) {
        self.doze.rise();
    }
}

/// What a packet takes along: its headers are read again, but for a back end whose kernel has taken them off.
struct Head {
    words: [u64; 6],
    used: usize,
}

impl Head {
    fn of(info: &PacketInfo) -> Head {
        let datagram = info.link == Link::Datagram;
        let first =
            u64::from(info.interface.0) | u64::from(info.traffic_class) << 8 | u64::from(datagram) << 16;
        if !datagram {
            return Head { words: [first, 0, 0, 0, 0, 0], used: 1 };
        }
        let ports = u64::from(info.source.port) | u64::from(info.destination.port) << 16;
        let [s0, s1] = halves(info.source.address);
        let [d0, d1] = halves(info.destination.address);
        Head { words: [first, ports, s0, s1, d0, d1], used: 6 }
    }

    fn words(&self) -> &[u64] {
        self.words.get(..self.used).unwrap_or_default()
    }
}

fn halves(address: Address) -> [u64; 2] {
    let whole = u128::from_ne_bytes(address.0);
    [whole as u64, (whole >> 64) as u64]
}

fn info_of(record: &Record<'_>, start: usize, end: usize) -> PacketInfo {
    let (first, ports) = (record.head(0), record.head(1));
    let interface = InterfaceId(first as u8);
    if first >> 16 & 1 == 0 {
        return PacketInfo::ethernet(interface, start, end);
    }
    let address = |at| {
        let whole = u128::from(record.head(at)) | u128::from(record.head(at + 1)) << 64;
        Address(whole.to_ne_bytes())
    };
    let source = Endpoint { address: address(2), port: ports as u16 };
    let destination = Endpoint { address: address(4), port: (ports >> 16) as u16 };
    let traffic_class = (first >> 8) as u8;
    PacketInfo { interface, ..PacketInfo::datagram(source, destination, traffic_class, start, end) }
}

fn append<I: PacketIo>(io: &mut I, burst: &mut Burst<I::Frame>, record: &Record<'_>) -> Option<()> {
    let mut frame = io.frame()?;
    let end = HEAD_ROOM + record.length();
    // A frame that is dropped is lost to its pool; one that is too short goes back by way of the burst.
    let copied = frame.as_mut().get_mut(HEAD_ROOM..).and_then(|room| record.copy_to(room));
    let mut info = info_of(record, HEAD_ROOM, end);
    if copied.is_none() {
        info.verdict = Verdict::Drop(DropReason::ExceedsMtu);
    }
    burst.push(frame, info).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn burst(infos: impl IntoIterator<Item = PacketInfo>) -> Burst<Box<[u8]>> {
        let mut burst = Burst::new();
        for (number, mut info) in (0..).zip(infos) {
            info.verdict = Verdict::HandOver(1);
            assert!(burst.push(vec![number; 64].into_boxed_slice(), info).is_ok());
        }
        burst
    }

    #[test]
    fn a_full_ring_drops_what_does_not_fit() {
        let wakers = [Waker::new().unwrap(), Waker::new().unwrap()];
        // Three words each of eight.
        let mut mesh = Handover::mesh(&wakers, 64);
        let counters = WorkerCounters::default();
        mesh[0].send(&burst([PacketInfo::ethernet(InterfaceId(1), 4, 8); 3]), &counters);
        assert_eq!(counters.dropped(DropReason::HandoverFull), 1);
        assert_eq!(counters.packets_handed_over(), 2);
        for number in 0..2 {
            let record = mesh[1].from[0].pop().unwrap();
            let (mut bytes, info) = ([0; 4], info_of(&record, 0, 4));
            assert_eq!((record.copy_to(&mut bytes), bytes), (Some(4), [number; 4]));
            assert_eq!(
                (info.interface, info.link, info.verdict),
                (InterfaceId(1), Link::Ethernet, Verdict::Pending)
            );
        }
        assert!(mesh[1].from[0].pop().is_none());
    }

    #[test]
    fn a_datagram_takes_its_addresses_along() {
        let wakers = [Waker::new().unwrap(), Waker::new().unwrap()];
        let mut mesh = Handover::mesh(&wakers, 4096);
        let endpoint =
            |first, port| Endpoint { address: Address(std::array::from_fn(|i| first + i as u8)), port };
        let datagram = PacketInfo::datagram(endpoint(1, 0xfedc), endpoint(101, 0x1234), 0xb9, 10, 17);
        mesh[0].send(&burst([datagram]), &WorkerCounters::default());
        let info = info_of(&mesh[1].from[0].pop().unwrap(), 3, 10);
        assert_eq!((info.source, info.destination), (datagram.source, datagram.destination));
        assert_eq!((info.traffic_class, info.link), (0xb9, Link::Datagram));
        assert_eq!((info.start, info.end, info.interface), (3, 10, InterfaceId(0)));
    }

    #[test]
    fn only_a_sleeper_is_woken_and_once() {
        let wakers = [Waker::new().unwrap(), Waker::new().unwrap()];
        let mut poller = culvert_udp::Poller::new(1).unwrap();
        poller.add(std::os::fd::AsFd::as_fd(&wakers[1]), 0).unwrap();
        let mut rings = || poller.wait(Some(std::time::Duration::ZERO)).unwrap();
        let mut mesh = Handover::mesh(&wakers, 4096);
        let (counters, packet) = (WorkerCounters::default(), PacketInfo::ethernet(InterfaceId(0), 0, 8));
        mesh[0].send(&burst([packet]), &counters);
        assert_eq!(rings(), 0, "it is awake");
        assert!(!mesh[1].settle(), "it may not sleep on a packet");
        mesh[1].rise();
        while mesh[1].from[0].pop().is_some() {}
        assert!(mesh[1].settle());
        mesh[0].send(&burst([packet]), &counters);
        assert_eq!(rings(), 1);
        wakers[1].clear();
        mesh[0].send(&burst([packet]), &counters);
        assert_eq!(rings(), 0, "it was woken already");
    }
}
