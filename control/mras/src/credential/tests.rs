// SPDX-License-Identifier: MIT OR Apache-2.0
//! Against constants that Python computed from the pictures in the module documentation, with `hmac` and `cryptography`: keys
//! as `key_ring::tests` derives them, 8 hours for sip:Alice@example.org, and for sealed claims the salt 00..0f, the nonce
//! 10..1b and a bandwidth of 64 kbit/s.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;

use super::*;
use crate::fixture::{ALICE, END, NOW, at, bound_request, issue, request, ring, service};
use crate::service::TurnRestSecret;
use crate::{Bounds, Config, CredentialRequest, Identity, Mras, Reason, Subject};

const CULVERT: (&str, &str) = (
    "AQAAAAcAAQIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRobOFtZJ42x3lci1g3loVbaA3TT6jg-ox3yq6mc4UOALJYFTigDAZgG5CIU39yBbJ4xUh5KEK8hIvXUZwfWwoXh",
    "-qORfN_204gm23XkfX-kKRQSpjpWwrXKoV_KH8RWymE",
);
const TURN_REST_SEALED: (&str, &str) = (
    "1800028800:~AQAAAAcAAQIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRobTfYkutWXLWvmLv4kH-AsFlKjNh2eVdwcUWsh_qF75oX_BKJ8gaCFtlZB-Ga6cpUQa4balRXjH1NJl8D5eyMg",
    "Sy/hFwDjy00533O5xT4uLV+MsXY=",
);
const MRAS_V1: (&str, &str) = (
    "AQAAIHlWwAAB3aUJCPBIS6Rlx+x2XmgvWD2Avjrdhk7CjgVey1JBkd9hErhXBvriUrzL9A==",
    "Q5PY6G8DQrsxe+Y3brGLjEQY8yo=",
);
const MRAS_V2: (&str, &str) = (
    "AgAAJHlWwAAB3aUJCPBIS6Rlx+x2XmgvWD2Avjrdhk4AAAAA44EBcOMLkC3eUbmoT4lN6BltpKw=",
    "XnRCLCTioWkRKyJ2KUi8yYD1gsg=",
);
const CLIENT_ID: [u8; 20] = [
    0x08, 0xf0, 0x48, 0x4b, 0xa4, 0x65, 0xc7, 0xec, 0x76, 0x5e, 0x68, 0x2f, 0x58, 0x3d, 0x80, 0xbe, 0x3a,
    0xdd, 0x86, 0x4e,
];

fn known(bounds: Bounds, issued: Option<u64>) -> Claims {
    let subject = Subject::Known(Identity::new(ALICE).unwrap());
    Claims { subject, location: None, issued, expires: END, bounds }
}

fn with_secret(secret: &str) -> Mras {
    let turn_rest_secret = Some(TurnRestSecret::new(secret).unwrap());
    Mras::new(Config { turn_rest_secret, ..Config::new("example.org") }, ring()).unwrap()
}

#[test]
fn the_token_of_mras_is_that_of_its_description() {
    let mut mras = service();
    for (kind, (username, password)) in [(Kind::MrasV1, MRAS_V1), (Kind::MrasV2, MRAS_V2)] {
        let issued = issue(&mut mras, &request(ALICE), kind);
        assert_eq!((issued.username.as_str(), issued.password.as_str()), (username, password));
        let verified = mras.verify(username, password, at(NOW)).unwrap();
        let subject = Subject::Hidden(CLIENT_ID);
        assert_eq!(verified.claims, Claims { subject, ..known(Bounds::default(), None) });
        assert_eq!((verified.kind, verified.epoch), (kind, Some(7)));
    }
}

