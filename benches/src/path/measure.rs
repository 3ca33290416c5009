// SPDX-License-Identifier: MIT OR Apache-2.0
//! Which runs make a row.

use std::cmp::Ordering;

use crate::path::arena::{Arena, Found, Offer};
use crate::path::error::PathError;
use crate::path::results::{Case, Load, Point, Results, Row};

/// Packets a second of [`Load::Fixed`].
pub const FIXED: f64 = 45_000.0;
/// Of the capacity, for [`Load::Most`].
const MOST: f64 = 0.8;
/// Rates of the curve besides those of the search, as multiples of what is delivered under overload.
const CURVE: [f64; 3] = [0.3, 1.4, 2.0];
/// What is lost at less than that may have been bad luck, and gets a second chance.
const LUCK: f64 = 0.001;

/// How long and how often.
#[derive(Copy, Clone, Debug, PartialEq)]
pub struct Effort {
    /// Packets a second of [`Load::Overload`].
    pub overload: f64,
    /// Seconds of such a run.
    pub seconds: f64,
    /// Seconds of a run that takes latencies.
    pub latency: f64,
    /// Such runs at each load.
    pub latencies: u32,
    /// Seconds of a step of the search for the most without loss.
    pub step: f64,
    /// Steps of it.
    pub steps: u32,
}

/// One run under overload.
///
/// # Errors
/// Those of [`Arena::run`].
pub fn overload(
    arena: &mut Arena,
    case: Case,
    effort: Effort,
    results: &mut Results,
) -> Result<Found, PathError> {
    let offer = Offer { rate: effort.overload, seconds: effort.seconds, stamped: false };
    let found = arena.run(case.contender, case.scenario, case.calls, offer)?;
    results.points.push(Point { case, offered: found.offered, delivered: found.delivered });
    Ok(found)
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
    // For the curve: what comes of little, and of more than it can take.
    for factor in CURVE {
        let rate = factor * most;
        if rate <= effort.overload {
            let found = arena.run(
                case.contender,
                case.scenario,
                case.calls,
                Offer { rate, seconds: effort.step, stamped: false },
            )?;
            results.points.push(Point { case, offered: found.offered, delivered: found.delivered });
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
        let offer = Offer { rate, seconds: effort.latency, stamped: true };
        let runs = (0..effort.latencies)
            .map(|_| arena.run(case.contender, case.scenario, case.calls, offer))
            .collect::<Result<Vec<Found>, PathError>>()?;
        if load == Load::Fixed {
            // The curve is that of the run in the middle: what else the machine did must not show.
            let mut by_tail: Vec<&Found> = runs.iter().collect();
            by_tail.sort_by(|one, other| {
                one.percentile(990).partial_cmp(&other.percentile(990)).unwrap_or(Ordering::Equal)
            });
            let middle = by_tail.get(by_tail.len() / 2).map(|run| thinned(&run.latencies));
            results.latencies.push((case, middle.unwrap_or_default()));
        }
        results.rows.push(Row::of(case, load, &runs));
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

/// 251 of them, or fewer, with the first and the last.
fn thinned(latencies: &[u64]) -> Vec<u64> {
    let Some(last) = latencies.len().checked_sub(1) else { return Vec::new() };
    let points = last.min(250);
    (0..=points).filter_map(|point| latencies.get(point * last / points.max(1)).copied()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thinning_keeps_the_ends() {
        let many: Vec<u64> = (0..5001).collect();
        let thin = thinned(&many);
        assert_eq!((thin.len(), thin[0], thin[1], thin[250]), (251, 0, 20, 5000));
        assert_eq!(thinned(&[7]), [7]);
        assert_eq!(thinned(&[7, 8]), [7, 8]);
        assert!(thinned(&[]).is_empty());
    }
}
