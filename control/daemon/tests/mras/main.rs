// SPDX-License-Identifier: MIT OR Apache-2.0
//! The media relay authentication service on the running daemon: from a front end's request for credentials to the packet
//! that is heard, and what ends it.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod bounds;
#[path = "../common/mod.rs"]
mod common;
mod expiry;
mod quota;
mod refusals;
mod revocation;
mod rotation;
mod sip;
mod way;

use std::time::{Duration, SystemTime};

use common::{
    PATIENCE,
    counters::{dropped, received, relayed},
    eventually,
    mras::{
        ALICE, BOB, CAROL, DAVE, ERIN, asked, authority, bound, call, credentials_for, issue, issue_bound,
        key, keys_for, open, required, unkeyed,
    },
    phone::{Phone, converse},
    relay::{FRONT_END, METRICS, OPERATOR, OTHER_FRONT_END, Relay, SERVER_NAME, Setup, refusal},
    request::{Pair, leg, plain, session, update},
};
use culvert_api::{Client, EventStream, v1, v1::event::Kind as Event};
use culvert_srtp::{Kind, Suite};
use tonic::Code;

pub(crate) const CALLER: u32 = 0x0a0a_0a0a;
pub(crate) const CALLEE: u32 = 0x0b0b_0b0b;

/// Telephones that have no keys yet, of a host each.
pub(crate) fn phones(relay: &Relay) -> (Phone, Phone) {
    let net = relay.net();
    (Phone::new(net.host(3), CALLER, None), Phone::new(net.host(4), CALLEE, None))
}

/// The next event that tells of a credential's end: leg and state.
pub(crate) async fn ended(events: &mut EventStream) -> (u32, v1::AuthorityState) {
    loop {
        let event = tokio::time::timeout(PATIENCE, events.next()).await.unwrap().unwrap().unwrap();
        if let Some(Event::AuthorityEnded(ended)) = &event.kind {
            return (event.leg, ended.state());
        }
    }
}