/// Even if whoever made it had the keys.
#[test]
fn a_token_of_mras_has_its_header_its_length_and_no_flags() {
    let keys = ring();
    let epoch = keys.epoch(7).unwrap();
    let open = |blob: &[u8]| {
        let mut token = blob.to_vec();
        token.extend(crypto::hmac_sha1(epoch.mras_key::<1>(), blob).as_ref());
        let [username, password] =
            [token.clone(), crypto::hmac_sha1(epoch.mras_key::<2>(), &token).as_ref().to_vec()]
                .map(|bytes| BASE64_STANDARD.encode(bytes));
        mras_token::open(&keys, &username, &password).map(|opened| opened.kind).ok()
    };
    let body = |header: [u8; 4], more: &[u8]| {
        [&header[..], &[0x79, 0x56, 0xc0, 0, 0x01, 0xdd, 0xa5, 0x09], &CLIENT_ID, more].concat()
    };
    let (v1, v2) = ([1, 0, 0, 0x20], [2, 0, 0, 0x24]);
    for (blob, kind) in [
        (body(v1, &[]), Some(Kind::MrasV1)),
        (body(v2, &[0; 4]), Some(Kind::MrasV2)),
        (body(v1, &[0; 4]), None),
        (body(v2, &[]), None),
        (body(v2, &[0, 0, 0, 1]), None),
        (body(v2, &[0; 5]), None),
        (body([1, 0, 0, 0x24], &[]), None),
        (body([1, 1, 0, 0x20], &[]), None),
        (body([3, 0, 0, 0x20], &[]), None),
        (v1.to_vec(), None),
        (Vec::new(), None),
        // Before 1970.
        ([&v1[..], &[0; 8], &CLIENT_ID].concat(), None),
    ] {
        assert_eq!(open(&blob), kind, "{blob:02x?}");
    }
}

#[test]
fn turn_rest_is_what_other_servers_compute() {
    for (mut mras, password, epoch) in [
        (with_secret("an-operator's-secret"), "TWiRlzdFLOLFI3oH4booRaBBWJ8=", None),
        (service(), "3Al400XP1wxHzuA1mVlygVheFF8=", Some(7)),
    ] {
        let issued = issue(&mut mras, &request(ALICE), Kind::TurnRest);
        assert_eq!(issued.username, "1800028800:sip:Alice@example.org");
        assert_eq!(*issued.password, password);
        let verified = mras.verify(&issued.username, password, at(NOW)).unwrap();
        assert_eq!(verified.claims, known(Bounds::default(), None));
        assert_eq!((verified.kind, verified.epoch), (Kind::TurnRest, epoch));
    }
}

#[test]
fn sealed_claims_are_opened_as_they_are_pictured() {
    let mras = service();
    let bounds = Bounds { bandwidth: Some(64_000), ..Bounds::default() };
    let location = Some(crate::Location::Intranet);
    for (kind, (username, password)) in [(Kind::Culvert, CULVERT), (Kind::TurnRest, TURN_REST_SEALED)] {
        let verified = mras.verify(username, password, at(NOW)).unwrap();
        assert_eq!(verified.claims, Claims { location, ..known(bounds, Some(NOW)) });
        assert_eq!((verified.kind, verified.epoch), (kind, Some(7)));
    }
}

#[test]
fn a_token_of_one_kind_is_not_opened_as_the_other() {
    let keys = ring();
    let as_turn_rest = format!("{END}:~{}", CULVERT.0);
    let (_, as_culvert) = TURN_REST_SEALED.0.split_once('~').unwrap();
    assert_eq!(turn_rest::open(&keys, None, &as_turn_rest, "").err(), Some(OpenError::Username));
    assert_eq!(culvert::open(&keys, as_culvert, "").err(), Some(OpenError::Username));
}

#[test]
fn a_sealed_turn_rest_token_holds_to_the_expiry_inside() {
    let later = TURN_REST_SEALED.0.replace("1800028800", "1900028800");
    let epoch = ring();
    let secret = epoch.epoch(7).unwrap().turn_rest_secret();
    // Whoever has the shared secret can sign that, but not change the claims.
    let tag = crypto::hmac_sha1(secret.as_bytes(), later.as_bytes());
    let password = BASE64_STANDARD.encode(tag);
    let refused = service().verify(&later, &password, at(NOW)).unwrap_err();
    assert_eq!(refused.reason(), Reason::Username);
}

