// SPDX-License-Identifier: MIT OR Apache-2.0
//! Credentials and sealed session keys, on one core: what a front end waits for when it sets up a call.
#![expect(clippy::expect_used, reason = "a bench that cannot be set up has nothing to measure")]

use std::hint::black_box;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use culvert_mras::container::{self, KeyAndSalt, MediaKeys, SessionKeys};
use culvert_mras::{Config, CredentialRequest, Identity, KeyRing, Kind, MAX_CREDENTIALS, Mras};
use culvert_srtp::Suite;

const FRONT_END: &str = "frontend.example.org";
/// One audio stream, as most calls have.
const SUITE: Suite = Suite::AesCm128HmacSha1_80;

fn now() -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(1_800_000_000)
}

fn service() -> Mras {
    let keys = KeyRing::generate(now()).expect("randomness");
    Mras::new(Config::new("example.org"), keys).expect("a good configuration")
}

fn requests() -> Vec<CredentialRequest> {
    let identity = |number| Identity::new(&format!("sip:user{number}@example.org")).expect("an identity");
    (0..MAX_CREDENTIALS).map(|number| CredentialRequest::new(identity(number))).collect()
}

fn credentials(criterion: &mut Criterion) {
    let (mut mras, requests) = (service(), requests());
    let mut group = criterion.benchmark_group("mras");
    group.throughput(Throughput::Elements(requests.len() as u64));
    for kind in Kind::ALL {
        group.bench_function(format!("issue-100/{kind}"), |bencher| {
            bencher.iter(|| mras.issue(FRONT_END, black_box(&requests), kind, now()).expect("good requests"));
        });
    }
    group.throughput(Throughput::Elements(1));
    for kind in Kind::ALL {
        let issued = mras.issue(FRONT_END, &requests, kind, now()).expect("good requests");
        let first = issued.first().expect("as many as were asked for");
        group.bench_function(format!("verify/{kind}"), |bencher| {
            bencher
                .iter(|| mras.verify(black_box(&first.username), &first.password, now()).expect("it holds"));
        });
    }
    group.finish();
}

/// Fresh keys for both legs of a session, and a container with them for each participant.
fn sealed_pairs(criterion: &mut Criterion) {
    let (mut mras, requests) = (service(), requests());
    let issued = mras.issue(FRONT_END, &requests, Kind::Culvert, now()).expect("good requests");
    let [alice, bob, ..] = issued.as_slice() else { return };
    let mut group = criterion.benchmark_group("mras");
    group.throughput(Throughput::Elements(1));
    group.bench_function("seal-pair", |bencher| {
        bencher.iter(|| {
            [alice, bob].map(|participant| {
                let key = || KeyAndSalt::generate(SUITE).expect("randomness");
                let media = MediaKeys { index: 0, kid: "1".to_owned(), send: key(), receive: key() };
                let keys = SessionKeys {
                    session: "a84b4c76e66710".to_owned(),
                    participant: "sip:user@example.org".to_owned(),
                    media: vec![media],
                };
                container::seal(&participant.password, participant.id, &keys, participant.expires)
                    .expect("good keys")
            })
        });
    });
    group.finish();
}

criterion_group!(benches, credentials, sealed_pairs);
criterion_main!(benches);
