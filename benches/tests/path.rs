// SPDX-License-Identifier: MIT OR Apache-2.0
//! Those contenders of the path bench that come with this repository relay every packet of a light load, in both placements.
//! rtpengine, coturn and libsrtp are of other machines' setup; the bench itself holds them to the same.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use culvert_benches::path::arena::{Arena, Offer};
use culvert_benches::path::contender::Contender;
use culvert_benches::path::error::PathError;
use culvert_benches::path::scenario::Scenario;
use culvert_benches::wire::placement::{Placement, Sink};

const OFFER: Offer = Offer { rate: 5_000.0, seconds: 0.4, stamped: true };
const PACKETS: u64 = 2_000;
const CALLS: u32 = 7;

fn arena(sink: Sink, interrupted: &Arc<AtomicBool>) -> Arena {
    let placement = Placement { sink, edge_cpu: 0, relay_cpu: 1 };
    let directory = std::env::temp_dir();
    Arena::new(placement, PACKETS as u32, CALLS, directory, None, Arc::clone(interrupted)).unwrap()
}

#[test]
#[ignore = "needs root: makes network namespaces and loads BPF programs"]
fn netns_every_contender_of_ours_relays_all_of_a_light_load() {
    for sink in [Sink::Relay, Sink::Edge] {
        let mut arena = arena(sink, &Arc::default());
        // A forwarder first: the wire must not owe its setup to another's XDP program.
        for contender in [
            Contender::UdpForwarder,
            Contender::CulvertSocket,
            Contender::CulvertXdp,
            Contender::CulvertXdpGeneric,
            Contender::XdpForwarder,
        ] {
            let found = arena.run(contender, Scenario::RtpRtp, CALLS, OFFER).unwrap();
            assert_eq!((found.sent, found.arrived), (PACKETS, PACKETS), "{contender}");
            assert_eq!(found.verified, PACKETS.div_ceil(251) as usize, "{contender}");
            assert_eq!(found.latencies.len(), PACKETS as usize, "{contender}");
            assert!(found.percentile(0).unwrap() > 0.0, "{contender}");
            // Two thousand packets at five thousand a second.
            assert!((4_000.0..5_600.0).contains(&found.offered), "{contender}: {}", found.offered);
        }
    }
}

#[test]
#[ignore = "needs root: makes network namespaces and loads BPF programs"]
fn netns_an_interrupt_ends_the_bench() {
    let interrupted = Arc::new(AtomicBool::new(false));
    let mut arena = arena(Sink::Relay, &interrupted);
    interrupted.store(true, Ordering::Relaxed);
    let ended = arena.run(Contender::UdpForwarder, Scenario::RtpRtp, CALLS, OFFER);
    assert!(matches!(ended, Err(PathError::Interrupted)));
}
