// SPDX-License-Identifier: MIT OR Apache-2.0
//! The whole way, from credentials to the receipt.

use culvert_audit::{Direction, End, Receipt, Record};
use culvert_mras::container::{self, OpenError};

use super::*;

const DAY_OF_WORK: u64 = 8 * 3600;

fn unix(time: Option<prost_types::Timestamp>) -> u64 {
    time.unwrap().seconds as u64
}

fn check_credential(credential: &v1::Credential, identity: &str, asked_at: SystemTime) {
    assert_eq!((credential.identity.as_str(), credential.realm.as_str()), (identity, "culvert"));
    let asked_at = asked_at.duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs();
    let issued = unix(credential.expiry) - DAY_OF_WORK;
    assert!((asked_at..=asked_at + PATIENCE.as_secs()).contains(&issued), "{credential:?}");
    let relay = |name: &str, address: &str, location: v1::Location, udp_port, tcp_port| v1::MediaRelay {
        name: name.into(),
        address: address.into(),
        location: location.into(),
        udp_port,
        tcp_port,
    };
    let relays = [
        relay("relay.example.org", "198.51.100.1", v1::Location::Internet, 3478, 443),
        relay("relay.example.net", "10.0.0.1", v1::Location::Intranet, 3479, 444),
    ];
    assert_eq!(credential.relays, relays);
    let id = culvert_mras::CredentialId::of(&credential.username);
    assert_eq!(credential.credential_id, id.to_string());
}

/// The links of the session's only media, checked as far as they are the same at any time, and their keys.
fn check_links(
    links: &[v1::MediaLink],
    credentials: &[v1::Credential; 2],
    [received, sent]: [[u64; 2]; 2],
) -> Vec<String> {
    let direction = |found: &v1::LinkDirection, packets| v1::LinkDirection {
        key_id: found.key_id.clone(),
        key_age: found.key_age,
        packets_since_rekey: packets,
        plain_bytes: 0,
        authentication_failures: 0,
    };
    let expected = |leg: usize| {
        let [receive, send] = [&links[leg].receive, &links[leg].send].map(|found| found.as_ref().unwrap());
        v1::MediaLink {
            session_id: "s".into(),
            media: 0,
            leg: leg as u32,
            kind: v1::MediaKind::Audio.into(),
            realm: ["outside", "inside"][leg].into(),
            peer_class: String::new(),
            encryption: v1::EncryptionLevel::Required.into(),
            protection: "AEAD_AES_256_GCM".into(),
            receive: Some(direction(receive, received[leg])),
            send: Some(direction(send, sent[leg])),
            authority: Some(v1::Authority {
                credential_id: credentials[leg].credential_id.clone(),
                identity: credentials[leg].identity.clone(),
                expiry: credentials[leg].expiry,
                state: v1::AuthorityState::Valid.into(),
            }),
        }
    };
    assert_eq!(links, [expected(0), expected(1)]);
    let directions = links.iter().flat_map(|link| [&link.receive, &link.send]).flatten();
    let keys: Vec<String> = directions
        .map(|direction| {
            assert!(direction.key_age.is_some_and(|age| (0..60).contains(&age.seconds)), "{direction:?}");
            assert_eq!(direction.key_id.len(), 16);
            direction.key_id.clone()
        })
        .collect();
    assert_eq!(keys.iter().collect::<std::collections::HashSet<_>>().len(), 4, "{keys:?}");
    keys
}

async fn links(client: &mut Client) -> Vec<v1::MediaLink> {
    client.get_protection(v1::GetProtectionRequest::default()).await.unwrap().media
}

