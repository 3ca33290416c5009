// SPDX-License-Identifier: MIT OR Apache-2.0
//! The load generator against the daemon: what it sends, what it finds, and what the relay has counted, exactly.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

#[path = "../common/mod.rs"]
mod common;
mod middle;
mod netns;

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use common::relay::{Relay, Setup};
use culvert_api::{Client, v1};
use culvert_load::{
    Direction, HostileKind, HostilePlan, LegPlan, LoadError, Missed, Plan, Ports, Progress, Rate, Report,
    Share, Stop, Suite, Thresholds, Transport,
};

use middle::Middle;

/// Slow enough for any machine: 200 packets in each direction within a second.
pub(crate) fn plan(run: &str, addresses: [IpAddr; 2]) -> Plan {
    let leg = |realm: &str, suite, address| LegPlan {
        realm: realm.into(),
        suite: Some(suite),
        address,
        ports: Ports::Any(2),
        reach: None,
    };
    Plan {
        run: run.into(),
        sessions: 4,
        legs: [
            leg("outside", Suite::AesCm128HmacSha1_80, addresses[0]),
            leg("inside", Suite::AeadAes256Gcm, addresses[1]),
        ],
        both: false,
        rate: Rate::Total(400.0),
        payload: 160,
        payload_type: 0,
        ramp: Duration::ZERO,
        duration: Duration::from_secs(60),
        packets: Some(200),
        sequence: 65_500,
        ssrc: None,
        burst: 64,
        sample: 1,
        hostile: Vec::new(),
        transport: Transport::Sockets,
        settle: Duration::from_millis(300),
    }
}

fn loopback(relay: &Relay) -> Plan {
    plan("t", [relay.net().host(3), relay.net().host(4)])
}

pub(crate) async fn run(client: &Client, plan: Plan) -> Report {
    let report = culvert_load::run(client, plan, Stop::default(), |_| ()).await.unwrap();
    assert_eq!(
        client.clone().list_sessions(10, "").await.unwrap().total,
        0,
        "the run's sessions are deleted"
    );
    report
}

pub(crate) fn whole(direction: &Direction, packets: u64) {
    assert_eq!((direction.sent, direction.delivered, direction.lost), (packets, packets, 0));
    // Order is not the relay's alone: `lo` has a queue for each processor, and a thread that moves to another overtakes itself.
    assert_eq!((direction.duplicates, direction.misdirected), (0, 0));
    assert_eq!((direction.samples.unauthentic, direction.samples.different), (0, 0));
    assert_eq!((direction.samples.checked, direction.latency.count), (packets, packets));
}

