// SPDX-License-Identifier: MIT OR Apache-2.0
use super::*;

fn identity(name: &str, until: u64) -> Revocation {
    Revocation { target: Target::Identity(name.parse().unwrap()), at: 5, until: Some(until) }
}

#[test]
fn lines_are_read_as_they_are_written() {
    for line in [
        "identity 1800000000 1815552000 sip:Alice@example.org",
        "credential 1800000000 1815552000 00112233445566778899aabbccddeeff",
        "epoch 1800000000 - 4294967295",
        "identity 0 - x",
    ] {
        assert_eq!(line.parse::<Revocation>().unwrap().to_string(), line);
    }
}

#[test]
fn what_is_no_revocation_is_refused() {
    for line in [
        "",
        "identity",
        "identity 1 2",
        "identity 1 2 ",
        "identity 1 2 a b",
        "identity  1 2 a",
        "identity x 2 a",
        "identity 1 x a",
        "identity -1 2 a",
        "Identity 1 2 a",
        "identity 1 2 é",
        "credential 1 2 0011",
        "epoch 1 2 4294967296",
        "epoch 1 - -",
        "epoch 1 - 7\r",
    ] {
        assert_eq!(line.parse::<Revocation>(), Err(RevocationTextError), "{line:?}");
    }
}

#[test]
fn the_later_end_of_two_is_kept() {
    for (first, second, kept) in [
        (Some(7), Some(9), Some(9)),
        (Some(9), Some(7), Some(9)),
        (None, Some(7), None),
        (Some(7), None, None),
    ] {
        let mut revocations = Revocations::default();
        for until in [first, second] {
            revocations.insert(Revocation { until, ..identity("a", 0) });
        }
        let all: Vec<_> = revocations.iter().collect();
        assert_eq!(all, [Revocation { until: kept, ..identity("a", 0) }]);
    }
}

#[test]
fn purging_says_whether_an_identity_went() {
    let mut revocations = Revocations::default();
    revocations.insert(identity("a", 10));
    revocations.insert("credential 5 7 00112233445566778899aabbccddeeff".parse().unwrap());
    assert!(!revocations.purge(7));
    assert_eq!(revocations.iter().count(), 1);
    assert!(revocations.purge(10));
    assert_eq!(revocations.iter().count(), 0);
}
