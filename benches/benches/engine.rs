// SPDX-License-Identifier: MIT OR Apache-2.0
//! The engine without a kernel, by criterion. `plain` relays RTP to RTP, so that it is all that the engine does beside
//! cryptography.
#![expect(clippy::expect_used, reason = "a bench that cannot be set up has nothing to measure")]

use std::time::Duration;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use culvert_engine::BURST;
use culvert_srtp::Suite;

use culvert_benches::engine::Engine;

type Measured = fn(&mut Engine) -> Duration;

fn engine(criterion: &mut Criterion) {
    let cases = [
        ("plain", None),
        ("AES_CM_128_HMAC_SHA1_80", Some(Suite::AesCm128HmacSha1_80)),
        ("AEAD_AES_128_GCM", Some(Suite::AeadAes128Gcm)),
    ];
    let ways: [(&str, Measured); 2] = [("process", Engine::process), ("rings", Engine::rings)];
    for (way, measured) in ways {
        let mut group = criterion.benchmark_group(format!("engine/{way}"));
        group.throughput(Throughput::Elements(BURST as u64));
        for (name, suite) in cases {
            for sessions in [1, 1000] {
                let mut engine = Engine::new(suite, sessions).expect("keys of the right length");
                group.bench_function(BenchmarkId::new(name, sessions), |bencher| {
                    bencher.iter_custom(|bursts| (0..bursts).map(|_| measured(&mut engine)).sum());
                });
            }
        }
        group.finish();
    }
}

criterion_group! {
    name = benches;
    config = Criterion::default()
        .warm_up_time(Duration::from_millis(500))
        .measurement_time(Duration::from_secs(2))
        .sample_size(30);
    targets = engine
}
criterion_main!(benches);
