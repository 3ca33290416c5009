// SPDX-License-Identifier: MIT OR Apache-2.0
//! Counters that a worker writes and anybody reads.
//!
//! There is one writer, so a relaxed load and store suffice where several would need a locked add.

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering::Relaxed};

use crate::burst::BURST;
use crate::clock::Nanos;
use crate::event::Direction;
use crate::histogram::Histogram;
use crate::io::Transmitted;
use crate::reason::DropReason;
use crate::statistics::{StreamSnapshot, StreamStatistics};

/// A count of which one thread is the only writer.
#[derive(Debug, Default)]
struct Count(AtomicU64);

impl Count {
    fn add(&self, amount: u64) {
        self.0.store(self.0.load(Relaxed).wrapping_add(amount), Relaxed);
    }

    fn get(&self) -> u64 {
        self.0.load(Relaxed)
    }
}

/// The same in half the space, for the many reasons of many flows. Stops at its highest value.
#[derive(Debug, Default)]
struct SmallCount(AtomicU32);

impl SmallCount {
    fn increment(&self) {
        self.0.store(self.0.load(Relaxed).saturating_add(1), Relaxed);
    }

    fn get(&self) -> u64 {
        u64::from(self.0.load(Relaxed))
    }
}

/// What happened to the packets of a flow.
// In this order, what a packet that is relayed needs is together.
#[derive(Debug)]
#[repr(C)]
pub struct FlowCounters {
    packets: Count,
    bytes: Count,
    last_seen: AtomicU64,
    streams: Box<[StreamStatistics]>,
    rtcp_packets: Count,
    /// By direction.
    key_packets: [AtomicU64; 2],
    plain_packets: Count,
    plain_bytes: Count,
    drops: [SmallCount; DropReason::FLOW_COUNT],
}

impl FlowCounters {
    /// All zero, with room for the statistics of `max_ssrcs` streams. RTP of more is dropped as `too_many_ssrcs`.
    pub fn new(max_ssrcs: usize) -> FlowCounters {
        FlowCounters {
            packets: Count::default(),
            bytes: Count::default(),
            rtcp_packets: Count::default(),
            key_packets: [AtomicU64::new(0), AtomicU64::new(0)],
            plain_packets: Count::default(),
            plain_bytes: Count::default(),
            last_seen: AtomicU64::new(0),
            drops: std::array::from_fn(|_| SmallCount::default()),
            streams: (0..max_ssrcs).map(|_| StreamStatistics::default()).collect(),
        }
    }

    /// Packets relayed: accepted, protected and handed over for sending. RTP and RTCP.
    pub fn packets(&self) -> u64 {
        self.packets.get()
    }

    /// UDP payload of the relayed packets, in bytes as they were sent.
    pub fn bytes(&self) -> u64 {
        self.bytes.get()
    }

    /// Of the relayed packets, those of RTCP.
    pub fn rtcp_packets(&self) -> u64 {
        self.rtcp_packets.get()
    }

    /// Of the relayed packets, those that left unencrypted: plain, or under the NULL cipher.
    pub fn plain_packets(&self) -> u64 {
        self.plain_packets.get()
    }

    /// UDP payload of those, in bytes as they were sent.
    pub fn plain_bytes(&self) -> u64 {
        self.plain_bytes.get()
    }

    /// Packets since the keys of a side took effect: those that authenticated under the newest receive keys, or those that
    /// the send key has protected. SRTP and SRTCP; 0 where there is no key.
    pub fn key_packets(&self, direction: Direction) -> u64 {
        self.key_packets[direction as usize].load(Relaxed)
    }

    /// When the latest packet was accepted, relayed or not; `None` before the first.
    pub fn last_seen(&self) -> Option<Nanos> {
        match self.last_seen.load(Relaxed) {
            0 => None,
            stamp => Some(Nanos(stamp)),
        }
    }

    /// Packets dropped for a reason. Stays at 4,294,967,295 once it is there.
    pub fn dropped(&self, reason: DropReason) -> u64 {
        self.drops.get(reason as usize).map_or(0, SmallCount::get)
    }

    /// All reasons for which packets were dropped, with their number.
    pub fn drops(&self) -> impl Iterator<Item = (DropReason, u64)> {
        nonzero(self.drops.iter().map(SmallCount::get))
    }

    /// Reception statistics of each stream seen so far.
    pub fn streams(&self) -> impl Iterator<Item = StreamSnapshot> {
        self.streams.iter().map_while(StreamStatistics::snapshot)
    }

    /// Reads a little of what a packet will need, ahead of time.
    pub(crate) fn touch(&self) -> u32 {
        self.packets.get() as u32 ^ u32::from(self.streams.first().is_some_and(StreamStatistics::is_free))
    }

    pub(crate) fn drop_packet(&self, reason: DropReason) {
        if let Some(count) = self.drops.get(reason as usize) {
            count.increment();
        }
    }

    pub(crate) fn relayed(&self, bytes: usize, rtcp: bool) -> bool {
        let first = self.packets.get() == 0;
        self.packets.add(1);
        self.bytes.add(bytes as u64);
        if rtcp {
            self.rtcp_packets.add(1);
        }
        first
    }

    /// Accounts for a packet that was relayed unencrypted.
    pub(crate) fn relayed_plain(&self, bytes: usize) {
        self.plain_packets.add(1);
        self.plain_bytes.add(bytes as u64);
    }

