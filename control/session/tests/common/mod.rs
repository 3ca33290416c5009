// SPDX-License-Identifier: MIT OR Apache-2.0
//! A relay with three realms, and requests that it takes.
#![allow(dead_code, reason = "each test file uses its own part")]

use std::time::{Duration, SystemTime};

use culvert_session::{
    Caller, EncryptionLevel, EndpointRequest, KeyMaterial, LegRequest, MediaKind, MediaRequest, NodeConfig,
    Owner, ProtectionRequest, Realm, RealmAddress, RemoteRequest, SessionRequest, Sessions, SrtpKeys,
};

pub(crate) const SUITE: &str = "AES_CM_128_HMAC_SHA1_80";

pub(crate) fn config() -> NodeConfig {
    let own = |text, advertised: Option<&str>| {
        RealmAddress::parse(text, advertised.map(|text| text.parse().unwrap())).unwrap()
    };
    let realm = |name: &str, addresses, ports| Realm { name: name.into(), addresses, ports };
    NodeConfig {
        realms: vec![
            realm(
                "outside",
                vec![own("192.0.2.1/24", Some("203.0.113.9")), own("2001:db8::1/64", None)],
                40000..=40019,
            ),
            realm("inside", vec![own("10.0.0.1/24", None)], 30000..=30019),
            realm("loop", vec![own("127.0.0.1/8", None)], 20000..=20019),
        ],
        max_sessions: 100,
        workers: 2,
        max_flows_per_worker: 100,
        media_timeout: Duration::from_secs(30),
        max_ssrcs: 256,
        peer_classes: Vec::new(),
        approved_suites_only: false,
    }
}

pub(crate) fn node() -> Sessions {
    Sessions::new(config(), [7; 64]).unwrap()
}

pub(crate) fn owner() -> Owner {
    Owner::new("front-end.example")
}

pub(crate) fn caller() -> Caller {
    Caller::FrontEnd(owner())
}

pub(crate) fn now() -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000)
}

/// A key of AES-128 that depends on the number.
pub(crate) fn key(number: u32) -> KeyMaterial {
    let mut key = vec![0; 16];
    key[..4].copy_from_slice(&number.to_be_bytes());
    KeyMaterial { key: key.into(), salt: vec![9; 14].into(), ..KeyMaterial::default() }
}

pub(crate) fn srtp(receive: u32, send: u32) -> ProtectionRequest {
    ProtectionRequest::Srtp(SrtpKeys {
        suite: SUITE.into(),
        receive: vec![key(receive)],
        send: vec![key(send)],
    })
}

pub(crate) fn remote(address: &str, port: u32) -> Option<RemoteRequest> {
    let rtp = Some(EndpointRequest { address: address.into(), port });
    Some(RemoteRequest { rtp, rtcp: None })
}

/// An SRTP leg outside and a plain one inside. The keys depend on the number.
pub(crate) fn request(id: &str, number: u32) -> SessionRequest {
    let outside = LegRequest {
        realm: "outside".into(),
        remote: remote("198.51.100.7", 5000),
        protection: srtp(number * 2, number * 2 + 1),
        rtcp_mux: true,
        ..LegRequest::default()
    };
    let inside = LegRequest {
        realm: "inside".into(),
        remote: remote("10.0.0.7", 6000),
        protection: ProtectionRequest::Plain,
        encryption: Some(EncryptionLevel::NotSupported),
        ..LegRequest::default()
    };
    let media =
        MediaRequest { kind: Some(MediaKind::Audio), legs: vec![outside, inside], ..MediaRequest::default() };
    SessionRequest { session_id: id.into(), media: vec![media], media_timeout: None }
}
