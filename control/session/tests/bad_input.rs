// SPDX-License-Identifier: MIT OR Apache-2.0
//! Each wrong request has its kind and a sentence that names the field; and it leaves nothing behind.
#![expect(clippy::unwrap_used, reason = "what cannot be set up must fail the test")]

mod common;

use common::*;
use culvert_session::{
    EncryptionLevel, EndpointRequest, ErrorKind, KeyMaterial, LegRequest, ProtectionRequest, SessionRequest,
    Sessions, SourceRule,
};

/// The kind and the sentence with which a request is refused that differs from a good one in `change`.
fn refused(change: impl FnOnce(&mut SessionRequest)) -> (ErrorKind, String) {
    let mut node = node();
    let mut bad = request("a", 1);
    change(&mut bad);
    let error = node.create(&owner(), &bad, now()).unwrap_err();
    assert!(node.is_empty());
    assert!(node.realm_usage().iter().all(|realm| realm.used == 0));
    assert_eq!(node.worker_flows(), [0, 0]);
    (error.kind, error.to_string())
}

fn invalid(change: impl FnOnce(&mut SessionRequest), text: &str) {
    assert_eq!(refused(change), (ErrorKind::InvalidArgument, text.to_owned()));
}

/// Changes leg 0, which is SRTP.
fn leg(change: impl FnOnce(&mut LegRequest)) -> impl FnOnce(&mut SessionRequest) {
    move |request| change(&mut request.media[0].legs[0])
}

fn keys(change: impl FnOnce(&mut Vec<KeyMaterial>)) -> impl FnOnce(&mut SessionRequest) {
    leg(|leg| {
        if let ProtectionRequest::Srtp(keys) = &mut leg.protection {
            change(&mut keys.receive);
        }
    })
}

fn rtp(address: &str, port: u32) -> impl FnOnce(&mut SessionRequest) {
    leg(move |leg| leg.remote = remote(address, port))
}

#[test]
fn the_request_itself_is_good() {
    assert!(node().create(&owner(), &request("a", 1), now()).is_ok());
}

#[test]
fn session_identifiers() {
    let id = |text: &str| {
        let text = text.to_owned();
        move |request: &mut SessionRequest| request.session_id = text
    };
    invalid(id(""), "session_id: must have 1 to 128 characters, not 0");
    invalid(id(&"x".repeat(129)), "session_id: must have 1 to 128 characters, not 129");
    invalid(id("a/b"), "session_id: contains '/'; use letters, digits and . _ : @ + - only");
    invalid(id("caf\u{e9}"), "session_id: contains 'é'; use letters, digits and . _ : @ + - only");
    assert!(node().create(&owner(), &request("Az09._:@+-", 1), now()).is_ok());
    assert!(node().create(&owner(), &request(&"x".repeat(128), 1), now()).is_ok());
}

#[test]
fn counts_of_media_and_legs() {
    invalid(|r| r.media.clear(), "media: has 0 entries; give 1 to 16");
    invalid(|r| r.media = vec![r.media[0].clone(); 17], "media: has 17 entries; give 1 to 16");
    invalid(|r| drop(r.media[0].legs.pop()), "media[0].legs: has 1 entries; give exactly two");
    invalid(
        |r| r.media[0].legs.push(LegRequest::default()),
        "media[0].legs: has 3 entries; give exactly two",
    );
    invalid(
        |r| r.media[0].kind = None,
        "media[0].kind: is missing; give AUDIO, VIDEO or APPLICATION_SHARING",
    );
}

#[test]
fn numbers_out_of_range() {
    invalid(
        |r| r.media[0].clock_rate = 1_000_001,
        "media[0].clock_rate: is 1000001; give 1 to 1000000, or 0",
    );
    invalid(leg(|l| l.dscp = Some(64)), "media[0].legs[0].dscp: is 64; give 0 to 63, or leave it unset");
    invalid(leg(|l| l.dscp = Some(256)), "media[0].legs[0].dscp: is 256; give 0 to 63, or leave it unset");
    invalid(leg(|l| l.max_ssrcs = 257), "media[0].legs[0].max_ssrcs: is 257; give 1 to 256, or 0 for 4");
    invalid(
        |r| r.media_timeout = Some(std::time::Duration::ZERO),
        "media_timeout: is 0ns; give 1 second to 1 day",
    );
}

