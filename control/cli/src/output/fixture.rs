// SPDX-License-Identifier: MIT OR Apache-2.0
//! Answers as a relay would give them.

use std::collections::HashMap;

use culvert_api::v1;

fn endpoint(address: &str, port: u32) -> Option<v1::Endpoint> {
    Some(v1::Endpoint { address: address.to_owned(), port })
}

fn counts(pairs: &[(&str, u64)]) -> HashMap<String, u64> {
    pairs.iter().map(|(name, count)| ((*name).to_owned(), *count)).collect()
}

fn at(seconds: i64) -> Option<prost_types::Timestamp> {
    Some(prost_types::Timestamp { seconds, nanos: 0 })
}

/// Of Alice, for eight hours.
pub(crate) fn authority() -> v1::Authority {
    v1::Authority {
        credential_id: "c0".repeat(16),
        identity: "sip:alice@example.org".to_owned(),
        expiry: at(1_700_028_800),
        state: v1::AuthorityState::Valid.into(),
    }
}

/// A call with one working leg and one of which nothing is known yet.
pub(crate) fn session() -> v1::Session {
    let streams = vec![v1::StreamStatistics {
        ssrc: 7,
        packets: 250,
        lost: 1,
        jitter: 4,
        jitter_ms: 0.5,
        highest_sequence: 65536,
        loss_ratio: 0.004,
        mos: 4.375,
    }];
    let received = v1::FlowCounters {
        packets: 250,
        bytes: 5120,
        rtcp_packets: 3,
        drops: counts(&[("replayed", 1), ("authentication_failed", 2)]),
        last_packet: at(1_700_000_005),
        streams,
    };
    let outside = v1::LegStatus {
        realm: "outside".to_owned(),
        local_rtp: endpoint("203.0.113.7", 20000),
        local_rtcp: endpoint("203.0.113.7", 20000),
        signalled: Some(v1::Remote {
            rtp: endpoint("192.0.2.10", 40000),
            rtcp: endpoint("192.0.2.10", 40001),
        }),
        learnt: Some(v1::Remote { rtp: endpoint("192.0.2.77", 1024), rtcp: None }),
        protection: "AES_CM_128_HMAC_SHA1_80".to_owned(),
        encryption: v1::EncryptionLevel::Required.into(),
        source: v1::SourceRule::Learn.into(),
        rtcp_mux: true,
        receive_ready: true,
        send_ready: true,
        received: Some(received),
        rekeys: 1,
        authority: Some(authority()),
        ..v1::LegStatus::default()
    };
    let inside = v1::LegStatus {
        realm: "inside".to_owned(),
        local_rtp: endpoint("198.51.100.1", 20000),
        encryption: v1::EncryptionLevel::Supported.into(),
        source: v1::SourceRule::SignalledAddress.into(),
        dscp: Some(46),
        peer_class: "gateway".to_owned(),
        ..v1::LegStatus::default()
    };
    let media =
        v1::MediaStatus { kind: v1::MediaKind::Audio.into(), clock_rate: 8000, legs: vec![outside, inside] };
    v1::Session {
        session_id: "call-7".to_owned(),
        owner: "front-end.culvert.test".to_owned(),
        created: at(1_700_000_000),
        media: vec![media],
        worker: 1,
    }
}

/// A hundred packets in forty bursts.
fn timing() -> v1::WorkerTiming {
    let histogram = |upper_bounds: [u64; 3], counts: [u64; 4], sum| v1::Histogram {
        upper_bounds: upper_bounds.to_vec(),
        counts: counts.to_vec(),
        sum,
    };
    v1::WorkerTiming {
        busy_nanoseconds: 50_000,
        busy_cycles: 150_000,
        utilisation: 0.125,
        time_in_relay: Some(histogram([8192, 16_384, 32_768], [0, 50, 50, 0], 1_600_000)),
        burst_size: Some(histogram([1, 2, 4], [0, 20, 20, 0], 100)),
    }
}