    #[inline(always)]
    pub(crate) fn set_key_packets(&self, direction: Direction, packets: u64) {
        self.key_packets[direction as usize].store(packets, Relaxed);
    }

    pub(crate) fn seen(&self, now: Nanos) {
        // Zero means never.
        self.last_seen.store(now.0.max(1), Relaxed);
    }

    /// The entry of an SSRC, or a free one for it.
    pub(crate) fn stream(&self, ssrc: u32) -> Option<&StreamStatistics> {
        self.streams.iter().find(|stream| stream.is_free() || stream.is_of(ssrc))
    }
}

/// From half a microsecond, which is less than any burst takes, to 16 ms, which no call should see; in nanoseconds.
pub type TimeInRelay = Histogram<9, 17>;
/// From one packet to a whole burst. The last class stays empty.
pub type BurstSize = Histogram<0, { BURST.ilog2() as usize + 2 }>;

/// What happened on a worker.
#[derive(Debug)]
pub struct WorkerCounters {
    busy_nanoseconds: Count,
    time_in_relay: TimeInRelay,
    burst_size: BurstSize,
    transmitted: Count,
    events_lost: Count,
    io_errors: Count,
    flows: AtomicU64,
    drops: [Count; DropReason::COUNT],
}

impl Default for WorkerCounters {
    fn default() -> WorkerCounters {
        WorkerCounters {
            busy_nanoseconds: Count::default(),
            time_in_relay: TimeInRelay::default(),
            burst_size: BurstSize::default(),
            transmitted: Count::default(),
            events_lost: Count::default(),
            io_errors: Count::default(),
            flows: AtomicU64::new(0),
            drops: std::array::from_fn(|_| Count::default()),
        }
    }
}

impl WorkerCounters {
    /// Packets taken from the receive side.
    pub fn received(&self) -> u64 {
        self.burst_size.sum()
    }

    /// Packets handed to the transmit side, which took them.
    pub fn transmitted(&self) -> u64 {
        self.transmitted.get()
    }

    /// Time spent on bursts, from when they were received to when they were handed to the transmit side. Where one burst
    /// follows another without a pause, the second's receiving is in it as well.
    pub fn busy_nanoseconds(&self) -> u64 {
        self.busy_nanoseconds.get()
    }

    /// Nanoseconds that each packet spent here, dropped ones too, from the receive burst to the transmit ring. The packets
    /// of a burst have the burst's time.
    pub fn time_in_relay(&self) -> &TimeInRelay {
        &self.time_in_relay
    }

    /// Packets in each burst with at least one.
    pub fn burst_size(&self) -> &BurstSize {
        &self.burst_size
    }

    /// Bursts with at least one packet.
    pub fn bursts(&self) -> u64 {
        self.burst_size.count()
    }

    /// Informational events left out because the ring was full.
    pub fn events_lost(&self) -> u64 {
        self.events_lost.get()
    }

    /// Calls of the back end to the kernel that failed. A growing number means that an interface or socket is gone.
    pub fn io_errors(&self) -> u64 {
        self.io_errors.get()
    }

    /// Flows installed now.
    pub fn flows(&self) -> u64 {
        self.flows.load(Relaxed)
    }

    /// Packets without a flow that were dropped for a reason.
    pub fn dropped(&self, reason: DropReason) -> u64 {
        self.drops.get(reason as usize).map_or(0, Count::get)
    }

    /// All reasons for which packets without a flow were dropped, with their number.
    pub fn drops(&self) -> impl Iterator<Item = (DropReason, u64)> {
        nonzero(self.drops.iter().map(Count::get))
    }

    pub(crate) fn burst(&self, received: usize) {
        self.burst_size.add(received as u64, 1);
    }

    pub(crate) fn transmitted_burst(&self, transmitted: &Transmitted) {
        self.transmitted.add(transmitted.sent as u64);
        for (reason, packets) in [
            (DropReason::TransmitFull, transmitted.full),
            (DropReason::ExceedsMtu, transmitted.too_big),
            (DropReason::Unreachable, transmitted.unreachable),
        ] {
            if packets > 0 {
                self.drops[reason as usize].add(packets as u64);
            }
        }
        if transmitted.errors > 0 {
            self.io_errors.add(transmitted.errors as u64);
        }
    }

    pub(crate) fn drop_packet(&self, reason: DropReason) {
        if let Some(count) = self.drops.get(reason as usize) {
            count.add(1);
        }
    }

    pub(crate) fn was_busy(&self, from: Nanos, to: Nanos) {
        self.busy_nanoseconds.add(to.0.saturating_sub(from.0));
    }

    /// Accounts for the way of a burst through the relay.
    pub(crate) fn passed(&self, received: Nanos, transmitted: Nanos, packets: usize) {
        self.time_in_relay.add(transmitted.0.saturating_sub(received.0), packets as u64);
    }

    pub(crate) fn event_lost(&self) {
        self.events_lost.add(1);
    }

    pub(crate) fn set_flows(&self, flows: u32) {
        self.flows.store(u64::from(flows), Relaxed);
    }
}

fn nonzero(drops: impl Iterator<Item = u64>) -> impl Iterator<Item = (DropReason, u64)> {
    DropReason::ALL.into_iter().zip(drops).filter(|(_, count)| *count > 0)
}
