// SPDX-License-Identifier: MIT OR Apache-2.0
use super::*;
use crate::Identity;

fn identity(name: &str) -> Target {
    Target::Identity(Identity::new(name).unwrap())
}

fn reason(mras: &Mras, credential: &Credential) -> Option<Reason> {
    mras.verify(&credential.username, &credential.password, at(NOW)).err().map(Refused::reason)
}

#[test]
fn an_identity_is_revoked_in_every_kind_and_whatever_its_case() {
    let mut mras = service();
    let issued = Kind::ALL.map(|kind| issue(&mut mras, &request(ALICE), kind));
    let others = Kind::ALL.map(|kind| issue(&mut mras, &request("sip:bob@example.org"), kind));
    let live = issued.each_ref().map(|one| mras.verify(&one.username, &one.password, at(NOW)).unwrap());
    assert!(live.iter().all(|verified| !mras.is_revoked(verified)));

    mras.revoke(identity("SIP:alice@EXAMPLE.org"), at(NOW)).unwrap();
    assert!(live.iter().all(|verified| mras.is_revoked(verified)));
    assert!(issued.iter().all(|one| reason(&mras, one) == Some(Reason::Revoked)));
    assert!(others.iter().all(|one| reason(&mras, one).is_none()));
    let error = refusal(&mut mras, &[request("bob"), request(ALICE)], Kind::MrasV1);
    assert_eq!(error, MrasError::Revoked { index: 1 });
    assert_eq!(error.to_string(), "credentials[1].identity: revoked; reinstate it first");

    // Also for those that epochs to come sign, and after the keys were taken from another relay.
    mras.rotate(at(NOW)).unwrap();
    let hidden = issued[2].clone();
    assert_eq!(hidden.kind, Kind::MrasV1);
    assert_eq!(reason(&mras, &hidden), Some(Reason::Revoked));
    let keys = KeyRing::parse(&mras.keys().to_text()).unwrap();
    let mut elsewhere = Mras::new(Config::new("example.org"), keys).unwrap();
    let new = issue(&mut elsewhere, &request(ALICE), Kind::MrasV2);
    assert_eq!(reason(&mras, &new), Some(Reason::Revoked));
    elsewhere.rotate(at(NOW)).unwrap();
    let newest = issue(&mut elsewhere, &request(ALICE), Kind::MrasV2);
    mras.replace_keys(KeyRing::parse(&elsewhere.keys().to_text()).unwrap());
    assert_eq!(reason(&mras, &newest), Some(Reason::Revoked));
    assert_eq!(reason(&mras, &hidden), Some(Reason::Revoked));

    assert!(mras.reinstate(&identity(ALICE)));
    assert!(!mras.reinstate(&identity(ALICE)));
    assert!(issued.iter().all(|one| reason(&mras, one).is_none()));
    assert!(live.iter().all(|verified| !mras.is_revoked(verified)));
}

#[test]
fn a_credential_is_revoked_and_no_other() {
    let mut mras = service();
    for kind in [Kind::Culvert, Kind::TurnRest] {
        let issued = issue(&mut mras, &bound_request(), kind);
        let other = issue(&mut mras, &bound_request(), kind);
        mras.revoke(Target::Credential(issued.id), at(NOW)).unwrap();
        assert_eq!(reason(&mras, &issued), Some(Reason::Revoked));
        assert_eq!(reason(&mras, &other), None);
        assert!(mras.reinstate(&Target::Credential(issued.id)));
        assert_eq!(reason(&mras, &issued), None);
    }
}

#[test]
fn epochs_are_revoked_up_to_one_but_not_the_one_that_signs() {
    let mut mras = service();
    let mut by_epoch = Vec::new();
    for _ in 7..10 {
        by_epoch.push(Kind::ALL.map(|kind| issue(&mut mras, &request(ALICE), kind)));
        mras.rotate(at(NOW)).unwrap();
    }
    for number in [10, 11, u32::MAX] {
        let error = mras.revoke(Target::Epoch(number), at(NOW)).unwrap_err();
        assert_eq!(error, RevokeError::ActiveEpoch { number, active: 10 });
    }
    mras.revoke(Target::Epoch(8), at(NOW)).unwrap();
    mras.revoke(Target::Epoch(7), at(NOW)).unwrap();
    let expected = [Some(Reason::Revoked), Some(Reason::Revoked), None];
    for (issued, expected) in by_epoch.iter().zip(expected) {
        assert!(issued.iter().all(|one| reason(&mras, one) == expected));
    }
    assert!(!mras.reinstate(&Target::Epoch(8)));
    mras.purge(at(u64::MAX / 4));
    let left: Vec<_> = mras.revocations().collect();
    assert_eq!(left, [Revocation { target: Target::Epoch(8), at: NOW, until: None }]);
}

#[test]
fn a_restart_forgets_nothing() {
    let mut mras = service();
    let issued = Kind::ALL.map(|kind| issue(&mut mras, &request(ALICE), kind));
    let bob = issue(&mut mras, &request("bob"), Kind::Culvert);
    let lines = [identity(ALICE), Target::Credential(bob.id)]
        .map(|target| mras.revoke(target, at(NOW)).unwrap().to_string());
    let mut after = service();
    after.restore(&lines.join("\n")).unwrap();
    for one in issued.iter().chain([&bob]) {
        assert_eq!(reason(&after, one), Some(Reason::Revoked));
    }
    let sorted = |mras: &Mras| {
        let mut lines: Vec<_> = mras.revocations().map(|revocation| revocation.to_string()).collect();
        lines.sort();
        lines
    };
    assert_eq!(sorted(&after), sorted(&mras));
    let mut untouched = service();
    let error = untouched.restore(&format!("{}\nnonsense\n", lines[0])).unwrap_err();
    assert_eq!(error, RestoreError { line: 2 });
    assert!(error.to_string().starts_with("line 2: not a revocation: "), "{error}");
    assert_eq!(untouched.revocations().count(), 0);
}

#[test]
fn a_revocation_goes_when_nothing_it_concerns_can_be_live() {
    let mut mras = service();
    let revoked = mras.revoke(identity(ALICE), at(NOW)).unwrap();
    let end = NOW + MAX_DURATION.as_secs();
    assert_eq!(revoked.until, Some(end));
    mras.purge(at(end - 1));
    assert_eq!(mras.revocations().count(), 1);
    assert_eq!(mras.hidden.len(), 1);
    mras.purge(at(end));
    assert_eq!(mras.revocations().count(), 0);
    assert_eq!(mras.hidden.len(), 0);
}
