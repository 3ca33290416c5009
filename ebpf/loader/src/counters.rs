// SPDX-License-Identifier: MIT OR Apache-2.0

use culvert_ebpf_abi::Counter;

/// What the XDP program of one interface counted since it was loaded, summed over the CPUs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Counters {
    values: [u64; Counter::COUNT as usize],
}

impl Counters {
    /// Packets that one counter counted.
    pub fn get(&self, counter: Counter) -> u64 {
        self.values.get(counter.index() as usize).copied().unwrap_or_default()
    }

    /// Every counter and its packets. [`Counter::name`] is the label of a metric.
    pub fn iter(&self) -> impl Iterator<Item = (Counter, u64)> + '_ {
        Counter::all().zip(self.values)
    }

    /// Packets that were dropped, whatever the reason.
    pub fn dropped(&self) -> u64 {
        self.iter().filter(|(counter, _)| counter.is_drop()).map(|(_, packets)| packets).sum()
    }

    pub(crate) fn set(&mut self, counter: Counter, packets: u64) {
        if let Some(value) = self.values.get_mut(counter.index() as usize) {
            *value = packets;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use culvert_wire::Malformed;

    #[test]
    fn what_is_set_is_read_and_drops_are_summed() {
        let mut counters = Counters::default();
        counters.set(Counter::Redirected, 7);
        counters.set(Counter::NoSocket, 5);
        counters.set(Counter::Zrtp, 3);
        counters.set(Counter::Malformed(Malformed::DtlsLength), 2);
        assert_eq!(counters.get(Counter::Redirected), 7);
        assert_eq!(counters.get(Counter::Malformed(Malformed::DtlsLength)), 2);
        assert_eq!(counters.dropped(), 5);
        let named: Vec<_> = counters.iter().filter(|(_, n)| *n != 0).map(|(c, n)| (c.name(), n)).collect();
        assert_eq!(named, [("redirected", 7), ("no_socket", 5), ("zrtp", 3), ("dtls_length", 2)]);
    }
}
