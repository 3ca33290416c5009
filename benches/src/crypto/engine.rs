// SPDX-License-Identifier: MIT OR Apache-2.0
//! The engine in the same run: what cryptography is worth once everything else is paid for.

use std::time::{Duration, Instant};

use culvert_engine::BURST;
use culvert_srtp::Suite;

use crate::crypto::error::CryptoError;
use crate::crypto::results::{Measurement, Row};
use crate::engine::Engine;
use crate::fixture::VOICE_PAYLOAD;

/// Suites of both legs; `None` is plain RTP.
pub const SUITES: [Option<Suite>; 3] = [None, Some(Suite::AesCm128HmacSha1_80), Some(Suite::AeadAes128Gcm)];
/// Sessions of one worker.
pub const SESSIONS: [u32; 2] = [1000, 100_000];
/// From one in-memory ring to another.
pub const RINGS: &str = "engine";
/// The packet path alone.
pub const PROCESS: &str = "engine/process";

type Way = fn(&mut Engine) -> Duration;

/// What a row of the engine is called.
pub fn row(bench: &'static str, suite: Option<Suite>, sessions: u32) -> Row {
    Row {
        bench,
        contender: "culvert".into(),
        suite: suite.map_or("plain", Suite::name),
        payload: VOICE_PAYLOAD,
        streams: sessions,
        burst: BURST,
    }
}

/// Measures both ways through the engine.
///
/// # Errors
/// When the engine cannot be had.
pub fn measure(suite: Option<Suite>, sessions: u32, time: Duration) -> Result<[Measurement; 2], CryptoError> {
    let mut engine = Engine::new(suite, sessions)?;
    let ways: [(&'static str, Way); 2] = [(RINGS, Engine::rings), (PROCESS, Engine::process)];
    // The first round of all sessions makes what the later ones find.
    for _ in 0..(sessions as usize).div_ceil(BURST) {
        engine.rings();
    }
    let mut samples = [Vec::new(), Vec::new()];
    let start = Instant::now();
    while start.elapsed() < time {
        for ((_, way), samples) in ways.iter().zip(&mut samples) {
            samples.extend((0..256).map(|_| way(&mut engine).as_nanos() as f64 / BURST as f64));
        }
    }
    let mut samples = samples.into_iter();
    Ok(ways
        .map(|(bench, _)| Measurement::new(row(bench, suite, sessions), samples.next().unwrap_or_default())))
}
