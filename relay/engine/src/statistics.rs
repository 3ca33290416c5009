// SPDX-License-Identifier: MIT OR Apache-2.0
//! Reception statistics of one stream: sequence numbers, loss and jitter (RFC 3550 sections 6.4.1, A.1, A.3, A.8).
//!
//! One worker writes, anybody reads. Each field is exact; fields read together may be one packet apart.

use std::sync::atomic::{AtomicU16, AtomicU32, Ordering::Relaxed};

use crate::clock::Nanos;

/// A gap longer than this is taken for a restart of the sender (RFC 3550 section A.1).
const MAX_DROPOUT: u16 = 3000;
/// A packet further behind than this is taken for a restart of the sender.
const MAX_MISORDER: u16 = 100;

/// Statistics of one SSRC, as its worker keeps them.
#[derive(Debug, Default)]
pub struct StreamStatistics {
    ssrc: AtomicU32,
    /// Highest sequence number with its cycles.
    highest: AtomicU32,
    /// Since `base`; zero: the entry is free.
    received: AtomicU32,
    transit: AtomicU32,
    /// Sixteen times the jitter, in timestamp units.
    jitter: AtomicU32,
    /// Where the sender started.
    base: AtomicU16,
    /// What would confirm that the sender has restarted.
    restarted: AtomicU16,
}

/// Statistics of one SSRC at one moment.
#[derive(Copy, Clone, Debug, Eq, PartialEq)]
pub struct StreamSnapshot {
    /// Whose.
    pub ssrc: u32,
    /// Packets received since the stream began or its sender restarted, duplicates too; modulo 2^32.
    pub packets: u64,
    /// Extended highest sequence number: the number of cycles, then the sequence number.
    pub highest_sequence: u32,
    /// Packets expected in that time.
    pub expected: u32,
    /// Expected less received; negative when duplicates came.
    pub lost: i64,
    /// Interarrival jitter in timestamp units.
    pub jitter: u32,
}

impl StreamStatistics {
    pub(crate) fn is_free(&self) -> bool {
        self.received.load(Relaxed) == 0
    }

    pub(crate) fn is_of(&self, ssrc: u32) -> bool {
        self.ssrc.load(Relaxed) == ssrc && !self.is_free()
    }

    /// Accounts for an RTP packet. The worker has chosen the entry: it is free or of this SSRC.
    pub(crate) fn record(&self, ssrc: u32, sequence: u16, timestamp: u32, arrival: Nanos, clock_rate: u32) {
        let transit = arrival.in_units(clock_rate).wrapping_sub(timestamp);
        if self.is_free() {
            self.ssrc.store(ssrc, Relaxed);
            self.start(sequence);
        } else {
            let previous = self.transit.load(Relaxed);
            // Modulo 2^32 the smaller of the two distances is the difference.
            let difference = (transit.wrapping_sub(previous) as i32).unsigned_abs();
            let jitter = self.jitter.load(Relaxed);
            let decay = jitter.wrapping_add(8) >> 4;
            self.jitter.store(jitter.wrapping_add(difference).wrapping_sub(decay), Relaxed);
            self.advance(sequence);
        }
        self.transit.store(transit, Relaxed);
    }

    fn start(&self, sequence: u16) {
        self.base.store(sequence, Relaxed);
        self.highest.store(u32::from(sequence), Relaxed);
        self.restarted.store(sequence, Relaxed);
        self.received.store(1, Relaxed);
    }

    fn advance(&self, sequence: u16) {
        let highest = self.highest.load(Relaxed);
        let ahead = sequence.wrapping_sub(highest as u16);
        if ahead < MAX_DROPOUT {
            self.highest.store(highest.wrapping_add(u32::from(ahead)), Relaxed);
        } else if ahead <= u16::MAX - MAX_MISORDER {
            // A jump counts only when the next packet follows it.
            if self.restarted.load(Relaxed) == sequence {
                self.start(sequence);
            } else {
                self.restarted.store(sequence.wrapping_add(1), Relaxed);
            }
            return;
        }
        // Zero would free the entry.
        self.received.store(self.received.load(Relaxed).wrapping_add(1).max(1), Relaxed);
    }