#[tokio::test(flavor = "multi_thread")]
async fn participants_get_keys_that_the_front_end_carries_and_cannot_read() {
    const SUITE: &str = "AEAD_AES_256_GCM";
    let mut relay = Setup::loopback().with_mras("").start();
    let mut client = relay.front_end().await;
    let mut operator = relay.operator().await;
    let before = SystemTime::now();
    let credentials = issue(&mut client, [ALICE, BOB]).await;
    let [alice, bob] = &credentials;
    check_credential(alice, ALICE, before);
    check_credential(bob, BOB, before);

    let (mut caller, mut callee) = phones(&relay);
    let made = unkeyed(&mut client, "s", [&mut caller, &mut callee]).await;
    for leg in &made.media[0].legs {
        assert_eq!((leg.encryption(), leg.protection.as_str()), (v1::EncryptionLevel::Required, ""));
        assert_eq!((leg.receive_ready, leg.send_ready, leg.authority.clone()), (false, false, None));
    }
    // Nothing passes without keys.
    caller.talk();
    callee.talk();
    for leg in [0, 1] {
        dropped(&mut client, "s", leg, "not_ready", 1).await;
    }

    let request = keys_for("s", SUITE, &[(0, alice), (1, bob)]);
    let issued = client.issue_session_keys(request.clone()).await.unwrap();
    let now = SystemTime::now();
    for (leg, (own, other)) in [(alice, bob), (bob, alice)].into_iter().enumerate() {
        let sealed = &issued.keys[leg];
        assert_eq!((sealed.leg as usize, &sealed.credential_id), (leg, &own.credential_id));
        assert_eq!(sealed.expiry, own.expiry);
        assert_eq!(container::open(&other.password, &sealed.container, now), Err(OpenError));
        let late = SystemTime::UNIX_EPOCH + Duration::from_secs(unix(own.expiry));
        assert_eq!(container::open(&own.password, &sealed.container, late), Err(OpenError));
        let opened = container::open(&own.password, &sealed.container, now).unwrap();
        assert_eq!((opened.session.as_str(), opened.participant.as_str()), ("s", own.identity.as_str()));
        assert_eq!(opened.media.len(), 1);
        assert_eq!(opened.media[0].send.suite(), Suite::AeadAes256Gcm);
    }
    caller.key(&open(alice, &issued.keys[0]));
    callee.key(&open(bob, &issued.keys[1]));
    converse(&mut caller, &mut callee, 20);
    // Each leg has keys of its own.
    let said = caller.packet();
    let wire = caller.protect(Kind::Rtp, &said);
    caller.rtp.send_to(&wire, caller.relay()[0]).unwrap();
    let heard = callee.wire();
    assert_ne!(heard, wire);
    assert_eq!(callee.unprotect(Kind::Rtp, &heard), Ok(said));
    let (told, reported) = (caller.tell(), callee.tell());
    assert_eq!((callee.read(), caller.read()), (told, reported));
    relayed(&mut client, "s", [22, 21]).await;
    let first = check_links(&links(&mut client).await, &credentials, [[22, 21], [21, 22]]);
    for (sealed, (own, key)) in issued.keys.iter().zip([(alice, &first[0]), (bob, &first[2])]) {
        let opened = container::open(&own.password, &sealed.container, now).unwrap();
        assert_eq!(&opened.media[0].kid, key);
    }

    // In mid-call: what is under way under the old keys is heard as well.
    let issued = client.issue_session_keys(request).await.unwrap();
    let late = [caller.talk(), callee.talk()];
    caller.rekey(&open(alice, &issued.keys[0]));
    callee.rekey(&open(bob, &issued.keys[1]));
    assert_eq!([callee.hear(), caller.hear()], late);
    converse(&mut caller, &mut callee, 10);
    let session = relayed(&mut client, "s", [33, 32]).await;
    for leg in [0, 1] {
        assert_eq!(session.media[0].legs[leg].rekeys, 1);
        assert_eq!(received(&session, leg).drops, [("not_ready".to_owned(), 1)].into());
    }
    let answer = operator.get_protection(v1::GetProtectionRequest::default()).await.unwrap();
    // Of each direction one packet came under the old key, and left under the new one.
    let second = check_links(&answer.media, &credentials, [[10, 10], [11, 11]]);
    assert!(first.iter().all(|key| !second.contains(key)), "{first:?} {second:?}");
    let mut peers: Vec<_> = answer.control.iter().map(|link| link.peer_identity.as_str()).collect();
    peers.sort_unstable();
    assert_eq!(peers, [FRONT_END, OPERATOR]);
    for link in &answer.control {
        let known = (link.service.as_str(), link.local_identity.as_str(), link.tls_version.as_str());
        assert_eq!(known, ("grpc", SERVER_NAME, "TLSv1.3"));
        assert!(link.cipher_suite.starts_with("TLS_") && !link.key_exchange.is_empty(), "{link:?}");
        assert!(link.since.is_some() && link.peer.is_some(), "{link:?}");
    }

    let ended = client.end_session("s").await.unwrap();
    let receipt: Receipt = serde_json::from_str(&ended.receipt).unwrap();
    check_receipt(&receipt, &credentials, [&first, &second]);
    let head = operator.get_protection(v1::GetProtectionRequest::default()).await.unwrap().audit_head;
    relay.stop();

    let mut records = Vec::new();
    let path = relay.setup.path("audit.jsonl");
    let visit = &mut |entry: &culvert_audit::Entry<'_>| records.push(entry.record().unwrap());
    let summary = culvert_audit::verify(&[path], Some(head.parse().unwrap()), visit).unwrap();
    assert_eq!((summary.records, summary.receipts, summary.crashes, summary.lost), (3, 1, 0, 0));
    let [Record::Start(start), Record::Receipt(kept), Record::Stop(stop)] = &records[..] else {
        panic!("{records:#?}")
    };
    assert_eq!(**kept, receipt);
    assert_eq!((&start.node, &stop.node), (&receipt.node, &receipt.node));
}

fn check_receipt(receipt: &Receipt, credentials: &[v1::Credential; 2], keys: [&[String]; 2]) {
    assert_eq!((receipt.session_id.as_str(), receipt.owner.as_str()), ("s", FRONT_END));
    assert_eq!((receipt.end, receipt.media.len()), (End::Deleted, 1));
    for (number, leg) in receipt.media[0].legs.iter().enumerate() {
        let credential = leg.credential.as_ref().unwrap();
        assert_eq!(credential.id, credentials[number].credential_id);
        assert_eq!(credential.identity, credentials[number].identity);
        let uses: Vec<_> = leg
            .keys
            .iter()
            .map(|key| (key.direction, key.suite.as_str(), key.key.as_ref().unwrap().as_str(), key.packets))
            .collect();
        // By direction and key. The packets that were under way at the re-key are counted in `received` only.
        let packets = [[[22, 10], [21, 11]], [[21, 10], [22, 11]]][number];
        let expected: Vec<_> = [Direction::Receive, Direction::Send]
            .into_iter()
            .enumerate()
            .flat_map(|(index, direction)| {
                [0, 1].map(|epoch| {
                    let key = keys[epoch][number * 2 + index].as_str();
                    (direction, "AEAD_AES_256_GCM", key, packets[index][epoch])
                })
            })
            .collect();
        assert_eq!(uses, expected);
        assert_eq!((leg.received.packets, leg.received.rtcp_packets), ([33, 32][number], 1));
        assert_eq!(leg.received.authentication_failed, 0);
        assert_eq!(leg.received.drops, [("not_ready".to_owned(), 1)].into());
        assert_eq!((leg.sent.plain_packets, leg.sent.plain_bytes, leg.keys_omitted), (0, 0, 0));
    }
}
