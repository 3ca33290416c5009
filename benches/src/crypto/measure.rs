// SPDX-License-Identifier: MIT OR Apache-2.0
//! Taking times. Contenders take turns in random order; a turn is many parts of 64 packets, each loaded into the same
//! frames before the clock runs. Contexts are made anew for every sitting, so that where they happen to lie in memory
//! does not decide.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::crypto::case::Case;
use crate::crypto::contender::{Contender, Entrant};
use crate::crypto::error::CryptoError;
use crate::crypto::frames::{Frames, PART};
use crate::crypto::library::Library;
use crate::crypto::pool::Pool;
use crate::crypto::results::{Measurement, Row};
use crate::fixture::SplitMix;
use crate::table::median;

/// Measured parts of a turn.
const PARTS: usize = 32;
/// A slow contender's turn ends here, or it would take the others' time.
const TURN: Duration = Duration::from_millis(2);
/// But not before so many.
const LEAST: usize = 4;

/// How long to measure.
#[derive(Copy, Clone, Debug)]
pub struct Effort {
    /// For all contenders of a case and burst together.
    pub time: Duration,
    /// Times that contexts are made anew.
    pub sittings: u32,
}

/// Measures all cases of a suite and number of streams.
#[derive(Debug)]
pub struct Contest<'a> {
    /// Who takes part.
    pub entrants: &'a [Entrant],
    /// Who makes the packets.
    pub reference: &'a Arc<Library>,
    /// Bytes of payload.
    pub payloads: &'a [usize],
    /// Packets of a call.
    pub bursts: &'a [usize],
    /// How long.
    pub effort: Effort,
}

impl Contest<'_> {
    /// Does so; the payload of the case is not looked at.
    ///
    /// # Errors
    /// When a contender cannot take part, or refuses a packet.
    pub fn run(&self, case: Case, random: &mut SplitMix) -> Result<Vec<Measurement>, CryptoError> {
        let clock = clock_overhead();
        let cells = self.payloads.len() * self.bursts.len();
        let mut samples = vec![vec![Vec::new(); self.entrants.len()]; cells];
        let budget = self.effort.time / self.effort.sittings;
        for _ in 0..self.effort.sittings {
            let mut pool = Pool::new(self.reference, case)?;
            let mut contenders =
                self.entrants.iter().map(|entrant| entrant.enter(case)).collect::<Result<Vec<_>, _>>()?;
            let mut cells = samples.iter_mut();
            for &payload in self.payloads {
                pool.set_payload(payload);
                for &burst in self.bursts {
                    let Some(samples) = cells.next() else { break };
                    let start = Instant::now();
                    while start.elapsed() < budget {
                        self.round(&mut contenders, &mut pool, burst, random, samples)?;
                    }
                }
            }
            keep((contenders, pool));
        }
        let mut measurements = Vec::new();
        let mut samples = samples.into_iter();
        for &payload in self.payloads {
            for &burst in self.bursts {
                for (entrant, samples) in self.entrants.iter().zip(samples.next().into_iter().flatten()) {
                    let row = Row::crypto(&entrant.name, Case { payload, ..case }, burst);
                    let nanoseconds = samples.iter().map(|sample| (sample - clock) / PART as f64).collect();
                    measurements.push(Measurement::new(row, nanoseconds));
                }
            }
        }
        Ok(measurements)
    }

    /// One turn each.
    fn round(
        &self,
        contenders: &mut [Box<dyn Contender>],
        pool: &mut Pool,
        burst: usize,
        random: &mut SplitMix,
        samples: &mut [Vec<f64>],
    ) -> Result<(), CryptoError> {
        // Every context that a turn will see is to be as near as it stays when only this contender runs.
        let warm_up = 2 + (pool.case().streams as usize).div_ceil(PART);
        pool.refill(warm_up + PARTS)?;
        let mut order: Vec<usize> = (0..contenders.len()).collect();
        random.shuffle(&mut order);
        for turn in order {
            turn_of(contenders[turn].as_mut(), pool, burst, warm_up, &mut samples[turn])
                .map_err(|case| CryptoError::Refused { contender: self.entrants[turn].name.clone(), case })?;
        }
        Ok(())
    }
}

/// Contexts are never given back: later ones would lie in the holes of a heap that thousands of them have left, which
/// costs libsrtp up to twice its time.
pub(super) fn keep<T>(contexts: T) {
    std::mem::forget(contexts);
}

fn turn_of(
    contender: &mut dyn Contender,
    pool: &Pool,
    burst: usize,
    warm_up: usize,
    samples: &mut Vec<f64>,
) -> Result<(), Case> {
    let mut frames = Box::<Frames>::default();
    let mut spent = Duration::ZERO;
    for part in 0..pool.parts() {
        let mut slots = pool.load(part, &mut frames);
        let elapsed = contender.run(&mut frames, &mut slots, burst);
        if slots.iter().any(|slot| slot.length == 0) {
            return Err(pool.case());
        }
        if part >= warm_up {
            samples.push(elapsed.as_nanos() as f64);
            spent += elapsed;
            if spent > TURN && part >= warm_up + LEAST {
                break;
            }
        }
    }
    Ok(())
}

/// What two looks at the clock take by themselves, in nanoseconds; every part pays it once.
fn clock_overhead() -> f64 {
    let samples: Vec<f64> = (0..10_000).map(|_| Instant::now().elapsed().as_nanos() as f64).collect();
    median(&samples)
}
