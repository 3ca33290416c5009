// SPDX-License-Identifier: MIT OR Apache-2.0
mod revocation;
mod tampering;

use super::*;
use crate::fixture::{
    ALICE, END, FRONT_END, NOW, SECRET, at, bound_request, bounds, issue, request, ring, service,
};
use crate::{Bounds, ClockError, CredentialId, Exceeded, Kind, Limits, MediaKinds, Quotas, Scope, Suites};

const MINUTE: Duration = Duration::from_secs(60);
const DAY: Duration = Duration::from_secs(24 * 3600);

fn refusal(mras: &mut Mras, requests: &[CredentialRequest], kind: Kind) -> MrasError {
    mras.issue(FRONT_END, requests, kind, at(NOW)).unwrap_err()
}

#[test]
fn one_to_a_hundred_at_a_time() {
    let mut mras = service();
    for count in [0, 101, 1000] {
        let error = refusal(&mut mras, &vec![request(ALICE); count], Kind::Culvert);
        assert_eq!(error, MrasError::Count { count });
        assert_eq!(error.field(), "credentials");
    }
    let requests: Vec<_> = (0..100).map(|number| request(&format!("user{number}"))).collect();
    let issued = mras.issue(FRONT_END, &requests, Kind::TurnRest, at(NOW)).unwrap();
    let usernames: Vec<_> = issued.into_iter().map(|credential| credential.username).collect();
    let expected: Vec<_> = (0..100).map(|number| format!("{END}:user{number}")).collect();
    assert_eq!(usernames, expected);
}

#[test]
fn only_kinds_that_are_approved_are_issued_and_accepted_where_no_other_is_allowed() {
    let mut every = service();
    let mut approved =
        Mras::new(Config { approved_kinds_only: true, ..every.config().clone() }, ring()).unwrap();
    for kind in Kind::ALL {
        let issued = issue(&mut every, &request(ALICE), kind);
        assert!(every.verify(&issued.username, &issued.password, at(NOW)).is_ok(), "{kind}");
        let verified = approved.verify(&issued.username, &issued.password, at(NOW));
        if kind == Kind::Culvert {
            assert_eq!(verified.unwrap().kind, kind);
            issue(&mut approved, &request(ALICE), kind);
            continue;
        }
        let refused = verified.unwrap_err();
        assert_eq!(refused.reason(), Reason::NotApproved, "{kind}");
        assert_eq!(refused.to_string(), "the username and password do not hold; ask for new ones");
        // A password that is wrong is wrong first.
        let wrong = approved.verify(&issued.username, "wrong", at(NOW)).unwrap_err();
        assert_eq!(wrong.reason(), Reason::Password, "{kind}");
        let error = refusal(&mut approved, &[request(ALICE)], kind);
        assert_eq!((error, error.field().as_str()), (MrasError::NotApproved { kind }, "kind"));
        let expected = format!(
            "kind: {kind} credentials are used through a STUN key made by MD5 (RFC 8489 section 9.2.2), which this node, in \
             FIPS mode, does not allow; ask for the kind culvert"
        );
        assert_eq!(error.to_string(), expected);
    }
}

#[test]
fn a_duration_is_the_lesser_of_asked_and_maximum() {
    let config =
        Config { default_duration: 2 * MINUTE, maximum_duration: 3 * DAY, ..Config::new("example.org") };
    let mut mras = Mras::new(config, ring()).unwrap();
    for (asked, granted) in [
        (None, 2 * MINUTE),
        (Some(MINUTE), MINUTE),
        (Some(MINUTE + Duration::from_nanos(999_999_999)), MINUTE),
        (Some(3 * DAY), 3 * DAY),
        (Some(3 * DAY + Duration::from_secs(1)), 3 * DAY),
        (Some(180 * DAY), 3 * DAY),
    ] {
        let asked = CredentialRequest { duration: asked, ..request(ALICE) };
        let issued = issue(&mut mras, &asked, Kind::Culvert);
        assert_eq!(issued.duration, granted);
        assert_eq!(issued.expires, NOW + granted.as_secs());
        let verify = |seconds| mras.verify(&issued.username, &issued.password, at(seconds));
        assert!(verify(issued.expires - 1).is_ok());
        assert_eq!(verify(issued.expires).unwrap_err().reason(), Reason::Expired);
    }
}