/// A node on AF_XDP with two queues.
pub(crate) fn node() -> v1::GetNodeResponse {
    let queue = |queue, zero_copy, drops: &[(&str, u64)]| v1::QueueStatus {
        queue,
        worker: queue,
        zero_copy,
        socket_drops: counts(drops),
        ..v1::QueueStatus::default()
    };
    let interface = v1::InterfaceStatus {
        name: "eth0".to_owned(),
        mtu: 1500,
        mode: "native".to_owned(),
        queues: vec![queue(0, true, &[]), queue(1, false, &[("rx_fill_ring_empty_descs", 4)])],
        counters: counts(&[("redirected", 9)]),
    };
    let worker = v1::WorkerStatus {
        worker: 0,
        cpu: Some(2),
        received: 100,
        transmitted: 90,
        drops: counts(&[("unknown_destination", 10)]),
        flows: 4,
        max_flows: 40000,
        timing: Some(timing()),
        handed_over: 7,
        taken_over: 5,
        capacity: Some(v1::WorkerCapacity {
            limit: 0.8,
            promised: 0.125,
            costs: vec![v1::PacketCost {
                receive: "plain".to_owned(),
                send: "AEAD_AES_128_GCM".to_owned(),
                payload_bytes: 160,
                nanoseconds: 950.5,
            }],
        }),
    };
    let realm = v1::RealmStatus {
        name: "outside".to_owned(),
        interface: "eth0".to_owned(),
        addresses: vec!["10.0.0.7".to_owned(), "2001:db8::7".to_owned()],
        advertised: vec!["203.0.113.7".to_owned()],
        ports_used: 4,
        ports_total: 20000,
    };
    v1::GetNodeResponse {
        version: "0.1.0".to_owned(),
        started: at(1_700_000_000),
        sessions: 2,
        max_sessions: 1000,
        backend: "xdp".to_owned(),
        interfaces: vec![interface],
        workers: vec![worker],
        realms: vec![realm],
        srtp_path: "avx2".to_owned(),
        srtp_paths_available: ["avx2", "aes-ni", "portable"].map(str::to_owned).to_vec(),
        fips: "off".to_owned(),
        ..v1::GetNodeResponse::default()
    }
}

/// Two pages: an operator's link, and a leg of each kind of protection.
pub(crate) fn protection() -> [v1::GetProtectionResponse; 2] {
    let control = v1::ControlLink {
        service: "grpc".to_owned(),
        local_identity: "relay.culvert.test".to_owned(),
        peer_identity: "front-end.culvert.test".to_owned(),
        peer: endpoint("2001:db8::9", 51000),
        tls_version: "TLSv1.3".to_owned(),
        cipher_suite: "TLS_AES_256_GCM_SHA384".to_owned(),
        key_exchange: "x25519".to_owned(),
        since: at(1_700_000_000),
    };
    let direction = |key_id: &str, seconds, nanos, packets, failures| v1::LinkDirection {
        key_id: key_id.repeat(8),
        key_age: Some(prost_types::Duration { seconds, nanos }),
        packets_since_rekey: packets,
        plain_bytes: 0,
        authentication_failures: failures,
    };
    let plain = |plain_bytes| v1::LinkDirection { plain_bytes, ..v1::LinkDirection::default() };
    let link = |session_id: &str, media, leg, realm: &str, protection: &str| v1::MediaLink {
        session_id: session_id.to_owned(),
        media,
        leg,
        kind: v1::MediaKind::Audio.into(),
        realm: realm.to_owned(),
        encryption: v1::EncryptionLevel::Required.into(),
        protection: protection.to_owned(),
        ..v1::MediaLink::default()
    };
    let outside = v1::MediaLink {
        receive: Some(direction("a1", 65, 500_000_000, 250, 2)),
        send: Some(direction("b2", 5, 0, 90, 0)),
        authority: Some(authority()),
        ..link("call-7", 0, 0, "outside", "AES_CM_128_HMAC_SHA1_80")
    };
    let inside = v1::MediaLink {
        encryption: v1::EncryptionLevel::NotSupported.into(),
        peer_class: "gateway".to_owned(),
        receive: Some(plain(5120)),
        send: Some(plain(43_000)),
        ..link("call-7", 0, 1, "inside", "plain")
    };
    let revoked =
        v1::Authority { identity: String::new(), state: v1::AuthorityState::Revoked.into(), ..authority() };
    let keyless = v1::MediaLink {
        kind: v1::MediaKind::Video.into(),
        authority: Some(revoked),
        ..link("call-8", 1, 0, "outside", "AEAD_AES_256_GCM")
    };
    let null = v1::MediaLink {
        kind: v1::MediaKind::Video.into(),
        encryption: v1::EncryptionLevel::Supported.into(),
        receive: Some(v1::LinkDirection { plain_bytes: 2048, ..direction("c3", 3700, 0, 20, 0) }),
        send: Some(direction("d4", 3700, 0, 0, 0)),
        ..link("call-8", 1, 1, "inside", "NULL_HMAC_SHA1_80")
    };
    let head = |number| format!("{number}:{}", "ab".repeat(32));
    [
        v1::GetProtectionResponse {
            control: vec![control],
            media: vec![outside, inside],
            next_page_token: "call-7".to_owned(),
            audit_head: head(16),
        },
        v1::GetProtectionResponse {
            media: vec![keyless, null],
            audit_head: head(17),
            ..v1::GetProtectionResponse::default()
        },
    ]
}

