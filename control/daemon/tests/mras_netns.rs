// SPDX-License-Identifier: MIT OR Apache-2.0
//! The media relay authentication service over AF_XDP between network namespaces: front end, two participants, relay.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod common;

use std::time::{Duration, Instant, SystemTime};

use common::{
    bed::{Bed, OUTSIDE, ways_are_known},
    counters::received,
    eventually,
    live::LiveCall,
    mras::{ALICE, BOB, CAROL, DAVE, ERIN, authority, issue, key, keys_for, open, unkeyed},
    phone::{Phone, converse},
};
use culvert_api::{Client, v1};
use culvert_audit::{Receipt, Record};
use culvert_mras::container::{self, OpenError};
use tonic::Code;
use v1::revoke_request::Target;

/// From the answer to Revoke until the last packet.
const BOUND: Duration = Duration::from_secs(1);
/// So many are sent in longer than that, one each millisecond.
const LONGER: u64 = 1200;

/// A call under keys of MRAS, both ways of which are known.
async fn call(
    bed: &Bed,
    client: &mut Client,
    id: &str,
    family: usize,
    credentials: [&v1::Credential; 2],
) -> [Phone; 2] {
    let (mut caller, mut callee) = (bed.caller(family, None), bed.callee(family, None));
    unkeyed(client, id, [&mut caller, &mut callee]).await;
    caller.reach(OUTSIDE[family].parse().unwrap());
    let issued = key(client, id, [(0, &mut caller, credentials[0]), (1, &mut callee, credentials[1])]).await;
    // The one's container is closed to the other.
    for (sealed, other) in issued.keys.iter().zip([credentials[1], credentials[0]]) {
        let opened = container::open(&other.password, &sealed.container, SystemTime::now());
        assert_eq!(opened, Err(OpenError));
    }
    ways_are_known(&mut caller, &mut callee).await;
    [caller, callee]
}

/// The counters of both legs, once they account for everything that was said.
async fn accounted(client: &mut Client, id: &str, phones: &[Phone; 2]) -> [v1::FlowCounters; 2] {
    eventually("every packet is accounted for", async || {
        let session = client.get_session(id).await.unwrap();
        let counters = [0, 1].map(|leg| received(&session, leg).clone());
        let all = counters.each_ref().map(|leg| leg.packets + leg.drops.values().sum::<u64>());
        (all == phones.each_ref().map(Phone::said)).then_some(counters)
    })
    .await
}

#[test]
#[ignore = "needs root"]
fn netns_participants_get_keys_that_the_front_end_carries_and_cannot_read() {
    let bed = Bed::new(1);
    let mut relay = bed.launch(Bed::setup("auto", 1).with_mras(""));
    let receipts = bed.control(async || {
        let mut client = relay.front_end().await;
        assert_eq!(relay.operator().await.get_node().await.unwrap().backend, "xdp");
        let mut receipts = Vec::new();
        for (family, id) in [(0, "ipv4"), (1, "ipv6")] {
            let [alice, bob] = issue(&mut client, [ALICE, BOB]).await;
            let mut phones = call(&bed, &mut client, id, family, [&alice, &bob]).await;
            let [caller, callee] = &mut phones;
            converse(caller, callee, 20);
            let before = accounted(&mut client, id, &phones).await;
            // A re-key in mid-call, with packets under way.
            let request = keys_for(id, "", &[(0, &alice), (1, &bob)]);
            let issued = client.issue_session_keys(request).await.unwrap();
            let [caller, callee] = &mut phones;
            let late = [caller.talk(), callee.talk()];
            caller.rekey(&open(&alice, &issued.keys[0]));
            callee.rekey(&open(&bob, &issued.keys[1]));
            assert_eq!([callee.hear(), caller.hear()], late);
            converse(caller, callee, 20);
            let after = accounted(&mut client, id, &phones).await;
            let ask = v1::GetProtectionRequest { session_id: id.into(), ..Default::default() };
            let links = client.get_protection(ask).await.unwrap().media;
            for leg in [0, 1] {
                assert_eq!(after[leg].packets, before[leg].packets + 21);
                assert_eq!(after[leg].drops, before[leg].drops);
                let [receive, send] =
                    [&links[leg].receive, &links[leg].send].map(|found| found.as_ref().unwrap());
                assert_eq!((receive.packets_since_rekey, send.packets_since_rekey), (20, 21));
                assert_eq!(
                    (receive.plain_bytes, send.plain_bytes, receive.authentication_failures),
                    (0, 0, 0)
                );
                assert_eq!(links[leg].protection, "AES_CM_128_HMAC_SHA1_80");
            }
            let receipt: Receipt =
                serde_json::from_str(&client.end_session(id).await.unwrap().receipt).unwrap();
            for (leg, counters) in receipt.media[0].legs.iter().zip(&after) {
                assert_eq!((leg.received.packets, leg.sent.plain_packets), (counters.packets, 0));
                assert_eq!(leg.keys.len(), 4);
            }
            receipts.push(Record::Receipt(Box::new(receipt)));
        }
        receipts
    });
    relay.stop();
    assert!(!bed.has_xdp());
    let mut records = Vec::new();
    let visit = &mut |entry: &culvert_audit::Entry<'_>| records.push(entry.record().unwrap());
    let summary = culvert_audit::verify(&[relay.setup.path("audit.jsonl")], None, visit).unwrap();
    assert_eq!((summary.records, summary.crashes, summary.lost), (4, 0, 0));
    assert_eq!(records[1..3], receipts);
}