#[test]
fn one_wrong_request_refuses_them_all_and_is_named() {
    let bad = |change: fn(&mut CredentialRequest)| {
        let mut bad = request("bad");
        change(&mut bad);
        [request("good"), request("good"), request("good"), bad, request("good")]
    };
    let duration = "credentials[3].duration: not 1 minute to 180 days";
    let cannot =
        "a credential of the kind mras-v2 cannot carry it; leave it out, or ask for the kind culvert";
    let unsupported = |bound: &str| format!("credentials[3].bounds.{bound}: {cannot}");
    for (requests, field, message) in [
        (bad(|r| r.duration = Some(Duration::ZERO)), "duration", duration.to_owned()),
        (bad(|r| r.duration = Some(Duration::from_millis(59_999))), "duration", duration.to_owned()),
        (bad(|r| r.duration = Some(180 * DAY + Duration::from_nanos(1))), "duration", duration.to_owned()),
        (
            bad(|r| r.bounds.bandwidth = Some(0)),
            "bounds.bandwidth",
            "credentials[3].bounds.bandwidth: 0 bit/s; leave it out for no bound".to_owned(),
        ),
        (bad(|r| r.bounds.source = bounds().source), "bounds.source", unsupported("source")),
        (bad(|r| r.bounds.peer = bounds().peer), "bounds.peer", unsupported("peer")),
        (bad(|r| r.bounds.bandwidth = Some(1)), "bounds.bandwidth", unsupported("bandwidth")),
        (bad(|r| r.bounds.kinds = bounds().kinds), "bounds.kinds", unsupported("kinds")),
        (bad(|r| r.bounds.suites = bounds().suites), "bounds.suites", unsupported("suites")),
    ] {
        let config = Config {
            quotas: Quotas {
                front_end: Limits { credentials_per_minute: Some(4), ..Limits::default() },
                ..Quotas::default()
            },
            ..Config::new("example.org")
        };
        let mut mras = Mras::new(config, ring()).unwrap();
        let error = refusal(&mut mras, &requests, Kind::MrasV2);
        assert_eq!(error.field(), format!("credentials[3].{field}"));
        assert_eq!(error.to_string(), message);
        // No quota was taken.
        let good = vec![request("good"); 4];
        assert_eq!(mras.issue(FRONT_END, &good, Kind::Culvert, at(NOW)).unwrap().len(), 4);
    }
}

#[test]
fn each_location_is_told_of_its_relays() {
    let relay = |name: &str, location| MediaRelay {
        name: name.to_owned(),
        address: None,
        location,
        udp_port: 3478,
        tcp_port: 443,
    };
    let relays =
        vec![relay("a", Location::Internet), relay("b", Location::Intranet), relay("c", Location::Internet)];
    let mut mras = Mras::new(Config { relays, ..Config::new("example.org") }, ring()).unwrap();
    for (location, expected) in [
        (None, vec!["a", "b", "c"]),
        (Some(Location::Internet), vec!["a", "c"]),
        (Some(Location::Intranet), vec!["b"]),
    ] {
        let issued = issue(&mut mras, &CredentialRequest { location, ..request(ALICE) }, Kind::MrasV1);
        let names: Vec<_> = issued.relays.iter().map(|relay| relay.name.as_str()).collect();
        assert_eq!(names, expected);
        assert_eq!(&*issued.realm, "example.org");
        assert_eq!(issued.id, CredentialId::of(&issued.username));
    }
}

#[test]
fn a_clock_before_1970_issues_and_verifies_nothing() {
    let mut mras = service();
    let issued = issue(&mut mras, &request(ALICE), Kind::Culvert);
    let before = UNIX_EPOCH - Duration::from_secs(1);
    let error = mras.issue(FRONT_END, &[request(ALICE)], Kind::Culvert, before).unwrap_err();
    assert_eq!(error, MrasError::Clock(ClockError));
    let refused = mras.verify(&issued.username, &issued.password, before).unwrap_err();
    assert_eq!(refused.reason(), Reason::Clock);
}

