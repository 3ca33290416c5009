// SPDX-License-Identifier: MIT OR Apache-2.0
//! Time of cores: promised, given back, and refused when there is none.
#![expect(clippy::unwrap_used, reason = "what cannot be set up must fail the test")]

mod common;

use std::time::Duration;

use common::*;
use culvert_session::admission::{Admission, CostModel, Line, Observation, SuiteCost};
use culvert_session::{ErrorKind, LegRequest, LegUpdate, Sessions, Traffic, UpdateRequest};
use culvert_srtp::Suite;

/// A plain packet takes 1 µs; to open or to close AES_CM_128 takes another, AES-GCM 2 µs, whatever the payload.
fn costs() -> CostModel {
    let flat = |packet| Line { packet, byte: 0.0 };
    let suite = |suite, each| SuiteCost { suite, open: flat(each), close: flat(each) };
    CostModel {
        input_output: 900.0,
        plain: flat(100.0),
        suites: vec![
            suite(Suite::AesCm128HmacSha1_80, 1000.0),
            suite(Suite::AeadAes256Gcm, 2000.0),
            suite(Suite::NullHmacSha1_80, 4000.0),
        ],
    }
}

/// Two workers that may each promise half of their core.
fn limited() -> Sessions {
    node().with_admission(Admission::new(0.5, costs(), 2))
}

/// From AES_CM_128 to plain RTP and back, at 2 µs a packet: `rate` of 50,000 is a fifth of a core.
fn call(id: &str, number: u32, rate: u32) -> culvert_session::SessionRequest {
    let mut request = request(id, number);
    request.media[0].expected = Some(Traffic { packets_per_second: rate, payload_bytes: 0 });
    request
}

fn promised(node: &Sessions) -> [f64; 2] {
    [0, 1].map(|worker| node.admission().unwrap().capacity(worker).unwrap().promised)
}

#[test]
fn sessions_go_where_the_most_time_is_left_until_none_is() {
    let mut node = limited();
    let mut worker = |id: &str, number, rate| {
        node.create(&owner(), &call(id, number, rate), now()).map(|made| made.view.worker)
    };
    assert_eq!(worker("a", 1, 50_000), Ok(0));
    assert_eq!(worker("b", 2, 25_000), Ok(1));
    // Both have one session; the second has promised less.
    assert_eq!(worker("c", 3, 75_000), Ok(1));
    assert_eq!(worker("d", 4, 75_000), Ok(0));
    assert_eq!(promised(&node), [0.5, 0.4]);
    let before = format!("{:?}{:?}", node.realm_usage(), node.worker_flows());

    let refused = node.create(&owner(), &call("e", 5, 25_001), now()).unwrap_err();
    assert_eq!(refused.kind, ErrorKind::ResourceExhausted);
    assert_eq!(
        refused.to_string(),
        "capacity: worker 1 has 10.00 % of a core left, the session needs 10.00 %; end sessions, expect less \
         traffic of this one, or use another relay"
    );
    // Nothing has changed, and what is left can be had.
    assert_eq!(promised(&node), [0.5, 0.4]);
    assert_eq!(format!("{:?}{:?}", node.realm_usage(), node.worker_flows()), before);
    assert_eq!(node.create(&owner(), &call("e", 5, 24_000), now()).unwrap().view.worker, 1);
    // The same request again takes nothing more, full as the relay is.
    assert!(node.create(&owner(), &call("e", 5, 24_000), now()).unwrap().existed);
    let other = node.create(&owner(), &call("e", 5, 24_001), now()).unwrap_err();
    assert_eq!(other.kind, ErrorKind::AlreadyExists);
    for id in ["a", "b", "c", "d", "e"] {
        node.delete(&caller(), id).unwrap();
    }
    assert_eq!(promised(&node), [0.0; 2]);
}

#[test]
fn a_creation_that_is_rolled_back_gives_its_time_back() {
    let mut node = limited();
    let made = node.create(&owner(), &call("a", 1, 50_000), now()).unwrap();
    assert_eq!(promised(&node), [0.2, 0.0]);
    node.roll_back(&made.view.id).unwrap();
    assert_eq!(promised(&node), [0.0; 2]);
}