#[test]
fn realms_and_families() {
    invalid(
        leg(|l| l.realm = "moon".into()),
        "media[0].legs[0].realm: is \"moon\", which is not configured; this relay has outside, inside, loop",
    );
    invalid(
        |r| r.media[0].legs[1].remote = remote("2001:db8::7", 5000),
        "media[0].legs[1].remote: asks for IPv6, but realm \"inside\" has no address of that family",
    );
    invalid(
        |r| (r.media[0].legs[1].remote, r.media[0].legs[1].ipv6) = (None, true),
        "media[0].legs[1].ipv6: asks for IPv6, but realm \"inside\" has no address of that family",
    );
    invalid(
        leg(|l| l.ipv6 = true),
        "media[0].legs[0].ipv6: is set on a leg whose remote is IPv4; unset it or give an IPv6 remote",
    );
    invalid(
        |r| {
            let remote = r.media[0].legs[1].remote.as_mut().unwrap();
            remote.rtcp = Some(EndpointRequest { address: "2001:db8::7".into(), port: 6001 });
        },
        "media[0].legs[1].remote.rtcp: is of another address family than remote.rtp; give both of one family",
    );
}

#[test]
fn addresses_that_cannot_be_a_remote() {
    let refused = |address: &str, text: &str| {
        invalid(rtp(address, 5000), &format!("media[0].legs[0].remote.rtp.address: {text}"));
    };
    let own = "give the endpoint's own address";
    refused("224.0.0.1", &format!("224.0.0.1 is a multicast address; {own}"));
    refused("ff02::1", &format!("ff02::1 is a multicast address; {own}"));
    refused("255.255.255.255", &format!("255.255.255.255 is the broadcast address; {own}"));
    refused("0.0.0.0", &format!("0.0.0.0 is an unspecified address; {own}"));
    refused("::", &format!(":: is the unspecified address; {own}"));
    refused("192.0.2.1", "192.0.2.1 is the relay's own address; give the endpoint's");
    refused("203.0.113.9", "203.0.113.9 is the relay's own address; give the endpoint's");
    refused("10.0.0.1", "10.0.0.1 is the relay's own address; give the endpoint's");
    refused("2001:db8::1", "2001:db8::1 is the relay's own address; give the endpoint's");
    for mapped in ["::ffff:192.0.2.1", "::ffff:198.51.100.7", "::ffff:127.0.0.1"] {
        refused(mapped, &format!("{mapped} is an IPv4 address in IPv6 form; write it as IPv4"));
    }
    refused(
        "192.0.2.255",
        "192.0.2.255 is the broadcast or network address of a subnet; give the endpoint's own",
    );
    refused("127.0.0.2", "127.0.0.2 is a loopback address, and realm \"outside\" is not on loopback");
    refused(
        "fe80::1",
        "fe80::1 is a link-local address, which names no network; give a global or unique local one",
    );
    for text in ["", "host.example", "1.2.3", "1.2.3.4:5", "fe80::1%eth0", "01.2.3.4"] {
        refused(text, "is not an IPv4 or IPv6 address in text form, such as 192.0.2.7 or 2001:db8::7");
    }
}

