// SPDX-License-Identifier: MIT OR Apache-2.0
//! Of a light load with ten packets of junk for each of media, every packet is counted where it should be.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use culvert_benches::junk::error::JunkError;
use culvert_benches::junk::run::{Arena, Offer};
use culvert_benches::wire::placement::{Placement, Sink};

const PACKETS: u32 = 5_500;
const CALLS: u32 = 7;
const MEDIA: u64 = 500;

fn arena(sink: Sink, interrupted: &Arc<AtomicBool>) -> Arena {
    let placement = Placement { sink, edge_cpu: 0, relay_cpu: 1 };
    Arena::new(placement, PACKETS, CALLS, Arc::clone(interrupted)).unwrap()
}

#[test]
#[ignore = "needs root: makes network namespaces and loads BPF programs"]
fn netns_junk_of_a_light_load_is_counted_to_the_packet() {
    for sink in [Sink::Relay, Sink::Edge] {
        let mut arena = arena(sink, &Arc::default());
        for ratio in [0, 10, 5] {
            let found = arena.run(Offer { media: 500.0, ratio, seconds: 1.0 }).unwrap();
            let opened = MEDIA.div_ceil(251) as usize;
            assert_eq!((found.media, found.arrived, found.wrong, found.verified), (MEDIA, MEDIA, 0, opened));
            assert_eq!((found.junk, found.unaccounted()), (MEDIA * u64::from(ratio), 0));
            // The second form of the first packet of each call is a replay of itself.
            let expected: &[(&str, u64)] = match ratio {
                0 => &[],
                5 => &[
                    ("XDP program rtp_length", MEDIA),
                    ("XDP program unknown_port", MEDIA),
                    ("flow authentication_failed", MEDIA),
                    ("flow replayed", MEDIA),
                    ("flow wrong_source", MEDIA),
                ],
                _ => &[
                    ("XDP program rtp_length", MEDIA),
                    ("XDP program unknown_port", 2 * MEDIA),
                    ("flow authentication_failed", 2 * MEDIA),
                    ("flow replayed", 2 * MEDIA),
                    ("flow too_short", MEDIA),
                    ("flow wrong_source", 2 * MEDIA),
                ],
            };
            let expected: BTreeMap<String, u64> =
                expected.iter().map(|(place, packets)| ((*place).into(), *packets)).collect();
            assert_eq!(found.counted, expected, "{sink:?}, {ratio} of junk each");
        }
    }
}

#[test]
#[ignore = "needs root: makes network namespaces and loads BPF programs"]
fn netns_junk_that_does_not_fit_or_is_interrupted_is_refused() {
    let interrupted = Arc::default();
    let mut arena = arena(Sink::Relay, &interrupted);
    let refused = arena.run(Offer { media: 501.0, ratio: 10, seconds: 1.0 });
    assert!(matches!(refused, Err(JunkError::Pool { groups: 501, ratio: 10, frames: PACKETS })));
    interrupted.store(true, Ordering::Relaxed);
    let stopped = arena.run(Offer { media: 500.0, ratio: 10, seconds: 1.0 });
    assert!(matches!(stopped, Err(JunkError::Interrupted)));
}
