// SPDX-License-Identifier: MIT OR Apache-2.0
//! Whatever is asked in whatever order, the engine that follows the effects stays in step, and nothing leaks.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a step that goes wrong must fail the test")]

mod common;

use std::{
    collections::{BTreeMap, BTreeSet},
    net::SocketAddr,
};

use common::*;
use culvert_session::{
    Caller, Effect, EncryptionLevel, FlowKey, LegUpdate, ProtectionRequest, SessionView, Sessions, Side,
    UpdateRequest,
};
use proptest::prelude::*;

#[derive(Clone, Debug)]
enum Step {
    Create { id: u8, media: usize, mux: [bool; 2], ipv6: bool, key: u32 },
    Update { id: u8, media: u32, leg: u32, change: u8, key: u32 },
    Delete { id: u8 },
    RollBack { id: u8 },
    Drain(bool),
}

fn step() -> impl Strategy<Value = Step> {
    // Few names, keys and ports, so that they collide.
    let (id, key) = (0..8_u8, 0..40_u32);
    prop_oneof![
        4 => (id.clone(), 1..4_usize, any::<[bool; 2]>(), any::<bool>(), key.clone())
            .prop_map(|(id, media, mux, ipv6, key)| Step::Create { id, media, mux, ipv6, key }),
        4 => (id.clone(), 0..3_u32, 0..3_u32, 0..8_u8, key)
            .prop_map(|(id, media, leg, change, key)| Step::Update { id, media, leg, change, key }),
        2 => id.clone().prop_map(|id| Step::Delete { id }),
        1 => id.prop_map(|id| Step::RollBack { id }),
        1 => prop::bool::weighted(0.2).prop_map(Step::Drain),
    ]
}

/// What an engine would hold.
#[derive(Debug, Default)]
struct Engine {
    endpoints: BTreeMap<SocketAddr, u32>,
    /// Worker, local endpoints, and whether either side is SRTP.
    flows: BTreeMap<FlowKey, (u32, BTreeSet<SocketAddr>, [bool; 2])>,
}

impl Engine {
    fn carry_out(&mut self, effects: Vec<Effect>) {
        for effect in effects {
            match effect {
                Effect::OpenEndpoint { worker, local } => {
                    assert_eq!(self.endpoints.insert(local, worker), None, "{local} was handed out twice");
                }
                Effect::CloseEndpoint { worker, local } => {
                    assert_eq!(self.endpoints.remove(&local), Some(worker));
                    assert!(self.flows.values().all(|(_, locals, _)| !locals.contains(&local)));
                }
                Effect::InstallFlow(spec) => {
                    let locals: BTreeSet<_> = spec.ingress.iter().map(|ingress| ingress.local).collect();
                    assert!(locals.iter().all(|local| self.endpoints.get(local) == Some(&spec.worker)));
                    assert!(spec.egress.iter().all(|egress| self.endpoints.contains_key(&egress.local)));
                    assert!(
                        self.flows.values().all(|(_, other, _)| other.is_disjoint(&locals)),
                        "two flows at one endpoint"
                    );
                    let srtp = [&spec.receive, &spec.send].map(|side| matches!(side, Side::Srtp { .. }));
                    let flow = (spec.worker, locals, srtp);
                    assert!(self.flows.insert(spec.key.clone(), flow).is_none());
                }
                Effect::RemoveFlow { worker, flow } => {
                    assert_eq!(self.flows.remove(&flow).map(|(worker, ..)| worker), Some(worker));
                }
                Effect::Rekey { worker, flow, receive, send } => {
                    let sides = self.at(worker, &flow);
                    assert!(receive.is_some() || send.is_some());
                    assert!(receive.is_none() || sides[0], "a re-key of a side that is not SRTP");
                    assert!(send.is_none() || sides[1], "a re-key of a side that is not SRTP");
                }
                Effect::SetReceive { worker, flow, receive } => {
                    self.at(worker, &flow)[0] = matches!(receive, Side::Srtp { .. });
                }
                Effect::SetSend { worker, flow, send } => {
                    self.at(worker, &flow)[1] = matches!(send, Side::Srtp { .. });
                }
                Effect::SetSource { worker, flow, .. }
                | Effect::SetHeld { worker, flow, .. }
                | Effect::SetDscp { worker, flow, .. } => drop(self.at(worker, &flow).to_vec()),
                Effect::SetEgress { worker, flow, egress, .. } => {
                    self.at(worker, &flow);
                    assert!(self.endpoints.contains_key(&egress.local));
                }
                other => panic!("not modelled: {other:?}"),
            }
        }
    }

    fn at(&mut self, worker: u32, flow: &FlowKey) -> &mut [bool; 2] {
        let (of, _, sides) = self.flows.get_mut(flow).unwrap();
        assert_eq!(*of, worker);
        sides
    }