#[test]
fn ports() {
    for port in [0, 65536, u32::MAX] {
        let text = format!("media[0].legs[0].remote.rtp.port: is {port}; give a UDP port of 1 to 65535");
        invalid(rtp("198.51.100.7", port), &text);
    }
    invalid(
        |r| r.media[0].legs[1].remote = remote("10.0.0.7", 65535),
        "media[0].legs[1].remote.rtp.port: is 65535, which leaves no port for RTCP; give remote.rtcp or use rtcp_mux",
    );
    invalid(
        leg(|l| l.remote.as_mut().unwrap().rtp = None),
        "media[0].legs[0].remote.rtp: is missing; give the address and port where the endpoint receives RTP",
    );
    let rtcp = |port| Some(EndpointRequest { address: "198.51.100.7".into(), port });
    invalid(
        leg(|l| l.remote.as_mut().unwrap().rtcp = rtcp(5001)),
        "media[0].legs[0].remote.rtcp: differs from remote.rtp under rtcp_mux; leave it unset",
    );
    invalid(
        leg(|l| (l.rtcp_mux, l.remote.as_mut().unwrap().rtcp) = (false, rtcp(5000))),
        "media[0].legs[0].remote.rtcp: equals remote.rtp; use rtcp_mux or give RTCP its own port",
    );
}

#[test]
fn legs_that_would_send_to_one_place() {
    invalid(
        |r| {
            r.media[0].legs[1].realm = "outside".into();
            r.media[0].legs[1].remote = remote("198.51.100.7", 4999);
        },
        "media[0].legs[1].remote: is 198.51.100.7:5000, as on the media's other leg; give each leg its own endpoint",
    );
}

#[test]
fn raw_keys() {
    let field = "media[0].legs[0].protection.srtp";
    invalid(
        leg(|l| {
            if let ProtectionRequest::Srtp(keys) = &mut l.protection {
                keys.suite = "ROT13".into();
            }
        }),
        &format!(
            "{field}.suite: must be one of AES_CM_128_HMAC_SHA1_80, AES_CM_128_HMAC_SHA1_32, \
             AES_192_CM_HMAC_SHA1_80, AES_192_CM_HMAC_SHA1_32, AES_256_CM_HMAC_SHA1_80, AES_256_CM_HMAC_SHA1_32, \
             AEAD_AES_128_GCM, AEAD_AES_256_GCM, NULL_HMAC_SHA1_80"
        ),
    );
    invalid(
        keys(|k| k[0].key.truncate(15)),
        &format!("{field}.receive[0].key: has 15 bytes; AES_CM_128_HMAC_SHA1_80 takes 16"),
    );
    invalid(
        keys(|k| k[0].salt.push(0)),
        &format!("{field}.receive[0].salt: has 15 bytes; AES_CM_128_HMAC_SHA1_80 takes 14"),
    );
    invalid(
        keys(|k| k[0].lifetime = (1 << 48) + 1),
        &format!("{field}.receive[0].lifetime: is 281474976710657; give 1 to 2^48 packets, or 0"),
    );
    invalid(
        keys(|k| k[0].mki = vec![0; 129]),
        &format!("{field}.receive[0].mki: has 129 bytes; give 1 to 128"),
    );
    invalid(keys(|k| *k = vec![key(8); 17]), &format!("{field}.receive: has 17 keys; give at most 16"));
    let with = |mki: &[u8]| KeyMaterial { mki: mki.to_vec(), ..key(8) };
    invalid(
        keys(|k| *k = vec![with(&[1]), with(&[1])]),
        &format!("{field}.receive[1].mki: is that of an earlier key; give each key its own"),
    );
    invalid(
        keys(|k| *k = vec![with(&[1]), with(&[2, 3])]),
        &format!("{field}.receive[1].mki: has another length than the first key's; give all the same length"),
    );
    invalid(
        keys(|k| *k = vec![with(&[1]), key(8)]),
        &format!("{field}.receive[1].mki: is missing; of several keys each needs one"),
    );
}

