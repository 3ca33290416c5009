// SPDX-License-Identifier: MIT OR Apache-2.0
//! Packets that arrive on another worker than the one that owns their flow.
//!
//! A network card spreads packets over its queues by their addresses, so the two legs of a session need not arrive at
//! one worker. A worker that knows the owner copies the packet into a bounded ring to it; the owner processes it as
//! if it had received it itself.

use culvert_udp::Waker;
use rtrb::{Consumer, Producer, RingBuffer};

use crate::burst::{Burst, FrameBuffer, PacketInfo, Verdict};
use crate::counters::WorkerCounters;
use crate::io::PacketIo;
use crate::reason::DropReason;

/// Longest packet handed over, in bytes, headers included.
pub const LONGEST: usize = 1600;
/// Where a packet that was handed over is put in its new frame: behind room for the longest headers.
const HEAD_ROOM: usize = 64;

/// A copied packet.
#[derive(Debug)]
struct Handed {
    info: PacketInfo,
    length: usize,
    bytes: [u8; LONGEST],
}

#[derive(Debug)]
struct Way {
    ring: Producer<Handed>,
    waker: Waker,
    /// Something was put in since the last wake-up.
    unannounced: bool,
}

/// One worker's ends of the rings to and from all others.
#[derive(Debug, Default)]
pub struct Handover {
    /// By worker; none to itself.
    to: Vec<Option<Way>>,
    from: Vec<Consumer<Handed>>,
}

impl Handover {
    /// Rings of `packets` entries between all workers, each of which is woken by its waker. The first is for worker 0.
    pub fn mesh(wakers: &[Waker], packets: usize) -> Vec<Handover> {
        let mut all: Vec<Handover> = wakers.iter().map(|_| Handover::default()).collect();
        for from in 0..wakers.len() {
            for (to, waker) in wakers.iter().enumerate() {
                if from == to {
                    all[from].to.push(None);
                    continue;
                }
                let (ring, end) = RingBuffer::new(packets);
                all[from].to.push(Some(Way { ring, waker: waker.clone(), unannounced: false }));
                all[to].from.push(end);
            }
        }
        all
    }

    /// Copies what belongs to other workers into their rings. The frames stay in the burst.
    pub(crate) fn send<F: FrameBuffer>(&mut self, burst: &Burst<F>, counters: &WorkerCounters) {
        for (frame, info) in burst.frames.iter().zip(burst.infos.iter()) {
            let Verdict::HandOver(worker) = info.verdict else { continue };
            let copied =
                frame.as_ref().get(info.start..info.end).and_then(|packet| self.push(worker, packet, info));
            if copied.is_none() {
                counters.drop_packet(DropReason::HandoverFull);
            }
        }
        for way in self.to.iter_mut().flatten() {
            if std::mem::take(&mut way.unannounced) {
                way.waker.wake();
            }
        }
    }

    fn push(&mut self, worker: u32, packet: &[u8], info: &PacketInfo) -> Option<()> {
        let way = self.to.get_mut(worker as usize)?.as_mut()?;
        if way.ring.is_full() {
            return None;
        }
        let mut bytes = [0; LONGEST];
        bytes.get_mut(..packet.len())?.copy_from_slice(packet);
        way.ring.push(Handed { info: *info, length: packet.len(), bytes }).ok()?;
        way.unannounced = true;
        Some(())
    }

    /// Appends what other workers have handed over, as far as there are frames for it.
    pub(crate) fn receive<I: PacketIo>(
        &mut self,
        io: &mut I,
        burst: &mut Burst<I::Frame>,
        counters: &WorkerCounters,
    ) -> usize {
        let before = burst.len();
        for ring in &mut self.from {
            while burst.room() > 0 {
                let Ok(handed) = ring.pop() else { break };
                if append(io, burst, &handed).is_none() {
                    counters.drop_packet(DropReason::HandoverFull);
                }
            }
        }
        burst.len() - before
    }
}

fn append<I: PacketIo>(io: &mut I, burst: &mut Burst<I::Frame>, handed: &Handed) -> Option<()> {
    let mut frame = io.frame()?;
    let (start, end) = (HEAD_ROOM, HEAD_ROOM + handed.length);
    let packet = handed.bytes.get(..handed.length)?;
    frame.as_mut().get_mut(start..end)?.copy_from_slice(packet);
    let info = PacketInfo { start, end, verdict: Verdict::Pending, flow: None, ..handed.info };
    burst.push(frame, info).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_ring_drops_what_does_not_fit() {
        let wakers = [Waker::new().unwrap(), Waker::new().unwrap()];
        let mut mesh = Handover::mesh(&wakers, 2);
        let counters = WorkerCounters::default();
        let mut burst = Burst::new();
        for number in 0..3u8 {
            let mut info = PacketInfo::ethernet(crate::InterfaceId(1), 4, 8);
            info.verdict = Verdict::HandOver(1);
            assert!(burst.push(vec![number; 16].into_boxed_slice(), info).is_ok());
        }
        mesh[0].send(&burst, &counters);
        assert_eq!(counters.dropped(DropReason::HandoverFull), 1);
        let handed: Vec<_> = std::iter::from_fn(|| mesh[1].from[0].pop().ok()).collect();
        assert_eq!(
            handed.iter().map(|packet| packet.bytes[..packet.length].to_vec()).collect::<Vec<_>>(),
            [[0; 4], [1; 4]]
        );
        assert_eq!(handed[0].info.interface, crate::InterfaceId(1));
    }
}
