// SPDX-License-Identifier: MIT OR Apache-2.0
//! The ways that write their own frames, between two network namespaces, against the daemon on AF_XDP.

use culvert_testbed::{EndSpec, Namespace, connect};

use super::*;
use crate::common::bed::{Bed, CALLEE, CALLER, INSIDE, OUTSIDE};
use crate::common::relay::{BINARY, OPERATOR};

/// The generator has an interface on each leg.
struct Wire {
    generator: Namespace,
    relay: Relay,
    namespace: Namespace,
}

impl Wire {
    fn new(queues: u32) -> Wire {
        let [generator, relay] = ["generator", "relay"].map(|role| Namespace::new(role).unwrap());
        let end = |name: &str, addresses: [&str; 2]| {
            let [four, six] = addresses;
            EndSpec::new(name).address(format!("{four}/24")).address(format!("{six}/64")).queues(queues)
        };
        connect(&generator, &end("wan0", CALLER), &relay, &end("outside", OUTSIDE)).unwrap();
        connect(&generator, &end("lan0", CALLEE), &relay, &end("inside", INSIDE)).unwrap();
        let mut setup = Bed::setup("native", 1);
        // Reached over the inside network: TCP passes the XDP program.
        setup.control = format!("{}:7443", INSIDE[0]);
        // What a core has no time for is what the rate is measured with.
        setup.tables = "[admission]\nenabled = false\n".into();
        let daemon = setup.start_by(relay.command(BINARY));
        Wire { generator, relay: daemon, namespace: relay }
    }

    fn plan(transport: Transport, family: usize) -> Plan {
        let mut plan = plan("w", [CALLER, CALLEE].map(|address| address[family].parse().unwrap()));
        plan.transport = transport;
        plan.legs[0].reach = Some(OUTSIDE[family].parse().unwrap());
        plan
    }

    /// Runs the plan in the generator's namespace, after one that has made the ways known.
    fn run(&self, plan: Plan) -> Report {
        let mut first = Plan { packets: Some(40), both: true, rate: Rate::Total(400.0), ..plan.clone() };
        first.transport = Transport::Sockets;
        first.hostile.clear();
        let both = async || {
            let client = self.relay.connect(OPERATOR).await;
            super::run(&client, first).await;
            super::run(&client, plan).await
        };
        let inside = || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(both())
        };
        self.generator.run(inside).unwrap()
    }
}

#[test]
#[ignore = "needs root: network namespaces and AF_XDP"]
fn netns_af_xdp_sends_and_receives_on_every_queue() {
    let wire = Wire::new(2);
    for family in [0, 1] {
        let mut plan = Wire::plan(Transport::AfXdp { relay_mac: None }, family);
        plan.both = true;
        let report = wire.run(plan);
        assert_eq!(report.transport, "af_xdp");
        report.directions.iter().for_each(|direction| whole(direction, 100));
        assert_eq!((report.relay.relayed, report.relay.drops), ([100, 100], BTreeMap::new()));
        assert_eq!((report.foreign, report.relay.backend.as_deref()), (0, Some("xdp")));
    }
}

#[test]
#[ignore = "needs root: network namespaces and AF_XDP"]
fn netns_af_xdp_floods_are_told_from_media() {
    let wire = Wire::new(1);
    let mut plan = Wire::plan(Transport::AfXdp { relay_mac: None }, 0);
    plan.hostile = [HostileKind::Forged, HostileKind::Replayed, HostileKind::Sprayed, HostileKind::Stun]
        .map(|kind| HostilePlan { kind, share: Share::OfMedia(2.0) })
        .to_vec();
    let report = wire.run(plan);
    whole(&report.directions[0], 200);
    for hostile in &report.hostile {
        assert_eq!((hostile.sent, hostile.dropped), (400, Some(400)), "{hostile:?} of {:?}", report.relay);
    }
}

#[test]
#[ignore = "needs root: network namespaces, AF_XDP and BPF test runs"]
fn netns_xdp_live_frames_are_valid_srtp_and_the_pool_is_refilled() {
    let wire = Wire::new(1);
    let mut plan = Wire::plan(Transport::Xdp { relay_mac: None, pool: 16_384 }, 0);
    // Beyond the roll-over, and within what the relay can take.
    (plan.rate, plan.packets, plan.sequence) = (Rate::Total(20_000.0), Some(60_000), 60_000);
    let report = wire.run(plan);
    let found = &report.directions[0];
    assert_eq!((report.transport, found.sent, report.interrupted), ("xdp", 60_000, false));
    assert_eq!((found.duplicates, found.misdirected), (0, 0), "{:?}", report.relay);
    // Others share this machine: a ring may run over.
    assert!(found.loss < 0.05, "{} lost of {:?}", found.lost, report.relay);
    assert_eq!((found.samples.unauthentic, found.samples.different), (0, 0));
    // Of the pool's places, as they were at last.
    assert_eq!((found.samples.checked, found.latency.count), (16_384u64.div_ceil(251), found.delivered));
    let relay = &report.relay;
    assert_eq!(relay.drops, BTreeMap::new());
    assert_eq!(relay.relayed, [found.delivered, 0], "what was relayed has arrived");
}

/// Prints how many packets of valid SRTP a second go into the veth; the relay drops most of them.
#[test]
#[ignore = "needs root: network namespaces and BPF test runs; a measurement"]
fn netns_xdp_rate_into_a_veth() {
    let wire = Wire::new(1);
    // Otherwise the relay's end receives on the generator's processor, and it is the two together that are measured.
    wire.namespace.enable_threaded_napi("outside").unwrap();
    let mut plan = Wire::plan(Transport::Xdp { relay_mac: None, pool: 1 << 22 }, 0);
    (plan.rate, plan.packets) = (Rate::Total(100_000_000.0), Some(4_000_000));
    let report = wire.run(plan);
    let found = &report.directions[0];
    assert_eq!(found.sent, 4_000_000);
    assert_eq!((found.samples.unauthentic, found.samples.different, found.duplicates), (0, 0, 0));
    eprintln!(
        "{:.2} Mpps into the veth, {:.2} relayed",
        found.offered_rate / 1e6,
        found.delivered_rate / 1e6
    );
}