#[test]
fn crypto_attributes() {
    let sdes = |receive: &str, send: &str| {
        let (receive, send) = (receive.to_owned(), send.to_owned());
        leg(move |l| l.protection = ProtectionRequest::Sdes { receive: receive.into(), send: send.into() })
    };
    let field = "media[0].legs[0].protection.sdes";
    let good = format!("1 {SUITE} inline:{}", "A".repeat(40));
    invalid(
        sdes("1 AES_CM_128_HMAC_SHA1_80 inline:%", &good),
        &format!("{field}.receive: the key and salt of key parameter 1 are not base64"),
    );
    invalid(
        sdes(&good, "x"),
        &format!("{field}.send: the attribute does not begin with a=crypto:, crypto: or the tag itself"),
    );
    invalid(
        sdes(&good, &format!("1 AES_CM_128_HMAC_SHA1_32 inline:{}", "B".repeat(40))),
        &format!(
            "{field}: receive is for AES_CM_128_HMAC_SHA1_80 and send for AES_CM_128_HMAC_SHA1_32; \
             give both for one suite"
        ),
    );
    invalid(
        sdes("", ""),
        &format!("{field}: has neither receive nor send; leave the protection unset until one is known"),
    );
    invalid(
        sdes(&format!("{good}|1:1;inline:{}|1:1", "B".repeat(40)), ""),
        &format!(
            "{field}.receive: the mki of key parameter 2 is that of an earlier key; give each key its own"
        ),
    );
}

#[test]
fn encryption_levels() {
    let field = "media[0].legs[0]";
    invalid(
        leg(|l| l.protection = ProtectionRequest::Plain),
        &format!("{field}.protection: is plain on a leg that requires encryption; give SRTP keys"),
    );
    invalid(
        leg(|l| {
            if let ProtectionRequest::Srtp(keys) = &mut l.protection {
                keys.suite = "NULL_HMAC_SHA1_80".into();
            }
        }),
        &format!(
            "{field}.protection: has the NULL cipher on a leg that requires encryption; choose a suite that encrypts"
        ),
    );
    invalid(
        leg(|l| l.encryption = Some(EncryptionLevel::NotSupported)),
        &format!("{field}.protection: is SRTP on a leg that does not support encryption; make it plain"),
    );
}

#[test]
fn peer_classes() {
    let field = "media[0].legs[0]";
    invalid(
        leg(|l| l.peer_class = "phone".into()),
        &format!(
            "{field}.peer_class: is \"phone\", and this relay has no peer classes; configure it or leave it empty"
        ),
    );
    assert_eq!(
        refused(leg(|l| l.peer_offers_srtp = Some(false))),
        (
            ErrorKind::FailedPrecondition,
            format!(
                "{field}.encryption: is REQUIRED here or for the peer's class, and the peer offers no SRTP; have it \
                 offer SRTP, or set both to SUPPORTED"
            )
        )
    );
}

#[test]
fn source_rules() {
    invalid(
        |r| r.media[0].legs[1].source = Some(SourceRule::Learn),
        "media[0].legs[1].source: is LEARN on a plain leg, where nothing authenticates; use SIGNALLED_ADDRESS or FIXED",
    );
    invalid(
        leg(|l| l.source = Some(SourceRule::LearnAny)),
        "media[0].legs[0].source: is LEARN_ANY on an SRTP leg; use LEARN, which asks for a packet that authenticates",
    );
}

#[test]
fn keys_of_one_request_in_two_places() {
    invalid(
        leg(|l| l.protection = srtp(5, 5)),
        "media[0].legs[0].protection: has one key in both directions; give each direction its own",
    );
    let other = |protection: ProtectionRequest| {
        move |r: &mut SessionRequest| {
            r.media[0].legs[1].encryption = Some(EncryptionLevel::Required);
            r.media[0].legs[1].protection = protection;
        }
    };
    // The request's leg 0 receives under key 2 and sends under key 3.
    for protection in [srtp(5, 3), srtp(3, 5), srtp(5, 2)] {
        let (kind, text) = refused(other(protection));
        assert_eq!(kind, ErrorKind::InvalidArgument);
        assert!(
            text.ends_with("has a send key that another leg of the request has too; make a new one"),
            "{text}"
        );
    }
    // Two legs may receive under one key.
    let mut forked = request("a", 1);
    other(srtp(2, 5))(&mut forked);
    assert!(node().create(&owner(), &forked, now()).is_ok());
}

