// SPDX-License-Identifier: MIT OR Apache-2.0
//! The family "ethtool" (Documentation/networking/ethtool-netlink.rst).

use std::collections::BTreeMap;

use rustix::io::Errno;

use crate::host::{Channels, Feature};
use crate::netlink::{Attributes, Family, flag, nest, text, u32_of, write};

const FEATURES_GET: u8 = 11;
const CHANNELS_GET: u8 = 17;
const RSS_GET: u8 = 38;

/// ETHTOOL_A_*_HEADER and, in it, ETHTOOL_A_HEADER_DEV_NAME
const HEADER: u16 = 1;
const DEV_NAME: u16 = 2;

/// ETHTOOL_A_CHANNELS_*
const RX_MAX: u16 = 2;
const TX_MAX: u16 = 3;
const COMBINED_MAX: u16 = 5;
const RX_COUNT: u16 = 6;
const TX_COUNT: u16 = 7;
const COMBINED_COUNT: u16 = 9;

/// ETHTOOL_A_FEATURES_*
const HARDWARE: u16 = 2;
const ACTIVE: u16 = 4;
const NO_CHANGE: u16 = 5;
/// ETHTOOL_A_BITSET_NOMASK, _BITS, _BITS_BIT; ETHTOOL_A_BITSET_BIT_NAME, _VALUE
const NO_MASK: u16 = 1;
const BITS: u16 = 3;
const BIT: u16 = 1;
const BIT_NAME: u16 = 2;
const BIT_VALUE: u16 = 3;

/// ETHTOOL_A_RSS_INDIR
const INDIRECTION: u16 = 4;

pub(super) fn channels(interface: &str) -> Result<Channels, Errno> {
    Ok(decode_channels(&ask(CHANNELS_GET, interface)?))
}

pub(super) fn features(interface: &str) -> Result<BTreeMap<String, Feature>, Errno> {
    Ok(decode_features(&ask(FEATURES_GET, interface)?))
}

pub(super) fn indirection(interface: &str) -> Result<Vec<u32>, Errno> {
    Ok(decode_indirection(&ask(RSS_GET, interface)?))
}

fn ask(command: u8, interface: &str) -> Result<Vec<u8>, Errno> {
    let mut name = Vec::new();
    write(&mut name, DEV_NAME, &[interface.as_bytes(), b"\0"].concat());
    Family::find("ethtool")?.ask(command, &nest(HEADER, &name))
}

fn decode_channels(answer: &[u8]) -> Channels {
    let number = |kind| Attributes(answer).get(kind).and_then(u32_of).unwrap_or(0);
    Channels {
        receive: number(RX_COUNT),
        receive_most: number(RX_MAX),
        transmit: number(TX_COUNT),
        transmit_most: number(TX_MAX),
        combined: number(COMBINED_COUNT),
        combined_most: number(COMBINED_MAX),
    }
}

fn decode_features(answer: &[u8]) -> BTreeMap<String, Feature> {
    let set = |kind| names(Attributes(answer).get(kind).unwrap_or_default());
    let (hardware, active, fixed) = (set(HARDWARE), set(ACTIVE), set(NO_CHANGE));
    let mut features: BTreeMap<String, Feature> = BTreeMap::new();
    for name in hardware.iter().chain(&active) {
        let fixed = !hardware.contains(name) || fixed.contains(name);
        features.insert(name.clone(), Feature { active: active.contains(name), fixed });
    }
    features
}

/// The names of the bits that are set: without a mask all that are listed, else those with a value.
fn names(bitset: &[u8]) -> Vec<String> {
    let no_mask = flag(Attributes(bitset), NO_MASK);
    let bits = Attributes(Attributes(bitset).get(BITS).unwrap_or_default());
    bits.filter(|(kind, _)| *kind == BIT)
        .map(|(_, bit)| Attributes(bit))
        .filter(|bit| no_mask || flag(*bit, BIT_VALUE))
        .filter_map(|bit| bit.get(BIT_NAME).map(text))
        .collect()
}

fn decode_indirection(answer: &[u8]) -> Vec<u32> {
    let table = Attributes(answer).get(INDIRECTION).unwrap_or_default();
    table.chunks_exact(4).filter_map(u32_of).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bitset(kind: u16, no_mask: bool, bits: &[(&str, bool)]) -> Vec<u8> {
        let mut inside = Vec::new();
        if no_mask {
            write(&mut inside, NO_MASK, &[]);
        }
        let mut list = Vec::new();
        for (name, value) in bits {
            let mut bit = Vec::new();
            write(&mut bit, BIT_NAME, &[name.as_bytes(), b"\0"].concat());
            if *value {
                write(&mut bit, BIT_VALUE, &[]);
            }
            list.extend(nest(BIT, &bit));
        }
        inside.extend(nest(BITS, &list));
        nest(kind, &inside)
    }

    #[test]
    fn queues() {
        let mut answer = nest(HEADER, &[]);
        for (kind, value) in [(RX_MAX, 4_u32), (TX_MAX, 4), (RX_COUNT, 2), (TX_COUNT, 1)] {
            write(&mut answer, kind, &value.to_ne_bytes());
        }
        let expected =
            Channels { receive: 2, receive_most: 4, transmit: 1, transmit_most: 4, ..Channels::default() };
        assert_eq!(decode_channels(&answer), expected);
        assert_eq!(decode_channels(&[]), Channels::default());
    }

    #[test]
    fn features_that_can_be_changed_and_such_that_cannot() {
        let answer = [
            bitset(HARDWARE, false, &[("rx-lro", true), ("rx-gro", true), ("rx-gro-hw", false)]),
            bitset(ACTIVE, true, &[("rx-gro", false), ("loopback", false)]),
            bitset(NO_CHANGE, true, &[("loopback", false)]),
        ]
        .concat();
        let expected = [("loopback", true, true), ("rx-gro", true, false), ("rx-lro", false, false)]
            .map(|(name, active, fixed)| (name.to_owned(), Feature { active, fixed }));
        assert_eq!(decode_features(&answer), BTreeMap::from(expected));
    }

    #[test]
    fn the_table_of_queues() {
        let mut answer = Vec::new();
        let table: Vec<u8> = [0_u32, 1, 0, 1].into_iter().flat_map(u32::to_ne_bytes).collect();
        write(&mut answer, INDIRECTION, &table);
        assert_eq!(decode_indirection(&answer), [0, 1, 0, 1]);
        assert_eq!(decode_indirection(&[]), [] as [u32; 0]);
    }
}