#[test]
fn a_rotation_leaves_live_credentials_valid() {
    let mut mras = service();
    let old: Vec<_> = Kind::ALL.map(|kind| issue(&mut mras, &request(ALICE), kind)).into();
    assert_eq!(mras.rotate(at(NOW)), Ok(8));
    let new: Vec<_> = Kind::ALL.map(|kind| issue(&mut mras, &request(ALICE), kind)).into();
    // Until the last second of the old ones, and however often the keys are rotated meanwhile.
    assert_eq!(mras.rotate(at(END - 1)), Ok(9));
    for (epoch, issued) in [(7, &old), (8, &new)] {
        for credential in issued {
            let verified = mras.verify(&credential.username, &credential.password, at(END - 1)).unwrap();
            assert_eq!((verified.epoch, verified.kind), (Some(epoch), credential.kind));
        }
    }
    assert_eq!(mras.rotate(at(END)), Ok(10));
    let numbers: Vec<_> = mras.keys().epochs().map(crate::Epoch::number).collect();
    assert_eq!(numbers, [10, 9, 8]);
    for credential in &old {
        // The epoch is not there any more.
        let refused = mras.verify(&credential.username, &credential.password, at(END - 1)).unwrap_err();
        assert_ne!(refused.reason(), Reason::Expired);
    }
}

#[test]
fn relays_of_a_fleet_verify_what_one_has_issued() {
    let mut first = service();
    first.rotate(at(NOW)).unwrap();
    let text = first.keys().to_text();
    let mut second = service();
    for kind in Kind::ALL {
        let issued = issue(&mut first, &request(ALICE), kind);
        second.replace_keys(ring());
        assert!(second.verify(&issued.username, &issued.password, at(NOW)).is_err());
        second.replace_keys(KeyRing::parse(&text).unwrap());
        assert!(second.verify(&issued.username, &issued.password, at(NOW)).is_ok());
    }
    let other = format!("culvert-mras-keys 1\n7 100 {}\n", SECRET.replacen("AAEC", "AAED", 1));
    let other = Mras::new(Config::new("example.org"), KeyRing::parse(&other).unwrap()).unwrap();
    for kind in Kind::ALL {
        let issued = issue(&mut first, &request(ALICE), kind);
        assert!(other.verify(&issued.username, &issued.password, at(NOW)).is_err());
    }
}

#[test]
fn an_exhausted_quota_says_when_to_come_back() {
    let limits = |number| Limits { credentials_per_minute: Some(number), ..Limits::default() };
    let quotas = Quotas { front_end: limits(6), identity: limits(2) };
    let mut mras = Mras::new(Config { quotas, ..Config::new("example.org") }, ring()).unwrap();
    let requests = ["a", "b", "B", "b"].map(request);
    let error = refusal(&mut mras, &requests, Kind::Culvert);
    let exceeded = Exceeded::Credentials { asked: 3, left: 2, limit: 2, retry_after: None };
    assert_eq!(error, MrasError::Quota(crate::QuotaExceeded { scope: Scope::Identity(1), exceeded }));
    assert_eq!(error.field(), "credentials[1].identity");
    assert_eq!(
        error.to_string(),
        "credentials[1].identity: the identity asks for 3 credentials and has 2 left of 2 a minute; ask for fewer at once"
    );
    let mut take = |names: &[&str]| {
        let requests: Vec<_> = names.iter().map(|name| request(name)).collect();
        mras.issue(FRONT_END, &requests, Kind::Culvert, at(NOW)).map(|issued| issued.len())
    };
    assert_eq!(take(&["a", "b", "b"]), Ok(3));
    assert_eq!(take(&["a", "c", "d"]), Ok(3));
    let error = take(&["e"]).unwrap_err();
    assert_eq!(error.field(), "");
    assert_eq!(
        error.to_string(),
        "the front end asks for 1 credentials and has 0 left of 6 a minute; come back in 10 s"
    );
    let MrasError::Quota(exceeded) = error else { panic!("{error}") };
    assert_eq!(exceeded.exceeded.retry_after(), Some(Duration::from_secs(10)));
    let later = at(NOW + 10);
    assert!(mras.issue(FRONT_END, &[request("e")], Kind::Culvert, later).is_ok());
    assert!(mras.issue(FRONT_END, &[request("e")], Kind::Culvert, later).is_err());
    assert!(mras.issue("another front end", &[request("e")], Kind::Culvert, later).is_ok());
}

