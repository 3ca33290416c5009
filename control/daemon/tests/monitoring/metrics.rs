// SPDX-License-Identifier: MIT OR Apache-2.0
//! What a scrape holds.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use culvert_api::v1;
use culvert_session::quality;
use culvert_srtp::{Kind, Suite};

use crate::{
    common::{
        bed::{Bed, OUTSIDE, ways_are_known},
        counters::{dropped, received},
        eventually,
        phone::{self, Phone, converse},
        relay::{Relay, Setup},
        request::{Pair, leg, plain, session},
    },
    http, lossy_call,
};

/// Values by name and labels.
fn scrape(relay: &Relay) -> BTreeMap<String, f64> {
    let text = http::get(&relay.setup.metrics, "/metrics").unwrap();
    let samples = text.lines().filter(|line| !line.starts_with('#'));
    samples
        .map(|line| {
            let (series, value) = line.rsplit_once(' ').unwrap();
            (series.to_owned(), value.parse().unwrap())
        })
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_number_of_series_does_not_grow_with_sessions() {
    let relay = Setup::loopback().with_mras("").start();
    let mut client = relay.front_end().await;
    let series = |relay: &Relay| scrape(relay).into_keys().collect::<BTreeSet<_>>();
    let without = series(&relay);
    for number in 0..40 {
        let legs = ["outside", "inside"].map(|realm| leg(realm, None, plain()));
        client.create_session(session(&format!("s{number}"), legs)).await.unwrap();
    }
    let [mut caller, _callee] = lossy_call(&relay, "call", 10).await;
    // Of each flow and each stream something was dropped and something lost.
    let packet = caller.packet();
    let mut forged = caller.protect(Kind::Rtp, &packet);
    *forged.last_mut().unwrap() ^= 1;
    caller.rtp.send_to(&forged, caller.relay()[0]).unwrap();
    dropped(&mut client, "call", 0, "authentication_failed", 1).await;
    let with = series(&relay);
    assert_eq!(with.symmetric_difference(&without).collect::<Vec<_>>(), Vec::<&String>::new());
    assert_eq!(scrape(&relay)["culvert_sessions"], 41.0);
    for name in &with {
        let labels = ["session", "owner", "address", "identity", "ssrc", "port"];
        assert!(labels.iter().all(|label| !name.contains(&format!("{label}=\""))), "{name}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_packet_has_a_time_in_relay_and_a_burst() {
    let relay = Setup::loopback().start();
    lossy_call(&relay, "call", 20).await;
    let mut client = relay.operator().await;
    let worker = eventually("the time of the last burst", async || {
        let worker = client.get_node().await.unwrap().workers.remove(0);
        let timing = worker.timing.as_ref().unwrap();
        let timed: u64 = timing.time_in_relay.as_ref().unwrap().counts.iter().sum();
        assert!(timed <= 40, "{worker:?}");
        (timed == 40).then_some(worker)
    })
    .await;
    assert_eq!((worker.received, worker.transmitted), (40, 40));
    let timing = worker.timing.unwrap();
    let burst_size = timing.burst_size.unwrap();
    assert_eq!((burst_size.sum, &burst_size.upper_bounds), (40, &vec![1, 2, 4, 8, 16, 32, 64]));
    let bursts: u64 = burst_size.counts.iter().sum();
    assert!((1..=40).contains(&bursts) && *burst_size.counts.last().unwrap() == 0, "{burst_size:?}");
    let time_in_relay = timing.time_in_relay.unwrap();
    assert_eq!(time_in_relay.upper_bounds.len() + 1, time_in_relay.counts.len());
    assert!(time_in_relay.sum > 0 && timing.busy_nanoseconds > 0);
    assert!((0.0..=1.0).contains(&timing.utilisation));

    let samples = scrape(&relay);
    let value = |series: &str| samples[&format!("culvert_worker_{series}")];
    assert_eq!(value("received_packets_total{worker=\"0\"}"), 40.0);
    assert_eq!(value("bursts_total{worker=\"0\"}"), bursts as f64);
    assert_eq!(value("time_in_relay_seconds_count{worker=\"0\"}"), 40.0);
    assert_eq!(value("time_in_relay_seconds_bucket{le=\"+Inf\",worker=\"0\"}"), 40.0);
    assert_eq!(value("burst_packets_sum{worker=\"0\"}"), 40.0);
    assert_eq!(value("burst_packets_count{worker=\"0\"}"), bursts as f64);
    let busy = timing.busy_nanoseconds as f64 * 1e-9;
    assert!((value("busy_seconds_total{worker=\"0\"}") - busy).abs() < 1e-9);
    assert_eq!(value("busy_cycles_total{worker=\"0\"}"), timing.busy_cycles as f64);
    if cfg!(target_arch = "x86_64") {
        assert!(timing.busy_cycles > 0);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn loss_and_score_are_of_authentic_packets() {
    let relay = Setup::loopback().start();
    let [mut caller, _callee] = lossy_call(&relay, "call", 19).await;
    let mut client = relay.front_end().await;
    // 19 of 20 came: one in twenty is lost. A forgery of a packet that is far ahead must not make it more.
    caller.sequence += 50;
    let packet = caller.packet();
    let mut forged = caller.protect(Kind::Rtp, &packet);
    *forged.last_mut().unwrap() ^= 1;
    caller.rtp.send_to(&forged, caller.relay()[0]).unwrap();
    let shown = dropped(&mut client, "call", 0, "authentication_failed", 1).await;
    let [from_caller, from_callee] = [0, 1].map(|leg| received(&shown, leg).streams[0]);
    let told = |stream: v1::StreamStatistics| (stream.packets, stream.lost, stream.loss_ratio);
    assert_eq!((told(from_caller), told(from_callee)), ((19, 1, 0.05), (19, 0, 0.0)));
    for stream in [from_caller, from_callee] {
        let jitter = Duration::from_nanos(u64::from(stream.jitter) * 125_000);
        assert_eq!(stream.mos, quality::mean_opinion_score(stream.loss_ratio, jitter));
        assert!((1.0..=4.5).contains(&stream.mos), "{stream:?}");
    }
    assert!(from_caller.mos < from_callee.mos);

    let is = |samples: &BTreeMap<_, _>, wanted: &[(&str, f64)]| {
        wanted.iter().all(|(name, value)| samples.get(*name) == Some(value))
    };
    let samples = eventually("a look at both flows", async || {
        let samples = scrape(&relay);
        let wanted = [
            ("culvert_relayed_packets_total", 38.0),
            ("culvert_dropped_packets_total{reason=\"authentication_failed\"}", 1.0),
        ];
        is(&samples, &wanted).then_some(samples)
    })
    .await;
    let of = |metric: &str, bound: &str| samples[&format!("culvert_streams_by_{metric}{{le=\"{bound}\"}}")];
    assert_eq!(["0", "0.02", "0.05", "+Inf"].map(|bound| of("loss_ratio", bound)), [1.0, 1.0, 2.0, 2.0]);
    assert_eq!([of("jitter_seconds", "+Inf"), of("mos", "+Inf")], [2.0, 2.0]);
    assert_eq!(samples["culvert_flows{kind=\"audio\"}"], 2.0);
    // Streams of calls that have ended are no streams now; what was relayed stays counted.
    relay.operator().await.delete_session("call").await.unwrap();
    let samples = eventually("a look without them", async || {
        let samples = scrape(&relay);
        is(&samples, &[("culvert_streams_by_mos{le=\"+Inf\"}", 0.0)]).then_some(samples)
    })
    .await;
    assert_eq!(samples["culvert_flows{kind=\"audio\"}"], 0.0);
    assert_eq!(samples["culvert_relayed_packets_total"], 38.0);
    assert_eq!(samples["culvert_dropped_packets_total{reason=\"authentication_failed\"}"], 1.0);
    assert_eq!(samples["culvert_dropped_packets_total{reason=\"replayed\"}"], 0.0);
}

#[test]
fn the_process_and_the_build_are_told() {
    let relay = Setup::loopback().start();
    let samples = scrape(&relay);
    let build = samples.keys().find(|name| name.starts_with("culvert_build_info{")).unwrap();
    assert!(build.contains("backend=\"socket\"") && build.contains("fips=\"off\""), "{build}");
    assert!(build.contains(&format!("version=\"{}\"", env!("CARGO_PKG_VERSION"))), "{build}");
    let now = std::time::SystemTime::UNIX_EPOCH.elapsed().unwrap().as_secs_f64();
    assert!((now - samples["process_start_time_seconds"]).abs() < 60.0);
    assert!(samples["process_cpu_seconds_total"] > 0.0);
    let [resident, all] =
        ["resident", "virtual"].map(|kind| samples[&format!("process_{kind}_memory_bytes")]);
    assert!(1e6 < resident && resident < all, "{resident} of {all}");
}

#[test]
#[ignore = "needs root"]
fn netns_xdp_programs_and_sockets_are_told_by_interface_and_queue() {
    let bed = Bed::new(1);
    let relay = bed.start("auto", 1);
    bed.control(async || {
        let mut client = relay.front_end().await;
        let keys = Pair::new(Suite::AesCm128HmacSha1_80, 1);
        let (mut caller, mut callee) = (bed.caller(0, Some(&keys)), bed.callee(0, None));
        phone::call(&mut client, "call", [&mut caller, &mut callee], [Some(&keys), None], true).await;
        caller.reach(OUTSIDE[0].parse().unwrap());
        ways_are_known(&mut caller, &mut callee).await;
        converse(&mut caller, &mut callee, 20);
        let sent = (caller.said() + callee.said()) as f64;
        let samples = eventually("the time of every packet", async || {
            let samples = scrape(&relay);
            (samples["culvert_worker_time_in_relay_seconds_count{worker=\"0\"}"] == sent).then_some(samples)
        })
        .await;
        let of = |metric: &str, labels: &str| samples[&format!("culvert_{metric}{{{labels}}}")];
        let redirected = |interface, phone: &Phone| {
            let labels = format!("interface=\"{interface}\",verdict=\"redirected\"");
            assert_eq!(of("xdp_packets_total", &labels), phone.said() as f64);
        };
        redirected("outside", &caller);
        redirected("inside", &callee);
        for interface in ["outside", "inside"] {
            let labels = format!("interface=\"{interface}\"");
            assert_eq!(
                (of("interface_xdp_native", &labels), of("interface_mtu_bytes", &labels)),
                (1.0, 1500.0)
            );
            for reason in ["receive_dropped", "receive_ring_full", "fill_ring_empty", "transmit_ring_empty"] {
                let labels = format!("{labels},queue=\"0\",reason=\"{reason}\"");
                assert!(reason.starts_with("transmit") || of("queue_socket_events_total", &labels) == 0.0);
            }
            assert!([0.0, 1.0].contains(&of("queue_zero_copy", &format!("{labels},queue=\"0\""))));
        }
    });
}
