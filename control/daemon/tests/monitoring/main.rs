// SPDX-License-Identifier: MIT OR Apache-2.0
//! What the daemon shows of itself: metrics, and what Prometheus and the dashboard make of them.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

#[path = "../common/mod.rs"]
mod common;
mod dashboard;
mod http;
mod metrics;
mod prometheus;

use std::path::{Path, PathBuf};

use common::{
    phone::{Phone, call, converse},
    relay::Relay,
    request::Pair,
};
use culvert_srtp::Suite;

/// A file of `deploy`.
fn deployed(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../deploy").join(name).canonicalize().unwrap()
}

/// A call in which each has said so many packets, and the caller one more that was lost before the last.
async fn lossy_call(relay: &Relay, id: &str, packets: usize) -> [Phone; 2] {
    let mut client = relay.front_end().await;
    let keys = [Pair::new(Suite::AesCm128HmacSha1_80, 1), Pair::new(Suite::AeadAes128Gcm, 0x41)];
    let mut caller = Phone::new(relay.net().host(3), 1, Some(&keys[0]));
    let mut callee = Phone::new(relay.net().host(4), 2, Some(&keys[1]));
    call(&mut client, id, [&mut caller, &mut callee], [Some(&keys[0]), Some(&keys[1])], true).await;
    converse(&mut caller, &mut callee, packets - 1);
    caller.packet();
    converse(&mut caller, &mut callee, 1);
    [caller, callee]
}