#[test]
fn a_configuration_out_of_its_ranges_is_refused() {
    let good = Config::new("example.org");
    for (config, error) in [
        (Config::new(""), ConfigError::Realm),
        (Config::new(&"r".repeat(128)), ConfigError::Realm),
        (Config::new("a\nb"), ConfigError::Realm),
        (
            Config { maximum_duration: MINUTE - Duration::from_nanos(1), ..good.clone() },
            ConfigError::MaximumDuration,
        ),
        (
            Config { maximum_duration: 180 * DAY + Duration::from_nanos(1), ..good.clone() },
            ConfigError::MaximumDuration,
        ),
        (
            Config { default_duration: MINUTE - Duration::from_nanos(1), ..good.clone() },
            ConfigError::DefaultDuration,
        ),
        (Config { maximum_duration: MINUTE, ..good.clone() }, ConfigError::DefaultDuration),
    ] {
        assert_eq!(Mras::new(config.clone(), ring()).unwrap_err(), error);
        let mut mras = service();
        assert_eq!(mras.reconfigure(config), Err(error));
        assert_eq!(mras.config().realm, "example.org");
    }
    for config in [
        Config::new(&"r".repeat(127)),
        Config { maximum_duration: 180 * DAY, default_duration: 180 * DAY, ..good.clone() },
        Config { maximum_duration: MINUTE, default_duration: MINUTE, ..good },
    ] {
        assert!(Mras::new(config, ring()).is_ok());
    }
    for (length, good) in [(15, false), (16, true), (256, true), (257, false)] {
        assert_eq!(TurnRestSecret::new(&"s".repeat(length)).is_ok(), good, "{length}");
    }
    assert_eq!(TurnRestSecret::new("with a space inside").unwrap_err(), ConfigError::TurnRestSecret);
}

#[test]
fn a_reconfiguration_keeps_what_is_used_of_quotas() {
    let with = |number| {
        let front_end = Limits { credentials_per_minute: Some(number), ..Limits::default() };
        Config { quotas: Quotas { front_end, ..Quotas::default() }, ..Config::new("example.org") }
    };
    let mut mras = Mras::new(with(1), ring()).unwrap();
    issue(&mut mras, &request(ALICE), Kind::Culvert);
    mras.reconfigure(with(2)).unwrap();
    // The only one of a minute is a whole minute's worth, whatever the limit is then.
    assert!(mras.issue(FRONT_END, &[request(ALICE)], Kind::Culvert, at(NOW)).is_err());
    assert!(mras.issue(FRONT_END, &[request(ALICE)], Kind::Culvert, at(NOW + 30)).is_ok());
}

#[test]
fn nothing_shows_a_secret() {
    let turn_rest_secret = Some(TurnRestSecret::new("correct-horse-battery").unwrap());
    let mut mras = Mras::new(Config { turn_rest_secret, ..Config::new("example.org") }, ring()).unwrap();
    let shown = format!("{mras:?}");
    assert!(shown.contains("TurnRestSecret(..)") && !shown.contains("horse"), "{shown}");
    let issued = issue(&mut mras, &bound_request(), Kind::TurnRest);
    let shown = format!("{issued:?}");
    assert!(!shown.contains(&*issued.password) && !shown.contains(&issued.username), "{shown}");
    let refused = mras.verify(&issued.username, "wrong", at(NOW)).unwrap_err();
    assert_eq!(format!("{refused:?}"), "Refused");
    assert_eq!(refused.to_string(), "the username and password do not hold; ask for new ones");
}

#[test]
fn empty_sets_of_kinds_and_suites_are_no_bounds() {
    let bounds = Bounds { kinds: MediaKinds::default(), suites: Suites::default(), ..Bounds::default() };
    let issued = issue(&mut service(), &CredentialRequest { bounds, ..request(ALICE) }, Kind::MrasV1);
    assert_eq!(issued.kind, Kind::MrasV1);
}
