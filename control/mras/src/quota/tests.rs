// SPDX-License-Identifier: MIT OR Apache-2.0
use proptest::prelude::*;

use super::*;

const NOW: Duration = Duration::from_secs(1_800_000_000);
const SECOND: Duration = Duration::from_secs(1);

fn rate(credentials_per_minute: u32) -> Limits {
    Limits { credentials_per_minute: Some(credentials_per_minute), ..Limits::default() }
}

fn identities(names: &[&str]) -> Vec<Identity> {
    names.iter().map(|name| Identity::new(name).unwrap()).collect()
}

fn participant(name: &str, bandwidth: u64) -> Participant {
    Participant { subject: Subject::Known(Identity::new(name).unwrap()), bandwidth }
}

#[test]
fn a_minute_gives_its_credentials_at_once_or_spread() {
    let mut ledger = Ledger::new(Quotas { front_end: rate(60), ..Quotas::default() });
    let mut take = |count: usize, now| {
        let names = vec!["a"; count];
        ledger.take_credentials("f", identities(&names).iter(), now).map_err(|error| error.exceeded)
    };
    assert_eq!(
        take(61, NOW),
        Err(Exceeded::Credentials { asked: 61, left: 60, limit: 60, retry_after: None })
    );
    assert_eq!(take(60, NOW), Ok(()));
    let exceeded = |left, wait| Exceeded::Credentials { asked: 2, left, limit: 60, retry_after: Some(wait) };
    assert_eq!(take(2, NOW), Err(exceeded(0, 2 * SECOND)));
    assert_eq!(take(2, NOW + SECOND), Err(exceeded(1, SECOND)));
    let short = 2 * SECOND - Duration::from_nanos(1);
    assert_eq!(take(2, NOW + short), Err(exceeded(1, Duration::from_nanos(1))));
    assert_eq!(take(2, NOW + 2 * SECOND), Ok(()));
    assert_eq!(take(1, NOW + 2 * SECOND).unwrap_err().retry_after(), Some(SECOND));
}

#[test]
fn a_clock_that_is_set_back_costs_a_minute_at_most() {
    let mut ledger = Ledger::new(Quotas { front_end: rate(1), ..Quotas::default() });
    let one = identities(&["a"]);
    ledger.take_credentials("f", one.iter(), NOW).unwrap();
    let before = NOW - 3600 * SECOND;
    let error = ledger.take_credentials("f", one.iter(), before).unwrap_err();
    assert_eq!(error.exceeded.retry_after(), Some(60 * SECOND));
}

#[test]
fn a_limit_of_none_a_minute_grants_none() {
    let mut ledger = Ledger::new(Quotas { identity: rate(0), ..Quotas::default() });
    let error = ledger.take_credentials("f", identities(&["a"]).iter(), NOW).unwrap_err();
    assert_eq!(error.exceeded, Exceeded::Credentials { asked: 1, left: 0, limit: 0, retry_after: None });
}

#[test]
fn a_batch_takes_of_all_or_of_none() {
    let mut ledger = Ledger::new(Quotas { front_end: rate(4), identity: rate(1) });
    ledger.take_credentials("f", identities(&["b"]).iter(), NOW).unwrap();
    let error = ledger.take_credentials("f", identities(&["a", "c", "B"]).iter(), NOW).unwrap_err();
    assert_eq!(error.scope, Scope::Identity(2));
    // Neither a, nor c, nor the front end has paid for it.
    assert_eq!(ledger.take_credentials("f", identities(&["a", "c", "d"]).iter(), NOW), Ok(()));
}

#[test]
fn sessions_and_bandwidth_are_taken_and_given_back() {
    let quotas = Quotas {
        front_end: Limits { sessions: Some(2), bandwidth: Some(300), ..Limits::default() },
        identity: Limits { sessions: Some(1), bandwidth: Some(100), ..Limits::default() },
    };
    let mut ledger = Ledger::new(quotas);
    let refused = |ledger: &mut Ledger, participants: &[Participant]| {
        let error = ledger.open_session("f", participants, NOW).unwrap_err();
        (error.scope, error.exceeded)
    };
    let (a, b, c) = (participant("a", 100), participant("b", 100), participant("c", 101));

    let first = ledger.open_session("f", &[a.clone(), b.clone()], NOW).unwrap();
    let bandwidth = |asked, left, limit| Exceeded::Bandwidth { asked, left, limit };
    assert_eq!(refused(&mut ledger, std::slice::from_ref(&c)), (Scope::FrontEnd, bandwidth(101, 100, 300)));
    let d = participant("d", 0);
    assert_eq!(
        refused(&mut ledger, &[d.clone(), participant("A", 0)]),
        (Scope::Identity(1), Exceeded::Sessions { limit: 1 })
    );
    // d has paid nothing for that.
    let second = ledger.open_session("f", std::slice::from_ref(&d), NOW).unwrap();
    assert_eq!(refused(&mut ledger, &[d]), (Scope::FrontEnd, Exceeded::Sessions { limit: 2 }));
    assert!(ledger.open_session("another", &[participant("e", 100)], NOW).is_ok());

    ledger.close_session(first);
    assert_eq!(refused(&mut ledger, &[c]), (Scope::Identity(0), bandwidth(101, 100, 100)));
    let again = ledger.open_session("f", &[a, b], NOW).unwrap();
    ledger.close_session(second);
    ledger.close_session(again);
    ledger.purge(NOW);
    assert_eq!(ledger.accounts.len(), 2, "the other front end and its participant");
}

