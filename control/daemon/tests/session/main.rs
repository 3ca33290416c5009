// SPDX-License-Identifier: MIT OR Apache-2.0
//! Calls through the daemon over sockets on loopback, from the front end's request to the packet that is heard.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod administration;
mod calls;
mod changes;
#[path = "../common/mod.rs"]
mod common;
mod events;
mod forgery;

use std::collections::HashMap;

use common::{
    PATIENCE,
    counters::{dropped, received, relayed},
    eventually,
    phone::{Phone, call, converse, receive},
    relay::{OTHER_FRONT_END, Relay, Setup, refusal},
    request::{Key, Pair, endpoint, leg, plain, session, update},
};
use culvert_api::{Client, EventStream, v1, v1::event::Kind as Event};
use culvert_srtp::{Kind, Reject, Suite};
use tonic::Code;

pub(crate) const CALLER: u32 = 0x0a0a_0a0a;
pub(crate) const CALLEE: u32 = 0x0b0b_0b0b;
pub(crate) const RTP: u64 = 172;
pub(crate) const RTCP: u64 = 28;

/// The keys of either leg, in suites that have nothing in common.
pub(crate) fn keys() -> [Pair; 2] {
    [Pair::new(Suite::AesCm128HmacSha1_80, 1), Pair::new(Suite::AeadAes256Gcm, 0x41)]
}

pub(crate) fn phones(relay: &Relay, keys: [Option<&Pair>; 2]) -> (Phone, Phone) {
    let net = relay.net();
    (Phone::new(net.host(3), CALLER, keys[0]), Phone::new(net.host(4), CALLEE, keys[1]))
}

pub(crate) fn check_counters(session: &v1::Session, leg: usize, ssrc: u32, bytes: u64) {
    let counters = received(session, leg);
    assert_eq!((counters.packets, counters.rtcp_packets, counters.bytes), (21, 1, bytes), "leg {leg}");
    assert_eq!(counters.drops, HashMap::new());
    assert!(counters.last_packet.is_some());
    let [stream] = counters.streams.as_slice() else { panic!("{:?}", counters.streams) };
    assert_eq!(
        (stream.ssrc, stream.packets, stream.lost, stream.highest_sequence),
        (ssrc, 20, 0, 119),
        "leg {leg}"
    );
}

pub(crate) async fn next(events: &mut EventStream) -> (u32, Event) {
    let event = tokio::time::timeout(PATIENCE, events.next()).await.unwrap().unwrap().unwrap();
    (event.leg, event.kind.unwrap())
}

pub(crate) fn leg_without_remote(realm: &str) -> v1::Leg {
    leg(realm, None, plain())
}
