// SPDX-License-Identifier: MIT OR Apache-2.0
//! Which runs make a row.

use crate::path::arena::{Arena, Found, Offer};
use crate::path::error::PathError;
use crate::path::results::{Case, Load, Point, Results, Row};

/// Packets a second of [`Load::Fixed`].
pub const FIXED: f64 = 45_000.0;
/// Of the capacity, for [`Load::Most`].
const MOST: f64 = 0.8;
/// What is lost at less than that may have been bad luck, and gets a second chance.
const LUCK: f64 = 0.001;

/// How long and how often.
#[derive(Copy, Clone, Debug, PartialEq)]
pub struct Effort {
    /// Packets a second of [`Load::Overload`].
    pub overload: f64,
    /// Seconds of such a run.
    pub seconds: f64,
    /// Seconds of a step of the search for the most without loss.
    pub step: f64,
    /// Steps of it.
    pub steps: u32,
}

/// One run under overload.
///
/// # Errors
/// Those of [`Arena::run`].
pub fn overload(arena: &mut Arena, case: Case, effort: Effort) -> Result<Found, PathError> {
    let offer = Offer { rate: effort.overload, seconds: effort.seconds, stamped: false };
    arena.run(case.contender, case.scenario, case.calls, offer)
}

/// The highest rate without loss, by bisection below and a little above what is delivered under overload, then latency at
/// 45,000 packets a second and at four fifths of that rate.
///
/// # Errors
/// Those of [`Arena::run`].
pub fn capacity(
    arena: &mut Arena,
    case: Case,
    effort: Effort,
    most: f64,
    results: &mut Results,
) -> Result<(), PathError> {
    let mut best: Option<Found> = None;
    let (mut low, mut high) = (0.1 * most, 1.15 * most);
    for _ in 0..effort.steps {
        let rate = (low + high) / 2.0;
        match lossless(arena, case, Offer { rate, seconds: effort.step, stamped: false }, results)? {
            Some(found) => {
                low = rate;
                best = Some(found);
            }
            None => high = rate,
        }
    }
    let Some(best) = best else {
        let note = format!("loses packets at {:.0} a second", high);
        results.rows.push(Row::without(case, Load::ZeroLoss, note));
        return Ok(());
    };
    let rate = best.offered;
    results.rows.push(Row::of(case, Load::ZeroLoss, &[best]));
    for (load, rate) in [(Load::Fixed, FIXED), (Load::Most, MOST * rate)] {
        let offer = Offer { rate, seconds: effort.seconds, stamped: true };
        let found = arena.run(case.contender, case.scenario, case.calls, offer)?;
        if load == Load::Fixed {
            results.latencies.push((case, thinned(&found.latencies)));
        }
        results.rows.push(Row::of(case, load, &[found]));
    }
    Ok(())
}

fn lossless(
    arena: &mut Arena,
    case: Case,
    offer: Offer,
    results: &mut Results,
) -> Result<Option<Found>, PathError> {
    for _ in 0..2 {
        let found = arena.run(case.contender, case.scenario, case.calls, offer)?;
        results.points.push(Point { case, offered: found.offered, delivered: found.delivered });
        // A generator that falls behind has not offered what it should have.
        if found.arrived == found.sent {
            return Ok((found.offered > 0.9 * offer.rate).then_some(found));
        }
        if found.loss() > LUCK {
            break;
        }
    }
    Ok(None)
}

/// A thousand and one of them, or fewer, with the first and the last.
fn thinned(latencies: &[u64]) -> Vec<u64> {
    let Some(last) = latencies.len().checked_sub(1) else { return Vec::new() };
    let points = last.min(1000);
    (0..=points).filter_map(|point| latencies.get(point * last / points.max(1)).copied()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thinning_keeps_the_ends() {
        let many: Vec<u64> = (0..5001).collect();
        let thin = thinned(&many);
        assert_eq!((thin.len(), thin[0], thin[1], thin[1000]), (1001, 0, 5, 5000));
        assert_eq!(thinned(&[7]), [7]);
        assert_eq!(thinned(&[7, 8]), [7, 8]);
        assert_eq!(thinned(&[]), []);
    }
}