#[test]
fn bandwidth_that_overflows_is_refused() {
    let quotas = Quotas {
        front_end: Limits { bandwidth: Some(u64::MAX - 1), ..Limits::default() },
        ..Quotas::default()
    };
    let mut ledger = Ledger::new(quotas);
    let both = [participant("a", u64::MAX), participant("b", u64::MAX)];
    assert_eq!(
        ledger.open_session("f", &both, NOW).unwrap_err().to_string(),
        "the front end asks for 18446744073709551615 bit/s and has 18446744073709551614 left of 18446744073709551614; ask for less, or end a session"
    );
}

#[test]
fn idle_accounts_are_forgotten_and_busy_ones_kept() {
    let sessions = Some(9);
    let mut ledger = Ledger::new(Quotas { identity: Limits { sessions, ..rate(60) }, ..Quotas::default() });
    let names: Vec<String> = (0..1000).map(|number| format!("user{number}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    ledger.take_credentials("f", identities(&names).iter(), NOW).unwrap();
    let ticket = ledger.open_session("f", &[participant("user0", 0)], NOW).unwrap();
    assert_eq!(ledger.accounts.len(), 1000);
    ledger.take_credentials("f", identities(&["a"]).iter(), NOW + 60 * SECOND).unwrap();
    assert_eq!(ledger.accounts.len(), 2);
    ledger.close_session(ticket);
    ledger.take_credentials("f", identities(&["b"]).iter(), NOW + 120 * SECOND).unwrap();
    assert_eq!(ledger.accounts.len(), 1);
}

#[test]
fn without_limits_nothing_is_kept() {
    let mut ledger = Ledger::new(Quotas::default());
    ledger.take_credentials("f", identities(&["a", "b"]).iter(), NOW).unwrap();
    let ticket = ledger.open_session("f", &[participant("a", u64::MAX)], NOW).unwrap();
    assert_eq!(ledger.accounts.len(), 0);
    ledger.close_session(ticket);
}

#[test]
fn accounts_are_bounded() {
    let mut ledger = Ledger::new(Quotas { identity: rate(60), ..Quotas::default() });
    ledger.most = 3;
    ledger.take_credentials("f", identities(&["a", "b"]).iter(), NOW).unwrap();
    let error = ledger.take_credentials("f", identities(&["a", "c", "d"]).iter(), NOW).unwrap_err();
    let exceeded = Exceeded::Accounts { retry_after: IDLE };
    assert_eq!(error, QuotaExceeded { scope: Scope::Identity(2), exceeded });
    assert_eq!(error.exceeded.retry_after(), Some(IDLE));
    assert_eq!(ledger.take_credentials("f", identities(&["a", "c"]).iter(), NOW), Ok(()));
    assert!(ledger.open_session("f", &[participant("d", 0)], NOW).is_err());
    assert_eq!(ledger.accounts.len(), 3);
    assert_eq!(ledger.take_credentials("f", identities(&["d"]).iter(), NOW + IDLE), Ok(()));
}

proptest! {
    /// Whatever is asked when: in no minute more than twice the limit, which is what a bucket that was full at its
    /// beginning gives; and who comes back after `retry_after` is served.
    #[test]
    fn a_rate_holds(limit in 1..200u32, asks in proptest::collection::vec((0..40_000u64, 1..50u32), 1..60)) {
        let mut rate = Rate::default();
        let mut now = NOW;
        let mut granted: Vec<(Duration, u32)> = Vec::new();
        for (wait, asked) in asks {
            now += Duration::from_millis(wait);
            match rate.check(limit, asked, now) {
                Ok(()) => {
                    rate.take(limit, asked, now);
                    granted.push((now, asked));
                }
                Err(Exceeded::Credentials { left, retry_after, .. }) => {
                    prop_assert!(left < asked);
                    prop_assert!(left == 0 || rate.check(limit, left, now).is_ok());
                    prop_assert_eq!(retry_after.is_none(), asked > limit);
                    if let Some(wait) = retry_after {
                        prop_assert!(rate.check(limit, asked, now + wait).is_ok());
                        prop_assert!(rate.check(limit, asked, now + wait - Duration::from_nanos(1)).is_err());
                    }
                }
                Err(other) => prop_assert!(false, "{other}"),
            }
        }
        for (start, _) in &granted {
            let end = *start + Duration::from_secs(60);
            let sum: u32 = granted.iter().filter(|(at, _)| (*start..end).contains(at)).map(|(_, n)| n).sum();
            prop_assert!(sum <= 2 * limit, "{sum} of {limit}");
        }
    }
}