    /// The statistics now; `None` when no stream has used the entry.
    pub fn snapshot(&self) -> Option<StreamSnapshot> {
        let received = self.received.load(Relaxed);
        if received == 0 {
            return None;
        }
        let highest_sequence = self.highest.load(Relaxed);
        let expected = highest_sequence.wrapping_sub(u32::from(self.base.load(Relaxed))).wrapping_add(1);
        Some(StreamSnapshot {
            ssrc: self.ssrc.load(Relaxed),
            packets: u64::from(received),
            highest_sequence,
            expected,
            lost: i64::from(expected) - i64::from(received),
            jitter: self.jitter.load(Relaxed) >> 4,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn feed(sequences: impl IntoIterator<Item = u16>) -> StreamSnapshot {
        let statistics = StreamStatistics::default();
        for sequence in sequences {
            statistics.record(7, sequence, 0, Nanos(0), 8000);
        }
        statistics.snapshot().unwrap()
    }

    #[test]
    fn an_unused_entry_has_no_statistics() {
        assert_eq!(StreamStatistics::default().snapshot(), None);
    }

    #[test]
    fn loss_is_expected_less_received() {
        let snapshot = feed([10, 11, 14, 15]);
        assert_eq!(
            snapshot,
            StreamSnapshot { ssrc: 7, packets: 4, highest_sequence: 15, expected: 6, lost: 2, jitter: 0 }
        );
        assert_eq!(feed([10, 11, 11, 11, 12]).lost, -2);
        assert_eq!(feed([10, 12, 11, 13]).lost, 0);
    }

    #[test]
    fn cycles_are_counted_across_the_wrap_and_late_packets_do_not_add_one() {
        let snapshot = feed([65_533, 65_534, 0, 65_535, 1]);
        assert_eq!((snapshot.highest_sequence, snapshot.expected, snapshot.lost), (65_537, 5, 0));
    }

    #[test]
    fn a_jump_counts_when_it_is_confirmed() {
        let single = feed([100, 101, 30_000, 102]);
        assert_eq!((single.highest_sequence, single.expected, single.lost, single.packets), (102, 3, 0, 3));
        let restarted = feed([100, 101, 30_000, 30_001, 30_002]);
        assert_eq!((restarted.highest_sequence, restarted.expected, restarted.lost), (30_002, 2, 0));
        assert_eq!(restarted.packets, 2);
    }

    #[test]
    fn gaps_at_the_edges_of_dropout_and_misorder() {
        assert_eq!(feed([0, 2999]).highest_sequence, 2999);
        assert_eq!(feed([0, 3000]).highest_sequence, 0);
        // Up to 100 behind is late; further behind is a suspected restart, which does not count as received.
        assert_eq!(feed([1000, 901]).lost, -1);
        assert_eq!(feed([1000, 900]).lost, -1);
        assert_eq!(feed([1000, 899]).lost, 0);
    }

    #[test]
    fn jitter_follows_the_formula_of_section_a_8() {
        let statistics = StreamStatistics::default();
        // One packet each 20 ms of media; every second one arrives 10 ms (80 units) late.
        let mut expected = 0u32;
        for packet in 0u64..100 {
            let late = if packet % 2 == 1 { 10_000_000 } else { 0 };
            statistics.record(1, packet as u16, packet as u32 * 160, Nanos(packet * 20_000_000 + late), 8000);
            if packet > 0 {
                expected = expected + 80 - ((expected + 8) >> 4);
            }
        }
        assert_eq!(statistics.snapshot().unwrap().jitter, expected >> 4);
        assert_eq!(expected >> 4, 79);
    }

    #[test]
    fn jitter_survives_the_wrap_of_the_timestamp() {
        let statistics = StreamStatistics::default();
        for packet in 0u32..50 {
            let timestamp = (u32::MAX - 1000).wrapping_add(packet * 160);
            statistics.record(1, packet as u16, timestamp, Nanos(u64::from(packet) * 20_000_000), 8000);
        }
        assert_eq!(statistics.snapshot().unwrap().jitter, 0);
    }
}