/// Of Alice, with two relays, and of Bob, with none.
pub(crate) fn credentials() -> Vec<v1::Credential> {
    let credential = |number: u32, identity: &str, expiry, relays| v1::Credential {
        identity: identity.to_owned(),
        username: format!("user-{number}"),
        password: format!("pass-{number}"),
        realm: "example.org".to_owned(),
        expiry,
        relays,
        credential_id: format!("c{}", number - 1).repeat(16),
    };
    let first = v1::MediaRelay {
        name: "relay-1".to_owned(),
        address: "2001:db8::7".to_owned(),
        location: v1::Location::Internet.into(),
        udp_port: 3478,
        tcp_port: 443,
    };
    let second = v1::MediaRelay {
        name: "relay-2.example.org".to_owned(),
        udp_port: 3478,
        ..v1::MediaRelay::default()
    };
    vec![
        credential(1, "sip:alice@example.org", at(1_700_028_800), vec![first, second]),
        credential(2, "sip:bob@example.org", None, vec![]),
    ]
}

pub(crate) fn revocations() -> v1::ListRevocationsResponse {
    use v1::revocation::Target;
    let revocation = |target, since| v1::Revocation { target, since };
    let key = |epoch, created, signs| v1::SigningKey { epoch, created: at(created), signs };
    v1::ListRevocationsResponse {
        revocations: vec![
            revocation(Some(Target::Identity("sip:alice@example.org".to_owned())), at(1_700_000_000)),
            revocation(Some(Target::CredentialId("c0".repeat(16))), at(1_700_000_000)),
            revocation(Some(Target::Epoch(2)), None),
            revocation(None, None),
        ],
        signing_keys: vec![key(3, 1_700_000_000, false), key(4, 1_700_000_005, true)],
    }
}

pub(crate) fn sealed_keys() -> v1::IssueSessionKeysResponse {
    let keys = |leg: u32, container: &str, expiry| v1::SealedKeys {
        leg,
        credential_id: format!("c{leg}").repeat(16),
        container: container.to_owned(),
        expiry,
    };
    v1::IssueSessionKeysResponse {
        keys: vec![
            keys(0, "one.two.three.four.five", at(1_700_000_005)),
            keys(1, "six.seven.eight.nine.ten", None),
        ],
        session: Some(session()),
    }
}

/// What is written, as text.
pub(crate) fn text(write: impl FnOnce(&mut Vec<u8>) -> std::io::Result<()>) -> String {
    let mut out = Vec::new();
    write(&mut out).unwrap();
    String::from_utf8(out).unwrap()
}