/// A node where session `a` receives under key 2 and sends under key 3, and session `b` was to be made.
fn second(change: impl FnOnce(&mut Sessions, &mut SessionRequest)) -> Result<(), (ErrorKind, String)> {
    let mut node = node();
    node.create(&owner(), &request("a", 1), now()).unwrap();
    let mut second = request("b", 2);
    change(&mut node, &mut second);
    node.create(&owner(), &second, now()).map(drop).map_err(|error| (error.kind, error.to_string()))
}

#[test]
fn keys_of_other_sessions() {
    let with =
        |receive, send| second(|_, r| r.media[0].legs[0].protection = srtp(receive, send)).unwrap_err();
    let field = "media[0].legs[0].protection";
    let text = format!("{field}: has a send key that is in use for sending on this relay; make a new one");
    assert_eq!(with(9, 3), (ErrorKind::FailedPrecondition, text));
    let text = format!("{field}: has a send key that is in use for receiving on this relay; make a new one");
    assert_eq!(with(9, 2), (ErrorKind::FailedPrecondition, text));
    let text = format!(
        "{field}: has a receive key under which this relay sends; the leg's endpoint must make a new one"
    );
    assert_eq!(with(3, 9), (ErrorKind::FailedPrecondition, text));
    let used = second(|node, r| {
        node.delete(&caller(), "a").unwrap();
        r.media[0].legs[0].protection = srtp(9, 3);
    });
    let text =
        format!("{field}: has a send key that has been used for sending on this relay; make a new one");
    assert_eq!(used, Err((ErrorKind::FailedPrecondition, text)));
    assert_eq!(second(|_, r| r.media[0].legs[0].protection = srtp(2, 9)), Ok(()));
}

#[test]
fn the_same_key_under_another_salt_is_the_same_key() {
    let other = second(|_, r| {
        let mut protection = srtp(9, 3);
        if let ProtectionRequest::Srtp(keys) = &mut protection {
            keys.send[0].salt = vec![1; 14].into();
        }
        r.media[0].legs[0].protection = protection;
    });
    assert_eq!(other.unwrap_err().0, ErrorKind::FailedPrecondition);
}

#[test]
fn a_node_that_drains_or_is_full() {
    let draining = second(|node, _| node.set_draining(true)).unwrap_err();
    let text = "this relay is draining and takes no new sessions; use another one";
    assert_eq!(draining, (ErrorKind::Unavailable, text.to_owned()));

    let full = |change: fn(&mut culvert_session::NodeConfig)| {
        let mut config = config();
        change(&mut config);
        let mut node = Sessions::new(config, [7; 64]).unwrap();
        let mut number = 0;
        loop {
            number += 1;
            match node.create(&owner(), &request(&number.to_string(), number), now()) {
                Ok(_) => {}
                Err(error) => {
                    assert_eq!(error.kind, ErrorKind::ResourceExhausted);
                    return (node.len(), error.to_string());
                }
            }
        }
    };
    let text = "this relay has 3 of 3 sessions; end some or use another relay";
    assert_eq!(full(|config| config.max_sessions = 3), (3, text.to_owned()));
    let text = "the session takes 2 flows, and the emptiest worker has 4 of 5 in use; \
                end sessions or use another relay";
    assert_eq!(full(|config| config.max_flows_per_worker = 5), (4, text.to_owned()));
    let text = "media[0].legs[1].realm: realm \"inside\" has no free pair of ports on IPv4: \
                20 of 20 ports are in use; end sessions or widen the realm's port range";
    assert_eq!(full(|_| {}), (10, text.to_owned()));
}

#[test]
fn no_sentence_holds_a_key() {
    let (_, text) = refused(keys(|k| {
        k[0].key = b"SECRETSECRET".to_vec().into();
    }));
    assert!(!text.contains("SECRET") && !text.contains("83, 69"), "{text}");
    let line = "1 SECRETSECRET inline:SECRETSECRET";
    let (_, text) = refused(leg(|l| {
        l.protection =
            ProtectionRequest::Sdes { receive: line.to_owned().into(), send: String::new().into() };
    }));
    assert!(!text.contains("SECRET"), "{text}");
}
