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

/// A call with one working leg and one of which nothing is known yet.
pub(crate) fn session() -> v1::Session {
    let streams = vec![v1::StreamStatistics {
        ssrc: 7,
        packets: 250,
        lost: 1,
        jitter: 4,
        jitter_ms: 0.5,
        highest_sequence: 65536,
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
        ..v1::LegStatus::default()
    };
    let inside = v1::LegStatus {
        realm: "inside".to_owned(),
        local_rtp: endpoint("198.51.100.1", 20000),
        encryption: v1::EncryptionLevel::Supported.into(),
        source: v1::SourceRule::SignalledAddress.into(),
        dscp: Some(46),
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

/// A node on AF_XDP with two queues.
pub(crate) fn node() -> v1::GetNodeResponse {
    let queue = |queue, zero_copy, drops: &[(&str, u64)]| v1::QueueStatus {
        queue,
        worker: queue,
        zero_copy,
        socket_drops: counts(drops),
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