    /// Flows and endpoints are those of the sessions, and no others.
    fn check(&mut self, node: &Sessions) {
        let sessions: Vec<SessionView> = node.list(&Caller::Operator, 1000, "").unwrap().sessions;
        let mut endpoints = BTreeMap::new();
        let mut flows = 0;
        for session in &sessions {
            for (index, media) in session.media.iter().enumerate() {
                flows += 2;
                for (leg, view) in media.legs.iter().enumerate() {
                    endpoints.insert(view.bound.rtp, session.worker);
                    endpoints.insert(view.bound.rtcp, session.worker);
                    let srtp = !["", "plain"].contains(&view.protection);
                    let flow =
                        |from| FlowKey { session: session.id.clone(), media: index as u8, from_leg: from };
                    assert_eq!(self.flows[&flow(leg as u8)].2[0], srtp && view.receive_ready);
                    let sends = self.flows[&flow(1 - leg as u8)].2[1];
                    assert!(sends || !srtp || !view.send_ready);
                }
            }
        }
        assert_eq!(self.endpoints, endpoints);
        assert_eq!(self.flows.len(), flows);
        assert_eq!(node.worker_flows().iter().sum::<usize>(), flows);
        assert_eq!(node.realm_usage().iter().map(|realm| realm.used).sum::<usize>(), endpoints.len());
    }
}

fn take(node: &mut Sessions, engine: &mut Engine, step: Step) {
    match step {
        Step::Create { id, media, mux, ipv6, key } => {
            let mut wanted = request(&id.to_string(), 0);
            let [outside, inside] = wanted.media[0].legs.as_mut_slice() else { panic!() };
            (outside.rtcp_mux, inside.rtcp_mux) = (mux[0], mux[1]);
            outside.encryption = Some(EncryptionLevel::Supported);
            if ipv6 {
                (outside.remote, outside.ipv6) = (None, true);
            }
            let one = wanted.media.remove(0);
            for index in 0..media as u32 {
                let mut media = one.clone();
                media.legs[0].protection = srtp(key + index * 2, key + index * 2 + 1);
                wanted.media.push(media);
            }
            if let Ok(made) = node.create(&owner(), &wanted, now()) {
                assert!(!made.existed || made.effects.is_empty());
                engine.carry_out(made.effects);
            }
        }
        Step::Update { id, media, leg, change, key } => {
            let mut update = LegUpdate { media, leg, ..LegUpdate::default() };
            match change {
                0 => update.remote = remote("198.51.100.9", 1000 + key),
                1 => update.remote = remote("10.0.0.9", 1000 + key),
                2 => update.protection = ProtectionRequest::Plain,
                3 | 4 => update.protection = srtp(key, key + 1),
                5 => update.held = Some(key % 2 == 0),
                6 => update.dscp = Some(key * 2),
                _ => {}
            }
            let request = UpdateRequest { session_id: id.to_string(), legs: vec![update] };
            let before = node.get(&caller(), &request.session_id).ok();
            match node.update(&caller(), &request) {
                Ok(changed) => engine.carry_out(changed.effects),
                Err(_) => assert_eq!(node.get(&caller(), &request.session_id).ok(), before),
            }
        }
        Step::Delete { id } => {
            if let Ok(ended) = node.delete(&caller(), &id.to_string()) {
                engine.carry_out(ended.effects);
            }
        }
        Step::RollBack { id } => {
            if let Ok(view) = node.get(&Caller::Operator, &id.to_string()) {
                engine.carry_out(node.roll_back(&view.id).unwrap().effects);
            }
        }
        Step::Drain(draining) => node.set_draining(draining),
    }
}

proptest! {
    #[test]
    fn nothing_leaks(steps in prop::collection::vec(step(), 1..80)) {
        let mut node = node();
        let mut engine = Engine::default();
        for step in steps {
            take(&mut node, &mut engine, step);
            engine.check(&node);
        }
        for id in 0..8 {
            take(&mut node, &mut engine, Step::Delete { id });
        }
        engine.check(&node);
        prop_assert!(node.is_empty() && engine.flows.is_empty() && engine.endpoints.is_empty());

        // The pool is whole: as many fresh sessions fit as into a new node.
        node.set_draining(false);
        for number in 0..10 {
            let made = node.create(&owner(), &request(&format!("fresh-{number}"), 1000 + number), now()).unwrap();
            engine.carry_out(made.effects);
        }
        engine.check(&node);
    }

    #[test]
    fn the_attribute_parser_takes_anything(line in "\\PC{0,200}") {
        let _ = culvert_session::sdes::parse(&line);
    }

    #[test]
    fn the_attribute_parser_takes_almost_right_lines(
        line in "(a=crypto:)?[0-9+]{0,11}[ \t]{0,2}AES_CM_128_HMAC_SHA1_(8|3)[02] inline:[A-Za-z0-9+/=]{38,42}(\\|[0-9^:+]{0,12}){0,3}[; ]?[A-Z=0-9]{0,9}"
    ) {
        if let Ok(crypto) = culvert_session::sdes::parse(&line) {
            for key in crypto.keys {
                prop_assert_eq!((key.key.len(), key.salt.len()), (16, 14));
            }
        }
    }
}