#[test]
fn traffic_is_that_of_the_kind_where_none_is_given_and_bounded_where_it_is() {
    let mut node = limited();
    node.create(&owner(), &request("a", 1), now()).unwrap();
    assert_eq!(promised(&node), [0.0002, 0.0]);
    let mut video = request("b", 2);
    video.media[0].kind = Some(culvert_session::MediaKind::Video);
    node.create(&owner(), &video, now()).unwrap();
    assert_eq!(promised(&node)[1], 0.0012);
    for (traffic, error) in [
        ((1_000_001, 0), "media[0].expected.packets_per_second: is 1000001; give 1 to 1000000, or 0 for 50"),
        ((0, 9001), "media[0].expected.payload_bytes: is 9001; give 1 to 9000, or 0 for 160"),
    ] {
        let mut request = request("c", 3);
        let (packets_per_second, payload_bytes) = traffic;
        request.media[0].expected = Some(Traffic { packets_per_second, payload_bytes });
        assert_eq!(node.create(&owner(), &request, now()).unwrap_err().to_string(), error);
    }
}

#[test]
fn what_is_not_known_yet_is_set_aside_as_the_dearest_and_keys_settle_it() {
    let mut node = limited();
    let mut early = call("a", 1, 10_000);
    early.media[0].legs[0] = LegRequest { realm: "outside".into(), ..LegRequest::default() };
    node.create(&owner(), &early, now()).unwrap();
    // 1 µs and 2 µs; the NULL suite does not encrypt.
    assert_eq!(promised(&node), [0.06, 0.0]);
    let update = |protection| UpdateRequest {
        session_id: "a".into(),
        legs: vec![LegUpdate { protection, ..LegUpdate::default() }],
    };
    node.update(&caller(), &update(srtp(2, 3))).unwrap();
    assert_eq!(promised(&node), [0.04, 0.0]);
    // New keys of the same suite cost the same.
    node.update(&caller(), &update(srtp(4, 5))).unwrap();
    assert_eq!(promised(&node), [0.04, 0.0]);
}

#[test]
fn a_running_session_is_never_refused_its_keys_and_new_ones_wait() {
    let mut node = node().with_admission(Admission::new(0.1, costs(), 1));
    let mut plain = call("a", 1, 50_000);
    plain.media[0].legs[0].protection = culvert_session::ProtectionRequest::Plain;
    plain.media[0].legs[0].encryption = Some(culvert_session::EncryptionLevel::Supported);
    node.create(&owner(), &plain, now()).unwrap();
    let keys = LegUpdate { protection: srtp(2, 3), ..LegUpdate::default() };
    node.update(&caller(), &UpdateRequest { session_id: "a".into(), legs: vec![keys] }).unwrap();
    assert_eq!(node.admission().unwrap().capacity(0).unwrap().promised, 0.2);
    let refused = node.create(&owner(), &call("b", 2, 1), now()).unwrap_err();
    assert!(refused.message.starts_with("capacity: worker 0 has 0.00 % of a core left"), "{refused}");
    node.delete(&caller(), "a").unwrap();
    node.create(&owner(), &call("b", 2, 1), now()).unwrap();
}

#[test]
fn what_packets_turn_out_to_cost_changes_what_is_left() {
    let mut node = limited();
    node.create(&owner(), &call("a", 1, 50_000), now()).unwrap();
    // 100,000 packets at 8 µs each.
    let seen = Observation {
        interval: Duration::from_secs(1),
        busy: Duration::from_millis(800),
        received: 100_000,
        transmitted: 100_000,
    };
    for _ in 0..100 {
        node.admission_mut().unwrap().observe(0, &seen);
        // Nothing was promised there: there is nothing to compare with.
        node.admission_mut().unwrap().observe(1, &seen);
    }
    let [one, other] = [0, 1].map(|worker| node.admission().unwrap().capacity(worker).unwrap());
    assert!((3.8..=4.0).contains(&one.correction), "{one:?}");
    assert_eq!((other.correction, other.promised), (1.0, 0.0));
    assert!((0.76..=0.8).contains(&one.promised), "{one:?}");
    assert_eq!(node.create(&owner(), &call("b", 2, 50_000), now()).unwrap().view.worker, 1);
    assert_eq!(node.create(&owner(), &call("c", 3, 50_000), now()).unwrap().view.worker, 1);
    assert!(node.create(&owner(), &call("d", 4, 50_000), now()).is_err());
}

#[test]
fn without_admission_nothing_is_refused_for_time() {
    let mut node = node();
    assert!(node.admission().is_none());
    let made = node.create(&owner(), &call("a", 1, 1_000_000), now()).unwrap();
    assert_eq!(made.view.worker, 0);
    assert_eq!(node.create(&owner(), &call("b", 2, 1_000_000), now()).unwrap().view.worker, 1);
}