#[test]
#[ignore = "needs root"]
fn netns_who_is_revoked_in_mid_call_is_not_heard_any_more() {
    let bed = Bed::new(1);
    let relay = bed.launch(Bed::setup("auto", 1).with_mras(""));
    bed.control(async || {
        let mut client = relay.front_end().await;
        let mut operator = relay.operator().await;
        type Of = fn(&[v1::Credential; 2]) -> Target;
        let table: [(&str, Of, &[u32]); 3] = [
            ("identity", |_| Target::Identity(BOB.into()), &[1]),
            ("credential", |[alice, _]| Target::Credential(alice.username.clone()), &[0]),
            ("epoch", |_| Target::Epoch(1), &[0, 1]),
        ];
        // Of the first signing key.
        let [old_alice, old_carol] = issue(&mut client, [ALICE, CAROL]).await;
        operator.rotate_signing_key().await.unwrap();
        for (name, target, legs) in table {
            let credentials = match name {
                "identity" => issue(&mut client, [ALICE, BOB]).await,
                "credential" => issue(&mut client, [ALICE, CAROL]).await,
                _ => [old_alice.clone(), old_carol.clone()],
            };
            let others = issue(&mut client, [CAROL, DAVE]).await;
            let other = format!("beside-{name}");
            let [mut one, mut another] = call(&bed, &mut client, &other, 1, others.each_ref()).await;
            let phones = call(&bed, &mut client, name, 0, credentials.each_ref()).await;
            let live = LiveCall::start(&mut client, name, phones).await;
            let target = target(&credentials);
            let asked = Instant::now();
            assert_eq!(operator.revoke(target).await.unwrap(), legs.len() as u64);
            let answered = Instant::now();
            converse(&mut one, &mut another, 100);
            let mut over = live.end(&mut client, name, LONGER).await;
            let after = over.after(answered);
            println!(
                "revoked by {name}: the last packet came {:?} after the request, {after:?} after the answer",
                over.after(asked)
            );
            assert!(after < BOUND, "{name}: {after:?}");
            let session = client.get_session(name).await.unwrap();
            for leg in [0, 1] {
                let revoked = legs.contains(&(leg as u32));
                let state = if revoked { v1::AuthorityState::Revoked } else { v1::AuthorityState::Valid };
                assert_eq!(authority(&session, leg).1, state, "{name}, leg {leg}");
            }
            let request = keys_for(name, "", &[(legs[0], &credentials[legs[0] as usize])]);
            let refused = common::relay::refusal(client.issue_session_keys(request).await);
            assert_eq!(refused.0, Code::PermissionDenied);
            converse(&mut one, &mut another, 5);
            let [fresh] = issue(&mut client, [ERIN]).await;
            for leg in legs {
                key(&mut client, name, [(*leg, &mut over.phones[*leg as usize], &fresh)]).await;
            }
            let [caller, callee] = &mut over.phones;
            converse(caller, callee, 10);
        }
    });
}