#[tokio::test(flavor = "multi_thread")]
async fn every_packet_arrives_in_every_pair_of_suites_over_the_roll_over() {
    let relay = Setup::loopback().start();
    let client = relay.front_end().await;
    let mut suites: Vec<_> = Suite::ALL.into_iter().filter(|suite| suite.encrypts()).map(Some).collect();
    suites.push(None);
    for (place, suite) in suites.iter().enumerate() {
        let mut plan = loopback(&relay);
        plan.legs[0].suite = *suite;
        plan.legs[1].suite = suites[(place + 3) % suites.len()];
        plan.both = true;
        let report = run(&client, plan).await;
        assert_eq!(
            report.directions.iter().map(|direction| direction.name).collect::<Vec<_>>(),
            ["a_to_b", "b_to_a"]
        );
        report.directions.iter().for_each(|direction| whole(direction, 100));
        assert_eq!((report.relay.relayed, report.relay.drops), ([100, 100], BTreeMap::new()), "{suite:?}");
        assert_eq!((report.foreign, report.given_up, report.relay.sessions_left), (0, 0, 0));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_on_hold_is_loss_and_misses_the_threshold() {
    let relay = Setup::loopback().start();
    let client = relay.front_end().await;
    let mut plan = loopback(&relay);
    (plan.sessions, plan.packets) = (2, Some(100));
    let (holder, runtime) = (Arc::new(Mutex::new(client.clone())), tokio::runtime::Handle::current());
    let hold = move |progress| {
        let Progress::Sessions { made, .. } = progress else { return };
        assert_eq!(made, 2);
        let leg = v1::LegUpdate { held: Some(true), ..v1::LegUpdate::default() };
        let update = v1::UpdateSessionRequest { session_id: "load-t-1".into(), legs: vec![leg] };
        let mut client = holder.lock().unwrap().clone();
        // The run goes on only after this.
        let held = tokio::task::block_in_place(|| runtime.block_on(client.update_session(update)));
        assert!(held.unwrap().media[0].legs[0].held);
    };
    let report = culvert_load::run(&client, plan, Stop::default(), hold).await.unwrap();
    let found = &report.directions[0];
    assert_eq!((found.sent, found.delivered, found.lost, found.loss), (100, 50, 50, 0.5));
    assert_eq!(report.relay.drops, [("held".to_owned(), 50)].into());
    let thresholds =
        Thresholds { max_loss: Some(0.1), max_p99: Some(Duration::from_secs(9)), min_rate: Some(1e9) };
    let missed = thresholds.judge(&report);
    assert!(matches!(missed[..], [Missed::Loss { found: 0.5, .. }, Missed::Rate { .. }]), "{missed:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn hostile_packets_are_dropped_for_their_reasons_and_media_does_not_suffer() {
    let relay = Setup::loopback().start();
    let client = relay.front_end().await;
    let mut plan = loopback(&relay);
    plan.hostile = HostileKind::ALL.map(|kind| HostilePlan { kind, share: Share::OfMedia(0.5) }).to_vec();
    let report = run(&client, plan).await;
    whole(&report.directions[0], 200);
    assert_eq!(report.hostile.len(), 6);
    for hostile in &report.hostile {
        assert_eq!(hostile.sent, 100, "{hostile:?}");
        let counted = (hostile.kind != "unknown_port").then_some(hostile.sent);
        assert_eq!(hostile.dropped, counted, "{hostile:?} of {:?}", report.relay.drops);
    }
    let all: u64 = report.hostile.iter().filter_map(|hostile| hostile.dropped).sum();
    assert_eq!(report.relay.drops.values().sum::<u64>(), all, "{:?}", report.relay.drops);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_network_does_to_packets_is_found() {
    let relay = Setup::loopback().start();
    let client = relay.front_end().await;
    let net = relay.net();
    let middle = Middle::start(net.host(9), net.host(1));
    let mut plan = loopback(&relay);
    // A plain leg takes packets from the address that was signalled.
    (plan.legs[0].reach, plan.legs[0].address) = (Some(net.host(9)), net.host(9));
    // On a plain leg B duplicates and disorder of a plain leg A stay.
    plan.legs.iter_mut().for_each(|leg| leg.suite = None);
    (plan.sessions, plan.sequence) = (1, 0);
    let report = run(&client, plan).await;
    let faults = middle.stop();
    assert_eq!(faults, middle::Faults { seen: 200, dropped: 4, doubled: 4, held: 4 });
    let found = &report.directions[0];
    assert_eq!((found.sent, found.lost, found.duplicates), (200, 4, 4), "{found:?}");
    assert_eq!((found.reordered, found.reordering_extent), (4, 2), "{found:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_session_ends_the_run_and_leaves_none() {
    let relay = Setup::loopback().start();
    let client = relay.front_end().await;
    let mut plan = loopback(&relay);
    // Each takes two flows, and there are 256.
    plan.sessions = 200;
    let error = culvert_load::run(&client, plan.clone(), Stop::default(), |_| ()).await.unwrap_err();
    assert!(matches!(&error, LoadError::Relay { session, .. } if session.starts_with("load-t-")), "{error}");
    assert_eq!(client.clone().list_sessions(10, "").await.unwrap().total, 0);

    plan.legs[1].realm = "nowhere".into();
    let error = culvert_load::run(&client, plan, Stop::default(), |_| ()).await.unwrap_err();
    assert!(error.to_string().contains("nowhere"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_interrupted_run_reports_and_leaves_no_session() {
    let relay = Setup::loopback().start();
    let client = relay.front_end().await;
    let mut plan = loopback(&relay);
    plan.packets = None;
    let stop = Stop::default();
    let stopper = stop.clone();
    let on_first = move |progress| {
        if matches!(progress, Progress::Second(_)) {
            stopper.set();
        }
    };
    let report = culvert_load::run(&client, plan, stop, on_first).await.unwrap();
    assert!(report.interrupted && report.elapsed_seconds < 10.0);
    assert!(report.directions[0].sent >= 300, "{}", report.directions[0].sent);
    assert_eq!(report.directions[0].lost, 0);
    assert_eq!(client.clone().list_sessions(10, "").await.unwrap().total, 0);
}
