// SPDX-License-Identifier: MIT OR Apache-2.0
//! Sizes that must not grow unnoticed.

use culvert_engine::{Command, Event, Flow, FlowCounters, NextHop, PacketInfo};

#[test]
fn sizes_in_bytes() {
    assert!(size_of::<Flow>() <= 320, "{}", size_of::<Flow>());
    assert!(size_of::<FlowCounters>() <= 200, "{}", size_of::<FlowCounters>());
    assert!(size_of::<PacketInfo>() <= 72, "{}", size_of::<PacketInfo>());
    assert!(size_of::<Command>() <= 96, "{}", size_of::<Command>());
    assert!(size_of::<Event>() <= 64, "{}", size_of::<Event>());
    assert_eq!(size_of::<NextHop>(), 20);
}