#[test]
fn an_identity_that_looks_like_a_token_is_sealed() {
    let mut mras = service();
    let issued = issue(&mut mras, &request("~alice"), Kind::TurnRest);
    assert!(issued.username.starts_with("1800028800:~AQ"), "{}", issued.username);
    let verified = mras.verify(&issued.username, &issued.password, at(NOW)).unwrap();
    assert_eq!(verified.claims.subject, Subject::Known(Identity::new("~alice").unwrap()));
}

#[test]
fn an_identity_with_colons_or_padding_is_verified_as_it_was_issued() {
    let mut mras = service();
    for identity in ["a:b:c", ":", "a=", "12:34", "1800028800:~x="] {
        for kind in Kind::ALL {
            let issued = issue(&mut mras, &request(identity), kind);
            let verified = mras.verify(&issued.username, &issued.password, at(NOW)).unwrap();
            assert_eq!(verified.kind, kind);
            if let Some(verified) = verified.claims.subject.identity() {
                assert_eq!(verified.as_str(), identity);
            }
        }
    }
}

#[test]
fn every_claim_is_carried_by_the_kinds_that_can() {
    let mut mras = service();
    for kind in [Kind::Culvert, Kind::TurnRest] {
        let CredentialRequest { identity, location, bounds, .. } = bound_request();
        let issued = issue(&mut mras, &bound_request(), kind);
        let verified = mras.verify(&issued.username, &issued.password, at(NOW)).unwrap();
        let subject = Subject::Known(identity);
        let claims = Claims { subject, location, issued: Some(NOW), expires: END, bounds };
        assert_eq!(verified.claims, claims);
        assert_eq!((verified.id, verified.kind), (issued.id, kind));
    }
}

#[test]
fn the_longest_claims_fit_into_a_username() {
    let mut mras = service();
    let longest = CredentialRequest { identity: Identity::new(&"a".repeat(256)).unwrap(), ..bound_request() };
    for (kind, length) in [(Kind::Culvert, 494), (Kind::TurnRest, 506)] {
        let issued = issue(&mut mras, &longest, kind);
        assert_eq!(issued.username.len(), length);
        assert!(mras.verify(&issued.username, &issued.password, at(NOW)).is_ok());
    }
    // An expiry of 20 digits is what it takes to be too long.
    let keys = ring();
    let claims = Claims {
        subject: Subject::Known(longest.identity),
        location: None,
        issued: Some(0),
        expires: u64::MAX,
        bounds: longest.bounds,
    };
    let error = turn_rest::issue(keys.active(NOW), None, &claims).err();
    assert_eq!(error, Some(IssueError::TooLong(516)));
}

#[test]
fn no_two_sealed_tokens_are_the_same() {
    let mut mras = service();
    let usernames: std::collections::HashSet<String> =
        (0..100).map(|_| issue(&mut mras, &request(ALICE), Kind::Culvert).username).collect();
    assert_eq!(usernames.len(), 100);
}

#[test]
fn an_identifier_is_the_first_half_of_the_hash() {
    // Python: hashlib.sha256(b"1800028800:sip:Alice@example.org").hexdigest()[:32]
    let id = CredentialId::of("1800028800:sip:Alice@example.org");
    assert_eq!(id.to_string(), "d52d821c9b2f39cd18da0705746e9055");
    assert_eq!(id.to_string().parse(), Ok(id));
    for wrong in [
        "",
        "0123",
        "d52d821c9b2f39cd18da0705746e90550",
        "+123456789abcdef0123456789abcdef",
        "g123456789abcdef0123456789abcdef",
    ] {
        assert_eq!(wrong.parse::<CredentialId>(), Err(CredentialIdError), "{wrong}");
    }
}

#[test]
fn kinds_have_names() {
    for kind in Kind::ALL {
        assert_eq!(kind.to_string().parse(), Ok(kind));
    }
    assert_eq!("TURN-REST".parse::<Kind>(), Err(KindError));
}
